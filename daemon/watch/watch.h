/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * What network are we on: follows the kernel over netlink and says when the way out has changed.
 * Events only mark the state dirty; the state is dumped again over a socket of its own and compared
 * as plain values, so that nothing but a real change reaches the callback.
 */

/* The way out of one address family: its default route. All empty where there is none. */
struct way_out {
    int ifindex;                    /* 0: there is no default route of this family */
    char interface[IF_NAMESIZE];    /* safe to show, bytes that are not as '?' */
    char gateway[INET6_ADDRSTRLEN]; /* "" on a point-to-point link */
    char source[INET6_ADDRSTRLEN];  /* our address on that link */
    unsigned char prefix_length;    /* of that address */
};

/* Bytes with the NUL: an interface, two IPv6 addresses and a prefix length fit into each. */
#define NETWORK_ID_MAX   128
#define NETWORK_NAME_MAX 128

struct network {
    struct way_out ipv4, ipv6;
    bool any_address;        /* some address is usable on a running link other than the loopback */
    char id[NETWORK_ID_MAX]; /* "" without a default route; else stable for this network */
    char name[NETWORK_NAME_MAX]; /* for a person; safe to show; "" without a default route */
    uint64_t since;              /* µs since 1970: when the id became this one */
};

/* The family that gives the network its name and identity: IPv4 where there is one, else IPv6;
 * NULL without a default route. */
const struct way_out *network_primary(const struct network *network);

struct watch;

/* `network` is what is now; `moved` says that it is another network (the id differs), not only
 * another way on the same one. */
typedef void (*watch_callback)(const struct network *network, bool moved, void *userdata);

/*
 * Subscribes, reads the present state (to be had from watch_network() at once) and calls back on
 * each change of it. 0 or negative errno.
 */
int watch_new(struct watch **ret, sd_event *event, watch_callback callback, void *userdata);
struct watch *watch_free(struct watch *watch);
const struct network *watch_network(const struct watch *watch);
