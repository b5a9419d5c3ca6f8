/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The watch: from the kernel's notifications to a callback when the way out has changed.
 *
 * Always: after the last notification was drained, the tables are read once more; so whatever was
 * lost (the kernel sends no message for an IPv4 route that goes with its link, and drops messages
 * when our queue is full), what is published is in the end what is there. The notifications are
 * joined before the first read, so nothing falls between the two. The timer is armed only while a
 * read is owed: nothing wakes up while nothing happens.
 *
 * Refused: to learn anything from a notification but that it came, and to end the watch on an
 * error: a read that fails is tried again until it succeeds.
 */
#include "watch/watch.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/kernel.h"
#include "watch/network.h"

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define RECEIVE_BUFFER (256 * 1024) /* bytes: a burst of some hundred messages fits */
#define DRAIN_MAX      1024         /* messages a turn; the loop has other work, too */
#define PAUSE_FACTOR   4            /* reading takes at most a fifth of a processor, ... */
#define PAUSE_MAX      100000       /* ... and makes nobody wait longer than this, in µs */
#define RETRY_CHANGING 100000       /* µs until a read that was interrupted each time */
#define RETRY_FAILED   1000000      /* µs until a read that failed */

struct watch {
    struct nl_sock *notifications;
    sd_event_source *readable;
    sd_event_source *read_timer;
    uint64_t read_not_before; /* CLOCK_MONOTONIC, µs */
    struct network network;
    watch_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct watch *, watch_free)

static uint64_t now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int schedule_read(struct watch *watch)
{
    int r = sd_event_source_get_enabled(watch->read_timer, NULL);

    if (r != 0) /* armed: setting it anew each time would hold it up as long as messages come */
        return r < 0 ? r : 0;
    r = sd_event_source_set_time(watch->read_timer, watch->read_not_before);
    return r < 0 ? r : sd_event_source_set_enabled(watch->read_timer, SD_EVENT_ONESHOT);
}

/* Reads the tables into *ret and sets when the next read may come. 0, KERNEL_CHANGING, negative
 * errno. */
static int read_network(struct watch *watch, struct network *ret)
{
    _cleanup_(kernel_state_clear) struct kernel_state kernel = {0};
    uint64_t begin = now(CLOCK_MONOTONIC), end, pause;
    int r = kernel_read(&kernel);

    end = now(CLOCK_MONOTONIC);
    if (r < 0)
        pause = RETRY_FAILED;
    else if (r == KERNEL_CHANGING)
        pause = RETRY_CHANGING;
    else
        pause = (end - begin) * PAUSE_FACTOR;
    if (r == 0 && pause > PAUSE_MAX)
        pause = PAUSE_MAX;
    watch->read_not_before = end + pause;

    if (r == 0)
        network_from_kernel(&kernel, ret);
    return r;
}

static int on_read_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct watch *watch = userdata;
    struct network network;
    bool moved;
    int r = read_network(watch, &network);

    if (r != 0) {
        if (r < 0)
            log_warning("Cannot read the kernel's routes, trying again: %s", strerror(-r));
        r = schedule_read(watch);
        if (r < 0)
            log_error("Cannot schedule reading the kernel's routes: %s", strerror(-r));
        return 0;
    }
    network.since = watch->network.since;
    if (network_equal(&network, &watch->network))
        return 0;

    moved = strcmp(network.id, watch->network.id) != 0;
    if (moved)
        network.since = now(CLOCK_REALTIME);
    watch->network = network;
    watch->callback(&watch->network, moved, watch->userdata); /* last: it may free the watch */
    return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct watch *watch = userdata;
    int r = 0;

    /* To the last message, over every error: -NLE_NOMEM is ENOBUFS, after which the kernel drops
     * all further messages without a word until the queue is empty. */
    for (int i = 0; i < DRAIN_MAX && r != -NLE_AGAIN; i++) {
        r = nl_recvmsgs_default(watch->notifications);
        if (r < 0 && r != -NLE_AGAIN)
            log_debug("The kernel's notifications: %s; reading everything again", nl_geterror(r));
    }
    r = schedule_read(watch);
    if (r < 0)
        log_error("Cannot schedule reading the kernel's routes: %s", strerror(-r));
    return 0;
}

static int subscribe(struct watch *watch)
{
    int r;

    watch->notifications = nl_socket_alloc();
    if (!watch->notifications)
        return -ENOMEM;
    nl_socket_disable_seq_check(watch->notifications); /* what nobody asked for has no number */
    r = nl_connect(watch->notifications, NETLINK_ROUTE);
    if (r >= 0)
        r = nl_socket_set_buffer_size(watch->notifications, RECEIVE_BUFFER, 0);
    if (r >= 0)
        r = nl_socket_set_nonblocking(watch->notifications);
    if (r >= 0)
        r = nl_socket_add_memberships(watch->notifications, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                      RTNLGRP_NONE);
    return kernel_errno(r);
}

static int attach(struct watch *watch, sd_event *event)
{
    int r = sd_event_add_io(event, &watch->readable, nl_socket_get_fd(watch->notifications),
                            EPOLLIN, on_readable, watch);

    if (r >= 0)
        r = sd_event_add_time(event, &watch->read_timer, CLOCK_MONOTONIC, 0, 1, on_read_timer,
                              watch);
    return r < 0 ? r : sd_event_source_set_enabled(watch->read_timer, SD_EVENT_OFF);
}

int watch_new(struct watch **ret, sd_event *event, watch_callback callback, void *userdata)
{
    _cleanup_(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
    int r;

    if (!watch)
        return -ENOMEM;
    watch->callback = callback;
    watch->userdata = userdata;
    r = subscribe(watch);
    if (r < 0)
        return r;
    r = attach(watch, event);
    if (r < 0)
        return r;
    r = read_network(watch, &watch->network);
    if (r == KERNEL_CHANGING) /* nothing known yet: offline, until the timer knows better */
        r = schedule_read(watch);
    if (r < 0)
        return r;
    watch->network.since = now(CLOCK_REALTIME);
    *ret = TAKE(watch);
    return 0;
}

struct watch *watch_free(struct watch *watch)
{
    if (!watch)
        return NULL;
    sd_event_source_disable_unref(watch->readable);
    sd_event_source_disable_unref(watch->read_timer);
    nl_socket_free(watch->notifications);
    free(watch);
    return NULL;
}

const struct network *watch_network(const struct watch *watch)
{
    return &watch->network;
}
