/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

/* What makes a libdbus connection run on an event loop: its descriptor, its timeouts, its queue. */
struct bus_loop;

/*
 * Takes over watches, timeouts and dispatching of `connection`, which must live until
 * bus_loop_free(). 0 or negative errno.
 */
int bus_loop_new(struct bus_loop **ret, sd_event *event, DBusConnection *connection);

/* Lets go of the connection; never to be called beneath one of its callbacks. */
struct bus_loop *bus_loop_free(struct bus_loop *loop);
