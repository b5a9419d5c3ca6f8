/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The daemon's copy on the client's side, and the blocking connection that feeds it.
 *
 * Messages are applied strictly in the order of the bus. What a signal said before the answer to
 * our reading is part of that answer, which replaces it (or finds nothing yet that it could be
 * about); everything after it is a change. So the copy is what the daemon published at one moment.
 * Replies are told apart by serial number instead of by DBusPendingCall, which would take them out
 * of that order.
 *
 * Nothing here starts a daemon that somebody stopped: only the first reading may.
 */
#include "client.h"
#include "error.h"
#include <poll.h>
#include <string.h>
#include <time.h>

#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

uint64_t client_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_USEC + (uint64_t)now.tv_nsec / 1000;
}

static void forget(struct client *client)
{
    for (size_t i = 0; i < client->n_accounts; i++)
        client_account_free(client->accounts[i]);
    free(client->accounts);
    client->accounts = NULL;
    client->n_accounts = 0;
    client_manager_clear(&client->manager);
    free(client->owner);
    client->owner = NULL;
    client->manager_known = client->accounts_known = false;
    client->manager_serial = client->accounts_serial = 0;
}

int client_new(struct client **ret)
{
    _cleanup_(client_freep) struct client *client = calloc(1, sizeof(*client));

    if (!client)
        return -ENOMEM;
    dbus_error_init(&client->error);
    client->stop_fd = -1;
    client->connection = dbus_bus_get_private(DBUS_BUS_SESSION, &client->error);
    if (client->connection)
        dbus_connection_set_exit_on_disconnect(client->connection, FALSE);
    *ret = TAKE(client);
    return (*ret)->connection ? 0 : CLIENT_ERROR;
}

struct client *client_free(struct client *client)
{
    if (!client)
        return NULL;
    forget(client);
    if (client->connection) {
        dbus_connection_close(client->connection);
        dbus_connection_unref(client->connection);
    }
    dbus_error_free(&client->error);
    free(client);
    return NULL;
}

int client_subscribe(struct client *client)
{
    static const char *const rules[] = {
        "type='signal',sender='" MAILROAM_NAME "',path_namespace='" MAILROAM_PATH "'",
        "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS
        "',member='NameOwnerChanged',arg0='" MAILROAM_NAME "'",
    };

    dbus_error_free(&client->error);
    for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
        /* Waits for the bus to confirm: what is read later is covered. */
        dbus_bus_add_match(client->connection, rules[i], &client->error);
        if (dbus_error_is_set(&client->error))
            return CLIENT_ERROR;
    }
    return 0;
}

static int send_call(struct client *client, DBusMessage *call, dbus_uint32_t *ret_serial)
{
    if (!dbus_connection_send(client->connection, call, ret_serial))
        return -ENOMEM;
    dbus_connection_flush(client->connection);
    return 0;
}

/* Sends the two calls that read everything; the answers come through client_next(). */
static int request(struct client *client, bool start)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *manager = NULL, *accounts = NULL;
    const char *interface = MAILROAM_MANAGER_INTERFACE;
    int r;

    manager = dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH, PROPERTIES, "GetAll");
    accounts = dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH, OBJECT_MANAGER,
                                            "GetManagedObjects");
    if (!manager || !accounts ||
        !dbus_message_append_args(manager, DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID))
        return -ENOMEM;
    dbus_message_set_auto_start(manager, start);
    dbus_message_set_auto_start(accounts, start);
    forget(client);
    r = client_manager_init(&client->manager);
    if (r == 0)
        r = send_call(client, manager, &client->manager_serial);
    return r < 0 ? r : send_call(client, accounts, &client->accounts_serial);
}

bool client_known(const struct client *client)
{
    return client->manager_known && client->accounts_known;
}

int client_read(struct client *client)
{
    uint64_t deadline = client_now() + CLIENT_CALL_USEC;
    int r = request(client, true);

    while (r == 0 && !client_known(client))
        r = client_next(client, deadline);
    if (r == CLIENT_TIMEOUT) {
        dbus_set_error(&client->error, DBUS_ERROR_TIMEOUT, "no answer within %d s",
                       (int)(CLIENT_CALL_USEC / SECOND_USEC));
        return CLIENT_ERROR;
    }
    return r;
}

static size_t account_index(const struct client *client, const char *path)
{
    size_t i = 0;

    while (i < client->n_accounts && strcmp(client->accounts[i]->path, path) != 0)
        i++;
    return i;
}

static void remove_account(struct client *client, const char *path)
{
    size_t i = account_index(client, path);

    if (i == client->n_accounts)
        return;
    client_account_free(client->accounts[i]);
    client->n_accounts--;
    memmove(&client->accounts[i], &client->accounts[i + 1],
            (client->n_accounts - i) * sizeof(*client->accounts));
}

/* Reads the a{sa{sv}} of one object and puts the account at its place by name, if it is one. */
static int add_account(struct client *client, const char *path, DBusMessageIter *interfaces)
{
    _cleanup_(client_account_freep) struct client_account *account = NULL;
    struct client_account **grown;
    DBusMessageIter array, pair;
    const char *interface;
    size_t i;
    int r;

    dbus_message_iter_recurse(interfaces, &array);
    for (;; dbus_message_iter_next(&array)) {
        if (dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_INVALID)
            return 0;
        dbus_message_iter_recurse(&array, &pair);
        dbus_message_iter_get_basic(&pair, &interface);
        if (strcmp(interface, MAILROAM_ACCOUNT_INTERFACE) == 0)
            break;
    }
    dbus_message_iter_next(&pair);
    r = client_account_new(path, &account);
    if (r == 0)
        r = client_read_account(&pair, account);
    if (r < 0)
        return r;
    remove_account(client, path);
    grown = reallocarray(client->accounts, client->n_accounts + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    client->accounts = grown;
    for (i = client->n_accounts; i > 0 && strcmp(grown[i - 1]->name, account->name) > 0; i--)
        grown[i] = grown[i - 1];
    grown[i] = TAKE(account);
    client->n_accounts++;
    return 0;
}

static int apply_manager(struct client *client, DBusMessage *reply)
{
    DBusMessageIter iter;

    client->manager_serial = 0;
    client->owner = strdup(dbus_message_get_sender(reply));
    if (!client->owner)
        return -ENOMEM;
    if (!dbus_message_has_signature(reply, "a{sv}"))
        return -EBADMSG;
    client->manager_known = true;
    dbus_message_iter_init(reply, &iter);
    return client_read_manager(&iter, &client->manager);
}

static int apply_accounts(struct client *client, DBusMessage *reply)
{
    DBusMessageIter iter, array;

    client->accounts_serial = 0;
    if (!dbus_message_has_signature(reply, "a{oa{sa{sv}}}"))
        return -EBADMSG;
    client->accounts_known = true;
    dbus_message_iter_init(reply, &iter);
    dbus_message_iter_recurse(&iter, &array);
    for (; dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_INVALID;
         dbus_message_iter_next(&array)) {
        DBusMessageIter pair;
        const char *path;
        int r;

        dbus_message_iter_recurse(&array, &pair);
        dbus_message_iter_get_basic(&pair, &path);
        dbus_message_iter_next(&pair);
        r = add_account(client, path, &pair);
        if (r < 0)
            return r;
    }
    return 0;
}

static int apply_reply(struct client *client, DBusMessage *reply)
{
    dbus_uint32_t serial = dbus_message_get_reply_serial(reply);
    bool is_call = serial == client->call_serial, is_manager = serial == client->manager_serial,
         is_accounts = serial == client->accounts_serial;

    if (!is_call && !is_manager && !is_accounts)
        return 0; /* of a reading that another one has replaced */
    if (is_call)
        client->call_serial = 0;
    if (dbus_set_error_from_message(&client->error, reply)) {
        if (!is_call)
            forget(client);
        return CLIENT_ERROR;
    }
    return is_manager    ? apply_manager(client, reply)
           : is_accounts ? apply_accounts(client, reply)
                         : 0;
}

static int apply_properties(struct client *client, DBusMessage *signal)
{
    struct client_account *account = client_account_by_path(client, dbus_message_get_path(signal));
    DBusMessageIter iter;
    const char *interface;

    if (!dbus_message_has_signature(signal, "sa{sv}as"))
        return -EBADMSG;
    dbus_message_iter_init(signal, &iter);
    dbus_message_iter_get_basic(&iter, &interface);
    dbus_message_iter_next(&iter);
    if (strcmp(interface, MAILROAM_MANAGER_INTERFACE) == 0)
        return client_read_manager(&iter, &client->manager);
    if (account && strcmp(interface, MAILROAM_ACCOUNT_INTERFACE) == 0)
        return client_read_account(&iter, account);
    return 0;
}

static int apply_interfaces(struct client *client, DBusMessage *signal, bool added)
{
    DBusMessageIter iter;
    const char *path;

    if (!dbus_message_has_signature(signal, added ? "oa{sa{sv}}" : "oas"))
        return -EBADMSG;
    dbus_message_iter_init(signal, &iter);
    dbus_message_iter_get_basic(&iter, &path);
    dbus_message_iter_next(&iter);
    if (added)
        return add_account(client, path, &iter);
    remove_account(client, path);
    return 0;
}

/* A new owner is read at once: nothing that the old one said holds any longer. */
static int apply_owner(struct client *client, DBusMessage *signal)
{
    const char *name, *before, *after;

    if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &before,
                               DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID) ||
        strcmp(name, MAILROAM_NAME) != 0)
        return 0;
    forget(client);
    return *after ? request(client, false) : 0;
}

static int apply(struct client *client, DBusMessage *message)
{
    int type = dbus_message_get_type(message);

    if (type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR)
        return apply_reply(client, message);
    if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected")) {
        dbus_set_error(&client->error, DBUS_ERROR_DISCONNECTED, "the session bus went away");
        return CLIENT_ERROR;
    }
    if (dbus_message_has_sender(message, DBUS_SERVICE_DBUS) &&
        dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged"))
        return apply_owner(client, message);
    if (!client->owner || !dbus_message_has_sender(message, client->owner))
        return 0;
    if (dbus_message_is_signal(message, PROPERTIES, "PropertiesChanged"))
        return apply_properties(client, message);
    if (dbus_message_is_signal(message, OBJECT_MANAGER, "InterfacesAdded"))
        return apply_interfaces(client, message, true);
    if (dbus_message_is_signal(message, OBJECT_MANAGER, "InterfacesRemoved"))
        return apply_interfaces(client, message, false);
    return 0;
}

/* Waits until the bus has something to say. 0, an answer, or negative errno. */
static int wait_for_input(struct client *client, uint64_t deadline)
{
    struct pollfd fds[] = {
        {.fd = -1, .events = POLLIN},
        {.fd = client->stop_fd, .events = POLLIN},
        {.fd = STDOUT_FILENO}, /* only POLLERR: a pipe that nobody reads any more */
    };
    uint64_t now = client_now();
    struct timespec left = {
        .tv_sec = deadline > now ? (time_t)((deadline - now) / SECOND_USEC) : 0,
        .tv_nsec = deadline > now ? (long)((deadline - now) % SECOND_USEC) * 1000 : 0,
    };
    int n;

    if (!dbus_connection_get_unix_fd(client->connection, &fds[0].fd))
        return 0; /* disconnected; the message that says so is queued */
    n = ppoll(fds, ELEMENTSOF(fds), deadline == UINT64_MAX ? NULL : &left, NULL);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n == 0)
        return CLIENT_TIMEOUT;
    if (fds[1].revents)
        return CLIENT_STOP;
    return fds[2].revents & POLLERR ? CLIENT_NO_READER : 0;
}

int client_next(struct client *client, uint64_t deadline)
{
    dbus_error_free(&client->error);
    for (;;) {
        _cleanup_(dbus_message_unrefp) DBusMessage *message = NULL;
        int r;

        message = dbus_connection_pop_message(client->connection);
        if (message)
            return apply(client, message);
        r = wait_for_input(client, deadline);
        if (r != 0)
            return r;
        dbus_connection_read_write(client->connection, 0);
    }
}

int client_begin(struct client *client, DBusMessage *call)
{
    return send_call(client, call, &client->call_serial);
}

int client_call(struct client *client, DBusMessage *call, DBusMessage **ret_reply)
{
    DBusMessage *reply;

    dbus_error_free(&client->error);
    reply = dbus_connection_send_with_reply_and_block(
        client->connection, call, (int)(CLIENT_CALL_USEC / 1000), &client->error);
    if (!reply)
        return CLIENT_ERROR;
    *ret_reply = reply;
    return 0;
}

struct client_account *client_account_by_name(const struct client *client, const char *name)
{
    for (size_t i = 0; i < client->n_accounts; i++)
        if (strcmp(client->accounts[i]->name, name) == 0)
            return client->accounts[i];
    return NULL;
}

struct client_account *client_account_by_path(const struct client *client, const char *path)
{
    size_t i = path ? account_index(client, path) : client->n_accounts;

    return i < client->n_accounts ? client->accounts[i] : NULL;
}
