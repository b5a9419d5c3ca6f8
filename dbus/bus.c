/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session bus and our name on it.
 *
 *   AWAY -> NAMING (RequestName) -> READY
 *             |
 *             +-> ASKING (whose is it?) -> the end
 *
 * The connection is connection.c's, and every state falls back to AWAY with it. Whatever goes wrong
 * before the first READY is final: it is the user who has to act.
 */
#include "bus.h"
#include "cleanup.h"
#include "connection.h"
#include "error.h"
#include "registry.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum bus_state {
    BUS_AWAY,   /* no connection, or one that is not greeted yet */
    BUS_NAMING, /* RequestName is under way */
    BUS_ASKING, /* the name is somebody else's, GetConnectionUnixProcessID is under way */
    BUS_READY,  /* the name is ours */
};

struct bus {
    struct bus_callbacks callbacks;
    void *userdata;
    char *name;
    struct bus_connection *connection;
    enum bus_state state;
    bool was_ready; /* at any time */
    bool is_final;  /* the name will not be ours */
    DBusPendingCall *pending;
    struct bus_registry *registry;
};

DEFINE_CLEANUP(struct bus *, bus_free)
DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

struct bus_registry *bus_registry(struct bus *bus)
{
    return bus->registry;
}

unsigned bus_generation(const struct bus *bus)
{
    return bus_connection_generation(bus->connection);
}

struct bus_connection *bus_get_connection(const struct bus *bus)
{
    return bus->connection;
}

const char *bus_name(const struct bus *bus)
{
    return bus->name;
}

static void on_answer(DBusPendingCall *pending, void *userdata);

/* Asks the bus itself about the name; the answer is on_answer()'s in the new state. */
static void ask(struct bus *bus, enum bus_state state, DBusMessage *call)
{
    bus->state = state;
    if (bus_connection_call(bus->connection, call, on_answer, bus, &bus->pending) < 0)
        bus_connection_leave(bus->connection, "no memory to speak to the session bus at %s",
                             bus_connection_address(bus->connection));
}

static void on_opened(void *userdata)
{
    struct bus *bus = userdata;
    const char *name = bus->name;
    dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;

    ask(bus, BUS_NAMING,
        bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "RequestName",
                     DBUS_TYPE_STRING, &name, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID));
}

static void on_named(struct bus *bus, DBusMessage *answer)
{
    const char *name = bus->name;
    dbus_uint32_t result = 0;

    (void)dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &result, DBUS_TYPE_INVALID);
    if (result == DBUS_REQUEST_NAME_REPLY_EXISTS)
        return ask(bus, BUS_ASKING,
                   bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                "GetConnectionUnixProcessID", DBUS_TYPE_STRING, &name,
                                DBUS_TYPE_INVALID));
    if (result != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
        return bus_connection_leave(
            bus->connection, "the session bus at %s did not give the name %s to this process",
            bus_connection_address(bus->connection), bus->name);
    bus->state = BUS_READY;
    bus->was_ready = true;
    bus_connection_is_good(bus->connection);
    bus->callbacks.ready(bus->userdata);
}

static void leave_to_owner(struct bus *bus, DBusMessage *answer)
{
    char owner[sizeof(" (pid 4294967295)")] = "";
    dbus_uint32_t pid;

    if (dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &pid, DBUS_TYPE_INVALID))
        snprintf(owner, sizeof(owner), " (pid %u)", pid);
    bus->is_final = true;
    bus_connection_leave(
        bus->connection,
        "another process%s already has the name %s on the session bus at %s; end it first", owner,
        bus->name, bus_connection_address(bus->connection));
}

static void on_answer(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct bus *bus = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(bus->connection, &bus->pending);
    const char *error = answer ? dbus_message_get_error_name(answer) : NULL;

    if (!answer)
        return;
    if (error && bus->state != BUS_ASKING)
        return bus_connection_leave_refused(bus->connection, error);
    switch (bus->state) {
    case BUS_NAMING:
        return on_named(bus, answer);
    case BUS_ASKING:
        return leave_to_owner(bus, answer);
    case BUS_AWAY:
    case BUS_READY:
        return; /* an answer that came too late */
    }
}

static DBusHandlerResult on_message(DBusMessage *message, void *userdata)
{
    struct bus *bus = userdata;
    const char *name;

    if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
        return bus_registry_call(bus->registry, message);
    if (bus->state == BUS_READY &&
        dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameLost") &&
        dbus_message_has_sender(message, DBUS_SERVICE_DBUS) &&
        dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
        strcmp(name, bus->name) == 0) {
        bus->is_final = true;
        bus_connection_leave(bus->connection,
                             "the name %s on the session bus at %s was taken from this process",
                             bus->name, bus_connection_address(bus->connection));
    }
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void fail_at_first(struct bus *bus, const char *problem)
{
    _cleanup_free_ char *sentence = NULL;

    if (!bus_connection_address(bus->connection))
        problem = "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR "
                  "is set";
    if (asprintf(&sentence, "%s; run this in a login session, or with `dbus-run-session -- %s`",
                 problem, program_invocation_short_name) < 0)
        sentence = NULL;
    bus->callbacks.failed(sentence ?: problem, bus->userdata);
}

static bool on_closed(const char *problem, void *userdata)
{
    struct bus *bus = userdata;
    bool is_lost = bus->state == BUS_READY;

    bus->pending = bus_pending_free(bus->pending);
    bus_guard_clear(bus->registry);
    bus->state = BUS_AWAY;
    if (bus->is_final) {
        bus->callbacks.failed(problem, bus->userdata);
    } else if (!bus->was_ready) {
        fail_at_first(bus, problem);
        bus->is_final = true;
    } else if (is_lost) {
        bus->callbacks.lost(bus->userdata);
    }
    return !bus->is_final;
}

static const struct bus_connection_callbacks connection_callbacks = {
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

int bus_new(struct bus **ret, sd_event *event, const char *name,
            const struct bus_callbacks *callbacks, void *userdata)
{
    _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
    _cleanup_free_ char *address = NULL;
    int r;

    if (!bus)
        return -ENOMEM;
    bus->callbacks = *callbacks;
    bus->userdata = userdata;
    bus->name = strdup(name);
    if ((r = bus->name ? bus_session_address(&address) : -ENOMEM) < 0 ||
        (r = bus_connection_new(&bus->connection, event, "session bus", address,
                                &connection_callbacks, bus)) < 0 ||
        (r = bus_registry_new(&bus->registry, bus, event)) < 0)
        return r;
    *ret = TAKE(bus);
    return 0;
}

struct bus *bus_free(struct bus *bus)
{
    if (!bus)
        return NULL;
    bus_pending_free(bus->pending);
    if (bus->registry)
        bus_guard_clear(bus->registry);
    bus_connection_free(bus->connection);
    bus_registry_free(bus->registry);
    free(bus->name);
    free(bus);
    return NULL;
}

int bus_send(struct bus *bus, DBusMessage *message)
{
    DBusConnection *dbus = bus_connection_get(bus->connection);

    return !dbus || dbus_connection_send(dbus, message, NULL) ? 0 : -ENOMEM;
}

void bus_flush(struct bus *bus)
{
    DBusConnection *dbus = bus_connection_get(bus->connection);
    struct pollfd socket = {.events = POLLOUT};

    bus_outbox_flush(bus->registry);
    /* dbus_connection_flush() would wait for a bus that does not read. */
    while (dbus && dbus_connection_get_is_connected(dbus) &&
           dbus_connection_has_messages_to_send(dbus) &&
           dbus_connection_get_unix_fd(dbus, &socket.fd) && poll(&socket, 1, 0) > 0)
        dbus_connection_read_write(dbus, 0);
}
