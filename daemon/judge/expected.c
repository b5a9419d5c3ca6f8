/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What a server showed elsewhere settles what one network alone leaves open: whether a port is
 * closed by the server or by the network, whether STARTTLS was never offered or removed, whether
 * another certificate or greeting is the server's own.
 */
#include "cleanup.h"
#include "error.h"
#include "judge/conclusion.h"
#include "judge/judge.h"
#include <string.h>

static int differs(struct evidence *evidence, const char *expected, const char *found)
{
    int r = evidence_set_text(evidence, EVIDENCE_EXPECTED, expected);

    return r == 0 ? evidence_set_text(evidence, EVIDENCE_FOUND, found) : r;
}

static bool has_answered(enum verdict verdict)
{
    return verdict == VERDICT_WORKS || verdict == VERDICT_NO_AUTH ||
           verdict == VERDICT_LOGIN_REFUSED || verdict == VERDICT_CLEARTEXT;
}

bool greetings_agree(const char *a, const char *b)
{
    size_t length = strcspn(a, " ");

    return length == strcspn(b, " ") && strncasecmp(a, b, length) == 0;
}

/* A port that works elsewhere is open at its server; one that never did is closed there. What
 * somebody has said or a walk has shown stands. */
static int judge_closed(const struct finding *expected, struct conclusion *conclusion,
                        struct evidence *evidence)
{
    bool open = has_answered(expected->verdict);

    if (strcmp(conclusion->confidence, "proven") == 0 ||
        (!open && expected->verdict != VERDICT_REFUSED))
        return 0;
    conclusion->verdict = open ? VERDICT_BLOCKED : VERDICT_REFUSED;
    conclusion->confidence = "likely";
    return open ? differs(evidence, verdict_to_string(expected->verdict),
                          how_to_string(conclusion->how))
                : 0;
}

/* No TLS where there was: somebody has taken it away. */
static int judge_cleartext(const struct finding *expected, struct conclusion *conclusion,
                           struct evidence *evidence)
{
    if (expected->endpoint.security != SECURITY_STARTTLS ||
        !evidence_text(&expected->evidence, EVIDENCE_TLS))
        return 0;
    conclusion->verdict = VERDICT_STRIPPED;
    conclusion->confidence = "proven";
    return differs(evidence, "STARTTLS", "no STARTTLS");
}

/* Whether all that is wrong with the certificate is its time or its strength: somebody who is
 * trusted has signed this key for this name (certificate.h has the order in which faults are told).
 */
static bool is_vouched_for(const struct evidence *evidence)
{
    static const char *const faults[] = {"expired", "not-yet-valid", "revoked", "weak"};
    const char *fault = evidence_text(evidence, EVIDENCE_CERTIFICATE);

    for (size_t i = 0; fault && i < ELEMENTSOF(faults); i++)
        if (strcmp(fault, faults[i]) == 0)
            return true;
    return false;
}

/* Another key: with a certificate that verifies, or did once, it is the server's own, else somebody
 * else's. */
static int judge_key(const struct finding *expected, bool bound, struct conclusion *conclusion,
                     struct evidence *evidence)
{
    const char *pin = evidence_text(&expected->evidence, EVIDENCE_PIN);
    const char *seen = evidence_text(evidence, EVIDENCE_PIN);

    if (!pin || !seen || strcmp(pin, seen) == 0)
        return 0;
    if (conclusion->verdict == VERDICT_BAD_CERTIFICATE && !is_vouched_for(evidence)) {
        conclusion->verdict = VERDICT_INTERCEPTED;
        conclusion->confidence = "likely";
    }
    /* A server that renews its key takes the login all the same; to one that sits behind somebody
     * else's TLS, a login that is tied to that TLS is wrong. */
    if (conclusion->verdict == VERDICT_LOGIN_REFUSED && bound) {
        conclusion->verdict = VERDICT_INTERCEPTED;
        conclusion->confidence = "likely";
    }
    return differs(evidence, pin, seen);
}

/* Another name in the greeting, from what has not proved who it is. */
static int judge_greeting(const struct finding *expected, struct conclusion *conclusion,
                          struct evidence *evidence)
{
    const char *greeting = evidence_text(&expected->evidence, EVIDENCE_GREETING);
    const char *seen = evidence_text(evidence, EVIDENCE_GREETING);

    if (!greeting || !seen || greetings_agree(greeting, seen))
        return 0;
    if (conclusion->verdict != VERDICT_STRIPPED)
        conclusion->verdict = VERDICT_INTERCEPTED;
    conclusion->confidence = "likely";
    return differs(evidence, greeting, seen);
}

int judge_expected(const struct observation *observation, const struct finding *expected,
                   struct conclusion *conclusion, struct evidence *evidence)
{
    int r = 0;

    if (observation->stage == STAGE_CONNECT)
        return conclusion->verdict == VERDICT_BLOCKED || conclusion->verdict == VERDICT_REFUSED
                   ? judge_closed(expected, conclusion, evidence)
                   : 0;
    if (observation->halt == HALT_RESET || observation->halt == HALT_STOPPED)
        return judge_closed(expected, conclusion, evidence);
    if (conclusion->verdict == VERDICT_CLEARTEXT)
        r = judge_cleartext(expected, conclusion, evidence);
    if (r == 0 && observation_connected(observation) && !evidence_text(evidence, EVIDENCE_TLS))
        r = judge_greeting(expected, conclusion, evidence);
    return r == 0 ? judge_key(expected, observation->bound, conclusion, evidence) : r;
}
