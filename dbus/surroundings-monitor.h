/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surroundings.h"
#include <systemd/sd-event.h>

/*
 * What logind, NetworkManager, systemd-resolved and UPower (system bus) and the desktop portal
 * (session bus) say about the machine's surroundings, wherever they run and as long as they do.
 * Nothing is started by listening, and nothing is said where there is nobody to listen to.
 */
struct surroundings_monitor;

/* `changes`: surroundings_change, combined. It may not free the monitor. */
typedef void (*surroundings_callback)(const struct surroundings *surroundings, unsigned changes,
                                      void *userdata);

/* Listens from now on, on the buses that the environment names. What is so already is told as a
 * change. 0 or negative errno. */
int surroundings_monitor_new(struct surroundings_monitor **ret, sd_event *event,
                             surroundings_callback callback, void *userdata);
struct surroundings_monitor *surroundings_monitor_free(struct surroundings_monitor *monitor);
