/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The timetable of checks, over simulated time. */
#include "schedule.h"
#include "tap.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define START  (1000 * SECOND)

static const struct schedule_cost usual = {.confirm_us = 360 * MINUTE};
static const struct schedule_cost sparing = {.confirm_us = 360 * MINUTE, .sparing = true};

struct flapping {
    unsigned checks;
    uint64_t last;    /* when the last of them started */
    uint64_t longest; /* between two of them */
};

/* Changes every `interval` until `end`; the checks that come of them, until all is quiet. */
static struct flapping flap(uint64_t interval, uint64_t end, enum change kind)
{
    struct schedule schedule = {0};
    struct flapping result = {0};
    uint64_t due = SCHEDULE_NEVER, change = START;

    while (due != SCHEDULE_NEVER || change < end) {
        uint64_t now = due <= change || change >= end ? due : change;

        if (now == change && change < end) {
            due = schedule_change(&schedule, now, kind);
            change += interval;
        }
        if (due <= now) {
            schedule_started(&schedule, now);
            if (result.checks++ > 0 && now - result.last > result.longest)
                result.longest = now - result.last;
            result.last = now;
            due = SCHEDULE_NEVER;
        }
    }
    return result;
}

static void test_changes(void)
{
    struct schedule schedule = {0};
    uint64_t due;

    ok(schedule_change(&schedule, START, CHANGE_HERE) == START, "a change: a check at once");
    schedule_started(&schedule, START);
    ok(schedule_change(&schedule, START + 1, CHANGE_HERE) == START + 1,
       "the second one: at once, too");
    schedule_started(&schedule, START + 1);
    due = schedule_change(&schedule, START + 2, CHANGE_HERE);
    ok(due > START + 2 && due <= START + 2 * SECOND, "the third one waits a moment");
    schedule_started(&schedule, due);
    ok(schedule_change(&schedule, START + 5 * MINUTE, CHANGE_HERE) == START + 5 * MINUTE,
       "minutes later all is forgotten");

    schedule = (struct schedule){0};
    due = schedule_change(&schedule, START, CHANGE_OFFLINE);
    ok(due > START && due <= START + 2 * SECOND, "without a way out there is a moment's time");
    ok(schedule_change(&schedule, START + 1, CHANGE_HERE) == START + 1, "until there is one");

    schedule = (struct schedule){0};
    for (int i = 0; i < 10; i++)
        schedule_started(&schedule, START + (uint64_t)i * SECOND);
    ok(schedule_change(&schedule, START + 10 * SECOND, CHANGE_HERE) == START + 10 * SECOND,
       "checks that somebody asked for do not count");
}

static void test_flapping(void)
{
    struct flapping flapping = flap(SECOND / 5, START + 10 * SECOND, CHANGE_HERE);

    ok(flapping.checks <= 3, "50 changes in 10 s: at most 3 checks");
    ok(flapping.last >= START + 10 * SECOND - SECOND / 5,
       "the last check is after the last change");
    ok(flapping.last < START + 12 * SECOND, "within two seconds");
    flapping = flap(SECOND / 1000, START + 10 * SECOND, CHANGE_HERE);
    ok(flapping.checks <= 3, "10,000 changes in 10 s: at most 3 checks");
    flapping = flap(SECOND, START + 60 * MINUTE, CHANGE_HERE);
    ok(flapping.checks <= 60 * 4 + 3, "a change each second for an hour: a check in 15 s at most");
    ok(flapping.longest <= 16 * SECOND, "15 s after the first change that had none, at the latest");
    flapping = flap(MINUTE, START + 60 * MINUTE, CHANGE_HERE);
    ok(flapping.checks == 60, "a change each minute: each has its check");
    flapping = flap(3 * SECOND, START + MINUTE, CHANGE_ELSEWHERE);
    ok(flapping.checks == 20, "another network every three seconds: each has its check");
    flapping = flap(SECOND / 5, START + 10 * MINUTE, CHANGE_ELSEWHERE);
    ok(flapping.checks <= 20 + 20 + 10 * 4, "torn between two networks: %u checks in ten minutes",
       flapping.checks);
}

static void test_retries(void)
{
    static const struct {
        const char *name;
        enum outcome outcome;
        uint64_t first, longest;
    } rows[] = {
        {"nothing works", OUTCOME_NOTHING_WORKS, 15 * SECOND, 15 * MINUTE},
        {"a portal", OUTCOME_PORTAL, 5 * SECOND, MINUTE},
        {"a probe that fails", OUTCOME_PROBE_FAILED, SECOND, 15 * MINUTE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct schedule schedule = {0};
        uint64_t least, most, shortest = 0;

        least = schedule_ended(&schedule, START, rows[i].outcome, &usual, 0) - START;
        ok(least == rows[i].first * 4 / 5, "%s: the first retry", rows[i].name);
        for (int n = 0; n < 40; n++)
            shortest = schedule_ended(&schedule, START, rows[i].outcome, &usual, 0) - START;
        most = schedule_ended(&schedule, START, rows[i].outcome, &usual, 1023) - START;
        ok(shortest == rows[i].longest * 4 / 5, "%s: the longest wait", rows[i].name);
        ok(most > rows[i].longest && most <= rows[i].longest * 6 / 5, "%s: chance spreads it",
           rows[i].name);
        schedule_started(&schedule, START);
        ok(schedule_ended(&schedule, START, rows[i].outcome, &usual, 0) - START == least,
           "%s: a change begins anew", rows[i].name);
    }
}

static void test_ends(void)
{
    struct schedule schedule = {0};
    const struct schedule_cost never = {0};
    uint64_t due;

    due = schedule_ended(&schedule, START, OUTCOME_WORKS, &usual, 512);
    ok(due == START + 360 * MINUTE, "what works is confirmed after six hours");
    ok(schedule_ended(&schedule, START, OUTCOME_WORKS, &never, 512) == SCHEDULE_NEVER,
       "or never, where that is wished");
    ok(schedule_ended(&schedule, START, OUTCOME_WORKS, &sparing, 512) == SCHEDULE_NEVER,
       "or on battery");
    ok(schedule_ended(&schedule, START, OUTCOME_OFFLINE, &usual, 512) == SCHEDULE_NEVER,
       "offline: not before something changes");
    (void)schedule_ended(&schedule, START, OUTCOME_PORTAL, &usual, 512);
    (void)schedule_ended(&schedule, START, OUTCOME_PORTAL, &usual, 512);
    due = schedule_ended(&schedule, START, OUTCOME_NOTHING_WORKS, &usual, 512);
    ok(due == START + 15 * SECOND, "another outcome begins anew");
    due = schedule_ended(&schedule, START, OUTCOME_NOTHING_WORKS, &sparing, 512);
    ok(due == START + 120 * SECOND, "on battery it takes four times as long");
}

int main(void)
{
    test_changes();
    test_flapping();
    test_retries();
    test_ends();
    return tap_done();
}
