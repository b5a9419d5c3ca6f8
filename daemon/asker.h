/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/ip.h"
#include <systemd/sd-event.h>

/* Has the probe ask for a gateway's link address, where the daemon may open no socket to do it. */
struct asker;

/* Whether the question of this asker's that was last is out. It may not free the asker. */
typedef void (*asker_callback)(bool asked, void *userdata);

int asker_new(struct asker **ret, sd_event *event, asker_callback callback, void *userdata);
struct asker *asker_free(struct asker *asker);

/* Asks on the link with this index who has `address`; an earlier question that is not out yet is
 * given up. 0 or negative errno. */
int asker_ask(struct asker *asker, int ifindex, const struct ip *address);
