/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/bell.h"
#include "watch/kernel.h"
#include "watch/watch.h"

/* Finds out on which network a way out leads: asks for what the tables lack, and waits for it. */
struct identify;

/* Has somebody else ask, who may open sockets, as neighbour_ask(): 0 says that the question is on
 * its way, and identify_asked() how that went. */
typedef int (*identify_ask)(int ifindex, const struct ip *address, void *userdata);
void identify_set_ask(struct identify *identify, identify_ask ask, void *userdata);
void identify_asked(struct identify *identify, bool asked);

/* Rings the bell when it knows more. 0 or negative errno. */
int identify_new(struct identify **ret, sd_event *event, struct bell *bell,
                 const uint8_t salt[static WATCH_SALT_SIZE]);
struct identify *identify_free(struct identify *identify);

/*
 * Gives `network`, whose ways out come from `kernel`, its id and name as far as they are known.
 * `domain` is the resolver's. True where the primary way is numbered as before and this is another
 * network all the same: another gateway, or another Wi-Fi.
 */
bool identify_network(struct identify *identify, const struct kernel_state *kernel,
                      const char *domain, struct network *network);
