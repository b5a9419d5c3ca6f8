/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/kernel.h"

/* What of the kernel's tables can carry a packet to a server, and which way it goes. Pure
 * functions. */

/* The link where it is running and no loopback; NULL where it is not that. */
const struct kernel_link *route_link(const struct kernel_state *kernel, int ifindex);

/* A server elsewhere can answer to it. */
bool route_address_is_usable(const struct kernel_address *address);

/* The usable address that packets on this way are sent from; NULL where there is none. */
const struct kernel_address *route_source(const struct kernel_state *kernel,
                                          const struct kernel_lookup *lookup);

/* The network that an address of ours is in: at most a /64 for IPv6 (RFC 7421; DHCPv6 hands out
 * /128). */
struct ip route_network(const struct ip *address, unsigned prefix_length);

/* The way to one address, without what may change while the way stays: which of our addresses in
 * the same network is used, metrics, which of several equal routers has just answered. */
struct route {
    bool usable; /* else all empty */
    int ifindex;
    char interface[IF_NAMESIZE]; /* safe to show */
    struct ip gateway;
    struct ip network; /* of our address; none on a link that has no network */
};

void route_from_kernel(const struct kernel_state *kernel, const struct kernel_lookup *lookup,
                       struct route *ret);
bool route_equal(const struct route *a, const struct route *b);

/* What has become of the way to `host`, for a person. Cut where it does not fit. */
void route_explain(const char *host, const struct route *before, const struct route *after,
                   char *text, size_t size);
