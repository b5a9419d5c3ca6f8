/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What of the published state is worth telling, by itself: whether it was told before is the
 * ledger's business. Nothing is claimed from what is remembered or not known yet, so nobody is told
 * what the check is about to disprove.
 */
#include "error.h"
#include "judge/verdict.h"
#include "notify.h"
#include <stdio.h>
#include <string.h>

static bool is_verdict(const struct client_endpoint *endpoint, enum verdict verdict)
{
    return strcmp(endpoint->verdict, verdict_to_string(verdict)) == 0;
}

bool endpoint_tampered(const struct client_endpoint *endpoint)
{
    return is_verdict(endpoint, VERDICT_INTERCEPTED) || is_verdict(endpoint, VERDICT_STRIPPED);
}

bool endpoint_blocked(const struct client_endpoint *endpoint)
{
    return is_verdict(endpoint, VERDICT_BLOCKED);
}

static bool all_checked(const struct client_account *account)
{
    if (strcmp(account->provenance, "remembered") == 0)
        return false;
    for (size_t i = 0; i < account->n_endpoints; i++)
        if (is_verdict(&account->endpoints[i], VERDICT_UNKNOWN))
            return false;
    return true;
}

static enum outlook outlook_of_account(const struct client_account *account)
{
    enum state state;

    if (state_from_string(account->state, &state) < 0)
        return OUTLOOK_NOTHING; /* a newer daemon's */
    switch (state) {
    case STATE_UNCONFIGURED:
    case STATE_OFFLINE:
    case N_STATE:
        return OUTLOOK_NOTHING;
    case STATE_CHECKING:
        return OUTLOOK_UNDECIDED;
    case STATE_PORTAL:
        return OUTLOOK_DECIDED;
    case STATE_READY:
    case STATE_DEGRADED:
    case STATE_BLOCKED:
        break;
    }
    return all_checked(account) ? OUTLOOK_DECIDED : OUTLOOK_UNDECIDED;
}

enum outlook outlook_of(const struct published *published)
{
    enum outlook outlook = OUTLOOK_NOTHING;

    if (!*published->manager.network.id)
        return OUTLOOK_NOTHING;
    for (size_t i = 0; i < published->n_accounts; i++)
        switch (outlook_of_account(published->accounts[i])) {
        case OUTLOOK_UNDECIDED:
            return OUTLOOK_UNDECIDED;
        case OUTLOOK_DECIDED:
            outlook = OUTLOOK_DECIDED;
            break;
        case OUTLOOK_NOTHING:
            break;
        }
    return outlook;
}

void claims_clear(struct claims *claims)
{
    for (size_t i = 0; i < claims->n; i++)
        free(claims->items[i].detail);
    free(claims->items);
    *claims = (struct claims){0};
}

bool claims_have(const struct claims *claims, enum matter matter, const char *detail)
{
    for (size_t i = 0; i < claims->n; i++)
        if (claims->items[i].matter == matter && strcmp(claims->items[i].detail, detail) == 0)
            return true;
    return false;
}

static int claim(struct claims *claims, enum matter matter, const struct client_account *account,
                 const char *format, ...) _printf_(4, 5);

/* Claims it, once. 0 or -ENOMEM. */
static int claim(struct claims *claims, enum matter matter, const struct client_account *account,
                 const char *format, ...)
{
    _cleanup_free_ char *detail = NULL;
    struct claim *grown;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vasprintf(&detail, format, arguments);
    va_end(arguments);
    if (n < 0) {
        detail = NULL;
        return -ENOMEM;
    }
    if (claims_have(claims, matter, detail))
        return 0;
    grown = reallocarray(claims->items, claims->n + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    claims->items = grown;
    grown[claims->n++] = (struct claim){matter, TAKE(detail), account};
    return 0;
}

static int claim_endpoints(struct claims *claims, const struct client_account *account,
                           const struct notify_settings *settings)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < account->n_endpoints; i++) {
        const struct client_endpoint *endpoint = &account->endpoints[i];

        if (endpoint_tampered(endpoint))
            r = claim(claims, MATTER_TAMPERING, account, "%s:%u/%s %s", endpoint->host,
                      endpoint->port, endpoint->security, endpoint->verdict);
        /* Where nothing works at all, that is what matters. */
        else if (account->working.port != 0 && endpoint_blocked(endpoint) &&
                 notify_settings_wants_port(settings, endpoint->port))
            r = claim(claims, MATTER_PORT_BLOCKED, account, "%u", endpoint->port);
    }
    return r;
}

static int claim_account(struct claims *claims, const struct client_account *account,
                         const struct notify_settings *settings)
{
    const struct client_working *working = &account->working;
    int r;

    if (outlook_of_account(account) != OUTLOOK_DECIDED)
        return 0;
    if (strcmp(account->state, state_to_string(STATE_PORTAL)) == 0)
        return claim(claims, MATTER_PORTAL, account, "login");
    r = claim_endpoints(claims, account, settings);
    if (r < 0)
        return r;
    return working->port == 0
               ? claim(claims, MATTER_MAIL_BLOCKED, account, "%s", account->name)
               : claim(claims, MATTER_PORT_CHANGED, account, "%s %s:%u/%s", account->name,
                       working->server, working->port, working->security);
}

int claims_make(const struct published *published, const struct notify_settings *settings,
                struct claims *ret)
{
    struct claims claims = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < published->n_accounts; i++)
        r = claim_account(&claims, published->accounts[i], settings);
    if (r < 0) {
        claims_clear(&claims);
        return r;
    }
    *ret = claims;
    return 0;
}
