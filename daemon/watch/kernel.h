/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/ip.h"
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel has, as plain values: the default routes of the main table in its own order, the
 * way that it would take to some addresses, and the links and addresses that these lead over.
 * Nothing here judges what is of use (see network.h, route.h).
 */

#define KERNEL_KIND_MAX 16 /* bytes with the NUL */

struct kernel_link {
    int index;
    char name[IF_NAMESIZE]; /* safe to show */
    bool running;           /* up, and with somebody at the other end */
    bool loopback;
    bool tunnel;                /* made by a program or the kernel to carry packets inside others */
    bool point_to_point;        /* nobody has a link address there */
    char kind[KERNEL_KIND_MAX]; /* what made it ("veth", "wireguard"); "" for hardware; safe to show
                                 */
    uint32_t carrier_ups;       /* how often somebody has come to the other end */
};

struct kernel_address {
    int ifindex;
    struct ip local;
    unsigned char prefix_length;
    unsigned char scope; /* RT_SCOPE_* */
    uint32_t flags;      /* IFA_F_* */
};

/* One next hop of a default route: a multipath route gives several of these. */
struct kernel_route {
    int ifindex;
    unsigned char family;
    struct ip gateway; /* none on a point-to-point link; may be IPv6 for an IPv4 route (RFC 5549) */
    struct ip source;  /* the preferred source, where the route names one */
    uint32_t metric;
    int preference; /* RFC 4191: 1 high, 0 medium, -1 low */
};

/* The way of a TCP packet of ours to one address, all policies counted. */
struct kernel_lookup {
    int ifindex; /* 0: it cannot be sent */
    bool local;  /* it stays on this machine */
    struct ip gateway, source;
};

struct kernel_state {
    struct kernel_link *links;
    struct kernel_address *addresses;
    struct kernel_route *routes;
    struct kernel_lookup *lookups; /* as many as were asked for, in their order */
    size_t n_links, n_addresses, n_routes, n_lookups;
};

enum kernel_answer {
    KERNEL_CHANGING = 1, /* the tables changed under each of several attempts: ask again later */
};

/*
 * Reads the state over a socket of its own, which is closed again: the default routes, the ways to
 * `destinations`, and links and addresses of both and of the loopback; nothing of other links, of
 * which a machine may have thousands. 0, KERNEL_CHANGING or negative errno; the caller clears *ret.
 */
int kernel_read(const struct ip *destinations, size_t n, struct kernel_state *ret);
void kernel_state_clear(struct kernel_state *state);

#define LINK_ADDRESS_MAX 32 /* bytes, as in the kernel: MAX_ADDR_LEN */

struct kernel_neighbour {
    size_t length; /* 0: not known (now) */
    unsigned char link_address[LINK_ADDRESS_MAX];
};

/* What the kernel holds about a neighbour; asks nobody. 0 or negative errno. */
int kernel_read_neighbour(int ifindex, const struct ip *address, struct kernel_neighbour *ret);

/* The negative errno for what libnl returned as a negative NLE_*. */
int kernel_errno(int nl_error);
