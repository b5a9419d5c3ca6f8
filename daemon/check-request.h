/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/finding.h"

/* What the probe is asked for: one line with its end, as daemon/probe/request.h has it; new. NULL
 * without memory. */
char *check_request(const struct account_settings *settings, const struct finding *expected,
                    size_t n_expected);
