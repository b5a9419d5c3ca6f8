/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"
#include "probe/address.h"
#include <systemd/sd-event.h>

/* One TCP connection attempt to one address, and what became of it. */
struct dial;

struct dial_options {
    int ttl;        /* of what is sent; 0: the usual */
    int min_ttl;    /* packets that come with less are not heard (RFC 5082); 0: all are */
    bool half_open; /* the handshake is never completed: the server's program sees nothing of it */
    bool datagram;  /* UDP instead, as traceroute(8) has it: nothing connects, only ICMP ends it */
};

/*
 * The attempt has ended as dial_attempt() says. ATTEMPT_CONNECTED: `fd` is the socket, the
 * receiver's from here on; else -1. Called once, from the loop; it may free the dial.
 */
typedef void (*dial_callback)(struct dial *dial, int fd, void *userdata);

/* Sends the SYN; `to` has the port in it. `options` may be NULL. 0 or negative errno. */
int dial_new(struct dial **ret, sd_event *event, const union address *to,
             const struct dial_options *options, dial_callback callback, void *userdata);

/* Ends it, if it has not ended, as `end` (SILENT, ABANDONED); no callback comes. */
void dial_stop(struct dial *dial, enum attempt_end end);
struct dial *dial_free(struct dial *dial);

const struct attempt *dial_attempt(const struct dial *dial);
uint64_t dial_age_us(const struct dial *dial); /* since its SYN */
