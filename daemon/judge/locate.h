/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"

/* From a walk to a place on the path: pure functions. */

struct place {
    unsigned hop;           /* 0: not known, or this machine itself */
    const char *by;         /* its address; NULL: it does not say; owned by the walk */
    const char *confidence; /* proven, likely, guess */
    bool at_server;         /* the server's own end, not the network on the way */
};

/*
 * Whether the control port was one: it must end at the server, and so farther away than any router
 * that answers for the port. Where it does not, the walk says nothing about the port.
 */
bool walk_is_misled(const struct walk *walk);

/* Whether a router on the way answered. A server that is a gateway, and passes a port on, answers
 * with its own address: that is the server. */
bool walk_is_router(const struct attempt *walked);

/* The least time to live at which the port ended like this; 0: none. */
unsigned walk_first(const struct attempt *walked, enum attempt_end end);

/* Where a silent port's packets are dropped: `by` and `hop` are the last router that still answers
 * for them, behind which they are lost. */
struct place locate_drop(const struct walk *walk);

/* Who sent a port's resets. */
struct place locate_reset(const struct walk *walk);

/* Which hop the router with this address is; hop 0: not on the way, as far as it was seen. */
struct place locate_router(const struct walk *walk, const char *address);

/*
 * Whether something nearer than the server accepts the port's connections; then where. Where the
 * control port has proved nothing, or is the port itself, it shows for certain only when it is the
 * first hop, and the server is known not to be (`on_link`).
 */
bool locate_proxy(const struct walk *walk, bool on_link, struct place *ret);
