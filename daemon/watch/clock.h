/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Notices that the time of day was set, and that the machine was asleep, where nobody else says so.
 * Wakes nobody while neither happens.
 */

struct clock_reading {
    uint64_t realtime, monotonic, boottime; /* µs */
};

enum clock_change {
    CLOCK_SET = 1 << 0,     /* by a second or more */
    CLOCK_RESUMED = 1 << 1, /* after a second or more */
};

struct clock_news {
    unsigned changes;   /* combined */
    int64_t set_by;     /* s; negative: back */
    uint64_t slept_for; /* s */
};

/* What has happened between two readings (pure). */
struct clock_news clock_compare(const struct clock_reading *before,
                                const struct clock_reading *now);

struct clock_watch;

typedef void (*clock_callback)(const struct clock_news *news, void *userdata);

/* 0 or negative errno. */
int clock_watch_new(struct clock_watch **ret, sd_event *event, clock_callback callback,
                    void *userdata);
struct clock_watch *clock_watch_free(struct clock_watch *watch);

/* µs since 1970 */
uint64_t clock_realtime(void);
/* When this program was written to this machine's disk, or built; 0 where that cannot be known. */
uint64_t clock_program_written(void);

/*
 * Whether this time of day cannot be right: it is older than the program, or than the newest thing
 * that is known to have happened (each µs since 1970, 0: unknown), by more than an hour, which is
 * what a person may do to a clock. A machine whose battery is empty boots in another year (pure).
 */
bool clock_looks_wrong(uint64_t realtime, uint64_t program_written, uint64_t newest_known);
