/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include <stddef.h>

/* What networks agree on about an endpoint: a pure function, from what was found on each of them to
 * what is to be expected on the next one. */

enum { LEARN_NOTHING = 1 }; /* they have not said enough, or contradict each other */

/*
 * `sightings`: the same endpoint on networks that are all different, the most recent first. *ret is
 * what the probe takes as expected: the verdict, and of the evidence only pin, greeting and tls,
 * each where the networks agree on it, and the auth that was offered last. 0, LEARN_NOTHING,
 * -ENOMEM.
 */
int learn(const struct finding *const *sightings, size_t n, struct finding *ret);
