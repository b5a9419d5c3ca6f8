/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A connecting socket and its end. An ICMP error ends the attempt: whoever sent it has spoken,
 * though the kernel would go on trying. A half-open attempt delays the handshake's last ACK
 * (TCP_DEFER_ACCEPT, tcp(7)) and closes by a reset, so that the server's kernel drops it before its
 * program hears of it. ECONNREFUSED answers a SYN; ECONNRESET ends a connection that was accepted,
 * and is for whoever reads from it to find out.
 */
#include "probe/dial.h"
#include "cleanup.h"
#include "error.h"
#include "probe/errqueue.h"
#include "probe/onlink.h"
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct dial {
    struct attempt attempt;
    int fd;
    bool datagram;
    bool accepted;    /* and reset before anybody looked */
    uint64_t started; /* µs, CLOCK_MONOTONIC */
    sd_event_source *io, *failed;
    dial_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct dial *, dial_free)

/* From connect() itself, not from the turn of the loop that led to it. */
static uint64_t clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void dial_stop(struct dial *dial, enum attempt_end end)
{
    dial->failed = sd_event_source_disable_unref(dial->failed);
    if (dial->attempt.end != ATTEMPT_PENDING)
        return;
    dial->attempt.end = end;
    dial->attempt.us = (unsigned)(clock_us() - dial->started);
    dial->io = sd_event_source_disable_unref(dial->io);
    if (dial->fd >= 0) {
        close(dial->fd);
        dial->fd = -1;
    }
}

static void end(struct dial *dial, enum attempt_end end)
{
    int fd = -1;

    if (end == ATTEMPT_CONNECTED) { /* the receiver's from here on */
        fd = dial->fd;
        dial->fd = -1;
    }
    dial_stop(dial, end);
    dial->callback(dial, fd, dial->userdata);
}

static int on_failed(sd_event_source *source _unused_, void *userdata)
{
    struct dial *dial = userdata;

    dial->callback(dial, -1, dial->userdata);
    return 0;
}

/* The end that `error` means, from connect() or from the socket; ATTEMPT_PENDING for none. */
static enum attempt_end end_of(struct dial *dial, int error)
{
    if (errqueue_read(dial->fd, &dial->attempt))
        return dial->attempt.how == HOW_TTL_EXCEEDED ? ATTEMPT_EXCEEDED : ATTEMPT_ICMP;
    switch (error) {
    case 0:
        return ATTEMPT_PENDING;
    case ECONNREFUSED:
        return ATTEMPT_RESET;
    case ETIMEDOUT:
        return ATTEMPT_SILENT;
    case EACCES: /* a route of this machine prohibits it, or a filter on its sockets */
    case EPERM:
        dial->attempt.how = HOW_ADMIN_PROHIBITED;
        dial->attempt.by_self = true;
        return ATTEMPT_ICMP;
    case EHOSTUNREACH: /* our own kernel: no neighbour answers */
        dial->attempt.how = HOW_HOST_UNREACHABLE;
        return ATTEMPT_ICMP;
    default:
        return ATTEMPT_NO_ROUTE;
    }
}

/* What has happened to the socket since it was asked last; 0: nothing. */
static int socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

static int on_io(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata)
{
    struct dial *dial = userdata;
    union address peer;
    socklen_t size = sizeof(peer);
    enum attempt_end how;
    int error = socket_error(fd);

    dial->accepted |= error == ECONNRESET;
    if (dial->accepted ||
        (error == 0 && !dial->datagram && getpeername(fd, &peer.any, &size) == 0)) {
        end(dial, ATTEMPT_CONNECTED);
        return 0;
    }
    how = end_of(dial, error);
    if (how != ATTEMPT_PENDING)
        end(dial, how);
    return 0;
}

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_options(int fd, int family, const struct dial_options *options)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    bool ipv6 = family == AF_INET6;
    int level = ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, r = 0;

    if (options->ttl)
        r = set_int(fd, level, ipv6 ? IPV6_UNICAST_HOPS : IP_TTL, options->ttl);
    if (r == 0 && options->datagram)
        r = set_int(fd, level, ipv6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
    if (r == 0 && options->min_ttl)
        r = set_int(fd, level, ipv6 ? IPV6_MINHOPCOUNT : IP_MINTTL, options->min_ttl);
    if (r == 0 && options->half_open)
        r = set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    if (r == 0 && options->half_open &&
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
        r = -errno;
    return r;
}

static int start(struct dial *dial, sd_event *event, const union address *to,
                 const struct dial_options *options)
{
    socklen_t size = address_is_ipv6(to) ? sizeof(to->ipv6) : sizeof(to->ipv4);
    enum attempt_end how = ATTEMPT_NO_ROUTE;
    int type = dial->datagram ? SOCK_DGRAM : SOCK_STREAM, r = 0;

    dial->fd = socket(to->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
        return -errno;
    if (dial->fd >= 0) {
        r = errqueue_enable(dial->fd, to->any.sa_family);
        if (r == 0 && options)
            r = set_options(dial->fd, to->any.sa_family, options);
        if (r < 0)
            return r;
        dial->started = clock_us();
        r = connect(dial->fd, &to->any, size) < 0 ? errno : 0;
        if (r == 0 && dial->datagram && send(dial->fd, "", 1, 0) < 0)
            r = errno;
        if (r == EINPROGRESS)
            r = socket_error(dial->fd);
        if (r == ECONNRESET) { /* SO_ERROR tells of it once */
            dial->accepted = true;
            r = 0;
        }
        how = end_of(dial, r);
        dial->attempt.at_once = how != ATTEMPT_PENDING;
    }
    if (how == ATTEMPT_PENDING)
        return sd_event_add_io(event, &dial->io, dial->fd,
                               dial->datagram ? EPOLLERR : EPOLLOUT | EPOLLERR, on_io, dial);
    dial_stop(dial, how);
    return sd_event_add_defer(event, &dial->failed, on_failed, dial);
}

int dial_new(struct dial **ret, sd_event *event, const union address *to,
             const struct dial_options *options, dial_callback callback, void *userdata)
{
    _cleanup_(dial_freep) struct dial *dial = calloc(1, sizeof(*dial));
    int r;

    if (!dial)
        return -ENOMEM;
    dial->fd = -1;
    dial->started = clock_us();
    dial->callback = callback;
    dial->userdata = userdata;
    dial->datagram = options && options->datagram;
    dial->attempt.family = to->any.sa_family;
    (void)address_format(to, dial->attempt.address);
    dial->attempt.on_link = address_is_on_link(to);
    r = start(dial, event, to, options);
    if (r < 0)
        return r;
    *ret = TAKE(dial);
    return 0;
}

struct dial *dial_free(struct dial *dial)
{
    if (!dial)
        return NULL;
    sd_event_source_disable_unref(dial->io);
    sd_event_source_disable_unref(dial->failed);
    if (dial->fd >= 0)
        close(dial->fd);
    free(dial);
    return NULL;
}

const struct attempt *dial_attempt(const struct dial *dial)
{
    return &dial->attempt;
}

uint64_t dial_age_us(const struct dial *dial)
{
    return clock_us() - dial->started;
}
