/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The gateway's link address: it tells two networks apart that are numbered alike. */

enum neighbour_answer {
    NEIGHBOUR_NOT_ASKED = 1, /* the link or the local firewall did not take the question */
    NEIGHBOUR_FORBIDDEN,     /* this process may open no such socket; another one may */
};

/*
 * Makes the kernel ask on the link with this index who has `address`: its answer comes as a change
 * of the neighbour table, if there is one. 0, NEIGHBOUR_NOT_ASKED, NEIGHBOUR_FORBIDDEN or
 * negative errno.
 */
int neighbour_ask(int ifindex, const struct ip *address);

/* Whether an entry of the neighbour table says who stands there: its state (NUD_*) vouches for the
 * link address, and the link address is one. */
bool neighbour_is_known(uint16_t state, const unsigned char *link_address, size_t length);
