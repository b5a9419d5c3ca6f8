/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * The kernel's notifications as a bell: rings when links, addresses, routes or rules may have
 * changed, at once where it was quiet, and as seldom as keeps the processor free where it is not.
 */
struct bell;

/* Read again what is there, and say how it went by bell_answer() before anything else. The bell may
 * be freed in it afterwards. */
typedef void (*bell_callback)(void *userdata);

/* Notifications are joined when it returns: what is read after it misses none. 0 or negative errno.
 */
int bell_new(struct bell **ret, sd_event *event, bell_callback callback, void *userdata);
struct bell *bell_free(struct bell *bell);

/* How the reading went that the bell asked for: 0; else it rings again after a while, later where
 * the result is negative. */
void bell_answer(struct bell *bell, int result);

/* Somebody else knows of a change. */
void bell_ring(struct bell *bell);

/* Neighbours, too, or no longer. The kernel speaks of them all the time. */
int bell_hear_neighbours(struct bell *bell, bool on);
