/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * Loss is not a block: a sequential test on fresh SYNs to a silent port and to a control port of
 * the same server, sent side by side over the same path.
 */

struct soundings {
    unsigned port_sent, port_answered;       /* SYNs that had time for an answer; answers */
    unsigned control_sent, control_answered; /* likewise */
};

/* The most that an open port may be called dropped: once in a million such tests. */
#define SILENCE_ERROR 1e-6

/*
 * How likely it is that a port open on a path as lossy as the control port shows stays silent as
 * often as this one did. The path's loss is not known, only what the control port's answers say of
 * it (a uniform prior, updated by them). 1 where anything was answered.
 */
double silence_by_loss(const struct soundings *soundings);

/* Whether "dropped" is beyond reasonable doubt: silence_by_loss() below SILENCE_ERROR. */
bool silence_is_a_drop(const struct soundings *soundings);
