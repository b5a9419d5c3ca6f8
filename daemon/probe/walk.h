/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"
#include "probe/address.h"
#include <systemd/sd-event.h>

/*
 * Path evidence without privileges: SYNs that die on the way, on a port and on a control port of
 * the same server, side by side. Handshakes stay half open, so the server's program sees nothing of
 * them. Bounded: WALK_TRIES times HOPS_MAX and SOUNDINGS_MAX SYNs to each port at the most.
 */
struct walker;

#define WALK_TRIES     3  /* SYNs for one hop and port before it counts as silent */
#define DECISIVE_TRIES 12 /* ... where a verdict hangs on its silence */
#define DATAGRAM_TRIES 6  /* datagrams for the one rung that they are for */
#define SOUNDINGS_MAX  60 /* SYNs at full reach before a silence stays undecided */
#define SOUNDINGS_DEAD 15 /* ... before a control port that answers none is dead */

enum walk_purpose {
    WALK_PATH,    /* where is what we have seen: who sent an ICMP error, who accepted */
    WALK_SILENCE, /* also decide whether the port's silence is a drop */
    WALK_RESET,   /* also whether resets come from the server */
};

enum walk_result {
    WALK_DONE,      /* the walk says all it can; WALK_SILENCE: the port is dropped */
    WALK_UNDECIDED, /* WALK_SILENCE: the bounds are reached and nothing is certain */
    WALK_DEAD,      /* WALK_SILENCE: the control port does not answer at this address either */
    WALK_MISLED,    /* the control port does not lead to the server */
    WALK_OPEN,      /* WALK_SILENCE: the port has answered after all */
};

/* The walk is over; its data is walker_walk(). WALK_OPEN: `fd` is a connection to the port, the
 * receiver's; else -1. Called once, from the loop; it may not free the walker. */
typedef void (*walk_callback)(struct walker *walker, enum walk_result result, int fd,
                              void *userdata);

struct walk_control {
    uint16_t port;   /* may be the port itself where there is no other */
    bool unproved;   /* what answers there has not proved to be the server */
    bool datagrams;  /* UDP: whether there is a router where a port that is reset seems to be */
    unsigned rtt_us; /* how long it takes to answer */
};

#define WALK_DATAGRAM_PORT 33434 /* traceroute(8)'s: nobody listens there */

/* 0 or negative errno. */
int walker_new(struct walker **ret, sd_event *event, const union address *server, uint16_t port,
               const struct walk_control *control, enum walk_purpose purpose,
               walk_callback callback, void *userdata);
struct walker *walker_free(struct walker *walker);

const struct walk *walker_walk(const struct walker *walker); /* lives as long as the walker */
