/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel has: links, addresses and the default routes of the main table, as plain values
 * in the kernel's own order, read in one go. Nothing here judges what is of use (see network.h).
 */

struct ip {
    unsigned char family; /* AF_INET, AF_INET6; 0: none */
    unsigned char bytes[16];
};

struct kernel_link {
    int index;
    char name[IF_NAMESIZE]; /* safe to show */
    bool running;           /* up, and with somebody at the other end */
    bool loopback;
    bool tunnel; /* made by a program or the kernel to carry packets inside others */
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

struct kernel_state {
    struct kernel_link *links;
    struct kernel_address *addresses;
    struct kernel_route *routes;
    size_t n_links, n_addresses, n_routes;
};

enum kernel_answer {
    KERNEL_CHANGING = 1, /* the tables changed under each of several attempts: ask again later */
};

/* Dumps the state over a socket of its own, which is closed again. 0, KERNEL_CHANGING or negative
 * errno; the caller clears *ret. */
int kernel_read(struct kernel_state *ret);
void kernel_state_clear(struct kernel_state *state);

/* The negative errno for what libnl returned as a negative NLE_*. */
int kernel_errno(int nl_error);
