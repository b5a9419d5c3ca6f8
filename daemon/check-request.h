/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/finding.h"

/* What the probe is asked for: one line with its end, as daemon/probe/request.h has it; new. NULL
 * without memory. */
char *check_request(const struct account_settings *settings, const struct finding *expected,
                    size_t n_expected);

/* The same for a login at one endpoint, by what the account says; the secret goes behind the line.
 */
char *login_request(const struct account_settings *settings, const struct endpoint *endpoint,
                    const struct finding *expected);
