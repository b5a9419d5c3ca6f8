/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The words of verdicts and states, in one table each. */
#include "judge/verdict.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>

static const char *const verdict_words[N_VERDICT] = {
    [VERDICT_UNKNOWN] = "unknown",
    [VERDICT_WORKS] = "works",
    [VERDICT_NO_AUTH] = "no-auth",
    [VERDICT_CLEARTEXT] = "cleartext",
    [VERDICT_BLOCKED] = "blocked",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_INTERCEPTED] = "intercepted",
    [VERDICT_STRIPPED] = "stripped",
    [VERDICT_BAD_CERTIFICATE] = "bad-certificate",
    [VERDICT_PORTAL] = "portal",
    [VERDICT_REJECTED] = "rejected",
    [VERDICT_LOGIN_REFUSED] = "login-refused",
    [VERDICT_NOT_SMTP] = "not-smtp",
    [VERDICT_SLOW] = "slow",
    [VERDICT_UNRESOLVED] = "unresolved",
    [VERDICT_UNREACHABLE] = "unreachable",
};

static const char *const state_words[N_STATE] = {
    [STATE_UNCONFIGURED] = "unconfigured", [STATE_OFFLINE] = "offline",
    [STATE_CHECKING] = "checking",         [STATE_READY] = "ready",
    [STATE_DEGRADED] = "degraded",         [STATE_PORTAL] = "portal",
    [STATE_BLOCKED] = "blocked",
};

/* The index of `text` among `words`, or -EINVAL. */
static int find(const char *text, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -EINVAL;
}

const char *verdict_to_string(enum verdict verdict)
{
    return verdict_words[verdict];
}

int verdict_from_string(const char *text, enum verdict *ret)
{
    int found = find(text, verdict_words, N_VERDICT);

    if (found < 0)
        return found;
    *ret = (enum verdict)found;
    return 0;
}

enum verdict verdict_behind_portal(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_UNKNOWN:
    case VERDICT_WORKS: /* the server was there: the portal lets this through */
    case VERDICT_NO_AUTH:
    case VERDICT_CLEARTEXT:
    case VERDICT_REJECTED:
    case VERDICT_LOGIN_REFUSED:
        return verdict;
    case VERDICT_BLOCKED:
    case VERDICT_REFUSED:
    case VERDICT_INTERCEPTED:
    case VERDICT_STRIPPED:
    case VERDICT_BAD_CERTIFICATE:
    case VERDICT_PORTAL:
    case VERDICT_NOT_SMTP:
    case VERDICT_SLOW:
    case VERDICT_UNRESOLVED:
    case VERDICT_UNREACHABLE:
    case N_VERDICT:
        break;
    }
    return VERDICT_PORTAL;
}

const char *state_to_string(enum state state)
{
    return state_words[state];
}

int state_from_string(const char *text, enum state *ret)
{
    int found = find(text, state_words, N_STATE);

    if (found < 0)
        return found;
    *ret = (enum state)found;
    return 0;
}
