/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What networks agree on. A certificate that verifies is the server's own word, wherever it was
 * heard: one network is enough, for no network can forge it. What has proved nothing counts where
 * two networks say the same and none says otherwise. Nothing is ever learnt from what a network did
 * to the connection, but for one thing: that a port answers nowhere.
 */
#include "memory/learn.h"
#include "cleanup.h"
#include "error.h"
#include "judge/judge.h"
#include <string.h>

/* A port that was closed on so many networks since it last answered has perhaps been closed by its
 * owner: to expect an answer would accuse each network to come. */
#define STALE_AFTER 4

enum word {
    WORD_NONE,   /* says nothing of the server */
    WORD_PROVED, /* it answered, and its certificate verified */
    WORD_BARE,   /* something answered that proved nothing */
    WORD_CLOSED, /* no connection, and nobody showed that the network did it */
};

static enum word word_of(const struct finding *sighting)
{
    const char *confidence = evidence_text(&sighting->evidence, EVIDENCE_CONFIDENCE);
    bool tls = evidence_text(&sighting->evidence, EVIDENCE_TLS);

    switch (sighting->verdict) {
    case VERDICT_WORKS:
    case VERDICT_NO_AUTH:
    case VERDICT_LOGIN_REFUSED:
        return tls ? WORD_PROVED : WORD_NONE;
    case VERDICT_BAD_CERTIFICATE:
        return tls ? WORD_BARE : WORD_NONE;
    case VERDICT_CLEARTEXT:
        return WORD_BARE;
    case VERDICT_REFUSED:
        return WORD_CLOSED;
    case VERDICT_BLOCKED:
        return confidence && strcmp(confidence, "proven") == 0 ? WORD_NONE : WORD_CLOSED;
    case VERDICT_UNKNOWN:
    case VERDICT_INTERCEPTED:
    case VERDICT_STRIPPED:
    case VERDICT_PORTAL:
    case VERDICT_REJECTED:
    case VERDICT_NOT_SMTP:
    case VERDICT_SLOW:
    case VERDICT_UNRESOLVED:
    case VERDICT_UNREACHABLE:
    case N_VERDICT:
        break;
    }
    return WORD_NONE;
}

/* Where the second has nothing to say it does not contradict. */
static bool texts_agree(const struct finding *a, const struct finding *b, enum evidence_key key)
{
    const char *one = evidence_text(&a->evidence, key);
    const char *other = evidence_text(&b->evidence, key);

    if (!one || !other)
        return true;
    return key == EVIDENCE_GREETING ? greetings_agree(one, other) : strcmp(one, other) == 0;
}

/* What `newest` showed and `other` (NULL: there is none) does not contradict. */
static int expect(const struct finding *newest, const struct finding *other, struct finding *ret)
{
    static const enum evidence_key keys[] = {EVIDENCE_PIN, EVIDENCE_GREETING, EVIDENCE_TLS};
    struct finding expected = {.endpoint = newest->endpoint, .verdict = newest->verdict};
    char *const *auth = evidence_list(&newest->evidence, EVIDENCE_AUTH);

    for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
        const char *text = evidence_text(&newest->evidence, keys[i]);

        /* Its version of TLS may vary; that there is TLS is what counts. */
        if (!text || (other && keys[i] != EVIDENCE_TLS && !texts_agree(newest, other, keys[i])))
            continue;
        if (evidence_set_text(&expected.evidence, keys[i], text) < 0) {
            finding_clear(&expected);
            return -ENOMEM;
        }
    }
    /* A list that is shorter here than there is what whoever wants a password in clear makes of
     * it. Only what is said over TLS that verifies is anybody's word on it. */
    if (word_of(newest) == WORD_PROVED && auth &&
        evidence_set_list(&expected.evidence, EVIDENCE_AUTH, auth) < 0) {
        finding_clear(&expected);
        return -ENOMEM;
    }
    *ret = expected;
    return 0;
}

int learn(const struct finding *const *sightings, size_t n, struct finding *ret)
{
    const struct finding *proved[2] = {NULL}, *bare = NULL;
    size_t n_proved = 0, n_bare = 0, n_closed = 0, n_refused = 0, closed_since = 0;
    bool contradicted = false;

    for (size_t i = 0; i < n; i++)
        switch (word_of(sightings[i])) {
        case WORD_PROVED:
            if (n_proved == 0)
                closed_since = n_closed;
            if (n_proved < ELEMENTSOF(proved))
                proved[n_proved++] = sightings[i];
            break;
        case WORD_BARE:
            if (n_bare++ == 0)
                bare = sightings[i];
            contradicted |= sightings[i]->verdict != bare->verdict ||
                            !texts_agree(bare, sightings[i], EVIDENCE_PIN) ||
                            !texts_agree(bare, sightings[i], EVIDENCE_GREETING);
            break;
        case WORD_CLOSED:
            n_closed++;
            n_refused += sightings[i]->verdict == VERDICT_REFUSED;
            break;
        case WORD_NONE:
            break;
        }
    if (n_proved > 0) /* a server renews its key, or has several machines: two have to agree */
        return closed_since < STALE_AFTER ? expect(proved[0], proved[1], ret) : LEARN_NOTHING;
    if (n_bare > 0)
        return n_bare >= 2 && !contradicted ? expect(bare, NULL, ret) : LEARN_NOTHING;
    if (n_closed < 2 || n_refused == 0)
        return LEARN_NOTHING;
    *ret = (struct finding){.endpoint = sightings[0]->endpoint, .verdict = VERDICT_REFUSED};
    return 0;
}
