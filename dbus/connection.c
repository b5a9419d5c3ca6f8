/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connection to a bus: made, greeted, lost, made again.
 *
 *   WAITING -> GREETING (Hello) -> OPEN
 *      ^           |                |
 *      |           v                v
 *      +-------- LEAVING <----------+
 *                  +--> ENDED
 *
 * Every way out of an attempt or of OPEN is leave(), which only notes the reason; the connection is
 * closed, the callback made and the next attempt scheduled from the timer, never beneath libdbus.
 * Where the bus has no socket, and the directory for it can be watched, no timer runs: a machine
 * without that bus is never woken.
 *
 * Nothing here waits for an answer: dbus_bus_get() and the other calls that do are not used, Hello
 * is an ordinary call with a deadline. What libdbus does without asking is put out of force: it
 * ignores no SIGPIPE, answers no Peer call and ends no process. connect(2) itself is libdbus's own
 * and can only block on a socket whose owner has left its backlog full.
 */
#include "connection.h"
#include "cleanup.h"
#include "error.h"
#include "loop.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#define ANSWER_DEADLINE_MSEC 10000
#define RETRY_MIN_USEC       UINT64_C(1000000)
#define RETRY_MAX_USEC       UINT64_C(30000000)

enum connection_state {
    CONNECTION_WAITING,  /* none; the timer or the socket makes one */
    CONNECTION_GREETING, /* Hello is under way */
    CONNECTION_OPEN,
    CONNECTION_LEAVING, /* of no use any more; the timer closes it */
    CONNECTION_ENDED,   /* for good */
};

struct bus_connection {
    sd_event *event;
    struct bus_connection_callbacks callbacks;
    void *userdata;
    char *name;
    char *address; /* or NULL */
    char *socket;  /* the path of a unix:path= address, else NULL */

    enum connection_state state;
    char *problem;             /* why LEAVING; NULL without memory */
    uint64_t delay;            /* before the next attempt but one */
    unsigned generation;       /* counts the attempts that came to a connection */
    sd_event_source *step;     /* the timer */
    sd_event_source *comeback; /* inotify on the socket's directory, while WAITING */

    DBusConnection *connection;
    bool filtered; /* libdbus aborts where a filter is to go that never came */
    struct bus_loop *loop;
    DBusPendingCall *hello;
};

DEFINE_CLEANUP(struct bus_connection *, bus_connection_free)
DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static void step_in(struct bus_connection *connection, uint64_t usec)
{
    /* The source exists already; switching it on is not to fail. */
    (void)sd_event_source_set_time_relative(connection->step, usec);
    (void)sd_event_source_set_enabled(connection->step, SD_EVENT_ONESHOT);
}

void bus_connection_leave(struct bus_connection *connection, const char *format, ...)
{
    va_list arguments;

    if (connection->state == CONNECTION_LEAVING) /* what came first is the reason */
        return;
    connection->state = CONNECTION_LEAVING;
    free(connection->problem);
    va_start(arguments, format);
    if (vasprintf(&connection->problem, format, arguments) < 0)
        connection->problem = NULL;
    va_end(arguments);
    step_in(connection, 0);
}

void bus_connection_leave_refused(struct bus_connection *connection, const char *error)
{
    if (strcmp(error, DBUS_ERROR_NO_REPLY) == 0)
        bus_connection_leave(connection, "the %s at %s did not answer within %d s",
                             connection->name, connection->address, ANSWER_DEADLINE_MSEC / 1000);
    else
        bus_connection_leave(connection, "the %s at %s refused this process: %s", connection->name,
                             connection->address, error);
}

void bus_connection_flush(const struct bus_connection *connection)
{
    DBusConnection *dbus = bus_connection_get(connection);
    struct pollfd socket = {.events = POLLOUT};

    /* dbus_connection_flush() would wait for a bus that does not read. */
    while (dbus && dbus_connection_get_is_connected(dbus) &&
           dbus_connection_has_messages_to_send(dbus) &&
           dbus_connection_get_unix_fd(dbus, &socket.fd) && poll(&socket, 1, 0) > 0)
        dbus_connection_read_write(dbus, 0);
}

static void leave_without_memory(struct bus_connection *connection)
{
    bus_connection_leave(connection, "no memory to speak to the %s at %s", connection->name,
                         connection->address);
}

DBusMessage *bus_call_new(const char *destination, const char *path, const char *interface,
                          const char *method, int first_type, ...)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call =
        dbus_message_new_method_call(destination, path, interface, method);
    va_list arguments;
    bool complete;

    if (!call)
        return NULL;
    dbus_message_set_auto_start(call, FALSE);
    va_start(arguments, first_type);
    complete = dbus_message_append_args_valist(call, first_type, arguments);
    va_end(arguments);
    return complete ? TAKE(call) : NULL;
}

int bus_connection_call(struct bus_connection *connection, DBusMessage *call,
                        DBusPendingCallNotifyFunction answered, void *userdata,
                        DBusPendingCall **ret)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *owned = call;
    DBusPendingCall *pending = NULL;

    if (!owned || !dbus_connection_send_with_reply(connection->connection, owned, &pending,
                                                   ANSWER_DEADLINE_MSEC))
        return -ENOMEM;
    if (pending && !dbus_pending_call_set_notify(pending, answered, userdata, NULL)) {
        bus_pending_free(pending);
        return -ENOMEM;
    }
    *ret = pending;
    return 0;
}

DBusPendingCall *bus_pending_free(DBusPendingCall *pending)
{
    if (pending) {
        dbus_pending_call_cancel(pending);
        dbus_pending_call_unref(pending);
    }
    return NULL;
}

DBusMessage *bus_connection_take_answer(struct bus_connection *connection,
                                        DBusPendingCall **pending)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = dbus_pending_call_steal_reply(*pending);

    *pending = bus_pending_free(*pending);
    return dbus_connection_get_is_connected(connection->connection) ? TAKE(answer) : NULL;
}

static void on_greeted(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct bus_connection *connection = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(connection, &connection->hello);
    const char *error, *unique_name;

    if (!answer || connection->state != CONNECTION_GREETING)
        return;
    error = dbus_message_get_error_name(answer); /* NULL unless it is one */
    if (error)
        return bus_connection_leave_refused(connection, error);
    if (!dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &unique_name, DBUS_TYPE_INVALID) ||
        !dbus_bus_set_unique_name(connection->connection, unique_name))
        return bus_connection_leave(connection, "the %s at %s gave no name to this connection",
                                    connection->name, connection->address);
    connection->state = CONNECTION_OPEN;
    connection->callbacks.opened(connection->userdata);
}

static DBusHandlerResult on_message(_unused_ DBusConnection *dbus, DBusMessage *message,
                                    void *userdata)
{
    struct bus_connection *connection = userdata;

    /* Nobody can send this one: libdbus takes no message of that interface from outside. */
    if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
        bus_connection_leave(connection, "the %s at %s closed the connection", connection->name,
                             connection->address);
    if (connection->state != CONNECTION_OPEN)
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
    return connection->callbacks.message(message, connection->userdata);
}

static void drop_connection(struct bus_connection *connection)
{
    connection->hello = bus_pending_free(connection->hello); /* it and libdbus hold each other */
    connection->loop = bus_loop_free(connection->loop);
    if (!connection->connection)
        return;
    if (connection->filtered)
        dbus_connection_remove_filter(connection->connection, on_message, connection);
    dbus_connection_close(connection->connection); /* a private one has to be, before the unref */
    dbus_connection_unref(connection->connection);
    connection->connection = NULL;
}

static void attempt(struct bus_connection *connection)
{
    _cleanup_(dbus_error_free) DBusError error = DBUS_ERROR_INIT;

    connection->comeback = sd_event_source_disable_unref(connection->comeback);
    if (!connection->address)
        return bus_connection_leave(connection, "there is no %s", connection->name);
    connection->connection = dbus_connection_open_private(connection->address, &error);
    if (!connection->connection)
        return bus_connection_leave(connection, "no %s at %s: %s", connection->name,
                                    connection->address, error.message);
    connection->generation++;
    dbus_connection_set_exit_on_disconnect(connection->connection, FALSE);
    dbus_connection_set_route_peer_messages(connection->connection, TRUE);
    connection->filtered =
        dbus_connection_add_filter(connection->connection, on_message, connection, NULL);
    if (!connection->filtered ||
        bus_loop_new(&connection->loop, connection->event, connection->connection) < 0 ||
        bus_connection_call(connection,
                            bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "Hello", DBUS_TYPE_INVALID),
                            on_greeted, connection, &connection->hello) < 0)
        return leave_without_memory(connection);
    connection->state = CONNECTION_GREETING;
}

static int on_directory(_unused_ sd_event_source *source, const struct inotify_event *event,
                        void *userdata)
{
    struct bus_connection *connection = userdata;

    if (event->mask & (IN_IGNORED | IN_MOVE_SELF)) { /* the directory is gone: only time can tell */
        step_in(connection, connection->delay);
    } else if (event->len > 0 && strcmp(event->name, strrchr(connection->socket, '/') + 1) == 0) {
        connection->delay = RETRY_MIN_USEC;
        step_in(connection, 0);
    }
    return 0;
}

/*
 * The socket's directory tells when there is a bus again; where it cannot, the timer finds out.
 * dbus-daemon creates the socket, listens, and then changes its mode: the attempt at the first may
 * come too early, the one at the last does not. Returns whether the directory is enough.
 */
static bool watch_socket(struct bus_connection *connection)
{
    const char *slash = connection->socket ? strrchr(connection->socket, '/') : NULL;
    _cleanup_free_ char *directory = NULL;

    if (!slash)
        return false;
    directory = strndup(connection->socket, (size_t)(slash - connection->socket) + 1);
    return directory &&
           sd_event_add_inotify(connection->event, &connection->comeback, directory,
                                IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR,
                                on_directory, connection) >= 0 &&
           access(connection->socket, F_OK) < 0 && errno == ENOENT;
}

static void come_back(struct bus_connection *connection)
{
    connection->state = CONNECTION_WAITING;
    if (!watch_socket(connection))
        step_in(connection, connection->delay);
    connection->delay =
        connection->delay * 2 < RETRY_MAX_USEC ? connection->delay * 2 : RETRY_MAX_USEC;
}

static void leave(struct bus_connection *connection)
{
    const char *problem = connection->problem ?: "no memory for a message bus";

    /* Before the connection goes: the user may have calls under way. */
    if (!connection->callbacks.closed(problem, connection->userdata))
        connection->state = CONNECTION_ENDED;
    drop_connection(connection);
    if (connection->state != CONNECTION_ENDED)
        come_back(connection);
}

static int on_step(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
    struct bus_connection *connection = userdata;

    if (connection->state == CONNECTION_WAITING)
        attempt(connection);
    else if (connection->state == CONNECTION_LEAVING)
        leave(connection);
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

int bus_connection_new(struct bus_connection **ret, sd_event *event, const char *name,
                       const char *address, const struct bus_connection_callbacks *callbacks,
                       void *userdata)
{
    _cleanup_(bus_connection_freep) struct bus_connection *connection =
        calloc(1, sizeof(*connection));
    int r;

    if (!connection)
        return -ENOMEM;
    dbus_connection_set_change_sigpipe(FALSE);
    connection->event = sd_event_ref(event);
    connection->callbacks = *callbacks;
    connection->userdata = userdata;
    connection->delay = RETRY_MIN_USEC;
    connection->name = strdup(name);
    connection->address = address ? strdup(address) : NULL;
    if (!connection->name || (address && !connection->address))
        return -ENOMEM;
    r = address ? find_socket(address, &connection->socket) : 0;
    if (r >= 0)
        r = sd_event_add_time_relative(event, &connection->step, CLOCK_MONOTONIC, 0, 1, on_step,
                                       connection);
    if (r < 0)
        return r;
    *ret = TAKE(connection);
    return 0;
}

struct bus_connection *bus_connection_free(struct bus_connection *connection)
{
    if (!connection)
        return NULL;
    drop_connection(connection);
    sd_event_source_disable_unref(connection->step);
    sd_event_source_disable_unref(connection->comeback);
    sd_event_unref(connection->event);
    free(connection->problem);
    free(connection->socket);
    free(connection->address);
    free(connection->name);
    free(connection);
    return NULL;
}

DBusConnection *bus_connection_get(const struct bus_connection *connection)
{
    return connection->state == CONNECTION_OPEN ? connection->connection : NULL;
}

const char *bus_connection_address(const struct bus_connection *connection)
{
    return connection->address;
}

unsigned bus_connection_generation(const struct bus_connection *connection)
{
    return connection->generation;
}

void bus_connection_is_good(struct bus_connection *connection)
{
    connection->delay = RETRY_MIN_USEC;
}

int bus_session_address(char **ret)
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
