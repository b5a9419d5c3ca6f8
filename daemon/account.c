/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The account's life on a network. Verdicts belong to the present network and are kept until a new
 * check replaces them one by one; on another network they start anew. The choice follows from what
 * is known alone, at any moment: of each endpoint the verdict here, else the remembered one. So a
 * remembered endpoint is chosen at once and stays until its verdict is there, or a better one
 * works. State changes pass enter_state(), the choice passes update_choice(), and nothing else
 * writes either.
 */
#include "account.h"
#include "check.h"
#include "cleanup.h"
#include "error.h"
#include "journal.h"
#include "logins.h"
#include "prober.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* What journal() is to tell of the account. */
#define FACTS(the_account, ...)                                                                    \
    (&(const struct event_facts){.account = (the_account)->settings->name, ##__VA_ARGS__})
#define TIMER_SLACK 16 /* a timer may be late by this part of its time */

struct account {
    sd_event *event;
    struct account_settings *settings;
    const struct account_listener *listener;
    void *listener_userdata, *userdata;
    struct memory *memory;
    struct logins *logins; /* NULL: nobody logs in */

    enum state state;
    bool online;              /* the network has a default route */
    struct finding *findings; /* by checks here */
    struct finding *known;    /* likewise, else remembered: what is chosen from */
    ssize_t chosen;           /* index of the endpoint to use, or -1 */
    enum security security;   /* of the chosen one, as it is to be used */
    enum provenance provenance;
    uint64_t checked_at;
    bool complete;       /* a check of this network has ended */
    bool anew;           /* the settings are, since then: what is remembered is of others */
    enum state ended_as; /* the state that the last of them came to; unconfigured: none has */
    uint64_t started_at;
    uint32_t took_ms;

    struct check *check;
    bool checking; /* the check has not ended; its process may outlive it */
    struct turn turn;
    char reason[REASON_MAX], next_reason[REASON_MAX];

    struct schedule schedule;
    struct circumstances circumstances;
    bool waiting;           /* a change has not had its check yet */
    sd_event_source *timer; /* the next check: that one, or, if nothing changes, the next look */
};

DEFINE_CLEANUP(struct account *, account_free)

const char *provenance_to_string(enum provenance provenance)
{
    static const char *const words[N_PROVENANCE] = {
        [PROVENANCE_NONE] = "none",
        [PROVENANCE_REMEMBERED] = "remembered",
        [PROVENANCE_CONFIRMED] = "confirmed",
    };

    return words[provenance];
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void changed(struct account *account, unsigned changes)
{
    account->listener->changed(account, changes, account->listener_userdata);
}

static void enter_state(struct account *account, enum state state)
{
    if (state == account->state)
        return;
    journal(EVENT_STATE, FACTS(account, .state = state_to_string(state)), "%s -> %s",
            state_to_string(account->state), state_to_string(state));
    account->state = state;
    changed(account, ACCOUNT_STATE);
}

static void tell_choice(const struct account *account)
{
    char text[ENDPOINT_STRING_MAX];
    struct endpoint endpoint;

    if (account->chosen < 0) {
        journal(EVENT_NONE_WORKS, FACTS(account), "no endpoint works now");
        return;
    }
    endpoint = account->known[account->chosen].endpoint;
    journal(EVENT_WORKING,
            FACTS(account, .endpoint = &endpoint,
                  .provenance = provenance_to_string(account->provenance)),
            "%s works%s", endpoint_format(&endpoint, text),
            account->provenance == PROVENANCE_REMEMBERED ? ", as on an earlier visit" : "");
}

static void update_choice(struct account *account)
{
    ssize_t chosen =
        choose(account->known, account->settings->n_endpoints, account->settings->minimum);
    enum security security =
        chosen < 0 ? account->security : choose_security(&account->known[chosen]);
    enum provenance provenance = PROVENANCE_NONE;
    unsigned changes = 0;

    if (chosen >= 0)
        provenance = account->findings[chosen].verdict == VERDICT_UNKNOWN ? PROVENANCE_REMEMBERED
                                                                          : PROVENANCE_CONFIRMED;
    if (chosen != account->chosen || security != account->security ||
        (provenance == PROVENANCE_NONE) != (account->provenance == PROVENANCE_NONE))
        changes |= ACCOUNT_WORKING;
    if (provenance != account->provenance)
        changes |= ACCOUNT_PROVENANCE;
    account->chosen = chosen;
    account->security = security;
    account->provenance = provenance;
    if (!changes)
        return;
    tell_choice(account);
    changed(account, changes);
}

/* From now on this is what is known of the endpoint. Without memory the verdict alone has to do. */
static void know(struct account *account, size_t i, enum verdict verdict,
                 const struct evidence *evidence)
{
    struct finding *known = &account->known[i];

    finding_clear(known);
    known->endpoint = account->settings->endpoints[i];
    known->verdict = verdict;
    (void)evidence_copy(evidence, &known->evidence);
}

/* Of each endpoint that has no verdict here yet, what the memory has of it on this network. */
static void recall(struct account *account)
{
    const struct memory_result *result = memory_recall(account->memory, account->settings->name);

    for (size_t i = 0; result && i < account->settings->n_endpoints; i++) {
        const struct finding *found = memory_find_finding(result, &account->settings->endpoints[i]);

        if (found && account->findings[i].verdict == VERDICT_UNKNOWN)
            know(account, i, found->verdict, &found->evidence);
    }
}

/* All endpoints unchecked again. */
static void forget_findings(struct account *account)
{
    static const struct evidence none;

    for (size_t i = 0; i < account->settings->n_endpoints; i++) {
        finding_clear(&account->findings[i]);
        account->findings[i].endpoint = account->settings->endpoints[i];
        account->findings[i].verdict = VERDICT_UNKNOWN;
        know(account, i, VERDICT_UNKNOWN, &none);
    }
    account->complete = false;
    account->ended_as = STATE_UNCONFIGURED;
    changed(account, ACCOUNT_ENDPOINTS);
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

/* As far as the network is to blame: not how long it took, nor what it was reached at. */
static bool is_same(const struct finding *a, const struct finding *b)
{
    static const enum evidence_key telling[] = {EVIDENCE_HOW, EVIDENCE_BY};
    bool same = a->verdict == b->verdict;

    for (size_t i = 0; same && i < ELEMENTSOF(telling); i++) {
        const char *of_a = evidence_text(&a->evidence, telling[i]);
        const char *of_b = evidence_text(&b->evidence, telling[i]);

        same = strcmp(of_a ? of_a : "", of_b ? of_b : "") == 0;
    }
    return same;
}

/* What the last check on this network has found of the endpoint, or NULL. */
static const struct finding *last_finding(const struct account *account, size_t index)
{
    const struct memory_result *result;

    if (account->findings[index].verdict != VERDICT_UNKNOWN)
        return &account->findings[index];
    result = memory_recall(account->memory, account->settings->name);
    return result ? memory_find_finding(result, &account->settings->endpoints[index]) : NULL;
}

static void tell_finding(const struct account *account, size_t index, const struct finding *finding)
{
    const struct finding *last = last_finding(account, index);
    const char *how = evidence_text(&finding->evidence, EVIDENCE_HOW);
    const char *by = evidence_text(&finding->evidence, EVIDENCE_BY);
    char text[ENDPOINT_STRING_MAX];

    journal(EVENT_VERDICT,
            FACTS(account, .finding = finding, .repeated = last && is_same(last, finding)),
            "%s: %s%s%s%s%s", endpoint_format(&finding->endpoint, text),
            verdict_to_string(finding->verdict), how ? ", " : "", how ? how : "", by ? " by " : "",
            by ? by : "");
}

/* What a login has come to is as good as before: a check makes none. */
static void keep_login(const struct account *account, size_t index, struct finding *finding)
{
    const struct finding *last = last_finding(account, index);

    if (last && !account->anew && finding->verdict == VERDICT_WORKS)
        (void)finding_take_login(last, finding); /* without memory the next login tells */
}

static void on_found(size_t index, struct finding *finding, void *userdata)
{
    struct account *account = userdata;

    if (account->circumstances.portal)
        finding->verdict = verdict_behind_portal(finding->verdict);
    keep_login(account, index, finding);
    tell_finding(account, index, finding);
    finding_clear(&account->findings[index]);
    account->findings[index] = *finding;
    know(account, index, finding->verdict, &finding->evidence);
    changed(account, ACCOUNT_ENDPOINTS);
    update_choice(account);
}

static void record(struct account *account)
{
    const struct account_settings *settings = account->settings;

    if (memory_record(account->memory, settings->name, account->findings, settings->n_endpoints,
                      account->chosen, account->checked_at, account->took_ms) < 0)
        journal(EVENT_CHECK_FAILED, FACTS(account), "out of memory, the check is not remembered");
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
        record(account); /* who hears that the check has ended can rely on it */
        changed(account, ACCOUNT_CHECKED_AT);
        enter_state(account, choose_state(account->findings, n, account->chosen, account->online));
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

static void on_turn(void *userdata)
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

/* Nothing runs any more, nor is it to be this account's turn. */
static void stop_check(struct account *account)
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
    changed(account, ACCOUNT_REASON);
    if (account->online)
        enter_state(account, STATE_CHECKING);
    if (turn_take(&account->turn))
        on_turn(account);
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
        enter_state(account, STATE_CHECKING);
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
        stop_check(account); /* it finds out about another network */
        forget_findings(account);
        recall(account);
        update_choice(account);
    }
    if (!account->online && account->chosen < 0)
        enter_state(account, STATE_OFFLINE);
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

void account_identified(struct account *account)
{
    if (account->complete)
        record(account);
    else if (account->provenance != PROVENANCE_CONFIRMED) {
        recall(account);
        update_choice(account);
    }
}

static int make_findings(const struct account_settings *settings, struct finding **ret)
{
    struct finding *findings = calloc(settings->n_endpoints, sizeof(*findings));

    if (!findings)
        return -ENOMEM;
    for (size_t i = 0; i < settings->n_endpoints; i++)
        findings[i].endpoint = settings->endpoints[i];
    *ret = findings;
    return 0;
}

static void free_findings(const struct account_settings *settings, struct finding *findings)
{
    for (size_t i = 0; findings && i < settings->n_endpoints; i++)
        finding_clear(&findings[i]);
    free(findings);
}

void account_set_sources(struct account *account, struct account_settings *settings)
{
    struct account_source *sources = account->settings->sources;
    size_t n = account->settings->n_sources;

    account->settings->sources = settings->sources;
    account->settings->n_sources = settings->n_sources;
    settings->sources = sources;
    settings->n_sources = n;
    changed(account, ACCOUNT_SETTINGS);
}

int account_set_settings(struct account *account, struct account_settings *settings)
{
    struct finding *findings, *known;
    int r = make_findings(settings, &findings);

    if (r < 0)
        return r;
    r = make_findings(settings, &known);
    if (r < 0) {
        free(findings);
        return r;
    }
    stop_check(account); /* it reads the old settings */
    if (account->logins)
        logins_end(account->logins, account, "the account's settings have changed");
    account->anew = true;
    free_findings(account->settings, account->findings);
    free_findings(account->settings, account->known);
    account_settings_free(account->settings);
    account->settings = settings;
    account->findings = findings;
    account->known = known;
    account->chosen = -1; /* the one that was chosen is of the old settings */
    changed(account, ACCOUNT_SETTINGS);
    forget_findings(account); /* nor is anything recalled: it may have worked by what has gone */
    update_choice(account);
    account_recheck(account, "its settings have changed");
    return 0;
}

int account_new(struct account **ret, sd_event *event, struct account_settings *settings,
                struct memory *memory, struct turns *turns, const struct account_listener *listener,
                void *userdata)
{
    _cleanup_(account_freep) struct account *account = calloc(1, sizeof(*account));
    int r;

    if (!account)
        return -ENOMEM;
    r = make_findings(settings, &account->findings);
    if (r == 0)
        r = make_findings(settings, &account->known);
    if (r < 0) {
        free(account->findings); /* the settings, by which they are freed, are not ours */
        account->findings = NULL;
        return r;
    }
    account->memory = memory;
    account->turn = (struct turn){.turns = turns, .come = on_turn, .userdata = account};
    account->event = sd_event_ref(event);
    account->settings = settings;
    account->listener = listener;
    account->listener_userdata = userdata;
    account->state = STATE_OFFLINE;
    account->chosen = -1;
    *ret = TAKE(account);
    return 0;
}

struct account *account_free(struct account *account)
{
    if (!account)
        return NULL;
    stop_check(account);
    if (account->logins)
        logins_end(account->logins, account, "the account was removed");
    sd_event_source_disable_unref(account->timer);
    free_findings(account->settings, account->findings);
    free_findings(account->settings, account->known);
    account_settings_free(account->settings);
    sd_event_unref(account->event);
    free(account);
    return NULL;
}

void account_set_logins(struct account *account, struct logins *logins)
{
    account->logins = logins;
}

void account_note_login(struct account *account, const struct finding *finding)
{
    for (size_t i = 0; i < account->settings->n_endpoints; i++) {
        struct finding *found = &account->findings[i];

        if (!endpoint_equal(&found->endpoint, &finding->endpoint) ||
            (found->verdict != VERDICT_WORKS && found->verdict != VERDICT_LOGIN_REFUSED) ||
            finding_take_login(finding, found) < 0)
            continue;
        know(account, i, found->verdict, &found->evidence);
        tell_finding(account, i, found);
        changed(account, ACCOUNT_ENDPOINTS);
        update_choice(account);
        if (account->complete)
            record(account);
    }
}

const struct account_settings *account_settings(const struct account *account)
{
    return account->settings;
}

enum state account_state(const struct account *account)
{
    return account->state;
}

bool account_is_checking(const struct account *account)
{
    return account->checking || account->waiting;
}

bool account_has(const struct account *account, enum verdict verdict)
{
    for (size_t i = 0; i < account->settings->n_endpoints; i++)
        if (account->findings[i].verdict == verdict)
            return true;
    return false;
}

const char *account_reason(const struct account *account)
{
    return account->reason;
}

const struct finding *account_findings(const struct account *account)
{
    return account->findings;
}

const struct finding *account_working(const struct account *account)
{
    return account->chosen >= 0 ? &account->known[account->chosen] : NULL;
}

enum provenance account_provenance(const struct account *account)
{
    return account->provenance;
}

uint64_t account_checked_at(const struct account *account)
{
    return account->checked_at;
}

void account_set_userdata(struct account *account, void *userdata)
{
    account->userdata = userdata;
}

void *account_userdata(const struct account *account)
{
    return account->userdata;
}
