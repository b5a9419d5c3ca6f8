/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which endpoint to use. Nothing unverified is chosen unless the account's owner wrote so. */
#include "judge/choose.h"
#include "error.h"
#include <string.h>

static const char *const minimum_words[N_MINIMUM] = {
    [MINIMUM_VERIFIED] = "verified",
    [MINIMUM_ENCRYPTED] = "encrypted",
    [MINIMUM_NONE] = "none",
};

const char *minimum_security_to_string(enum minimum_security minimum)
{
    return minimum_words[minimum];
}

int minimum_security_from_string(const char *text, enum minimum_security *ret)
{
    for (int i = 0; i < N_MINIMUM; i++)
        if (strcmp(text, minimum_words[i]) == 0) {
            *ret = (enum minimum_security)i;
            return 0;
        }
    return -EINVAL;
}

/* Whether mail can be submitted there with just this security. */
static bool gives(const struct finding *finding, enum minimum_security level)
{
    switch (level) {
    case MINIMUM_VERIFIED:
        /* A password that is refused on one port is on the others, too. */
        return finding->verdict == VERDICT_WORKS || finding->verdict == VERDICT_LOGIN_REFUSED;
    case MINIMUM_ENCRYPTED: /* TLS came about, only nobody knows with whom */
        return finding->verdict == VERDICT_BAD_CERTIFICATE &&
               evidence_text(&finding->evidence, EVIDENCE_TLS);
    case MINIMUM_NONE:
        return finding->verdict == VERDICT_CLEARTEXT;
    case N_MINIMUM:
        break;
    }
    return false;
}

ssize_t choose(const struct finding *findings, size_t n, enum minimum_security minimum)
{
    for (int level = MINIMUM_VERIFIED; level <= (int)minimum; level++)
        for (size_t i = 0; i < n; i++)
            if (gives(&findings[i], (enum minimum_security)level))
                return (ssize_t)i;
    return -1;
}

enum security choose_security(const struct finding *finding)
{
    return finding->verdict == VERDICT_CLEARTEXT ? SECURITY_NONE : finding->endpoint.security;
}

enum state choose_state(const struct finding *findings, size_t n, ssize_t chosen, bool online)
{
    bool portal = false, answered = false;

    if (chosen >= 0)
        return chosen == 0 && gives(&findings[0], MINIMUM_VERIFIED) ? STATE_READY : STATE_DEGRADED;
    for (size_t i = 0; i < n; i++) {
        portal |= findings[i].verdict == VERDICT_PORTAL;
        answered |= findings[i].verdict != VERDICT_UNREACHABLE &&
                    findings[i].verdict != VERDICT_UNRESOLVED &&
                    findings[i].verdict != VERDICT_UNKNOWN;
    }
    if (portal)
        return STATE_PORTAL;
    /* Without a default route a server on the link or the loopback may still answer; only where
     * nothing did is the machine offline. */
    return answered || online ? STATE_BLOCKED : STATE_OFFLINE;
}
