/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * A private connection to a message bus on an sd-event loop: made without blocking, greeted, and
 * made again when it was lost. What is said over it is its user's business.
 */
struct bus_connection;

/* None of them may free the connection: that is for after the loop. */
struct bus_connection_callbacks {
    /* The bus has answered Hello: from now on anything can be sent. Also after each reconnection.
     */
    void (*opened)(void *userdata);
    /* What comes in and answers no call of ours. */
    DBusHandlerResult (*message)(DBusMessage *message, void *userdata);
    /*
     * It was closed, or could not be opened; `problem` is one sentence for the user (safe to show),
     * without its end. True: another attempt is to be made, as soon as the bus has a socket again,
     * and else after 1 s growing to 30 s. False: nothing is tried any more.
     */
    bool (*closed)(const char *problem, void *userdata);
};

/* Starts to connect; `name` is what to call the bus, as in "session bus"; without an `address`
 * there is none. 0, or negative errno; then nothing was made. */
int bus_connection_new(struct bus_connection **ret, sd_event *event, const char *name,
                       const char *address, const struct bus_connection_callbacks *callbacks,
                       void *userdata);
struct bus_connection *bus_connection_free(struct bus_connection *connection);

/* Where the session bus is, new, by $DBUS_SESSION_BUS_ADDRESS or $XDG_RUNTIME_DIR; *ret stays NULL
 * without either. 0 or -ENOMEM. */
int bus_session_address(char **ret);

/* libdbus's own, while it is open; else NULL. */
DBusConnection *bus_connection_get(const struct bus_connection *connection);
const char *bus_connection_address(const struct bus_connection *connection); /* or NULL */
unsigned bus_connection_generation(const struct bus_connection *connection); /* counts them */

/* It has served its purpose: after the next loss the first attempt comes soon again. */
void bus_connection_is_good(struct bus_connection *connection);

/* Closes it from the loop, with this problem; the first one is what closed() is told. */
void bus_connection_leave(struct bus_connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Likewise, as the bus answered a call of ours with this error. */
void bus_connection_leave_refused(struct bus_connection *connection, const char *error);

/* Sends what waits to be sent, as far as the bus takes it without being waited for. */
void bus_connection_flush(const struct bus_connection *connection);

/* A call that starts no service, with arguments as for dbus_message_append_args(). NULL without
 * memory. */
DBusMessage *bus_call_new(const char *destination, const char *path, const char *interface,
                          const char *method, int first_type, ...);

/*
 * Sends it (and drops the reference; NULL stands for no memory); `answered` gets the answer within
 * 10 s, or an error. 0 or -ENOMEM. *ret stays NULL where the connection is gone already: its end is
 * reported.
 */
int bus_connection_call(struct bus_connection *connection, DBusMessage *call,
                        DBusPendingCallNotifyFunction answered, void *userdata,
                        DBusPendingCall **ret);

/* The answer, which the caller owns, in exchange for the pending call. NULL where it was given by
 * libdbus in the name of a bus that is gone. */
DBusMessage *bus_connection_take_answer(struct bus_connection *connection,
                                        DBusPendingCall **pending);

/* Waits for the answer no more. Takes NULL, returns NULL. To be done with every call before the
 * connection is closed: in closed(), or before it is freed. */
DBusPendingCall *bus_pending_free(DBusPendingCall *pending);
