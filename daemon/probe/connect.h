/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"
#include "probe/resolve.h"
#include <systemd/sd-event.h>

/*
 * One TCP connection to one port of a host with several addresses: they race as RFC 8305 has it,
 * and what became of each attempt is written down.
 */

struct race;

/* The race is over: `fd` is connected (the receiver owns it), or -1. Called once, from the loop. */
typedef void (*race_callback)(int fd, void *userdata);

/*
 * `observation` takes the attempts and has to live as long as the race. `limit_ms`: how long an
 * answer is waited for, from the first attempt on. 0 or negative errno.
 */
int race_new(struct race **ret, sd_event *event, uint16_t port, unsigned limit_ms,
             struct observation *observation, race_callback callback, void *userdata);
struct race *race_free(struct race *race);

/* The addresses of one family are known (n may be 0); called once for each family. */
void race_add(struct race *race, int family, const union address *addresses, size_t n);

/* Whether attempt `index` of the observation is still under way, and for at least this long. */
bool race_is_pending(const struct race *race, size_t index, uint64_t age_us);

/* Starts the next attempt now: those under way take longer than they should. */
void race_hurry(struct race *race);

/* What others found out about a pending attempt: it will not be answered, or `fd` is a connection
 * to the same place (taken over). */
void race_drop(struct race *race, size_t index);
void race_adopt(struct race *race, size_t index, int fd);
