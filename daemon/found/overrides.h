/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/found.h"

/* What the user's own account files stand in place of: who is found under the same name, or the
 * same address, is not taken up. {0} is empty. */
struct overrides {
    struct override *items;
    size_t n;
};

/* There is such a file; `address` may be NULL or "". 0 or -ENOMEM. */
int overrides_add(struct overrides *overrides, const char *name, const char *address);
/* There is no such file any more. */
void overrides_remove(struct overrides *overrides, const char *name);
void overrides_clear(struct overrides *overrides);

/* The name of the one at this place. */
const char *overrides_name(const struct overrides *overrides, size_t at);

/* The name of the file that stands in place of this one, or NULL. */
const char *overrides_find(const struct overrides *overrides, const struct found_account *account);
