/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A name server of any behaviour: it stands on the loopback, on UDP and TCP, and answers each
 * question with bytes of the input. The first byte says how it answers, the second how many bytes
 * are the answer to AAAA; the rest is the answer to A. An answer is the flags and counts of the
 * header and all that follows the question: identifier and question are the client's, or nobody
 * would read on.
 */
#include "fuzz.h"
#include "log.h"
#include "probe/resolve.h"
#include <ares.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int __real_ares_init_options(ares_channel *ret, struct ares_options *options, int mask);
int __wrap_ares_init_options(ares_channel *ret, struct ares_options *options, int mask);

#define HEADER     12 /* RFC 1035 section 4.1.1 */
#define TYPE_AAAA  28
#define TIMEOUT_MS 6 /* of one look-up: what the client throws away costs so much */
#define LIMIT_US   (UINT64_C(5) * 1000000) /* whoever has not answered by then never will */

/* How it answers, by bits of the first byte. */
enum {
    MODE_TCP = 1,     /* over UDP only that the answer is too long for it */
    MODE_HANG_UP = 2, /* TCP ends in the middle of the answer */
    MODE_BARE = 4,    /* the answer does not repeat the question */
    MODE_TWICE = 8,   /* each answer comes twice */
};

struct server {
    int udp, listener, tcp;
    char address[sizeof("127.0.0.1:65535")];
    sd_event_source *tcp_source;
    uint8_t mode;
    struct input ipv6, ipv4;
};

struct lookup {
    unsigned answers[2]; /* IPv4, IPv6 */
};

static struct server server = {.udp = -1, .listener = -1, .tcp = -1};

/* The machine's own name servers are not asked anything. */
int __wrap_ares_init_options(ares_channel *ret, struct ares_options *options, int mask)
{
    int r = __real_ares_init_options(ret, options, mask);

    if (r == ARES_SUCCESS)
        CHECK(ares_set_servers_ports_csv(*ret, server.address) == ARES_SUCCESS);
    return r;
}

int LLVMFuzzerInitialize(int *argc _unused_, char ***argv _unused_)
{
    union address self = {
        .ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(self.ipv4);

    log_set_level(LOG_EMERG);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    server.udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(server.listener, &self.any, size) == 0 && listen(server.listener, 64) == 0);
    CHECK(getsockname(server.listener, &self.any, &size) == 0);
    CHECK(bind(server.udp, &self.any, size) == 0); /* the same port */
    (void)snprintf(server.address, sizeof(server.address), "127.0.0.1:%u",
                   (unsigned)ntohs(self.ipv4.sin_port));
    return 0;
}

/* How long the question is: a name, a type and a class (RFC 1035 section 4.1.2). */
static size_t question_length(const uint8_t *query, size_t n)
{
    size_t at = HEADER;

    while (at < n && query[at] != 0)
        at += query[at] + 1u;
    CHECK(at + 5 <= n);
    return at + 5 - HEADER;
}

/* The answer to a query, by the script; its length. */
static size_t make_answer(const uint8_t *query, size_t n, uint8_t *answer, size_t max)
{
    size_t length = question_length(query, n), used = HEADER;
    struct input script = query[HEADER + length - 3] == TYPE_AAAA ? server.ipv6 : server.ipv4;

    memcpy(answer, query, HEADER);
    answer[2] = draw(&script) | 0x80; /* a response */
    answer[3] = draw(&script);
    answer[4] = 0;
    answer[5] = server.mode & MODE_BARE ? 0 : 1;
    for (size_t i = 7; i < HEADER; i += 2) { /* how many records there are */
        answer[i - 1] = 0;
        answer[i] = draw(&script);
    }
    if (!(server.mode & MODE_BARE)) {
        memcpy(answer + used, query + used, length);
        used += length;
    }
    for (; script.n > 0 && used < max; used++)
        answer[used] = draw(&script);
    return used;
}

static int on_udp(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                  void *userdata _unused_)
{
    uint8_t query[1024], answer[4096];
    union address client;
    socklen_t size = sizeof(client);
    ssize_t n = recvfrom(fd, query, sizeof(query), 0, &client.any, &size);
    size_t length;

    if (n < HEADER)
        return 0;
    length = make_answer(query, (size_t)n, answer, sizeof(answer));
    if (server.mode & MODE_TCP)
        answer[2] |= 2; /* TC */
    for (int i = 0; i < (server.mode & MODE_TWICE ? 2 : 1); i++)
        (void)sendto(fd, answer, length, 0, &client.any, size);
    return 0;
}

static void close_tcp(void)
{
    server.tcp_source = sd_event_source_disable_unref(server.tcp_source);
    if (server.tcp >= 0)
        close(server.tcp);
    server.tcp = -1;
}

/* One or several queries, each behind its length (RFC 1035 section 4.2.2). */
static int on_tcp(sd_event_source *source _unused_, int fd, uint32_t events _unused_,
                  void *userdata _unused_)
{
    uint8_t queries[4096], answer[2 + 16384];
    ssize_t n = recv(fd, queries, sizeof(queries), 0);

    for (const uint8_t *at = queries; n > 2; at += 2 + (at[0] << 8 | at[1])) {
        size_t length = (size_t)(at[0] << 8 | at[1]);

        CHECK(length >= HEADER && length + 2 <= (size_t)n);
        n -= (ssize_t)(length + 2);
        length = make_answer(at + 2, length, answer + 2, sizeof(answer) - 2);
        answer[0] = (uint8_t)(length >> 8);
        answer[1] = (uint8_t)length;
        length += 2;
        (void)send(fd, answer, server.mode & MODE_HANG_UP ? length / 2 : length, MSG_NOSIGNAL);
        if (server.mode & MODE_HANG_UP)
            n = 0;
    }
    if (n <= 0)
        close_tcp();
    return 0;
}

static int on_listener(sd_event_source *source, int fd, uint32_t events _unused_,
                       void *userdata _unused_)
{
    int tcp = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (tcp < 0)
        return 0;
    close_tcp();
    server.tcp = tcp;
    CHECK(sd_event_add_io(sd_event_source_get_event(source), &server.tcp_source, tcp, EPOLLIN,
                          on_tcp, NULL) >= 0);
    return 0;
}

static void on_addresses(int family, const union address *addresses, size_t n, const char *problem,
                         void *userdata)
{
    struct lookup *lookup = userdata;

    CHECK(family == AF_INET || family == AF_INET6);
    CHECK(lookup->answers[family == AF_INET6]++ == 0);
    CHECK(n <= ADDRESSES_MAX);
    CHECK((n == 0) == (problem != NULL));
    CHECK(!problem || text_is_safe(problem));
    for (size_t i = 0; i < n; i++) {
        char text[INET6_ADDRSTRLEN];

        CHECK(addresses[i].any.sa_family == family);
        CHECK(*address_format(&addresses[i], text));
    }
}

static void look_up(sd_event *event, struct resolver *resolver)
{
    struct lookup lookup = {0};
    uint64_t started, now;

    CHECK(sd_event_now(event, CLOCK_MONOTONIC, &started) >= 0);
    CHECK(resolver_lookup(resolver, "mail.example.org", on_addresses, &lookup) == 0);
    while (lookup.answers[0] + lookup.answers[1] < 2) {
        CHECK(sd_event_run(event, LIMIT_US) >= 0);
        CHECK(sd_event_now(event, CLOCK_MONOTONIC, &now) >= 0 && now - started < LIMIT_US);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sd_event_source *udp = NULL, *listener = NULL;
    struct resolver *resolver = NULL;
    struct input input = {data, size};
    sd_event *event = NULL;
    uint8_t ipv6;

    server.mode = draw(&input);
    ipv6 = draw(&input);
    server.ipv6 = (struct input){input.bytes, ipv6 < input.n ? ipv6 : input.n};
    server.ipv4 = (struct input){input.bytes + server.ipv6.n, input.n - server.ipv6.n};
    CHECK(sd_event_new(&event) >= 0);
    CHECK(sd_event_add_io(event, &udp, server.udp, EPOLLIN, on_udp, NULL) >= 0);
    CHECK(sd_event_add_io(event, &listener, server.listener, EPOLLIN, on_listener, NULL) >= 0);
    CHECK(resolver_new(&resolver, event, TIMEOUT_MS) == 0);

    look_up(event, resolver);

    resolver_free(resolver);
    close_tcp();
    sd_event_source_disable_unref(udp);
    sd_event_source_disable_unref(listener);
    sd_event_unref(event);
    return 0;
}
