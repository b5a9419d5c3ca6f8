/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The account's life on a network. Verdicts belong to the present network and are kept until a new
 * check replaces them one by one; on another network they start anew. The choice follows from what
 * is known alone, at any moment: of each endpoint the verdict here, else the remembered one. So a
 * remembered endpoint is chosen at once and stays until its verdict is there, or a better one
 * works. State changes pass account_enter_state(), the choice passes account_update_choice(), and
 * nothing else writes either.
 */
#include "account-internal.h"
#include "cleanup.h"
#include "error.h"
#include "logins.h"
#include <stdio.h>
#include <string.h>

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

void account_changed(struct account *account, unsigned changes)
{
    account->listener->changed(account, changes, account->listener_userdata);
}

void account_enter_state(struct account *account, enum state state)
{
    if (state == account->state)
        return;
    journal(EVENT_STATE, FACTS(account, .state = state_to_string(state)), "%s -> %s",
            state_to_string(account->state), state_to_string(state));
    account->state = state;
    account_changed(account, ACCOUNT_STATE);
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

void account_update_choice(struct account *account)
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
    account_changed(account, changes);
}

void account_know(struct account *account, size_t i, enum verdict verdict,
                  const struct evidence *evidence)
{
    struct finding *known = &account->known[i];

    finding_clear(known);
    known->endpoint = account->settings->endpoints[i];
    known->verdict = verdict;
    (void)evidence_copy(evidence, &known->evidence);
}

void account_recall(struct account *account)
{
    const struct memory_result *result = memory_recall(account->memory, account->settings->name);

    for (size_t i = 0; result && i < account->settings->n_endpoints; i++) {
        const struct finding *found = memory_find_finding(result, &account->settings->endpoints[i]);

        if (found && account->findings[i].verdict == VERDICT_UNKNOWN)
            account_know(account, i, found->verdict, &found->evidence);
    }
}

void account_forget_findings(struct account *account)
{
    static const struct evidence none;

    for (size_t i = 0; i < account->settings->n_endpoints; i++) {
        finding_clear(&account->findings[i]);
        account->findings[i].endpoint = account->settings->endpoints[i];
        account->findings[i].verdict = VERDICT_UNKNOWN;
        account_know(account, i, VERDICT_UNKNOWN, &none);
    }
    account->complete = false;
    account->ended_as = STATE_UNCONFIGURED;
    account_changed(account, ACCOUNT_ENDPOINTS);
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

const struct finding *account_last_finding(const struct account *account, size_t index)
{
    const struct memory_result *result;

    if (account->findings[index].verdict != VERDICT_UNKNOWN)
        return &account->findings[index];
    result = memory_recall(account->memory, account->settings->name);
    return result ? memory_find_finding(result, &account->settings->endpoints[index]) : NULL;
}

void account_tell_finding(const struct account *account, size_t index,
                          const struct finding *finding)
{
    const struct finding *last = account_last_finding(account, index);
    const char *how = evidence_text(&finding->evidence, EVIDENCE_HOW);
    const char *by = evidence_text(&finding->evidence, EVIDENCE_BY);
    char text[ENDPOINT_STRING_MAX];

    journal(EVENT_VERDICT,
            FACTS(account, .finding = finding, .repeated = last && is_same(last, finding)),
            "%s: %s%s%s%s%s", endpoint_format(&finding->endpoint, text),
            verdict_to_string(finding->verdict), how ? ", " : "", how ? how : "", by ? " by " : "",
            by ? by : "");
}

void account_record(struct account *account)
{
    const struct account_settings *settings = account->settings;

    if (memory_record(account->memory, settings->name, account->findings, settings->n_endpoints,
                      account->chosen, account->checked_at, account->took_ms) < 0)
        journal(EVENT_CHECK_FAILED, FACTS(account), "out of memory, the check is not remembered");
}

void account_identified(struct account *account)
{
    if (account->complete)
        account_record(account);
    else if (account->provenance != PROVENANCE_CONFIRMED) {
        account_recall(account);
        account_update_choice(account);
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
    account_changed(account, ACCOUNT_SETTINGS);
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
    account_stop_check(account); /* it reads the old settings */
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
    account_changed(account, ACCOUNT_SETTINGS);
    account_forget_findings(
        account); /* nor is anything recalled: it may have worked by what has gone */
    account_update_choice(account);
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
    account->turn = (struct turn){.turns = turns, .come = account_on_turn, .userdata = account};
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
    account_stop_check(account);
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
        account_know(account, i, found->verdict, &found->evidence);
        account_tell_finding(account, i, found);
        account_changed(account, ACCOUNT_ENDPOINTS);
        account_update_choice(account);
        if (account->complete)
            account_record(account);
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
