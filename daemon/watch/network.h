/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/kernel.h"
#include "watch/watch.h"

/* What the kernel's tables mean for somebody who wants to reach a mail server. Pure functions. */

/*
 * The way out of each family and what the network is called. ret->since is 0: when it began is not
 * in the tables.
 */
void network_from_kernel(const struct kernel_state *kernel, struct network *ret);

/* The same ways out, identity and name; `since` does not count. */
bool network_equal(const struct network *a, const struct network *b);
