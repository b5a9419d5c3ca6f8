/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Words and look-ups on observations; no conclusions, those are judge.c's. */
#include "judge/observation.h"

const char *how_to_string(enum how how)
{
    static const char *const words[N_HOW] = {
        [HOW_NONE] = "",
        [HOW_DROPPED] = "dropped",
        [HOW_RESET] = "reset",
        [HOW_ADMIN_PROHIBITED] = "admin-prohibited",
        [HOW_NET_UNREACHABLE] = "net-unreachable",
        [HOW_HOST_UNREACHABLE] = "host-unreachable",
        [HOW_PORT_UNREACHABLE] = "port-unreachable",
        [HOW_TTL_EXCEEDED] = "ttl-exceeded",
    };

    return words[how];
}

const struct attempt *observation_connected(const struct observation *observation)
{
    for (size_t i = 0; i < observation->n_attempts; i++)
        if (observation->attempts[i].end == ATTEMPT_CONNECTED)
            return &observation->attempts[i];
    return NULL;
}
