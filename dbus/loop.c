/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libdbus on sd-event.
 *
 * A connection has one descriptor but two watches on it, one to read and one to write; epoll takes
 * a descriptor once, so there is one source with the union of what the enabled watches want.
 * Messages are dispatched one a turn from a defer source, so that a flood of them never keeps other
 * sources waiting. Where libdbus runs out of memory it is asked again after a pause.
 *
 * It knows nothing of names, objects or reconnecting, and never blocks.
 */
#include "loop.h"
#include "cleanup.h"
#include "error.h"
#include <stdbool.h>
#include <sys/epoll.h>

#define MEMORY_PAUSE_USEC 100000

struct bus_loop {
    sd_event *event;
    DBusConnection *connection;
    DBusWatch *watches[2];
    sd_event_source *io;       /* there while there is a watch */
    sd_event_source *dispatch; /* on while messages wait */
    sd_event_source *memory;   /* on after something failed without memory */
    bool starved;              /* it is on, and messages wait for it, too */
};

DEFINE_CLEANUP(struct bus_loop *, bus_loop_free)

/*
 * The sources exist already and are only switched, from callbacks of libdbus that have no way to
 * report an error; that of epoll_ctl() on a registered descriptor is not to be expected.
 */
static void switch_on(sd_event_source *source)
{
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void start_timer(sd_event_source *source, uint64_t usec)
{
    (void)sd_event_source_set_time_relative(source, usec);
    switch_on(source);
}

static void schedule(struct bus_loop *loop, DBusDispatchStatus status)
{
    switch (status) {
    case DBUS_DISPATCH_DATA_REMAINS:
        if (!loop->starved)
            switch_on(loop->dispatch);
        break;
    case DBUS_DISPATCH_NEED_MEMORY:
        start_timer(loop->memory, MEMORY_PAUSE_USEC);
        break;
    case DBUS_DISPATCH_COMPLETE:
        break;
    }
}

/* Dispatching in here is forbidden by libdbus: it holds its lock. */
static void on_status(_unused_ DBusConnection *connection, DBusDispatchStatus status, void *data)
{
    schedule(data, status);
}

/* The next message, to be compared only, and its serial; NULL where there is none. */
static const DBusMessage *first_message(struct bus_loop *loop, dbus_uint32_t *ret_serial)
{
    DBusMessage *message = dbus_connection_borrow_message(loop->connection);

    if (!message)
        return NULL;
    *ret_serial = dbus_message_get_serial(message);
    dbus_connection_return_message(loop->connection, message);
    return message;
}

/* Where there is no memory for a message, libdbus keeps it, and says no more than that there is
 * one: the loop would spin on it and hear of nothing else. */
static int on_dispatch(_unused_ sd_event_source *source, void *data)
{
    struct bus_loop *loop = data;
    dbus_uint32_t serial = 0, serial_then = 0;
    const DBusMessage *message = first_message(loop, &serial);
    DBusDispatchStatus status = dbus_connection_dispatch(loop->connection);

    if (message && first_message(loop, &serial_then) == message && serial == serial_then) {
        loop->starved = true;
        status = DBUS_DISPATCH_NEED_MEMORY;
    }
    schedule(loop, status);
    return 0;
}

static void update_io(struct bus_loop *loop)
{
    uint32_t events = 0;

    for (size_t i = 0; i < ELEMENTSOF(loop->watches); i++) {
        DBusWatch *watch = loop->watches[i];

        if (!watch || !dbus_watch_get_enabled(watch))
            continue;
        if (dbus_watch_get_flags(watch) & DBUS_WATCH_READABLE)
            events |= EPOLLIN;
        if (dbus_watch_get_flags(watch) & DBUS_WATCH_WRITABLE)
            events |= EPOLLOUT;
    }
    (void)sd_event_source_set_io_events(loop->io, events);
    /* Off, as epoll would go on reporting a hang-up that no watch wants. */
    (void)sd_event_source_set_enabled(loop->io, events ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_memory(_unused_ sd_event_source *source, uint64_t usec, void *data)
{
    struct bus_loop *loop = data;

    loop->starved = false;
    if (loop->io)
        update_io(loop);
    schedule(loop, dbus_connection_get_dispatch_status(loop->connection));
    return 0;
}

static int on_io(_unused_ sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct bus_loop *loop = data;
    /* Hang-up and error are delivered whatever the watch asked for: it never asks for them. */
    unsigned flags = (events & EPOLLIN ? DBUS_WATCH_READABLE : 0) |
                     (events & EPOLLOUT ? DBUS_WATCH_WRITABLE : 0) |
                     (events & EPOLLHUP ? DBUS_WATCH_HANGUP : 0) |
                     (events & EPOLLERR ? DBUS_WATCH_ERROR : 0);

    for (size_t i = 0; i < ELEMENTSOF(loop->watches); i++) {
        DBusWatch *watch = loop->watches[i]; /* handling the other one may have removed it */

        if (!watch || !dbus_watch_get_enabled(watch) || dbus_watch_handle(watch, flags))
            continue;
        /* No memory; the event stands, so the loop would spin on it until there is some. */
        if (loop->io)
            (void)sd_event_source_set_enabled(loop->io, SD_EVENT_OFF);
        start_timer(loop->memory, MEMORY_PAUSE_USEC);
    }
    return 0;
}

static dbus_bool_t on_watch_added(DBusWatch *watch, void *data)
{
    struct bus_loop *loop = data;
    DBusWatch **slot = loop->watches[0] ? &loop->watches[1] : &loop->watches[0];

    if (*slot)
        return FALSE;
    if (!loop->io &&
        sd_event_add_io(loop->event, &loop->io, dbus_watch_get_unix_fd(watch), 0, on_io, loop) < 0)
        return FALSE;
    *slot = watch;
    update_io(loop);
    return TRUE;
}

static void on_watch_removed(DBusWatch *watch, void *data)
{
    struct bus_loop *loop = data;

    for (size_t i = 0; i < ELEMENTSOF(loop->watches); i++)
        if (loop->watches[i] == watch)
            loop->watches[i] = NULL;
    if (loop->watches[0] || loop->watches[1])
        update_io(loop);
    else
        loop->io = sd_event_source_disable_unref(loop->io);
}

static void on_watch_toggled(_unused_ DBusWatch *watch, void *data)
{
    update_io(data);
}

/* The interval is asked for each time, as libdbus changes it on the way. */
static void start_timeout(DBusTimeout *timeout)
{
    sd_event_source *source = dbus_timeout_get_data(timeout);

    if (dbus_timeout_get_enabled(timeout))
        start_timer(source, (uint64_t)dbus_timeout_get_interval(timeout) * 1000);
    else
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_timeout(_unused_ sd_event_source *source, uint64_t usec, void *data)
{
    DBusTimeout *timeout = data;

    start_timeout(timeout);             /* libdbus means an interval, sd-event a point in time */
    (void)dbus_timeout_handle(timeout); /* without memory the next interval tries again */
    return 0;
}

static dbus_bool_t on_timeout_added(DBusTimeout *timeout, void *data)
{
    struct bus_loop *loop = data;
    sd_event_source *source;

    if (sd_event_add_time_relative(loop->event, &source, CLOCK_MONOTONIC, 0, 0, on_timeout,
                                   timeout) < 0)
        return FALSE;
    dbus_timeout_set_data(timeout, source, NULL);
    start_timeout(timeout);
    return TRUE;
}

static void on_timeout_removed(DBusTimeout *timeout, _unused_ void *data)
{
    sd_event_source_disable_unref(dbus_timeout_get_data(timeout));
    dbus_timeout_set_data(timeout, NULL, NULL);
}

static void on_timeout_toggled(DBusTimeout *timeout, _unused_ void *data)
{
    start_timeout(timeout);
}

int bus_loop_new(struct bus_loop **ret, sd_event *event, DBusConnection *connection)
{
    _cleanup_(bus_loop_freep) struct bus_loop *loop = calloc(1, sizeof(*loop));
    int r;

    if (!loop)
        return -ENOMEM;
    loop->event = sd_event_ref(event);
    loop->connection = connection;
    if ((r = sd_event_add_defer(event, &loop->dispatch, on_dispatch, loop)) < 0 ||
        (r = sd_event_source_set_enabled(loop->dispatch, SD_EVENT_OFF)) < 0 ||
        (r = sd_event_add_time_relative(event, &loop->memory, CLOCK_MONOTONIC, 0, 0, on_memory,
                                        loop)) < 0 ||
        (r = sd_event_source_set_enabled(loop->memory, SD_EVENT_OFF)) < 0)
        return r;
    if (!dbus_connection_set_watch_functions(connection, on_watch_added, on_watch_removed,
                                             on_watch_toggled, loop, NULL) ||
        !dbus_connection_set_timeout_functions(connection, on_timeout_added, on_timeout_removed,
                                               on_timeout_toggled, loop, NULL))
        return -ENOMEM;
    dbus_connection_set_dispatch_status_function(connection, on_status, loop, NULL);
    /* What is there already is not reported to the function any more. */
    schedule(loop, dbus_connection_get_dispatch_status(connection));
    *ret = TAKE(loop);
    return 0;
}

struct bus_loop *bus_loop_free(struct bus_loop *loop)
{
    if (!loop)
        return NULL;
    dbus_connection_set_dispatch_status_function(loop->connection, NULL, NULL, NULL);
    /* These call the removers above for all that is left; setting none cannot fail. */
    (void)dbus_connection_set_timeout_functions(loop->connection, NULL, NULL, NULL, NULL, NULL);
    (void)dbus_connection_set_watch_functions(loop->connection, NULL, NULL, NULL, NULL, NULL);
    sd_event_source_disable_unref(loop->dispatch);
    sd_event_source_disable_unref(loop->memory);
    sd_event_unref(loop->event);
    free(loop);
    return NULL;
}
