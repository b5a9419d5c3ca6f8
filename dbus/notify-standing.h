/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "notify-matters.h"
#include "notify-server.h"

/*
 * What stands on the screen, in a file that ends with the session: a process that starts anew,
 * after a crash or an update, takes over what its predecessor had shown.
 */

/* Takes over what the file says; what makes no sense there is left out. 0 or -ENOMEM. */
int standing_load(struct matters *matters, struct notify_server *server);

/* Writes the file, if what stands has changed since. What goes wrong is logged. */
void standing_save(const struct matters *matters, struct notify_server *server);
