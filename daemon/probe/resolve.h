/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "probe/address.h"
#include <stddef.h>
#include <systemd/sd-event.h>

/* Host names to addresses: c-ares on the event loop, A and AAAA side by side, nothing cached. */

#define ADDRESSES_MAX 8 /* of one family; more are left out */

struct resolver;

/* 0; negative errno. `timeout_ms` bounds each look-up. */
int resolver_new(struct resolver **ret, sd_event *event, unsigned timeout_ms);
struct resolver *resolver_free(struct resolver *resolver); /* ends open look-ups without a word */

/*
 * The addresses of one family, in the order of RFC 6724; n = 0: none, and then `problem` is a word
 * for why ("no such host name", "no answer from the name server", ...), static text. With the
 * second family's it is why neither has any: the more telling of the two.
 */
typedef void (*resolve_callback)(int family, const union address *addresses, size_t n,
                                 const char *problem, void *userdata);

/*
 * Looks `host` up: two callbacks follow, one for each family, not necessarily later than this call.
 * An address literal is its own answer; a name beyond ASCII is looked up as IDNA has it. 0 or
 * -ENOMEM.
 */
int resolver_lookup(struct resolver *resolver, const char *host, resolve_callback callback,
                    void *userdata);

/* Whether a name server has said so, and not merely said nothing; `problem` is a callback's. */
bool resolve_problem_is_final(const char *problem);
