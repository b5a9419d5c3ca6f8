/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "watch/ip.h"
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * What network are we on, and which way do packets to our servers go: follows the kernel over
 * netlink, and the name servers, and says what has changed. Events only mark the state dirty; the
 * state is read again and compared as plain values, so that nothing but a real change reaches the
 * callback.
 */

/* The way out of one address family. All empty where there is none. */
struct way_out {
    int ifindex;                    /* 0: what goes far away cannot be sent */
    char interface[IF_NAMESIZE];    /* safe to show, bytes that are not as '?' */
    bool tunnel;                    /* a VPN */
    char gateway[INET6_ADDRSTRLEN]; /* "" on a point-to-point link */
    char source[INET6_ADDRSTRLEN];  /* our address on that link */
    unsigned char prefix_length;    /* of that address */
};

/* Bytes with the NUL. */
#define NETWORK_ID_MAX   33
#define NETWORK_NAME_MAX 128

struct network {
    struct way_out ipv4, ipv6;
    /* False while the gateway's link address is awaited, a second at most; `id` is empty then. */
    bool identified;
    char id[NETWORK_ID_MAX];     /* "" without a way out; else stable for this network */
    char name[NETWORK_NAME_MAX]; /* for a person; safe to show; "" without a way out */
    uint64_t since;              /* µs since 1970: since when it is this network, or none */
};

/* The family that gives the network its name and identity: IPv4 where there is one, else IPv6;
 * NULL without a way out. */
const struct way_out *network_primary(const struct network *network);

/* A mail server, at one of its addresses. */
struct watch_target {
    char host[HOST_MAX + 1];
    struct ip address;
};

/* What has changed; combined. */
enum watch_change {
    /* Another network, or none any more, or one at last: what was found no longer counts. */
    WATCH_MOVED = 1 << 0,
    /* The way to a server, or to the name servers, is another one. While no target is known: the
     * way out. */
    WATCH_PATH = 1 << 1,
    /* It is described otherwise (id, name, a way out), because more is known of it. */
    WATCH_IDENTITY = 1 << 2,
};

#define WATCH_REASON_MAX (HOST_MAX + 64) /* bytes with the NUL */

struct watch;
struct route; /* route.h */

/* `network` is what is now. `reason` says in words why, with WATCH_MOVED and WATCH_PATH; else it is
 * "". The watch may be freed in it. */
typedef void (*watch_callback)(const struct network *network, unsigned changes, const char *reason,
                               void *userdata);

#define WATCH_SALT_SIZE 16

/*
 * Subscribes, reads the present state (to be had from watch_network() at once) and calls back on
 * each change of it. Networks get their ids from `salt`: without it nobody can tell places from
 * them. 0 or negative errno.
 */
int watch_new(struct watch **ret, sd_event *event, const uint8_t salt[static WATCH_SALT_SIZE],
              watch_callback callback, void *userdata);
struct watch *watch_free(struct watch *watch);
const struct network *watch_network(const struct watch *watch);

/*
 * What asks for a gateway's link address where this process may open no socket to do so: 0 once the
 * question is on its way, and then watch_asked() says whether it got out; else negative errno.
 */
typedef int (*watch_ask)(int ifindex, const struct ip *address, void *userdata);
void watch_set_ask(struct watch *watch, watch_ask ask, void *userdata);
void watch_asked(struct watch *watch, bool asked);

/*
 * Whose ways are followed from now on, instead of those before; copied. A target that is new is
 * taken as it is now, one that stays as it was when last seen: no call back from here. 0 or
 * -ENOMEM.
 */
int watch_set_targets(struct watch *watch, const struct watch_target *targets, size_t n);

/* The way to the target of this place among those set, as last seen. */
const struct route *watch_route(const struct watch *watch, size_t target);
