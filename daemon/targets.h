/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include "watch/watch.h"

#define TARGETS_MAX 64 /* beyond it the oldest is forgotten */

/* The addresses at which servers were found. The way to each is watched from then on: a name server
 * may give another one the next time, and the same one on another network. */
struct targets {
    struct watch_target items[TARGETS_MAX]; /* the newest first */
    size_t n;
};

/* Adds those in `findings`. Whether there was a new one among them. */
bool targets_learn(struct targets *targets, const struct finding *findings, size_t n);

/* Leaves only those whose host is `wanted`. Whether another one was among them. */
bool targets_sweep(struct targets *targets, bool (*wanted)(const char *host, const void *userdata),
                   const void *userdata);
