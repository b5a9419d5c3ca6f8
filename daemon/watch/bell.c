/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * When to read the kernel's tables.
 *
 * Always: after the last notification was taken from the queue, the bell rings once more; so
 * whatever was lost (the kernel sends no message for an IPv4 route that goes with its link, and
 * drops messages when our queue is full), what was read last is what is there. The timer is armed
 * only while a reading is owed: nothing wakes up while nothing happens.
 *
 * Always: in the long run, hearing and reading take no more than one part in SHARE of a processor,
 * whatever happens in the kernel. Nobody pays for a quiet hour with a late answer: a credit of
 * CREDIT_MAX is spent at once, and only what goes beyond it is waited for. While it waits, the
 * queue is left to fill up and run over: what is in it is not read anyway, and to be dropped by the
 * kernel costs less than to be fetched.
 *
 * Refused: to learn anything from a notification but that it came.
 */
#include "watch/bell.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/kernel.h"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define RECEIVE_BUFFER (256 * 1024) /* bytes: a burst of some hundred messages fits */
#define DRAIN_BATCH    64           /* messages fetched at once */
#define DRAIN_MAX      64           /* batches a turn; the loop has other work, too */
#define SHARE          50
#define CREDIT_MAX     10000   /* µs of processor time */
#define PAUSE_MAX      1000000 /* µs: longer than this nobody waits */
#define RETRY_CHANGING 100000  /* µs until a reading that was interrupted each time is repeated */
#define RETRY_FAILED   1000000 /* µs until one that failed is */

struct bell {
    struct nl_sock *notifications;
    sd_event_source *readable, *timer;
    bell_callback callback;
    void *userdata;
    int64_t credit;      /* µs of processor time; < 0: it has to be earned first */
    uint64_t credited;   /* CLOCK_MONOTONIC, µs: the time up to which `credit` was earned */
    uint64_t begun;      /* CLOCK_THREAD_CPUTIME_ID, µs, when the present turn began */
    uint64_t not_before; /* CLOCK_MONOTONIC, µs */
};

DEFINE_CLEANUP(struct bell *, bell_free)

static uint64_t now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void earn(struct bell *bell)
{
    uint64_t time = now(CLOCK_MONOTONIC), earned = (time - bell->credited) / SHARE;

    bell->credited += earned * SHARE;
    bell->credit = earned > CREDIT_MAX || bell->credit + (int64_t)earned > CREDIT_MAX
                       ? CREDIT_MAX
                       : bell->credit + (int64_t)earned;
}

/* Takes what the present turn has cost and says when the next may begin. */
static void pay(struct bell *bell)
{
    earn(bell);
    bell->credit -= (int64_t)(now(CLOCK_THREAD_CPUTIME_ID) - bell->begun);
    if (bell->credit < -PAUSE_MAX / SHARE)
        bell->credit = -PAUSE_MAX / SHARE;
    bell->not_before = bell->credited + (bell->credit < 0 ? (uint64_t)-bell->credit * SHARE : 0);
}

/* Arms the timer; the queue is left alone until then. An armed one is not set anew: that would hold
 * it up as long as messages come. */
static void schedule(struct bell *bell)
{
    int r = sd_event_source_get_enabled(bell->timer, NULL);

    if (r > 0)
        return;
    if (r == 0)
        r = sd_event_source_set_time(bell->timer, bell->not_before);
    if (r >= 0)
        r = sd_event_source_set_enabled(bell->timer, SD_EVENT_ONESHOT);
    if (r >= 0)
        r = sd_event_source_set_enabled(bell->readable, SD_EVENT_OFF);
    if (r < 0)
        log_error("Cannot schedule reading the kernel's routes: %s", strerror(-r));
}

/*
 * To the last message, over every error: after ENOBUFS the kernel drops all further messages
 * without a word until the queue is empty. Of each, one byte is fetched.
 */
static void drain(struct bell *bell)
{
    char bytes[DRAIN_BATCH];
    struct iovec places[DRAIN_BATCH];
    struct mmsghdr messages[DRAIN_BATCH] = {0};
    int fd = nl_socket_get_fd(bell->notifications);

    for (size_t i = 0; i < DRAIN_BATCH; i++) {
        places[i] = (struct iovec){.iov_base = &bytes[i], .iov_len = 1};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &places[i], .msg_iovlen = 1};
    }
    for (int i = 0; i < DRAIN_MAX; i++)
        if (recvmmsg(fd, messages, DRAIN_BATCH, MSG_DONTWAIT, NULL) < 0) {
            if (errno == EAGAIN)
                return;
            log_debug("The kernel's notifications: %s; reading everything again", strerror(errno));
        }
}

static void turn(struct bell *bell)
{
    drain(bell);
    bell->callback(bell->userdata); /* last: it may free the bell */
}

static int on_readable(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                       void *userdata)
{
    struct bell *bell = userdata;

    bell->begun = now(CLOCK_THREAD_CPUTIME_ID);
    if (now(CLOCK_MONOTONIC) >= bell->not_before)
        turn(bell);
    else
        schedule(bell);
    return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct bell *bell = userdata;
    int r = sd_event_source_set_enabled(bell->readable, SD_EVENT_ON);

    if (r < 0)
        log_error("Cannot listen to the kernel any more: %s", strerror(-r));
    bell->begun = now(CLOCK_THREAD_CPUTIME_ID);
    turn(bell);
    return 0;
}

void bell_answer(struct bell *bell, int result)
{
    pay(bell);
    if (result == 0)
        return;
    bell->not_before = now(CLOCK_MONOTONIC) + (result < 0 ? RETRY_FAILED : RETRY_CHANGING);
    schedule(bell);
}

void bell_ring(struct bell *bell)
{
    schedule(bell);
}

int bell_hear_neighbours(struct bell *bell, bool on)
{
    return kernel_errno(
        on ? nl_socket_add_memberships(bell->notifications, RTNLGRP_NEIGH, RTNLGRP_NONE)
           : nl_socket_drop_memberships(bell->notifications, RTNLGRP_NEIGH, RTNLGRP_NONE));
}

/* Nexthop objects: what becomes of them need not be told of the routes that use them. */
static int subscribe(struct bell *bell)
{
    int r;

    bell->notifications = nl_socket_alloc();
    if (!bell->notifications)
        return -ENOMEM;
    r = nl_connect(bell->notifications, NETLINK_ROUTE);
    if (r >= 0)
        r = nl_socket_set_buffer_size(bell->notifications, RECEIVE_BUFFER, 0);
    if (r >= 0)
        r = nl_socket_add_memberships(bell->notifications, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                      RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP,
                                      RTNLGRP_NONE);
    return kernel_errno(r);
}

static int attach(struct bell *bell, sd_event *event)
{
    int r = sd_event_add_io(event, &bell->readable, nl_socket_get_fd(bell->notifications), EPOLLIN,
                            on_readable, bell);

    if (r >= 0)
        r = sd_event_add_time(event, &bell->timer, CLOCK_MONOTONIC, 0, 1, on_timer, bell);
    return r < 0 ? r : sd_event_source_set_enabled(bell->timer, SD_EVENT_OFF);
}

int bell_new(struct bell **ret, sd_event *event, bell_callback callback, void *userdata)
{
    _cleanup_(bell_freep) struct bell *bell = calloc(1, sizeof(*bell));
    int r;

    if (!bell)
        return -ENOMEM;
    bell->callback = callback;
    bell->userdata = userdata;
    bell->credit = CREDIT_MAX;
    bell->credited = now(CLOCK_MONOTONIC);
    r = subscribe(bell);
    if (r >= 0)
        r = attach(bell, event);
    if (r < 0)
        return r;
    *ret = TAKE(bell);
    return 0;
}

struct bell *bell_free(struct bell *bell)
{
    if (!bell)
        return NULL;
    sd_event_source_disable_unref(bell->readable);
    sd_event_source_disable_unref(bell->timer);
    nl_socket_free(bell->notifications);
    free(bell);
    return NULL;
}
