/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What networks agree on: a row for each way in which they do, or do not. */
#include "cleanup.h"
#include "error.h"
#include "memory/learn.h"
#include "tap.h"

#define SIGHTINGS_MAX 6

/* One network's word: verdict, TLS or not, key, greeting, confidence. */
struct sighting {
    enum verdict verdict;
    const char *pin, *greeting, *confidence;
    bool tls;
};

#define WORKS(pin, greeting)                                                                       \
    {                                                                                              \
        VERDICT_WORKS, pin, greeting, "proven", true                                               \
    }
#define SELF_SIGNED(pin)                                                                           \
    {                                                                                              \
        VERDICT_BAD_CERTIFICATE, pin, "mail ESMTP", "proven", true                                 \
    }
#define CLEARTEXT(greeting)                                                                        \
    {                                                                                              \
        VERDICT_CLEARTEXT, NULL, greeting, "likely", false                                         \
    }
#define CLOSED(verdict, confidence)                                                                \
    {                                                                                              \
        VERDICT_##verdict, NULL, NULL, confidence, false                                           \
    }

static const struct {
    const char *name;
    struct sighting sightings[SIGHTINGS_MAX]; /* the most recent first, ended by VERDICT_UNKNOWN */
    enum verdict expected;                    /* VERDICT_UNKNOWN: nothing is learnt */
    const char *pin, *greeting;
} cases[] = {
    {"nothing was ever seen", {{0}}, VERDICT_UNKNOWN, NULL, NULL},
    {"one network, and the server proved itself",
     {WORKS("A", "mail ESMTP")},
     VERDICT_WORKS,
     "A",
     "mail ESMTP"},
    {"two that agree", {WORKS("A", "mail x"), WORKS("A", "mail y")}, VERDICT_WORKS, "A", "mail x"},
    {"another key on each: it may have several",
     {WORKS("A", "mail x"), WORKS("B", "mail y")},
     VERDICT_WORKS,
     NULL,
     "mail x"},
    {"another name on each", {WORKS("A", "mx1 x"), WORKS("A", "mx2 x")}, VERDICT_WORKS, "A", NULL},
    {"a new key, seen on two already",
     {WORKS("B", "mail"), WORKS("B", "mail"), WORKS("A", "mail")},
     VERDICT_WORKS,
     "B",
     "mail"},
    {"no AUTH there is as good a proof",
     {{VERDICT_NO_AUTH, "A", "mail", "proven", true}},
     VERDICT_NO_AUTH,
     "A",
     "mail"},
    {"a network in between that intercepts",
     {{VERDICT_INTERCEPTED, "X", "evil", "likely", true}, WORKS("A", "mail")},
     VERDICT_WORKS,
     "A",
     "mail"},
    {"two that intercept by the same key, one that is honest",
     {SELF_SIGNED("X"), SELF_SIGNED("X"), WORKS("A", "mail")},
     VERDICT_WORKS,
     "A",
     "mail"},
    {"what works without TLS has proved nothing",
     {{VERDICT_WORKS, NULL, "mail", "proven", false}},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"a key of its own, on one network", {SELF_SIGNED("A")}, VERDICT_UNKNOWN, NULL, NULL},
    {"a key of its own, on two",
     {SELF_SIGNED("A"), SELF_SIGNED("A")},
     VERDICT_BAD_CERTIFICATE,
     "A",
     "mail ESMTP"},
    {"two keys of somebody's own",
     {SELF_SIGNED("A"), SELF_SIGNED("B")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"a third that contradicts",
     {SELF_SIGNED("A"), SELF_SIGNED("A"), SELF_SIGNED("B")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"no TLS, on one network", {CLEARTEXT("mail")}, VERDICT_UNKNOWN, NULL, NULL},
    {"no TLS, on two",
     {CLEARTEXT("mail a"), CLEARTEXT("mail b")},
     VERDICT_CLEARTEXT,
     NULL,
     "mail a"},
    {"no TLS on one, TLS on another",
     {CLEARTEXT("mail"), SELF_SIGNED("A")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"closed on one", {CLOSED(REFUSED, "guess")}, VERDICT_UNKNOWN, NULL, NULL},
    {"closed on two",
     {CLOSED(REFUSED, "guess"), CLOSED(BLOCKED, "guess")},
     VERDICT_REFUSED,
     NULL,
     NULL},
    {"closed on two, by whom nobody knows",
     {CLOSED(BLOCKED, "guess"), CLOSED(BLOCKED, "likely")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"closed on two, on one of them by the network",
     {CLOSED(REFUSED, "guess"), CLOSED(BLOCKED, "proven")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"closed on two, open on a third",
     {CLOSED(REFUSED, "guess"), CLOSED(REFUSED, "guess"), WORKS("A", "mail")},
     VERDICT_WORKS,
     "A",
     "mail"},
    {"closed on four since it was open",
     {CLOSED(BLOCKED, "likely"), CLOSED(BLOCKED, "likely"), CLOSED(BLOCKED, "likely"),
      CLOSED(BLOCKED, "likely"), WORKS("A", "mail")},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
    {"closed on four, open on the last one",
     {WORKS("A", "mail"), CLOSED(BLOCKED, "likely"), CLOSED(BLOCKED, "likely"),
      CLOSED(BLOCKED, "likely"), CLOSED(BLOCKED, "likely")},
     VERDICT_WORKS,
     "A",
     "mail"},
    {"portals and outages",
     {{VERDICT_PORTAL, NULL, NULL, NULL, false}, {VERDICT_UNREACHABLE, NULL, NULL, NULL, false}},
     VERDICT_UNKNOWN,
     NULL,
     NULL},
};

static void fill(struct finding *finding, const struct sighting *sighting)
{
    const char *const texts[] = {sighting->pin, sighting->greeting, sighting->confidence,
                                 sighting->tls ? "TLSv1.3" : NULL, "CN=mail"};
    static const enum evidence_key keys[] = {EVIDENCE_PIN, EVIDENCE_GREETING, EVIDENCE_CONFIDENCE,
                                             EVIDENCE_TLS, EVIDENCE_SUBJECT};

    *finding = (struct finding){.endpoint = {"mail.example.org", 587, SECURITY_STARTTLS},
                                .verdict = sighting->verdict};
    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (texts[i])
            (void)evidence_set_text(&finding->evidence, keys[i], texts[i]);
    (void)evidence_set_list(&finding->evidence, EVIDENCE_AUTH,
                            (char *[]){(char *)"SCRAM-SHA-256", NULL});
}

int main(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct finding findings[SIGHTINGS_MAX], learnt = {.verdict = VERDICT_UNKNOWN};
        const struct finding *sightings[SIGHTINGS_MAX];
        size_t n = 0;
        int r;

        for (; n < SIGHTINGS_MAX && cases[i].sightings[n].verdict != VERDICT_UNKNOWN; n++) {
            fill(&findings[n], &cases[i].sightings[n]);
            sightings[n] = &findings[n];
        }
        r = learn(sightings, n, &learnt);
        is_number(r, cases[i].expected == VERDICT_UNKNOWN ? LEARN_NOTHING : 0, "%s", cases[i].name);
        is_number(learnt.verdict, cases[i].expected, "%s: the verdict", cases[i].name);
        is_string(evidence_text(&learnt.evidence, EVIDENCE_PIN), cases[i].pin, "%s: the key",
                  cases[i].name);
        is_string(evidence_text(&learnt.evidence, EVIDENCE_GREETING), cases[i].greeting,
                  "%s: the greeting", cases[i].name);
        ok(!evidence_text(&learnt.evidence, EVIDENCE_SUBJECT), "%s: no more", cases[i].name);
        ok(!evidence_list(&learnt.evidence, EVIDENCE_AUTH) ==
               (cases[i].expected != VERDICT_WORKS && cases[i].expected != VERDICT_NO_AUTH),
           "%s: the logins on offer, where the server itself has said so", cases[i].name);
        if (r == 0)
            is_number(learnt.endpoint.port, 587, "%s: the endpoint", cases[i].name);
        finding_clear(&learnt);
        for (size_t j = 0; j < n; j++)
            finding_clear(&findings[j]);
    }
    return tap_done();
}
