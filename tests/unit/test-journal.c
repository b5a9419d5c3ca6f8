/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events: how many are told, and what becomes of an account's name. The lines are diverted to the
 * test, the clock is read through __wrap_clock_gettime(). What arrives in a journal is looked at in
 * tests/e2e/journal.test.
 */
#include "journal.h"
#include "log.h"
#include "tap.h"
#include <time.h>

static int64_t later_s;
static unsigned lines[LOG_DEBUG + 1];
static char last[256], before_last[256];

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    int r = __real_clock_gettime(clock, ret);

    ret->tv_sec += later_s;
    return r;
}

static void receive(int priority, const char *line, void *userdata _unused_)
{
    lines[priority]++;
    memcpy(before_last, last, sizeof(last));
    (void)snprintf(last, sizeof(last), "%s", line);
}

static void happens(enum event event, unsigned times)
{
    memset(lines, 0, sizeof(lines));
    for (unsigned i = 0; i < times; i++)
        journal(event, NULL, "it happens");
}

static void test_limit(void)
{
    happens(EVENT_CHECK_STARTED, EVENT_BURST);
    is_number(lines[LOG_INFO], EVENT_BURST, "as many as that are told");
    happens(EVENT_CHECK_STARTED, 7);
    is_number(lines[LOG_INFO], 0, "more are not");
    happens(EVENT_VERDICT, 1);
    is_number(lines[LOG_INFO], 1, "another kind is told");
    happens(EVENT_ACCOUNT_FILE, 3 * EVENT_BURST);
    is_number(lines[LOG_ERR], 3LL * EVENT_BURST, "errors are told in any case");
    later_s = (int64_t)(EVENT_PERIOD_US / 1000000) - 1;
    happens(EVENT_CHECK_STARTED, 1);
    is_number(lines[LOG_INFO], 0, "a second before the time is over they still are not");
    later_s += 2;
    happens(EVENT_CHECK_STARTED, EVENT_BURST + 1);
    is_number(lines[LOG_INFO], EVENT_BURST, "then as many again");
    is_number(lines[LOG_NOTICE], 1, "behind one line about the others");
    later_s += (int64_t)(EVENT_PERIOD_US / 1000000);
    happens(EVENT_CHECK_STARTED, 1);
    is_string(before_last, "events of one kind that were left out: 1",
              "which says how many they were");
    later_s *= 2;
    happens(EVENT_CHECK_STARTED, 1);
    is_number(lines[LOG_NOTICE], 0, "and says it once");
}

static void test_levels(void)
{
    struct event_facts repeated = {.account = "home", .repeated = true};

    log_set_level(LOG_DEBUG);
    happens(EVENT_MEMORY_WRITTEN, 0);
    journal(EVENT_MEMORY_WRITTEN, &repeated, "again");
    is_number(lines[LOG_DEBUG], 1, "what is nothing new is for debugging");
    log_set_level(LOG_INFO);
    for (unsigned i = 0; i < 2 * EVENT_BURST; i++)
        journal(EVENT_MEMORY_WRITTEN, &repeated, "again");
    happens(EVENT_MEMORY_WRITTEN, 1);
    is_number(lines[LOG_NOTICE], 1, "and where nobody debugs does not count");
}

static void test_names(void)
{
    static const struct {
        const char *name, *told;
    } rows[] = {
        {"home", "home"},
        {"m", "m"},
        {"me@example.org", "m...@example.org"},
        {"m@example.org", "m...@example.org"},
        {"@example.org", "...@example.org"},
        {"a@b@example.org", "a...@example.org"},
        {"\xc3\xa4pfel@example.org", "\xc3\xa4...@example.org"},
        {"me@", "m...@"},
    };
    struct event_facts facts = {.account = "me@example.org"};
    char longest[65], buffer[JOURNAL_ACCOUNT_MAX];

    for (size_t i = 0; i < ELEMENTSOF(rows); i++)
        is_string(journal_account(rows[i].name, buffer), rows[i].told, "%s is told as %s",
                  rows[i].name, rows[i].told);
    memset(longest, 'x', 64);
    longest[64] = 0;
    is_string(journal_account(longest, buffer), longest, "the longest name has room");
    journal(EVENT_NONE_WORKS, &facts, "nothing works");
    is_string(last, "account me@example.org: nothing works",
              "where it is not the journal the name is what it is");
}

int main(void)
{
    log_divert(receive, NULL);
    test_limit();
    test_levels();
    test_names();
    return tap_done();
}
