/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/kernel.h"
#include "watch/watch.h"

/* What the kernel's tables mean for somebody who wants to reach a mail server. Pure functions. */

/*
 * The way out of each family; the rest of *ret is empty. `far_...` is where the kernel sends what
 * goes to NETWORK_FAR_IPV4 and NETWORK_FAR_IPV6; NULL where it was not asked.
 */
void network_from_kernel(const struct kernel_state *kernel, const struct kernel_lookup *far_ipv4,
                         const struct kernel_lookup *far_ipv6, struct network *ret);

/* Nobody's, but within what is routed in the world: the relay anycast that RFC 7526 has given up;
 * the first address of global unicast. Nothing is ever sent there. */
#define NETWORK_FAR_IPV4 "192.88.99.1"
#define NETWORK_FAR_IPV6 "2000::1"

/* What our address on this way is in; none on a link that has no network, only another end. */
struct ip network_prefix(const struct way_out *way);

/* The same link, gateway and prefix; false where there is no way out. */
bool network_way_is_same(const struct way_out *a, const struct way_out *b);

/* The same ways out, identity and name; `since` does not count. */
bool network_equal(const struct network *a, const struct network *b);
