/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Reading mailroamd without blocking. Its signals are only a bell: whatever they say, everything is
 * read again, at most each READ_PAUSE, in two calls. A bell that rings between them makes the
 * reading void, so what is told was all published at one moment.
 */
#include "notify-source.h"
#include "error.h"
#include "log.h"
#include <string.h>

#define READ_PAUSE_USEC 100000

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct notify_source {
    sd_event *event;
    struct bus_connection *connection;
    struct notify_source_callbacks callbacks;
    void *userdata;

    struct published published;
    DBusPendingCall *manager, *accounts, *check;
    bool again;             /* it rang during the reading */
    sd_event_source *pause; /* on before a reading */
};

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static void forget(struct notify_source *source)
{
    struct published *published = &source->published;

    for (size_t i = 0; i < published->n_accounts; i++)
        client_account_free(published->accounts[i]);
    free(published->accounts);
    client_manager_clear(&published->manager);
    *published = (struct published){0};
}

void notify_source_read(struct notify_source *source)
{
    if (source->manager || source->accounts) {
        source->again = true;
        return;
    }
    (void)sd_event_source_set_time_relative(source->pause, READ_PAUSE_USEC);
    (void)sd_event_source_set_enabled(source->pause, SD_EVENT_ONESHOT);
}

static void stop_reading(struct notify_source *source)
{
    source->manager = bus_pending_free(source->manager);
    source->accounts = bus_pending_free(source->accounts);
    source->again = false;
    (void)sd_event_source_set_enabled(source->pause, SD_EVENT_OFF);
}

/* Puts the account at its place: the default one first, then by name. */
static int insert_account(struct published *published, struct client_account *account)
{
    struct client_account **grown =
        reallocarray(published->accounts, published->n_accounts + 1, sizeof(*grown));
    const char *first = published->manager.default_account;
    size_t i;

    if (!grown)
        return -ENOMEM;
    published->accounts = grown;
    for (i = published->n_accounts; i > 0; i--) {
        if (strcmp(account->path, first) != 0 && (strcmp(grown[i - 1]->path, first) == 0 ||
                                                  strcmp(grown[i - 1]->name, account->name) <= 0))
            break;
        grown[i] = grown[i - 1];
    }
    grown[i] = account;
    published->n_accounts++;
    return 0;
}

/* `object` stands at a path, before the a{sa{sv}} of its interfaces. */
static int read_object(struct published *published, DBusMessageIter *object)
{
    _cleanup_(client_account_freep) struct client_account *account = NULL;
    DBusMessageIter interfaces, entry;
    const char *path, *interface;
    int r;

    dbus_message_iter_get_basic(object, &path);
    dbus_message_iter_next(object);
    dbus_message_iter_recurse(object, &interfaces);
    for (; dbus_message_iter_get_arg_type(&interfaces) == DBUS_TYPE_DICT_ENTRY;
         dbus_message_iter_next(&interfaces)) {
        dbus_message_iter_recurse(&interfaces, &entry);
        dbus_message_iter_get_basic(&entry, &interface);
        if (strcmp(interface, MAILROAM_ACCOUNT_INTERFACE) != 0)
            continue;
        dbus_message_iter_next(&entry);
        r = client_account_new(path, &account);
        if (r == 0)
            r = client_read_account(&entry, account);
        if (r == 0)
            r = insert_account(published, account);
        if (r == 0)
            (void)TAKE(account);
        return r;
    }
    return 0;
}

static int read_accounts(struct published *published, DBusMessage *answer)
{
    DBusMessageIter arguments, objects, object;
    int r = 0;

    if (!dbus_message_has_signature(answer, "a{oa{sa{sv}}}"))
        return -EBADMSG;
    dbus_message_iter_init(answer, &arguments);
    dbus_message_iter_recurse(&arguments, &objects);
    for (; r == 0 && dbus_message_iter_get_arg_type(&objects) == DBUS_TYPE_DICT_ENTRY;
         dbus_message_iter_next(&objects)) {
        dbus_message_iter_recurse(&objects, &object);
        r = read_object(published, &object);
    }
    return r;
}

static int read_manager(struct published *published, DBusMessage *answer)
{
    DBusMessageIter arguments;
    int r;

    if (!dbus_message_has_signature(answer, "a{sv}"))
        return -EBADMSG;
    dbus_message_iter_init(answer, &arguments);
    r = client_manager_init(&published->manager);
    return r < 0 ? r : client_read_manager(&arguments, &published->manager);
}

/* The answer to one of the two calls; NULL where the reading is over. */
static DBusMessage *take_answer(struct notify_source *source, DBusPendingCall **pending)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(source->connection, pending);
    bool again = source->again;

    if (!answer)
        return NULL; /* the bus is gone, which its user says */
    if (dbus_message_get_type(answer) != DBUS_MESSAGE_TYPE_ERROR && !again)
        return TAKE(answer);
    stop_reading(source);
    if (again)
        notify_source_read(source);
    else if (!dbus_message_is_error(answer, DBUS_ERROR_NO_REPLY)) /* that one may be busy */
        source->callbacks.changed(NULL, source->userdata);
    return NULL;
}

static void complain(struct notify_source *source, int r)
{
    stop_reading(source);
    log_error("what mailroamd publishes cannot be read: %s", strerror(-r));
}

static void on_accounts(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_source *source = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = take_answer(source, &source->accounts);
    int r;

    if (!answer)
        return;
    r = read_accounts(&source->published, answer);
    if (r < 0)
        return complain(source, r);
    source->callbacks.changed(&source->published, source->userdata);
}

static void on_manager(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_source *source = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = take_answer(source, &source->manager);
    int r;

    if (!answer)
        return;
    r = read_manager(&source->published, answer);
    if (r == 0)
        r = bus_connection_call(source->connection,
                                bus_call_new(MAILROAM_NAME, MAILROAM_PATH, OBJECT_MANAGER,
                                             "GetManagedObjects", DBUS_TYPE_INVALID),
                                on_accounts, source, &source->accounts);
    if (r < 0)
        complain(source, r);
}

static int on_pause_over(_unused_ sd_event_source *pause, _unused_ uint64_t usec, void *userdata)
{
    struct notify_source *source = userdata;
    const char *interface = MAILROAM_MANAGER_INTERFACE;
    int r;

    if (!bus_connection_get(source->connection))
        return 0;
    forget(source);
    r = bus_connection_call(source->connection,
                            bus_call_new(MAILROAM_NAME, MAILROAM_PATH, DBUS_INTERFACE_PROPERTIES,
                                         "GetAll", DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID),
                            on_manager, source, &source->manager);
    if (r < 0)
        complain(source, r);
    return 0;
}

void notify_source_opened(struct notify_source *source)
{
    DBusConnection *dbus = bus_connection_get(source->connection);

    /* Without an error to fill these do not wait for the answer. */
    dbus_bus_add_match(
        dbus, "type='signal',sender='" MAILROAM_NAME "',path_namespace='" MAILROAM_PATH "'", NULL);
    dbus_bus_add_match(dbus,
                       "type='signal',sender='" DBUS_SERVICE_DBUS
                       "',interface='" DBUS_INTERFACE_DBUS
                       "',member='NameOwnerChanged',arg0='" MAILROAM_NAME "'",
                       NULL);
    notify_source_read(source);
}

void notify_source_closed(struct notify_source *source)
{
    stop_reading(source);
    source->check = bus_pending_free(source->check);
    source->callbacks.changed(NULL, source->userdata);
}

void notify_source_message(struct notify_source *source, DBusMessage *signal)
{
    const char *path = dbus_message_get_path(signal), *name = "";

    if (dbus_message_is_signal(signal, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
        (void)dbus_message_get_args(signal, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
        if (strcmp(name, MAILROAM_NAME) == 0)
            notify_source_read(source);
    } else if (path && strncmp(path, MAILROAM_PATH, strlen(MAILROAM_PATH)) == 0) {
        notify_source_read(source);
    }
}

static void on_checked(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_source *source = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(source->connection, &source->check);

    if (!answer)
        return;
    source->callbacks.checked(source->userdata);
    notify_source_read(source);
}

void notify_source_check(struct notify_source *source)
{
    if (source->check || !bus_connection_get(source->connection))
        return;
    if (bus_connection_call(source->connection,
                            bus_call_new(MAILROAM_NAME, MAILROAM_PATH, MAILROAM_MANAGER_INTERFACE,
                                         "Check", DBUS_TYPE_INVALID),
                            on_checked, source, &source->check) < 0)
        log_error("no memory to ask for a check");
}

int notify_source_new(struct notify_source **ret, sd_event *event,
                      struct bus_connection *connection,
                      const struct notify_source_callbacks *callbacks, void *userdata)
{
    _cleanup_(notify_source_freep) struct notify_source *source = calloc(1, sizeof(*source));
    int r;

    if (!source)
        return -ENOMEM;
    source->event = sd_event_ref(event);
    source->connection = connection;
    source->callbacks = *callbacks;
    source->userdata = userdata;
    r = sd_event_add_time(event, &source->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over, source);
    if (r >= 0)
        r = sd_event_source_set_enabled(source->pause, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = TAKE(source);
    return 0;
}

struct notify_source *notify_source_free(struct notify_source *source)
{
    if (!source)
        return NULL;
    bus_pending_free(source->manager);
    bus_pending_free(source->accounts);
    bus_pending_free(source->check);
    forget(source);
    sd_event_source_disable_unref(source->pause);
    sd_event_unref(source->event);
    free(source);
    return NULL;
}
