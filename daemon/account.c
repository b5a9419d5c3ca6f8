/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The account's life on a network. Verdicts belong to the present network and are kept until a new
 * check replaces them one by one; on another network they start anew. The choice follows from the
 * verdicts alone, at any moment: the first good endpoint is chosen as soon as it is known, a better
 * one replaces it. State changes pass enter_state(), the choice passes update_choice(), and nothing
 * else writes either.
 */
#include "account.h"
#include "check.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* How long after a check that found nothing the next one comes: doubled each time, give or take a
 * fifth. A probe that failed by itself is tried again sooner: no server is bothered by that. */
#define RETRY_NONE_WORKS_S 15
#define RETRY_PROBE_S      1
#define RETRY_LONGEST_S    900

struct account {
    sd_event *event;
    struct account_settings *settings;
    const struct account_listener *listener;
    void *listener_userdata, *userdata;

    enum state state;
    bool online; /* the network has a default route */
    struct finding *findings;
    ssize_t chosen; /* index of the endpoint to use, or -1 */
    uint64_t checked_at;

    struct check *check;
    bool checking; /* the check has not ended; its process may outlive it */
    sd_event_source *retry;
    unsigned retries;
};

DEFINE_CLEANUP(struct account *, account_free)

static uint64_t realtime_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
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
    log_debug("account %s: %s -> %s", account->settings->name, state_to_string(account->state),
              state_to_string(state));
    account->state = state;
    changed(account, ACCOUNT_STATE);
}

static void log_choice(const struct account *account)
{
    char text[ENDPOINT_STRING_MAX];

    if (account->chosen < 0)
        log_notice("account %s: no endpoint works now", account->settings->name);
    else
        log_notice("account %s: %s works", account->settings->name,
                   endpoint_format(&account->findings[account->chosen].endpoint, text));
}

static void update_choice(struct account *account)
{
    ssize_t chosen =
        choose(account->findings, account->settings->n_endpoints, account->settings->minimum);

    if (chosen == account->chosen)
        return;
    account->chosen = chosen;
    log_choice(account);
    changed(account, ACCOUNT_WORKING);
}

/* All endpoints unchecked again. */
static void forget_findings(struct account *account)
{
    for (size_t i = 0; i < account->settings->n_endpoints; i++) {
        finding_clear(&account->findings[i]);
        account->findings[i].endpoint = account->settings->endpoints[i];
        account->findings[i].verdict = VERDICT_UNKNOWN;
    }
    changed(account, ACCOUNT_ENDPOINTS);
    update_choice(account);
}

static void start_check(struct account *account);

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    start_check(userdata);
    return 0;
}

/* Many laptops on one network must not come back in step. */
static uint64_t jittered_us(unsigned seconds)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = (uint32_t)realtime_us();
    return (uint64_t)seconds * (800000 + random % 400000);
}

static void schedule_retry(struct account *account, unsigned first_s)
{
    unsigned shift = account->retries < 10 ? account->retries : 10;
    unsigned delay = first_s << shift;

    account->retries++;
    account->retry = sd_event_source_disable_unref(account->retry);
    if (delay > RETRY_LONGEST_S)
        delay = RETRY_LONGEST_S;
    if (sd_event_add_time_relative(account->event, &account->retry, CLOCK_BOOTTIME,
                                   jittered_us(delay), 0, on_retry, account) < 0)
        log_error("account %s: out of memory, the next check waits for a network change",
                  account->settings->name);
}

static void on_found(size_t index, struct finding *finding, void *userdata)
{
    struct account *account = userdata;

    finding_clear(&account->findings[index]);
    account->findings[index] = *finding;
    changed(account, ACCOUNT_ENDPOINTS);
    update_choice(account);
}

static void on_ended(const char *problem, void *userdata)
{
    struct account *account = userdata;
    size_t n = account->settings->n_endpoints;

    account->checking = false;
    if (problem) {
        log_error("account %s: the check failed: %s", account->settings->name, problem);
        schedule_retry(account, RETRY_PROBE_S);
    } else {
        account->checked_at = realtime_us();
        changed(account, ACCOUNT_CHECKED_AT);
        enter_state(account, choose_state(account->findings, n, account->chosen, account->online));
        if (account->chosen >= 0)
            account->retries = 0;
        else if (account->state != STATE_OFFLINE)
            schedule_retry(account, RETRY_NONE_WORKS_S);
    }
    account->listener->check_ended(account, problem, account->listener_userdata);
}

static const struct check_callbacks check_callbacks = {.found = on_found, .ended = on_ended};

/* Whatever runs is superseded. Without a default route the state stays offline until something
 * answers: a server on the link, or on this machine, needs no default route. */
static void start_check(struct account *account)
{
    int r;

    account->retry = sd_event_source_disable_unref(account->retry);
    account->check = check_free(account->check);
    account->checking = true;
    if (account->online)
        enter_state(account, STATE_CHECKING);
    r = check_new(&account->check, account->event, account->settings, &check_callbacks, account);
    if (r < 0) {
        char problem[128];

        (void)snprintf(problem, sizeof(problem), "mailroam-probe could not be started: %s",
                       strerror(-r));
        on_ended(problem, account);
    }
}

void account_check(struct account *account)
{
    if (account->checking)
        return;
    account->retries = 0;
    start_check(account);
}

void account_set_network(struct account *account, const struct network *network, bool moved)
{
    account->online = network_primary(network);
    account->retries = 0;
    if (moved)
        forget_findings(account);
    if (!account->online && account->chosen < 0)
        enter_state(account, STATE_OFFLINE);
    start_check(account);
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

static void free_findings(struct account *account)
{
    for (size_t i = 0; account->findings && i < account->settings->n_endpoints; i++)
        finding_clear(&account->findings[i]);
    free(account->findings);
}

int account_set_settings(struct account *account, struct account_settings *settings)
{
    struct finding *findings;
    int r = make_findings(settings, &findings);

    if (r < 0)
        return r;
    account->check = check_free(account->check); /* it reads the old settings */
    free_findings(account);
    account_settings_free(account->settings);
    account->settings = settings;
    account->findings = findings;
    account->retries = 0;
    account->chosen = -1;
    changed(account, ACCOUNT_SETTINGS | ACCOUNT_ENDPOINTS | ACCOUNT_WORKING);
    start_check(account);
    return 0;
}

int account_new(struct account **ret, sd_event *event, struct account_settings *settings,
                const struct account_listener *listener, void *userdata)
{
    _cleanup_(account_freep) struct account *account = calloc(1, sizeof(*account));
    int r;

    if (!account)
        return -ENOMEM;
    r = make_findings(settings, &account->findings);
    if (r < 0)
        return r;
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
    check_free(account->check);
    sd_event_source_disable_unref(account->retry);
    free_findings(account);
    account_settings_free(account->settings);
    sd_event_unref(account->event);
    free(account);
    return NULL;
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
    return account->checking;
}

const struct finding *account_findings(const struct account *account)
{
    return account->findings;
}

const struct finding *account_working(const struct account *account)
{
    return account->chosen >= 0 ? &account->findings[account->chosen] : NULL;
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
