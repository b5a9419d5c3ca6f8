/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection to the session bus: made, named, lost, made again.
 *
 *   WAITING -> GREETING (Hello) -> NAMING (RequestName) -> READY
 *      ^                             |                       |
 *      |                             v                       |
 *      |                          ASKING (whose is it?)      |
 *      +---------- LEAVING <---------+-----------------------+
 *                     +--> FAILED
 *
 * Every way out of an attempt or of READY is leave(), which only notes the reason; the connection
 * is closed, the callback made and the next attempt scheduled from the timer, never beneath
 * libdbus.
 *
 * Nothing here waits for an answer: dbus_bus_get() and the other calls that do are not used, Hello
 * and RequestName are ordinary calls with a deadline. What libdbus does without asking is put out
 * of force: it ignores no SIGPIPE, answers no Peer call and ends no process. connect(2) itself is
 * libdbus's own and can only block on a socket whose owner has left its backlog full.
 */
#include "bus.h"
#include "cleanup.h"
#include "error.h"
#include "loop.h"
#include "registry.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#define ANSWER_DEADLINE_MSEC 10000
#define RETRY_MIN_USEC       UINT64_C(1000000)
#define RETRY_MAX_USEC       UINT64_C(30000000)

#define HOW_TO_START "run this in a login session, or with `dbus-run-session -- %s`"

enum bus_state {
    BUS_WAITING,  /* no connection; the timer makes one */
    BUS_GREETING, /* Hello is under way */
    BUS_NAMING,   /* RequestName is under way */
    BUS_ASKING,   /* the name is somebody else's, GetConnectionUnixProcessID is under way */
    BUS_READY,    /* the name is ours */
    BUS_LEAVING,  /* of no use any more; the timer closes it */
    BUS_FAILED,   /* for good */
};

struct bus {
    sd_event *event;
    struct bus_callbacks callbacks;
    void *userdata;
    char *name;
    char *address; /* NULL where the environment names none */
    char *socket;  /* the path of a unix:path= address, else NULL */

    enum bus_state state;
    bool was_ready;            /* at any time */
    bool is_lost;              /* LEAVING comes from READY */
    bool is_final;             /* LEAVING leads to FAILED */
    char *problem;             /* why LEAVING; NULL without memory */
    uint64_t delay;            /* before the next attempt but one */
    unsigned generation;       /* of the connection, see registry.h */
    sd_event_source *step;     /* the timer */
    sd_event_source *comeback; /* inotify on the socket's directory, while WAITING */

    DBusConnection *connection;
    struct bus_loop *loop;
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
    return bus->generation;
}

static void step_in(struct bus *bus, uint64_t usec)
{
    /* The source exists already; switching it on is not to fail. */
    (void)sd_event_source_set_time_relative(bus->step, usec);
    (void)sd_event_source_set_enabled(bus->step, SD_EVENT_ONESHOT);
}

static void leave(struct bus *bus, bool final, const char *format, ...) _printf_(3, 4);
static void leave(struct bus *bus, bool final, const char *format, ...)
{
    va_list arguments;

    if (bus->state == BUS_LEAVING) /* what came first is the reason */
        return;
    bus->is_lost = bus->state == BUS_READY;
    bus->is_final = final || !bus->was_ready;
    bus->state = BUS_LEAVING;
    free(bus->problem);
    va_start(arguments, format);
    if (vasprintf(&bus->problem, format, arguments) < 0)
        bus->problem = NULL;
    va_end(arguments);
    step_in(bus, 0);
}

static void on_answer(DBusPendingCall *pending, void *userdata);

/* Calls the bus itself; the answer is on_answer()'s in the new state. */
static void ask(struct bus *bus, enum bus_state state, const char *method, int first_type, ...)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = dbus_message_new_method_call(
        DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, method);
    va_list arguments;
    bool sent;

    va_start(arguments, first_type);
    sent =
        call && dbus_message_append_args_valist(call, first_type, arguments) &&
        dbus_connection_send_with_reply(bus->connection, call, &bus->pending, ANSWER_DEADLINE_MSEC);
    va_end(arguments);
    /* There is no pending call where the connection is gone already: then its end is reported. */
    if (sent && bus->pending)
        sent = dbus_pending_call_set_notify(bus->pending, on_answer, bus, NULL);
    if (sent)
        bus->state = state;
    else
        leave(bus, false, "no memory to speak to the session bus at %s", bus->address);
}

static void forget_pending(struct bus *bus)
{
    if (bus->pending) {
        dbus_pending_call_cancel(bus->pending);
        dbus_pending_call_unref(bus->pending);
    }
    bus->pending = NULL;
}

static void on_greeted(struct bus *bus, DBusMessage *answer)
{
    const char *name = bus->name, *unique_name;
    dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;

    if (!dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &unique_name, DBUS_TYPE_INVALID) ||
        !dbus_bus_set_unique_name(bus->connection, unique_name))
        return leave(bus, false, "the session bus at %s gave no name to this connection",
                     bus->address);
    ask(bus, BUS_NAMING, "RequestName", DBUS_TYPE_STRING, &name, DBUS_TYPE_UINT32, &flags,
        DBUS_TYPE_INVALID);
}

static void on_named(struct bus *bus, DBusMessage *answer)
{
    const char *name = bus->name;
    dbus_uint32_t result = 0;

    (void)dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &result, DBUS_TYPE_INVALID);
    if (result == DBUS_REQUEST_NAME_REPLY_EXISTS)
        return ask(bus, BUS_ASKING, "GetConnectionUnixProcessID", DBUS_TYPE_STRING, &name,
                   DBUS_TYPE_INVALID);
    if (result != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
        return leave(bus, false, "the session bus at %s did not give the name %s to this process",
                     bus->address, bus->name);
    bus->state = BUS_READY;
    bus->was_ready = true;
    bus->delay = RETRY_MIN_USEC;
    bus->callbacks.ready(bus->userdata);
}

static void leave_to_owner(struct bus *bus, DBusMessage *answer)
{
    char owner[sizeof(" (pid 4294967295)")] = "";
    dbus_uint32_t pid;

    if (dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &pid, DBUS_TYPE_INVALID))
        snprintf(owner, sizeof(owner), " (pid %u)", pid);
    leave(bus, true,
          "another process%s already has the name %s on the session bus at %s; end it first", owner,
          bus->name, bus->address);
}

static void on_answer(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct bus *bus = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        dbus_pending_call_steal_reply(bus->pending);
    const char *error = dbus_message_get_error_name(answer); /* NULL unless it is one */

    forget_pending(bus);
    if (!dbus_connection_get_is_connected(bus->connection))
        return; /* answered by libdbus in the name of a bus that is gone; see on_message() */
    if (error && bus->state != BUS_ASKING) {
        if (strcmp(error, DBUS_ERROR_NO_REPLY) == 0)
            return leave(bus, false,
                         "the session bus at %s did not answer within %d s; " HOW_TO_START,
                         bus->address, ANSWER_DEADLINE_MSEC / 1000, program_invocation_short_name);
        return leave(bus, false, "the session bus at %s refused this process: %s", bus->address,
                     error);
    }
    switch (bus->state) {
    case BUS_GREETING:
        return on_greeted(bus, answer);
    case BUS_NAMING:
        return on_named(bus, answer);
    case BUS_ASKING:
        return leave_to_owner(bus, answer);
    case BUS_WAITING:
    case BUS_READY:
    case BUS_LEAVING:
    case BUS_FAILED:
        return; /* an answer that came too late */
    }
}

static DBusHandlerResult on_message(_unused_ DBusConnection *connection, DBusMessage *message,
                                    void *userdata)
{
    struct bus *bus = userdata;
    const char *name;

    if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_METHOD_CALL)
        return bus_registry_call(bus->registry, message);
    /* Nobody can send this one: libdbus takes no message of that interface from outside. */
    if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
        leave(bus, false, "the session bus at %s closed the connection; " HOW_TO_START,
              bus->address, program_invocation_short_name);
    else if (bus->state == BUS_READY &&
             dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameLost") &&
             dbus_message_has_sender(message, DBUS_SERVICE_DBUS) &&
             dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) &&
             strcmp(name, bus->name) == 0)
        leave(bus, true, "the name %s on the session bus at %s was taken from this process",
              bus->name, bus->address);
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void close_connection(struct bus *bus)
{
    forget_pending(bus); /* it and the connection hold each other */
    bus->loop = bus_loop_free(bus->loop);
    if (!bus->connection)
        return;
    dbus_connection_remove_filter(bus->connection, on_message, bus);
    dbus_connection_close(bus->connection); /* a private one has to be, before the last unref */
    dbus_connection_unref(bus->connection);
    bus->connection = NULL;
}

static void attempt(struct bus *bus)
{
    _cleanup_(dbus_error_free) DBusError error = DBUS_ERROR_INIT;

    bus->comeback = sd_event_source_disable_unref(bus->comeback);
    if (!bus->address)
        return leave(bus, true,
                     "there is no session bus: neither DBUS_SESSION_BUS_ADDRESS nor "
                     "XDG_RUNTIME_DIR is set; " HOW_TO_START,
                     program_invocation_short_name);
    bus->connection = dbus_connection_open_private(bus->address, &error);
    if (!bus->connection)
        return leave(bus, false, "no session bus at %s: %s; " HOW_TO_START, bus->address,
                     error.message, program_invocation_short_name);
    bus->generation++;
    dbus_connection_set_exit_on_disconnect(bus->connection, FALSE);
    dbus_connection_set_route_peer_messages(bus->connection, TRUE);
    if (!dbus_connection_add_filter(bus->connection, on_message, bus, NULL))
        return leave(bus, false, "no memory to speak to the session bus at %s", bus->address);
    if (bus_loop_new(&bus->loop, bus->event, bus->connection) < 0)
        return leave(bus, false, "no memory to speak to the session bus at %s", bus->address);
    ask(bus, BUS_GREETING, "Hello", DBUS_TYPE_INVALID);
}

static int on_directory(_unused_ sd_event_source *source, const struct inotify_event *event,
                        void *userdata)
{
    struct bus *bus = userdata;

    if (event->len > 0 && strcmp(event->name, strrchr(bus->socket, '/') + 1) == 0) {
        bus->delay = RETRY_MIN_USEC;
        step_in(bus, 0);
    }
    return 0;
}

/*
 * The socket's directory tells when there is a bus again; where it cannot, the timer finds out.
 * dbus-daemon creates the socket, listens, and then changes its mode: the attempt at the first may
 * come too early, the one at the last does not.
 */
static void watch_socket(struct bus *bus)
{
    const char *slash = bus->socket ? strrchr(bus->socket, '/') : NULL;
    _cleanup_free_ char *directory = NULL;

    if (!slash)
        return;
    directory = strndup(bus->socket, (size_t)(slash - bus->socket) + 1);
    if (directory)
        (void)sd_event_add_inotify(bus->event, &bus->comeback, directory,
                                   IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR, on_directory,
                                   bus);
}

static void come_back(struct bus *bus)
{
    bus->state = BUS_WAITING;
    step_in(bus, bus->delay);
    bus->delay = bus->delay * 2 < RETRY_MAX_USEC ? bus->delay * 2 : RETRY_MAX_USEC;
    watch_socket(bus);
    if (bus->is_lost)
        bus->callbacks.lost(bus->userdata);
}

static int on_step(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
    struct bus *bus = userdata;

    if (bus->state == BUS_WAITING) {
        attempt(bus);
    } else if (bus->state == BUS_LEAVING) {
        close_connection(bus);
        if (bus->is_final) {
            bus->state = BUS_FAILED;
            bus->callbacks.failed(bus->problem ?: "no memory for the session bus", bus->userdata);
        } else {
            come_back(bus);
        }
    }
    return 0;
}

/* The path in a unix:path= address, NULL (0 returned) in any other. */
static int find_socket(const char *address, char **ret)
{
    DBusAddressEntry **entries;
    const char *path;
    int n, r = 0;

    if (!dbus_parse_address(address, &entries, &n, NULL))
        return 0; /* connecting will say what is wrong with it */
    path = n > 0 ? dbus_address_entry_get_value(entries[0], "path") : NULL;
    if (path && strcmp(dbus_address_entry_get_method(entries[0]), "unix") == 0) {
        *ret = strdup(path);
        r = *ret ? 0 : -ENOMEM;
    }
    dbus_address_entries_free(entries);
    return r;
}

static int find_address(char **ret)
{
    const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"),
               *directory = getenv("XDG_RUNTIME_DIR");
    char *escaped;
    int r;

    if (address && *address) {
        *ret = strdup(address);
        return *ret ? 0 : -ENOMEM;
    }
    if (!directory || !*directory)
        return 0;
    escaped = dbus_address_escape_value(directory);
    if (!escaped)
        return -ENOMEM;
    r = asprintf(ret, "unix:path=%s/bus", escaped);
    dbus_free(escaped);
    return r < 0 ? -ENOMEM : 0;
}

int bus_new(struct bus **ret, sd_event *event, const char *name,
            const struct bus_callbacks *callbacks, void *userdata)
{
    _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
    int r;

    if (!bus)
        return -ENOMEM;
    dbus_connection_set_change_sigpipe(FALSE);
    bus->event = sd_event_ref(event);
    bus->callbacks = *callbacks;
    bus->userdata = userdata;
    bus->delay = RETRY_MIN_USEC;
    bus->name = strdup(name);
    if ((r = sd_event_add_time_relative(event, &bus->step, CLOCK_MONOTONIC, 0, 1, on_step, bus)) <
            0 ||
        (r = bus->name ? find_address(&bus->address) : -ENOMEM) < 0 ||
        (bus->address && (r = find_socket(bus->address, &bus->socket)) < 0) ||
        (r = bus_registry_new(&bus->registry, bus, event)) < 0)
        return r;
    *ret = TAKE(bus);
    return 0;
}

struct bus *bus_free(struct bus *bus)
{
    if (!bus)
        return NULL;
    close_connection(bus);
    bus_registry_free(bus->registry);
    sd_event_source_disable_unref(bus->step);
    sd_event_source_disable_unref(bus->comeback);
    sd_event_unref(bus->event);
    free(bus->problem);
    free(bus->socket);
    free(bus->address);
    free(bus->name);
    free(bus);
    return NULL;
}

/* Before Hello is answered the bus would throw out who sends anything else. */
static bool can_send(const struct bus *bus)
{
    return bus->state == BUS_NAMING || bus->state == BUS_ASKING || bus->state == BUS_READY;
}

int bus_send(struct bus *bus, DBusMessage *message)
{
    return !can_send(bus) || dbus_connection_send(bus->connection, message, NULL) ? 0 : -ENOMEM;
}

void bus_flush(struct bus *bus)
{
    struct pollfd socket = {.events = POLLOUT};

    bus_outbox_flush(bus->registry);
    /* dbus_connection_flush() would wait for a bus that does not read. */
    while (can_send(bus) && dbus_connection_get_is_connected(bus->connection) &&
           dbus_connection_has_messages_to_send(bus->connection) &&
           dbus_connection_get_unix_fd(bus->connection, &socket.fd) && poll(&socket, 1, 0) > 0)
        dbus_connection_read_write(bus->connection, 0);
}
