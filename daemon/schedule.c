/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The account's timetable. Always: a change is followed by a check within CHANGE_LONGEST, however
 * long the changes go on, and by one after the last of them, so that the last state wins. Refused:
 * a settling delay for the single change, which is the usual one.
 */
#include "schedule.h"

#define SECOND UINT64_C(1000000)

/* An arrival is two changes or three: the address, the name servers, the other address family. */
#define HEAT_FREE      2
#define COOLING        (30 * SECOND) /* after which one of the checks is forgotten */
#define TRAVELS_FREE   20
#define QUIET_FIRST    (1 * SECOND) /* how long nothing may change before a hot schedule's check */
#define QUIET_LONGEST  (8 * SECOND)
#define QUIET_OFFLINE  (1 * SECOND)
#define CHANGE_LONGEST (15 * SECOND)

#define SPARING_FACTOR 4
#define CHANCE_SPREAD  5 /* give or take a fifth */

/* After the first such outcome, doubled with each further one. */
static const struct {
    uint64_t first, longest;
    bool may_spare;
} retries[] = {
    [OUTCOME_NOTHING_WORKS] = {15 * SECOND, 900 * SECOND, true},
    [OUTCOME_PORTAL] = {5 * SECOND, 60 * SECOND, false},
    [OUTCOME_PROBE_FAILED] = {1 * SECOND, 900 * SECOND, false},
};

static void cool(struct schedule *schedule, uint64_t now)
{
    uint64_t steps = (now - schedule->cooled) / COOLING;

    schedule->heat = steps < schedule->heat ? schedule->heat - (unsigned)steps : 0;
    schedule->travels = steps < schedule->travels ? schedule->travels - (unsigned)steps : 0;
    if (schedule->heat == 0 && schedule->travels == 0)
        schedule->cooled = now;
    else
        schedule->cooled += steps * COOLING;
}

/* `first`, doubled `times` times, `longest` at the most. */
static uint64_t doubled(uint64_t first, unsigned times, uint64_t longest)
{
    while (times-- > 0 && first < longest)
        first *= 2;
    return first < longest ? first : longest;
}

uint64_t schedule_change(struct schedule *schedule, uint64_t now, enum change change)
{
    uint64_t quiet = change == CHANGE_OFFLINE ? QUIET_OFFLINE : 0, due, latest;

    cool(schedule, now);
    if (change == CHANGE_ELSEWHERE && schedule->travels < TRAVELS_FREE) {
        schedule->travels++;
        schedule->heat = 0;
    }
    if (schedule->heat >= HEAT_FREE)
        quiet = doubled(QUIET_FIRST, schedule->heat - HEAT_FREE, QUIET_LONGEST);
    if (schedule->pending_since == 0)
        schedule->pending_since = now;
    due = now + quiet;
    latest = schedule->pending_since + CHANGE_LONGEST;
    return due < latest ? due : latest > now ? latest : now;
}

void schedule_started(struct schedule *schedule, uint64_t now)
{
    cool(schedule, now);
    if (schedule->pending_since != 0)
        schedule->heat++;
    schedule->pending_since = 0;
    schedule->retries = 0;
}

static uint64_t spread(uint64_t delay, uint32_t chance)
{
    uint64_t most = delay / CHANCE_SPREAD;

    return delay - most + 2 * most * (chance % 1024) / 1024;
}

uint64_t schedule_ended(struct schedule *schedule, uint64_t now, enum outcome outcome,
                        const struct schedule_cost *cost, uint32_t chance)
{
    uint64_t delay = 0;

    if (outcome != schedule->outcome)
        schedule->retries = 0;
    schedule->outcome = outcome;
    switch (outcome) {
    case OUTCOME_WORKS:
        delay = cost->sparing ? 0 : cost->confirm_us;
        break;
    case OUTCOME_NOTHING_WORKS:
    case OUTCOME_PORTAL:
    case OUTCOME_PROBE_FAILED:
        delay = doubled(retries[outcome].first, schedule->retries++, retries[outcome].longest);
        if (cost->sparing && retries[outcome].may_spare)
            delay *= SPARING_FACTOR;
        break;
    case OUTCOME_OFFLINE:
        break;
    }
    return delay > 0 ? now + spread(delay, chance) : SCHEDULE_NEVER;
}
