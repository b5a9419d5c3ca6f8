/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * c-ares for the records that getaddrinfo(3) does not know. Bounded in time by c-ares itself: three
 * tries of a second, two and four at each name server.
 */
#define CARES_NO_DEPRECATED /* 1.28 has other functions for this, and 1.18 not yet */
#include "discover/records.h"
#include "cleanup.h"
#include "error.h"
#include "words.h"
#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

#define TIMEOUT_MS 1000
#define TRIES      3
/* One less than c-ares can tell of: its macro for the sixteenth shifts into the sign of an int. */
#define SOCKETS_MAX (ARES_GETSOCK_MAXNUM - 1)

static const struct {
    int status;
    const char *words;
    bool answered;
} problems[] = {
    {ARES_ENOTFOUND, N_("there is none"), true},
    {ARES_ENODATA, N_("there is none"), true},
    {ARES_EBADNAME, N_("this is no host name"), true},
    {ARES_ESERVFAIL, N_("the name server failed"), false},
    {ARES_EREFUSED, N_("the name server refuses to answer"), false},
    {ARES_ETIMEOUT, N_("no answer from the name server"), false},
    {ARES_ECONNREFUSED, N_("no name server can be reached, or none has an answer"), false},
};

static void add_record(struct question *question, const char *host, unsigned port,
                       unsigned priority, unsigned weight)
{
    struct record *record = &question->records[question->n_records];
    size_t length = strlen(host);

    if (length > 0 && host[length - 1] == '.')
        length--;
    if (question->n_records == RECORDS_MAX || length > HOST_MAX)
        return;
    memcpy(record->host, host, length);
    record->host[length] = '\0';
    if (length > 0 && host_check(record->host) < 0)
        return; /* DNS takes any bytes for a name, and nobody else does */
    record->port = (uint16_t)port;
    record->priority = priority;
    record->weight = weight;
    question->n_records++;
}

static int read_srv(struct question *question, const unsigned char *answer, int length)
{
    struct ares_srv_reply *first = NULL;
    int status = ares_parse_srv_reply(answer, length, &first);

    for (const struct ares_srv_reply *reply = first; reply; reply = reply->next)
        add_record(question, reply->host, reply->port, reply->priority, reply->weight);
    ares_free_data(first);
    return status;
}

static int read_mx(struct question *question, const unsigned char *answer, int length)
{
    struct ares_mx_reply *first = NULL;
    int status = ares_parse_mx_reply(answer, length, &first);

    for (const struct ares_mx_reply *reply = first; reply; reply = reply->next)
        add_record(question, reply->host, 0, reply->priority, 0);
    ares_free_data(first);
    return status;
}

/* RFC 2782 draws among equals by weight; an account is written down for years, so here the heavier
 * one is always first. */
static int by_preference(const void *one, const void *other)
{
    const struct record *a = one, *b = other;

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return strcmp(a->host, b->host);
}

static void on_answer(void *userdata, int status, int timeouts _unused_, unsigned char *answer,
                      int length)
{
    struct question *question = userdata;

    if (status == ARES_SUCCESS)
        status = question->type == RECORD_SRV ? read_srv(question, answer, length)
                                              : read_mx(question, answer, length);
    if (status == ARES_SUCCESS && question->n_records == 0)
        status = ARES_ENODATA;
    if (status == ARES_SUCCESS) {
        qsort(question->records, question->n_records, sizeof(*question->records), by_preference);
        question->problem = NULL;
        question->answered = true;
        return;
    }
    question->problem = N_("the answer of the name server cannot be read");
    for (size_t i = 0; i < ELEMENTSOF(problems); i++)
        if (problems[i].status == status) {
            question->problem = problems[i].words;
            question->answered = problems[i].answered;
        }
}

/* Until nothing is open any more. */
static void wait_for_answers(ares_channel channel)
{
    struct timeval left, *timeout;
    ares_socket_t sockets[SOCKETS_MAX];

    for (;;) {
        struct pollfd fds[SOCKETS_MAX];
        int mask = ares_getsock(channel, sockets, SOCKETS_MAX);
        nfds_t n = 0;

        for (int i = 0; i < SOCKETS_MAX; i++) {
            short events = (short)((ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) |
                                   (ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0));

            if (events)
                fds[n++] = (struct pollfd){.fd = sockets[i], .events = events};
        }
        if (n == 0)
            return;
        timeout = ares_timeout(channel, NULL, &left);
        (void)poll(fds, n, timeout ? (int)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1) : -1);
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* timeouts */
        for (nfds_t i = 0; i < n; i++)
            if (fds[i].revents)
                ares_process_fd(channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
                                fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
    }
}

int records_ask(struct question *questions, size_t n)
{
    struct ares_options options = {.timeout = TIMEOUT_MS, .tries = TRIES};
    ares_channel channel;
    int status;

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return -ENOMEM;
    status = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS) {
        ares_library_cleanup();
        return status == ARES_ENOMEM ? -ENOMEM : -EIO;
    }
    for (size_t i = 0; i < n; i++)
        ares_query(channel, questions[i].name, ns_c_in,
                   questions[i].type == RECORD_SRV ? ns_t_srv : ns_t_mx, on_answer, &questions[i]);
    wait_for_answers(channel);
    ares_destroy(channel);
    ares_library_cleanup();
    return 0;
}
