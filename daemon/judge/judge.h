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
    bool connected;      /* a TCP connection to another port of this server came about */
    bool reset;          /* another port answered with a reset */
    bool connecting;     /* another port may still connect */
    unsigned fastest_us; /* the quickest of those connections */
};

/* What the other endpoints of the same host have seen so far. */
void siblings_add(struct siblings *siblings, const struct observation *other);

/* True while the verdict may turn on what siblings still connecting will see. */
bool judge_must_wait(const struct observation *observation, const struct siblings *siblings);

/*
 * The verdict on an ended observation, and its evidence: what was read on the way (copied), plus
 * address, family, connect_ms, how, by and confidence. finding->endpoint is the caller's and read
 * here for its security; verdict and evidence are written. 0 or -ENOMEM.
 */
int judge(const struct observation *observation, const struct siblings *siblings,
          struct finding *finding);
