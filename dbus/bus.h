/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

/*
 * The session bus on an sd-event loop: a connection that is made without blocking, owns one
 * well-known name, and comes back by itself when the bus went away.
 */
struct bus;

/* None of them may free the bus: that is for after the loop. */
struct bus_callbacks {
    /* The name is ours: calls arrive from now on. Also after each reconnection. */
    void (*ready)(void *userdata);
    /* The bus went away; the connection is being made again (1 s growing to 30 s). */
    void (*lost)(void *userdata);
    /*
     * The bus is of no use to this process: there is none at the first attempt, or the name belongs
     * to somebody else. `problem` is one sentence for the user. Nothing is tried again.
     */
    void (*failed)(const char *problem, void *userdata);
};

/*
 * Starts to connect to the session bus and to ask for `name` (never queued, never replaced). Every
 * object has to be added (object.h) before the loop runs: they are there before the name is.
 * 0, or negative errno; then nothing was made.
 */
int bus_new(struct bus **ret, sd_event *event, const char *name,
            const struct bus_callbacks *callbacks, void *userdata);
struct bus *bus_free(struct bus *bus); /* its objects have to be gone before */

/* Queues a message; the caller keeps its reference. Without a connection it is dropped: whoever
 * comes back reads the properties. 0 or -ENOMEM. */
int bus_send(struct bus *bus, DBusMessage *message);

/* Writes out what is queued, without blocking, before an orderly end. */
void bus_flush(struct bus *bus);
