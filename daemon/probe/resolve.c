/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * c-ares on sd-event. c-ares owns its sockets and says which to watch; one timer follows its
 * timeouts. Callbacks come from the event loop or from within resolver_lookup() (hosts file,
 * literals), never from resolver_free().
 */
#include "probe/resolve.h"
#include "cleanup.h"
#include "error.h"
#include "probe/idna.h"
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#define SOURCES_MAX 16 /* sockets of c-ares open at once: a few servers, UDP and TCP */

struct resolver {
    sd_event *event;
    ares_channel channel;
    bool has_channel;
    struct {
        int fd;
        sd_event_source *source;
    } sockets[SOURCES_MAX];
    sd_event_source *timer;
    struct resolver *frank; /* see ask_frankly(); it has none of its own */
    bool closing;
};

/* One host's: what both families' answers share. */
struct lookup {
    struct resolver *resolver;
    resolve_callback callback;
    void *userdata;
    char name[HOST_MAX + 1];
    bool frankly[2];    /* IPv4, IPv6: was asked again */
    int status;         /* of the families that have answered, the one that says most */
    unsigned n_answers; /* how many families have: the second is the last */
};

DEFINE_CLEANUP(struct resolver *, resolver_free)

static int follow_timeout(struct resolver *resolver)
{
    struct timeval left;
    uint64_t now;

    if (!ares_timeout(resolver->channel, NULL, &left))
        return sd_event_source_set_enabled(resolver->timer, SD_EVENT_OFF);
    (void)sd_event_now(resolver->event, CLOCK_MONOTONIC, &now);
    (void)sd_event_source_set_time(resolver->timer,
                                   now + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec);
    return sd_event_source_set_enabled(resolver->timer, SD_EVENT_ONESHOT);
}

static int on_socket(sd_event_source *source _unused_, int fd, uint32_t events, void *userdata)
{
    struct resolver *resolver = userdata;
    bool readable = events & (EPOLLIN | EPOLLERR | EPOLLHUP), writable = events & EPOLLOUT;

    ares_process_fd(resolver->channel, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
    return follow_timeout(resolver);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct resolver *resolver = userdata;

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    return follow_timeout(resolver);
}

/* c-ares opens, changes and (readable and writable both 0) closes a socket. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = data;
    uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0);
    size_t at = 0, empty = SOURCES_MAX;

    for (; at < SOURCES_MAX && (!resolver->sockets[at].source || resolver->sockets[at].fd != fd);
         at++)
        if (!resolver->sockets[at].source && empty == SOURCES_MAX)
            empty = at;
    if (at == SOURCES_MAX) {
        /* Beyond the bound, and without memory, a socket is not watched: its query times out. */
        if (events && empty < SOURCES_MAX &&
            sd_event_add_io(resolver->event, &resolver->sockets[empty].source, fd, events,
                            on_socket, resolver) >= 0)
            resolver->sockets[empty].fd = fd;
        return;
    }
    if (events)
        (void)sd_event_source_set_io_events(resolver->sockets[at].source, events);
    else
        resolver->sockets[at].source = sd_event_source_disable_unref(resolver->sockets[at].source);
}

static int make_resolver(struct resolver **ret, sd_event *event, unsigned timeout_ms, int flags)
{
    _cleanup_(resolver_freep) struct resolver *resolver = calloc(1, sizeof(*resolver));
    /* c-ares waits 1x, 2x, 4x, 8x the timeout: four tries, because packets get lost. */
    struct ares_options options = {.timeout = (int)(timeout_ms / 15), .tries = 4, .flags = flags};
    int r;

    if (!resolver)
        return -ENOMEM;
    resolver->event = sd_event_ref(event);
    r = sd_event_add_time(event, &resolver->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, resolver);
    if (r < 0)
        return r;
    (void)sd_event_source_set_enabled(resolver->timer, SD_EVENT_OFF);
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = resolver;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return -ENOMEM;
    r = ares_init_options(&resolver->channel, &options,
                          ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                              ARES_OPT_FLAGS);
    if (r != ARES_SUCCESS)
        return r == ARES_ENOMEM ? -ENOMEM : -EIO;
    resolver->has_channel = true;
    *ret = TAKE(resolver);
    return 0;
}

int resolver_new(struct resolver **ret, sd_event *event, unsigned timeout_ms)
{
    _cleanup_(resolver_freep) struct resolver *resolver = NULL;
    int r = make_resolver(&resolver, event, timeout_ms, 0);

    if (r == 0) /* now: later on resolv.conf may be out of reach */
        r = make_resolver(&resolver->frank, event, timeout_ms, ARES_FLAG_NOCHECKRESP);
    if (r < 0)
        return r;
    *ret = TAKE(resolver);
    return 0;
}

struct resolver *resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return NULL;
    resolver->closing = true;
    resolver_free(resolver->frank);
    if (resolver->has_channel)
        ares_destroy(resolver->channel);
    for (size_t i = 0; i < SOURCES_MAX; i++)
        sd_event_source_disable_unref(resolver->sockets[i].source);
    sd_event_source_disable_unref(resolver->timer);
    sd_event_unref(resolver->event);
    free(resolver);
    return NULL;
}

/*
 * What is said where there is no address, the more telling first: "no such name" is true of both
 * families whatever the other's answer was, and "no address" says only that this family has none.
 * What is not among them counts as less than any.
 */
static const struct {
    int status;
    const char *problem;
    bool final; /* asking again would change nothing */
} problems[] = {
    {ARES_EBADNAME, "this is no host name", true},
    {ARES_ENOTFOUND, "no such host name", true},
    {ARES_ESERVFAIL, "the name server failed (SERVFAIL)", false},
    {ARES_EREFUSED, "the name server refused to answer", false},
    {ARES_ETIMEOUT, "no answer from the name server", false},
    {ARES_ECONNREFUSED, "the name server cannot be reached", false},
    {ARES_ENODATA, "the host name has no address", true},
};

static size_t rank_of(int status)
{
    size_t rank = 0;

    while (rank < ELEMENTSOF(problems) && problems[rank].status != status)
        rank++;
    return rank;
}

/* One family's answer. */
static void tell(struct lookup *lookup, int family, int status, const union address *addresses,
                 size_t n)
{
    size_t rank;

    if (n == 0 && status == ARES_SUCCESS)
        status = ARES_ENODATA;
    if (lookup->n_answers++ == 0 || rank_of(status) < rank_of(lookup->status))
        lookup->status = status;
    rank = rank_of(lookup->status);
    if (!lookup->resolver->closing)
        lookup->callback(family, addresses, n,
                         n > 0                         ? NULL
                         : rank < ELEMENTSOF(problems) ? problems[rank].problem
                                                       : ares_strerror(lookup->status),
                         lookup->userdata);
}

/* Likewise. The lookup is gone after the second. */
static void answer(struct lookup *lookup, int family, int status, const union address *addresses,
                   size_t n)
{
    tell(lookup, family, status, addresses, n);
    if (lookup->n_answers == 2)
        free(lookup);
}

/* Both, where nobody has to be asked. The lookup is gone then. */
static void answer_at_once(struct lookup *lookup, int status, const union address *ipv6,
                           size_t n_ipv6, const union address *ipv4, size_t n_ipv4)
{
    tell(lookup, AF_INET6, status, ipv6, n_ipv6);
    tell(lookup, AF_INET, status, ipv4, n_ipv4);
    free(lookup);
}

static void ask(struct resolver *resolver, struct lookup *lookup, int family);

/*
 * c-ares goes on to the next server where one says SERVFAIL, NOTIMP or REFUSED, which is right, but
 * up to 1.18 it forgets about it and says in the end that no server could be reached. Then the
 * question is put once more so that the first response counts, whatever it says. True where it was.
 */
static bool ask_frankly(struct lookup *lookup, int family)
{
    bool *asked = &lookup->frankly[family == AF_INET6];

    if (*asked || lookup->resolver->closing)
        return false;
    *asked = true;
    ask(lookup->resolver->frank, lookup, family);
    return true;
}

static void on_result(struct lookup *lookup, int family, int status, struct ares_addrinfo *result)
{
    union address addresses[ADDRESSES_MAX] = {0};
    size_t n = 0;

    for (const struct ares_addrinfo_node *node = result ? result->nodes : NULL;
         node && n < ADDRESSES_MAX; node = node->ai_next)
        if (node->ai_family == family && node->ai_addrlen <= sizeof(addresses[n]))
            memcpy(&addresses[n++], node->ai_addr, node->ai_addrlen);
    ares_freeaddrinfo(result);
    if (status != ARES_ECONNREFUSED || !ask_frankly(lookup, family))
        answer(lookup, family, status, addresses, n);
}

static void on_ipv6(void *data, int status, int timeouts _unused_, struct ares_addrinfo *result)
{
    on_result(data, AF_INET6, status, result);
}

static void on_ipv4(void *data, int status, int timeouts _unused_, struct ares_addrinfo *result)
{
    on_result(data, AF_INET, status, result);
}

static void ask(struct resolver *resolver, struct lookup *lookup, int family)
{
    struct ares_addrinfo_hints hints = {.ai_socktype = SOCK_STREAM, .ai_family = family};

    ares_getaddrinfo(resolver->channel, lookup->name, NULL, &hints,
                     family == AF_INET6 ? on_ipv6 : on_ipv4, lookup);
    (void)follow_timeout(resolver);
}

static size_t read_hosts(struct lookup *lookup, int family,
                         union address addresses[static ADDRESSES_MAX])
{
    char name[HOST_MAX + 1];
    struct hostent *host = NULL;
    size_t n = 0;

    strcpy(name, lookup->name);
    if (*name && name[strlen(name) - 1] == '.') /* there they stand without */
        name[strlen(name) - 1] = '\0';
    if (ares_gethostbyname_file(lookup->resolver->channel, name, family, &host) != ARES_SUCCESS)
        return 0;
    for (; n < ADDRESSES_MAX && host->h_addr_list[n]; n++) {
        addresses[n].any.sa_family = (sa_family_t)family;
        if (family == AF_INET6)
            memcpy(&addresses[n].ipv6.sin6_addr, host->h_addr_list[n], sizeof(struct in6_addr));
        else
            memcpy(&addresses[n].ipv4.sin_addr, host->h_addr_list[n], sizeof(struct in_addr));
    }
    ares_free_hostent(host);
    return n;
}

/* True where the host stands in /etc/hosts: then that is all, of both families, as it is with
 * getaddrinfo(3). c-ares, asked for one family at a time, would ask DNS for the other. */
static bool answer_from_hosts(struct lookup *lookup)
{
    union address ipv6[ADDRESSES_MAX] = {0}, ipv4[ADDRESSES_MAX] = {0};
    size_t n_ipv6 = read_hosts(lookup, AF_INET6, ipv6), n_ipv4 = read_hosts(lookup, AF_INET, ipv4);

    if (n_ipv6 + n_ipv4 == 0)
        return false;
    answer_at_once(lookup, ARES_SUCCESS, ipv6, n_ipv6, ipv4, n_ipv4);
    return true;
}

int resolver_lookup(struct resolver *resolver, const char *host, resolve_callback callback,
                    void *userdata)
{
    struct lookup *lookup = malloc(sizeof(*lookup));
    union address literal = {0};
    int r;

    if (!lookup)
        return -ENOMEM;
    *lookup = (struct lookup){.resolver = resolver, .callback = callback, .userdata = userdata};
    if (inet_pton(AF_INET6, host, &literal.ipv6.sin6_addr) == 1) {
        literal.ipv6.sin6_family = AF_INET6;
        answer_at_once(lookup, ARES_SUCCESS, &literal, 1, NULL, 0);
        return 0;
    }
    if (inet_pton(AF_INET, host, &literal.ipv4.sin_addr) == 1) {
        literal.ipv4.sin_family = AF_INET;
        answer_at_once(lookup, ARES_SUCCESS, NULL, 0, &literal, 1);
        return 0;
    }
    r = host_to_ascii(host, lookup->name);
    if (r == -ENOMEM) {
        free(lookup);
        return r;
    }
    if (r < 0) {
        answer_at_once(lookup, ARES_EBADNAME, NULL, 0, NULL, 0);
        return 0;
    }
    if (answer_from_hosts(lookup))
        return 0;
    ask(resolver, lookup, AF_INET6); /* the lookup is there until both have answered */
    ask(resolver, lookup, AF_INET);
    return 0;
}

bool resolve_problem_is_final(const char *problem)
{
    for (size_t i = 0; i < ELEMENTSOF(problems); i++)
        if (problems[i].problem == problem)
            return problems[i].final;
    return false;
}
