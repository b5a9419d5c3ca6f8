/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "found/found.h"

/* The settings of a found account: what its client uses comes first, then the default endpoints;
 * nothing but verified encryption is accepted. 0 or negative errno. */
int found_adopt(const struct found_account *account, struct account_settings **ret);
