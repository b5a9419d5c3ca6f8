/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clocks: what two readings say has happened, and the watch on the real timer. The watch's
 * clocks are read through __wrap_clock_gettime(), which adds what the test sets; its timer is armed
 * through
 * __wrap_timerfd_settime(), so that the test can let it go off as the kernel does when a clock
 * jumps.
 */
#include "cleanup.h"
#include "tap.h"
#include "watch/clock.h"
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>

#define SECOND INT64_C(1000000)

static int64_t offset_s[CLOCK_BOOTTIME + 1];
static int timer = -1, times_armed, armed_flags;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    int r = __real_clock_gettime(clock, ret);

    ret->tv_sec += offset_s[clock];
    return r;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
    timer = fd;
    armed_flags = flags;
    times_armed++;
    return __real_timerfd_settime(fd, flags, new, old);
}

static void compare(void)
{
    static const struct {
        const char *name;
        int64_t realtime, monotonic, boottime; /* µs that each went on */
        unsigned changes;
        int64_t set_by;
        uint64_t slept_for;
    } rows[] = {
        {"nothing", 0, 0, 0, 0, 0, 0},
        {"an hour goes by", 3600 * SECOND, 3600 * SECOND, 3600 * SECOND, 0, 0, 0},
        {"set forward", 101 * SECOND, SECOND, SECOND, CLOCK_SET, 100, 0},
        {"set back", -99 * SECOND, SECOND, SECOND, CLOCK_SET, -100, 0},
        {"set by a second", 2 * SECOND, SECOND, SECOND, CLOCK_SET, 1, 0},
        {"set by less", 2 * SECOND - 1, SECOND, SECOND, 0, 0, 0},
        {"... and back by less", 1, SECOND, SECOND, 0, 0, 0},
        {"asleep for an hour", 3601 * SECOND, SECOND, 3601 * SECOND, CLOCK_RESUMED, 0, 3600},
        {"asleep for less than a second", 2 * SECOND - 1, SECOND, 2 * SECOND - 1, 0, 0, 0},
        {"asleep, and set", 7201 * SECOND, SECOND, 3601 * SECOND, CLOCK_SET | CLOCK_RESUMED, 3600,
         3600},
        {"asleep, and the time of day stood still", SECOND, SECOND, 3601 * SECOND,
         CLOCK_SET | CLOCK_RESUMED, -3600, 3600},
        {"from 1970 to today", INT64_C(1800000000) * SECOND, SECOND, SECOND, CLOCK_SET, 1799999999,
         0},
    };
    const struct clock_reading before = {
        .realtime = 200 * SECOND, .monotonic = 7 * SECOND, .boottime = 9 * SECOND};

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct clock_reading now = {.realtime = before.realtime + (uint64_t)rows[i].realtime,
                                    .monotonic = before.monotonic + (uint64_t)rows[i].monotonic,
                                    .boottime = before.boottime + (uint64_t)rows[i].boottime};
        struct clock_news news = clock_compare(&before, &now);

        if (!ok(news.changes == rows[i].changes && news.set_by == rows[i].set_by &&
                    news.slept_for == rows[i].slept_for,
                "%s", rows[i].name))
            printf("# changes %u, set by %lld s, slept for %llu s\n", news.changes,
                   (long long)news.set_by, (unsigned long long)news.slept_for);
    }
}

static void looks_wrong(void)
{
    const uint64_t hour = 3600 * SECOND, then = 1000 * hour;

    ok(!clock_looks_wrong(then, 0, 0), "nothing known: the clock may be right");
    ok(!clock_looks_wrong(then, then, then), "the present is possible");
    ok(!clock_looks_wrong(then, then + hour, 0), "an hour is what people set clocks by");
    ok(clock_looks_wrong(then, then + hour + 1, 0), "older than the program");
    ok(clock_looks_wrong(then, 0, then + hour + 1), "older than what has happened");
    ok(clock_looks_wrong(0, then, 0), "1970");
    ok(clock_program_written() > 0, "the program's own file has a time");
    ok(!clock_looks_wrong(clock_realtime(), clock_program_written(), 0),
       "this machine's clock is right");
}

static int calls;
static struct clock_news last;

static void on_news(const struct clock_news *news, void *userdata)
{
    (void)userdata;
    calls++;
    last = *news;
}

/* As the kernel does when the clock jumps, but that read(2) succeeds. */
static void go_off(sd_event *event)
{
    const struct itimerspec at_once = {.it_value.tv_nsec = 1};
    int armed = times_armed;

    __real_timerfd_settime(timer, 0, &at_once, NULL);
    while (times_armed == armed && sd_event_run(event, 5 * SECOND) > 0)
        ;
    is_number(times_armed, armed + 1, "armed again");
}

static void watch(void)
{
    struct clock_watch *watch = NULL;
    sd_event *event = NULL;
    struct pollfd loop;

    if (!ok(sd_event_new(&event) >= 0 && clock_watch_new(&watch, event, on_news, NULL) == 0,
            "a watch"))
        return;
    is_number(armed_flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, "cancelled by a jump");
    is_number(sd_event_prepare(event), 0, "nothing is pending");
    loop = (struct pollfd){.fd = sd_event_get_fd(event), .events = POLLIN};
    is_number(poll(&loop, 1, 1500), 0, "nothing wakes the loop");
    sd_event_wait(event, 0);

    go_off(event);
    is_number(calls, 0, "woken for nothing: nothing is told");
    offset_s[CLOCK_REALTIME] -= 86400;
    go_off(event);
    ok(calls == 1 && last.changes == CLOCK_SET && last.set_by == -86400, "set back by a day");
    offset_s[CLOCK_REALTIME] += 600;
    offset_s[CLOCK_BOOTTIME] += 600;
    go_off(event);
    ok(calls == 2 && last.changes == CLOCK_RESUMED && last.slept_for == 600, "ten minutes asleep");
    go_off(event);
    is_number(calls, 2, "what was told is not told again");
    clock_watch_free(watch);
    is_number(sd_event_run(event, 0), 0, "freed");
    sd_event_unref(event);
}

int main(void)
{
    compare();
    looks_wrong();
    watch();
    return tap_done();
}
