/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include "judge/observation.h"

/*
 * From what was seen to a verdict: pure functions. One endpoint is judged from its own observation
 * and from how the same server's other ports behaved in the same check, because silence and resets
 * mean nothing by themselves.
 */

struct siblings {
    bool connected;  /* a TCP connection to another port of this server came about */
    bool proved;     /* ... and what answered has proved that it is the server */
    bool smtp;       /* ... or speaks SMTP at least */
    bool http;       /* ... or HTTP */
    bool answered;   /* another port was refused, by a reset or by a policy that ICMP tells of */
    bool connecting; /* another port may still connect */
    bool talking;    /* another port may still prove who it is */
};

/* What the other endpoints of the same host have seen so far. */
void siblings_add(struct siblings *siblings, const struct observation *other);

/* True while the verdict may turn on what siblings still at work will see. */
bool judge_must_wait(const struct observation *observation, const struct siblings *siblings);

enum wanted_walk { WANTED_NONE, WANTED_PATH, WANTED_RESET };

/*
 * Whether a walk to an address of an ended observation can change its verdict or say where: it was
 * reset, a router spoke, or what answered has not proved that it is the server. Then *ret_attempt
 * is the attempt whose address to walk to.
 */
enum wanted_walk judge_wanted_walk(const struct observation *observation, size_t *ret_attempt);

/* Whether a walk can measure by the sibling's port, because it leads to the server: it connects,
 * or, where `proof` is asked for, has proved who it is. */
bool judge_is_control(const struct observation *sibling, bool proof);

/*
 * The verdict on an ended observation, and its evidence: what was read on the way (copied), plus
 * address, family, connect_ms, how, by, hop and confidence. `expected` is what the endpoint showed
 * on networks that are trusted, NULL where that is not known; expected and found say where it
 * differs. finding->endpoint is the caller's and read here for its security; verdict and evidence
 * are written. 0 or -ENOMEM.
 */
int judge(const struct observation *observation, const struct siblings *siblings,
          const struct finding *expected, struct finding *finding);

/* Whether two greetings begin with the same name: what tells servers apart that differ in nothing
 * else. */
bool greetings_agree(const char *a, const char *b);
