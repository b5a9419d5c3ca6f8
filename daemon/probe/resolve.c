/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * c-ares on sd-event. c-ares owns its sockets and says which to watch; one timer follows its
 * timeouts. Callbacks come from the event loop or from within resolver_lookup() (hosts file,
 * literals), never from resolver_free().
 */
#include "probe/resolve.h"
#include "cleanup.h"
#include "error.h"
#include <ares.h>
#include <arpa/inet.h>
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
    bool closing;
};

struct lookup {
    struct resolver *resolver;
    int family;
    resolve_callback callback;
    void *userdata;
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

int resolver_new(struct resolver **ret, sd_event *event, unsigned timeout_ms)
{
    _cleanup_(resolver_freep) struct resolver *resolver = calloc(1, sizeof(*resolver));
    /* c-ares waits 1x, 2x, ... the timeout: two tries make three times the first. */
    struct ares_options options = {.timeout = (int)(timeout_ms / 3), .tries = 2};
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
                          ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (r != ARES_SUCCESS)
        return r == ARES_ENOMEM ? -ENOMEM : -EIO;
    resolver->has_channel = true;
    *ret = TAKE(resolver);
    return 0;
}

struct resolver *resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return NULL;
    resolver->closing = true;
    if (resolver->has_channel)
        ares_destroy(resolver->channel);
    for (size_t i = 0; i < SOURCES_MAX; i++)
        sd_event_source_disable_unref(resolver->sockets[i].source);
    sd_event_source_disable_unref(resolver->timer);
    sd_event_unref(resolver->event);
    free(resolver);
    return NULL;
}

static const char *problem_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "no such host name";
    case ARES_ENODATA:
        return "the host name has no address";
    case ARES_ETIMEOUT:
        return "no answer from the name server";
    case ARES_ECONNREFUSED:
        return "the name server cannot be reached";
    case ARES_ESERVFAIL:
        return "the name server failed (SERVFAIL)";
    case ARES_EREFUSED:
        return "the name server refused to answer";
    default:
        return ares_strerror(status);
    }
}

static void on_result(void *data, int status, int timeouts _unused_, struct ares_addrinfo *result)
{
    struct lookup *lookup = data;
    union address addresses[ADDRESSES_MAX] = {0};
    size_t n = 0;

    if (!lookup->resolver->closing) {
        for (const struct ares_addrinfo_node *node = result ? result->nodes : NULL;
             node && n < ADDRESSES_MAX; node = node->ai_next)
            if (node->ai_family == lookup->family && node->ai_addrlen <= sizeof(addresses[n]))
                memcpy(&addresses[n++], node->ai_addr, node->ai_addrlen);
        lookup->callback(lookup->family, addresses, n,
                         n > 0 ? NULL : problem_of(status == ARES_SUCCESS ? ARES_ENODATA : status),
                         lookup->userdata);
    }
    ares_freeaddrinfo(result);
    free(lookup);
}

static int lookup_family(struct resolver *resolver, const char *host, int family,
                         resolve_callback callback, void *userdata)
{
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = malloc(sizeof(*lookup));

    if (!lookup)
        return -ENOMEM;
    *lookup = (struct lookup){resolver, family, callback, userdata};
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_result, lookup);
    return 0;
}

int resolver_lookup(struct resolver *resolver, const char *host, resolve_callback callback,
                    void *userdata)
{
    union address literal = {0};
    int r;

    if (inet_pton(AF_INET6, host, &literal.ipv6.sin6_addr) == 1) {
        literal.ipv6.sin6_family = AF_INET6;
        callback(AF_INET6, &literal, 1, NULL, userdata);
        callback(AF_INET, NULL, 0, problem_of(ARES_ENODATA), userdata);
        return 0;
    }
    if (inet_pton(AF_INET, host, &literal.ipv4.sin_addr) == 1) {
        literal.ipv4.sin_family = AF_INET;
        callback(AF_INET, &literal, 1, NULL, userdata);
        callback(AF_INET6, NULL, 0, problem_of(ARES_ENODATA), userdata);
        return 0;
    }
    r = lookup_family(resolver, host, AF_INET6, callback, userdata);
    if (r == 0)
        r = lookup_family(resolver, host, AF_INET, callback, userdata);
    return r < 0 ? r : follow_timeout(resolver);
}
