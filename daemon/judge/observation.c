/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Words and look-ups on observations; no conclusions, those are judge.c's. */
#include "judge/observation.h"
#include <string.h>

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

const char *login_outcome_to_string(enum login_outcome outcome)
{
    static const char *const words[N_LOGIN_OUTCOME] = {
        [LOGIN_NONE] = "",
        [LOGIN_ACCEPTED] = "accepted",
        [LOGIN_REFUSED] = "refused",
        [LOGIN_DEFERRED] = "deferred",
        [LOGIN_WITHHELD] = "withheld",
        [LOGIN_FORGED] = "forged",
    };

    return words[outcome];
}

const struct attempt *observation_connected(const struct observation *observation)
{
    for (size_t i = 0; i < observation->n_attempts; i++)
        if (observation->attempts[i].end == ATTEMPT_CONNECTED)
            return &observation->attempts[i];
    return NULL;
}

bool observation_is_proved(const struct observation *observation)
{
    return evidence_text(&observation->evidence, EVIDENCE_TLS) &&
           !evidence_text(&observation->evidence, EVIDENCE_CERTIFICATE);
}

bool observation_is_smtp(const struct observation *observation)
{
    return evidence_text(&observation->evidence, EVIDENCE_GREETING) ||
           observation_is_proved(observation);
}

bool observation_is_http(const struct observation *observation)
{
    const char *text = evidence_text(&observation->evidence, EVIDENCE_REPLY);

    return (observation->halt == HALT_NOT_SMTP || observation->halt == HALT_NOT_TLS) && text &&
           strncmp(text, "HTTP/", strlen("HTTP/")) == 0;
}

bool observation_is_mute(const struct observation *observation)
{
    return observation_connected(observation) && observation->halt == HALT_TIMEOUT &&
           !evidence_text(&observation->evidence, EVIDENCE_GREETING);
}
