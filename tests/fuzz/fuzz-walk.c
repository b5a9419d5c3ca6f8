/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Walks and observations as no network makes them, read and judged: what comes of them stays within
 * the vocabulary and on the path, and names nobody who has not answered.
 */
#include "fuzz.h"
#include "judge/judge.h"
#include "judge/locate.h"
#include <netinet/in.h>

#define SERVER "192.0.2.25"

static const char *const addresses[] = {
    "", "10.20.0.1", "198.51.100.2", "2001:db8::1", SERVER, "192.0.2.26", "198.51.100.2", "",
};

static void draw_attempt(struct input *input, struct attempt *attempt)
{
    uint8_t first = draw(input), second = draw(input);

    attempt->family = first & 0x80 ? AF_INET6 : AF_INET;
    attempt->end = (enum attempt_end)(first & 7);
    attempt->by_self = first & 0x40;
    attempt->on_link = first & 0x20;
    attempt->at_once = first & 0x10;
    attempt->how = (enum how)(second % N_HOW);
    attempt->us = (unsigned)second * 1000;
    strcpy(attempt->by, addresses[second >> 5]);
    strcpy(attempt->address, first & 8 ? "2001:db8::25" : SERVER);
}

static void draw_walk(struct input *input, struct walk *walk)
{
    uint8_t first = draw(input), second = draw(input), rungs = draw(input) % (HOPS_MAX + 1);

    walk->alone = first & 0x80;
    walk->unproved = first & 0x40;
    walk->reset_origin = (enum origin)(second % (ORIGIN_NEARER + 1));
    walk->distance = first % (HOPS_MAX + 1);
    walk->soundings.control_sent = draw(input);
    walk->soundings.port_sent = draw(input);
    walk->soundings.control_answered = draw(input) % (walk->soundings.control_sent + 1);
    walk->soundings.port_answered = second & 0x80 ? 1 : 0;
    for (unsigned ttl = 1; ttl <= rungs; ttl++) {
        draw_attempt(input, &walk->port[ttl]);
        draw_attempt(input, &walk->control[ttl]);
    }
}

static void draw_evidence(struct input *input, struct evidence *evidence)
{
    static const enum evidence_key keys[] = {EVIDENCE_GREETING, EVIDENCE_REPLY, EVIDENCE_TLS,
                                             EVIDENCE_CERTIFICATE, EVIDENCE_PIN};
    uint8_t which = draw(input);

    for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
        size_t length = which & (1u << i) ? draw(input) : 0;

        if (length > input->n)
            length = input->n;
        if (which & (1u << i))
            CHECK(evidence_set_bytes(evidence, keys[i], input->bytes, length) == 0);
        input->bytes += length;
        input->n -= length;
    }
    if (which & 0x80)
        evidence_set_number(evidence, EVIDENCE_CODE, (uint64_t)draw(input) * 3);
}

static void draw_observation(struct input *input, struct observation *observation,
                             const struct walk walks[static 2])
{
    uint8_t first = draw(input), second = draw(input);

    observation->stage = (enum stage)(first & 7);
    if (observation->stage <= STAGE_CONNECT)
        observation->halt = HALT_FAILED;
    else if (observation->stage < STAGE_COMPLETE)
        observation->halt = (enum halt)(HALT_TIMEOUT + second % (HALT_CERTIFICATE - HALT_FAILED));
    observation->garbled = first & 0x10;
    observation->auth = first & 0x20;
    observation->n_attempts = draw(input) % (ATTEMPTS_MAX + 1);
    for (size_t i = 0; i < observation->n_attempts; i++) {
        draw_attempt(input, &observation->attempts[i]);
        if (draw(input) & 1)
            observation->attempts[i].walk = &walks[i % 2];
    }
    draw_evidence(input, &observation->evidence);
}

static void check_place(const struct walk *walk, struct place place)
{
    bool answers = false;

    CHECK(place.hop <= HOPS_MAX);
    CHECK(place.confidence);
    for (unsigned ttl = 1; place.by && ttl <= HOPS_MAX; ttl++)
        answers |= place.by == walk->port[ttl].by || place.by == walk->control[ttl].by;
    CHECK(!place.by || answers);
}

static void check_walk(const struct walk *walk)
{
    struct place place;

    for (size_t i = 0; i < ELEMENTSOF(addresses); i++)
        CHECK(locate_router(walk, addresses[i]).hop <= HOPS_MAX);
    if (walk_is_misled(walk))
        return;
    check_place(walk, locate_drop(walk));
    place = locate_reset(walk);
    check_place(walk, place);
    /* On the way is nearer than the server, unless it is at the first hop itself, or unknown where. */
    CHECK(place.at_server || place.hop < walk->distance || walk->distance <= 1);
    if (locate_proxy(walk, false, &place)) {
        check_place(walk, place);
        CHECK(place.hop > 0 && place.hop <= walk->distance);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t kind = draw(&input);
    struct walk walks[2] = {0};
    struct observation observation = {0}, sibling = {0};
    struct finding expected = {{SERVER, 587, SECURITY_STARTTLS}, VERDICT_UNKNOWN, {{{0}}, {0}}};
    struct finding finding = {
        {SERVER, 25, (enum security)(kind % N_SECURITY)}, VERDICT_UNKNOWN, {{{0}}, {0}}};
    struct siblings siblings = {0};
    size_t walked = 0;

    for (size_t i = 0; i < ELEMENTSOF(walks); i++) {
        draw_walk(&input, &walks[i]);
        check_walk(&walks[i]);
    }
    draw_observation(&input, &observation, walks);
    draw_observation(&input, &sibling, walks);
    expected.verdict = (enum verdict)(draw(&input) % N_VERDICT);
    draw_evidence(&input, &expected.evidence);
    if (kind & 0x80)
        siblings_add(&siblings, &sibling);

    (void)judge_must_wait(&observation, &siblings);
    if (judge_wanted_walk(&observation, &walked) != WANTED_NONE)
        CHECK(walked < observation.n_attempts);
    CHECK(judge(&observation, &siblings, kind & 0x40 ? &expected : NULL, &finding) == 0);
    check_judgement(&finding);
    CHECK(evidence_number(&finding.evidence, EVIDENCE_HOP) <= HOPS_MAX);
    CHECK(finding.verdict != VERDICT_WORKS || observation.stage == STAGE_COMPLETE);
    finding_clear(&finding);
    finding_clear(&expected);
    evidence_clear(&observation.evidence);
    evidence_clear(&sibling.evidence);
    return 0;
}
