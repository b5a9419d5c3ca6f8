/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include <sys/types.h>

/* From verdicts to the endpoint to use, and to the state of the account: pure functions. */

/* What an account accepts; "MinimumSecurity" in its file. */
enum minimum_security { MINIMUM_VERIFIED, MINIMUM_ENCRYPTED, MINIMUM_NONE, N_MINIMUM };

const char *minimum_security_to_string(enum minimum_security minimum);
int minimum_security_from_string(const char *text, enum minimum_security *ret); /* 0 or -EINVAL */

/*
 * The index of the endpoint to use among `findings` (in order of preference), or -1. What works
 * (also where only the login was refused) comes first; then, only as far as the account accepts
 * them, encrypted but unverified, then cleartext.
 */
ssize_t choose(const struct finding *findings, size_t n, enum minimum_security minimum);

/* The security to use there: a STARTTLS port without STARTTLS is a cleartext one. */
enum security choose_security(const struct finding *finding);

/*
 * The account's state once its check has ended. `online`: there is a default route. `chosen`: from
 * choose().
 */
enum state choose_state(const struct finding *findings, size_t n, ssize_t chosen, bool online);
