/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * When an account's checks start: at once after a change, but not at each of a flapping link's;
 * again and again, ever less often, while nothing works; once in a while when all is well. Pure:
 * the time (µs of CLOCK_BOOTTIME, which suspend does not stop) and chance come from the caller.
 */

/* What a check has come to, as far as the next one depends on it. */
enum outcome {
    OUTCOME_WORKS,
    OUTCOME_NOTHING_WORKS,
    OUTCOME_PORTAL,
    OUTCOME_OFFLINE,
    OUTCOME_PROBE_FAILED, /* no server is bothered by trying that again soon */
};

struct schedule {
    unsigned heat;          /* checks that changes have started lately, on this network */
    unsigned travels;       /* networks that have been left for another one lately */
    uint64_t cooled;        /* until when the two have been reckoned */
    uint64_t pending_since; /* the first change that still waits for its check; 0: none */
    enum outcome outcome;   /* of the last check */
    unsigned retries;       /* how often that has come out in a row */
};

#define SCHEDULE_NEVER UINT64_MAX

enum change {
    CHANGE_HERE,      /* on the network where the last change was, or back on it */
    CHANGE_ELSEWHERE, /* on another one: no flapping, until there are too many of these, too */
    /* There is no way out any more: most often the next one is only a moment away, and nobody waits
     * for the check before. */
    CHANGE_OFFLINE,
};

/* Something has changed: when the check is to start, `now` where it is at once. Each call is
 * another change, and the answer to the last one counts. */
uint64_t schedule_change(struct schedule *schedule, uint64_t now, enum change change);

/* A check starts, because of a change or because somebody asked: retries begin anew. */
void schedule_started(struct schedule *schedule, uint64_t now);

/* How much is spent on looking again. */
struct schedule_cost {
    uint64_t confirm_us; /* how long what works is believed; 0: until something changes */
    bool sparing;        /* on battery, or where the network costs money */
};

/*
 * A check has ended: when the next one is due if nothing changes, or SCHEDULE_NEVER. `chance`: any
 * random number, which keeps many laptops on one network from coming back in step.
 */
uint64_t schedule_ended(struct schedule *schedule, uint64_t now, enum outcome outcome,
                        const struct schedule_cost *cost, uint32_t chance);
