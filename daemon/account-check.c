/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * When an account is checked, and what becomes of it: changes and timers start checks, what a check
 * finds is told to account.c as it comes.
 */
#include "account-internal.h"
#include "cleanup.h"
#include "error.h"
#include "logins.h"
#include "prober.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define TIMER_SLACK 16 /* a timer may be late by this part of its time */

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void start_check(struct account *account);

static uint64_t boottime_us(const struct account *account)
{
    uint64_t now = 0;

    (void)sd_event_now(account->event, CLOCK_BOOTTIME, &now);
    return now;
}

static int on_due(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct account *account = userdata;

    if (account->waiting)
        schedule_started(&account->schedule, boottime_us(account));
    start_check(account);
    return 0;
}

static void set_next_reason(struct account *account, const char *reason)
{
    (void)snprintf(account->next_reason, sizeof(account->next_reason), "%s", reason);
}

/* The next check is at `due`. The longer that is, the less it matters when exactly: the timer joins
 * somebody else's wake-up where it can. */
static void arm(struct account *account, uint64_t due)
{
    uint64_t now = boottime_us(account), slack = due > now ? (due - now) / TIMER_SLACK : 0;

    account->timer = sd_event_source_disable_unref(account->timer);
    if (due == SCHEDULE_NEVER || account->circumstances.asleep)
        return;
    if (sd_event_add_time(account->event, &account->timer, CLOCK_BOOTTIME, due, slack + 1, on_due,
                          account) < 0)
        journal(EVENT_CHECK_FAILED, FACTS(account),
                "out of memory, the next check waits for a network change");
}

static enum outcome outcome_of(const struct account *account)
{
    switch (account->state) {
    case STATE_READY:
    case STATE_DEGRADED:
        return OUTCOME_WORKS;
    case STATE_PORTAL:
        return OUTCOME_PORTAL;
    case STATE_OFFLINE:
        return OUTCOME_OFFLINE;
    case STATE_BLOCKED:
    case STATE_CHECKING:
    case STATE_UNCONFIGURED:
    case N_STATE:
        break;
    }
    return OUTCOME_NOTHING_WORKS;
}

/* A check has come to `outcome`: when the next one is due if nothing changes, and why. */
static void arm_next(struct account *account, enum outcome outcome)
{
    static const char *const reasons[] = {
        [OUTCOME_WORKS] = "a confirmation after a long time",
        [OUTCOME_NOTHING_WORKS] = "nothing worked the last time",
        [OUTCOME_PORTAL] = "a portal stood in the way the last time",
        [OUTCOME_OFFLINE] = "",
        [OUTCOME_PROBE_FAILED] = "the last check failed",
    };
    uint32_t chance = 0;

    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
        chance = (uint32_t)clock_us(CLOCK_REALTIME);
    set_next_reason(account, reasons[outcome]);
    arm(account, schedule_ended(&account->schedule, boottime_us(account), outcome,
                                &account->circumstances.cost, chance));
}

/* What a login has come to is as good as before: a check makes none. */
static void keep_login(const struct account *account, size_t index, struct finding *finding)
{
    const struct finding *last = account_last_finding(account, index);

    if (last && !account->anew && finding->verdict == VERDICT_WORKS)
        (void)finding_take_login(last, finding); /* without memory the next login tells */
}

static void on_found(size_t index, struct finding *finding, void *userdata)
{
    struct account *account = userdata;

    if (account->circumstances.portal)
        finding->verdict = verdict_behind_portal(finding->verdict);
    keep_login(account, index, finding);
    account_tell_finding(account, index, finding);
    finding_clear(&account->findings[index]);
    account->findings[index] = *finding;
    account_know(account, index, finding->verdict, &finding->evidence);
    account_changed(account, ACCOUNT_ENDPOINTS);
    account_update_choice(account);
}

static void tell_ended(struct account *account)
{
    const char *state = state_to_string(account->state);

    journal(account->state == STATE_PORTAL ? EVENT_PORTAL : EVENT_CHECK_ENDED,
            FACTS(account, .state = state, .repeated = account->ended_as == account->state),
            "checked: %s", state);
    account->ended_as = account->state;
}

static void on_ended(const char *problem, void *userdata)
{
    struct account *account = userdata;
    size_t n = account->settings->n_endpoints;

    account->checking = false;
    if (problem) {
        journal(EVENT_CHECK_FAILED, FACTS(account, .reason = problem), "the check failed: %s",
                problem);
    } else {
        account->checked_at = clock_us(CLOCK_REALTIME);
        account->took_ms = (uint32_t)((clock_us(CLOCK_MONOTONIC) - account->started_at) / 1000);
        account->complete = true;
        account->anew = false;
        account_record(account); /* who hears that the check has ended can rely on it */
        account_changed(account, ACCOUNT_CHECKED_AT);
        account_enter_state(account,
                            choose_state(account->findings, n, account->chosen, account->online));
        tell_ended(account);
    }
    if (!account->waiting)
        arm_next(account, problem ? OUTCOME_PROBE_FAILED : outcome_of(account));
    account->listener->check_ended(account, problem, account->listener_userdata);
    if (!problem && account->logins && account->settings->login_check != LOGIN_CHECK_NO)
        (void)logins_begin(account->logins, account, false, NULL, NULL);
}

static void on_gone(void *userdata)
{
    struct account *account = userdata;

    turn_leave(&account->turn);
}

static const struct check_callbacks check_callbacks = {
    .found = on_found, .ended = on_ended, .gone = on_gone};

/* A check whose probe is told what the endpoints have shown elsewhere. */
static int begin_check(struct account *account)
{
    const struct account_settings *settings = account->settings;
    struct finding expected[ACCOUNT_ENDPOINTS_MAX];
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < settings->n_endpoints; i++) {
        r = memory_expected(account->memory, settings->name, &settings->endpoints[i], &expected[n]);
        if (r == 0)
            n++;
    }
    if (r >= 0)
        r = check_new(&account->check, account->event, settings, expected, n, &check_callbacks,
                      account);
    for (size_t i = 0; i < n; i++)
        finding_clear(&expected[i]);
    return r;
}

void account_on_turn(void *userdata)
{
    struct account *account = userdata;
    int r;

    journal(EVENT_CHECK_STARTED, FACTS(account, .reason = account->reason), "checking: %s",
            account->reason);
    account->started_at = clock_us(CLOCK_MONOTONIC);
    r = begin_check(account);
    if (r < 0) {
        char problem[256];

        (void)snprintf(problem, sizeof(problem), "mailroam-probe could not be had from %s: %s",
                       prober_place(), strerror(-r));
        turn_leave(&account->turn);
        on_ended(problem, account);
    }
}

void account_stop_check(struct account *account)
{
    account->check = check_free(account->check);
    account->checking = false;
    turn_leave(&account->turn);
}

/* Whatever runs is superseded, which keeps its turn. Without a default route the state stays
 * offline until something answers: a server on the link, or on this machine, needs no default
 * route. */
static void start_check(struct account *account)
{
    account->timer = sd_event_source_disable_unref(account->timer);
    account->check = check_free(account->check);
    account->waiting = false;
    account->checking = true;
    strcpy(account->reason, account->next_reason);
    account_changed(account, ACCOUNT_REASON);
    if (account->online)
        account_enter_state(account, STATE_CHECKING);
    if (turn_take(&account->turn))
        account_on_turn(account);
}

void account_check(struct account *account)
{
    if (account->checking)
        return;
    schedule_started(&account->schedule, boottime_us(account));
    set_next_reason(account, "asked");
    start_check(account);
}

/* At once, or when the changes come less thick. Whatever it was, the check looks at how things are
 * then; so of several reasons that wait the last one is as good as any, but a `weak` one: another
 * network brings other routes along. */
static void recheck(struct account *account, enum change change, bool weak, const char *reason)
{
    uint64_t now = boottime_us(account), due = schedule_change(&account->schedule, now, change);

    if (!account->waiting || !weak)
        set_next_reason(account, reason);
    account->waiting = true;
    if (account->online)
        account_enter_state(account, STATE_CHECKING);
    if (due <= now && !account->circumstances.asleep) {
        schedule_started(&account->schedule, now);
        start_check(account);
    } else {
        arm(account, due);
    }
}

void account_recheck(struct account *account, const char *reason)
{
    recheck(account, account->online ? CHANGE_HERE : CHANGE_OFFLINE, false, reason);
}

void account_set_network(struct account *account, const struct network *network, bool moved,
                         enum change change, const char *reason)
{
    account->online = network_primary(network);
    if (moved) {
        account_stop_check(account); /* it finds out about another network */
        account_forget_findings(account);
        account_recall(account);
        account_update_choice(account);
    }
    if (!account->online && account->chosen < 0)
        account_enter_state(account, STATE_OFFLINE);
    recheck(account, change, !moved, reason);
}

void account_set_circumstances(struct account *account, const struct circumstances *circumstances)
{
    struct circumstances before = account->circumstances;

    account->circumstances = *circumstances;
    if (circumstances->asleep)
        account->timer = sd_event_source_disable_unref(account->timer);
    else if (circumstances->portal && !before.portal && account->state != STATE_PORTAL)
        account_recheck(account, "a portal stands in front of the network");
    else if (before.portal && !circumstances->portal && account->state != STATE_OFFLINE)
        /* Waited for like an arrival; where there is no network now, the portal was left behind. */
        recheck(account, CHANGE_ELSEWHERE, false, "the portal has let us through");
    else if (!account_is_checking(account) && account->schedule.outcome == OUTCOME_WORKS &&
             account->checked_at > 0)
        arm_next(account, OUTCOME_WORKS); /* what looking again costs has changed */
}
