/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A timer on CLOCK_REALTIME that never expires, but is cancelled by the kernel when that clock
 * jumps (TFD_TIMER_CANCEL_ON_SET): when it is set, and also on resume, as the time of day went on
 * while the monotonic clock stood. Which of both it was tell the differences of three clocks:
 * CLOCK_BOOTTIME minus CLOCK_MONOTONIC grows by sleeping alone, CLOCK_REALTIME minus CLOCK_BOOTTIME
 * changes by setting alone. Slewing, as NTP does it all day, touches neither.
 */
#include "watch/clock.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>

#define SECOND 1000000 /* µs */
#define HOUR   (UINT64_C(3600) * SECOND)
#define NEVER  (INT64_MAX / 1000000000) /* s: the kernel's last one */

struct clock_watch {
    int fd;
    sd_event_source *source;
    struct clock_reading last;
    clock_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct clock_watch *, clock_watch_free)

static uint64_t now(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static struct clock_reading read_clocks(void)
{
    return (struct clock_reading){.realtime = now(CLOCK_REALTIME),
                                  .monotonic = now(CLOCK_MONOTONIC),
                                  .boottime = now(CLOCK_BOOTTIME)};
}

/* How much the distance from `b` to `a` has grown. */
static int64_t growth(uint64_t a_before, uint64_t b_before, uint64_t a, uint64_t b)
{
    return (int64_t)((a - b) - (a_before - b_before));
}

/* To the nearest: between two clocks' readings some microseconds go by. */
static int64_t seconds(int64_t usec)
{
    return (usec + (usec < 0 ? -SECOND : SECOND) / 2) / SECOND;
}

struct clock_news clock_compare(const struct clock_reading *before, const struct clock_reading *now)
{
    int64_t slept = growth(before->boottime, before->monotonic, now->boottime, now->monotonic),
            set = growth(before->realtime, before->boottime, now->realtime, now->boottime);
    struct clock_news news = {0};

    if (slept >= SECOND) {
        news.changes |= CLOCK_RESUMED;
        news.slept_for = (uint64_t)seconds(slept);
    }
    if (set >= SECOND || set <= -SECOND) {
        news.changes |= CLOCK_SET;
        news.set_by = seconds(set);
    }
    return news;
}

static int arm(int fd)
{
    const struct itimerspec never = {.it_value.tv_sec = NEVER};

    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
               ? -errno
               : 0;
}

static int on_cancelled(_unused_ sd_event_source *source, int fd, _unused_ uint32_t events,
                        void *userdata)
{
    struct clock_watch *watch = userdata;
    struct clock_reading reading = read_clocks();
    struct clock_news news = clock_compare(&watch->last, &reading);
    uint64_t expirations;
    int r;

    (void)!read(fd, &expirations, sizeof(expirations)); /* ECANCELED; what it was say the clocks */
    r = arm(fd);
    if (r < 0) {
        log_error("the clock cannot be watched any more: %s", strerror(-r));
        (void)sd_event_source_set_enabled(watch->source, SD_EVENT_OFF);
    }
    watch->last = reading;
    if (news.changes)
        watch->callback(&news, watch->userdata);
    return 0;
}

int clock_watch_new(struct clock_watch **ret, sd_event *event, clock_callback callback,
                    void *userdata)
{
    _cleanup_(clock_watch_freep) struct clock_watch *watch = calloc(1, sizeof(*watch));
    int r;

    if (!watch)
        return -ENOMEM;
    watch->callback = callback;
    watch->userdata = userdata;
    watch->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (watch->fd < 0)
        return -errno;
    r = arm(watch->fd);
    if (r < 0)
        return r;
    watch->last = read_clocks();
    r = sd_event_add_io(event, &watch->source, watch->fd, EPOLLIN, on_cancelled, watch);
    if (r < 0)
        return r;
    *ret = TAKE(watch);
    return 0;
}

struct clock_watch *clock_watch_free(struct clock_watch *watch)
{
    if (!watch)
        return NULL;
    sd_event_source_disable_unref(watch->source);
    closep(&watch->fd);
    free(watch);
    return NULL;
}

uint64_t clock_realtime(void)
{
    return now(CLOCK_REALTIME);
}

uint64_t clock_program_written(void)
{
    struct stat program;

    if (stat("/proc/self/exe", &program) < 0 || program.st_mtim.tv_sec < 0)
        return 0;
    return (uint64_t)program.st_mtim.tv_sec * SECOND;
}

bool clock_looks_wrong(uint64_t realtime, uint64_t program_written, uint64_t newest_known)
{
    uint64_t newest = program_written > newest_known ? program_written : newest_known;

    return realtime + HOUR < newest;
}
