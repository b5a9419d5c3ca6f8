/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Notifications on the bus. Each matter has a slot: what is wished of it, and the number that the
 * server gave to what it shows. One Notify call a slot is under way at a time; what is wished in
 * the meantime follows its answer, which brings the number to replace or close.
 *
 * A server is asked for its capabilities, and whether it is inhibited, before anything is shown.
 * When another one takes its place, all that is wished is shown there. None is started but for
 * something new.
 */
#include "notify-server.h"
#include "error.h"
#include "log.h"
#include "notify-message.h"
#include <stdio.h>
#include <string.h>

struct slot {
    struct notify_server *server;
    enum matter matter;
    struct notice notice; /* without a summary: nothing is wished */
    bool login;
    bool dirty;            /* another one than the call under way brings */
    dbus_uint32_t id;      /* what the server shows; 0: nothing */
    dbus_uint32_t adopted; /* what an earlier process left there; 0: nothing */
    DBusPendingCall *pending;
};

struct notify_server {
    struct bus_connection *connection;
    struct notify_server_callbacks callbacks;
    void *userdata;

    char *owner; /* NULL: there is none */
    DBusPendingCall *question, *waking;
    bool is_ready; /* it has answered all questions */
    struct notify_abilities abilities;
    bool inhibited;
    bool has_complained;
    bool changed;
    char *identity; /* the bus's own name, and the owner's; NULL: none */
    char *heir_of;  /* the one that the adopted numbers are of; NULL: none are left */
    struct slot slots[N_MATTER];
};

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* --- what is sent --------------------------------------------------------------------------------
 */

static void close_notification(struct slot *slot)
{
    DBusConnection *dbus = bus_connection_get(slot->server->connection);
    _cleanup_(dbus_message_unrefp) DBusMessage *call = NULL;

    if (slot->id == 0 || !slot->server->owner || !dbus)
        return;
    call = bus_call_new(slot->server->owner, SERVER_PATH, SERVER, "CloseNotification",
                        DBUS_TYPE_UINT32, &slot->id, DBUS_TYPE_INVALID);
    slot->id = 0;
    slot->server->changed = true;
    if (!call)
        return;
    dbus_message_set_no_reply(call, TRUE); /* that it was gone already is no problem */
    (void)dbus_connection_send(dbus, call, NULL);
}

static void complain(struct notify_server *server, const char *what, const char *error)
{
    if (!server->has_complained)
        log_warning("the notification server %s: %s", what, error);
    server->has_complained = true;
}

static int send_slot(struct slot *slot);

static void on_notified(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct slot *slot = userdata;
    struct notify_server *server = slot->server;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(server->connection, &slot->pending);

    if (!answer)
        return;
    server->changed = true;
    if (dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_ERROR)
        complain(server, "shows nothing", dbus_message_get_error_name(answer));
    else if (!dbus_message_get_args(answer, NULL, DBUS_TYPE_UINT32, &slot->id, DBUS_TYPE_INVALID))
        complain(server, "gives no number", "its answer is of another type");
    if (!slot->notice.summary)
        close_notification(slot);
    else if (slot->dirty)
        (void)send_slot(slot); /* without memory the next change is shown */
}

/* 0 or -ENOMEM. */
static int send_slot(struct slot *slot)
{
    slot->dirty = slot->pending || !slot->server->is_ready;
    if (slot->pending || !slot->server->is_ready)
        return 0;
    return bus_connection_call(slot->server->connection,
                               notify_message_new(slot->server->owner, &slot->server->abilities,
                                                  slot->id, slot->matter, &slot->notice,
                                                  slot->login),
                               on_notified, slot, &slot->pending);
}

int notify_server_show(struct notify_server *server, enum matter matter,
                       const struct notice *notice, bool login)
{
    struct slot *slot = &server->slots[matter];
    struct notice own = {strdup(notice->summary), strdup(notice->body)};

    if (!own.summary || !own.body) {
        notice_clear(&own);
        return -ENOMEM;
    }
    notice_clear(&slot->notice);
    slot->notice = own;
    slot->login = login;
    return send_slot(slot);
}

void notify_server_withdraw(struct notify_server *server, enum matter matter)
{
    struct slot *slot = &server->slots[matter];

    notice_clear(&slot->notice);
    if (!slot->pending)
        close_notification(slot);
}

struct notify_shown notify_server_shown(const struct notify_server *server, enum matter matter)
{
    const struct slot *slot = &server->slots[matter];

    if (!slot->notice.summary || slot->id == 0)
        return (struct notify_shown){0};
    return (struct notify_shown){&slot->notice, slot->id, slot->login};
}

const char *notify_server_identity(const struct notify_server *server)
{
    return server->identity ?: "";
}

bool notify_server_changed(struct notify_server *server)
{
    bool changed = server->changed;

    server->changed = false;
    return changed;
}

int notify_server_adopt(struct notify_server *server, const char *identity, enum matter matter,
                        const struct notify_shown *shown)
{
    struct slot *slot = &server->slots[matter];

    if (!server->heir_of && !(server->heir_of = strdup(identity)))
        return -ENOMEM;
    if (notify_server_show(server, matter, shown->notice, shown->login) < 0)
        return -ENOMEM;
    slot->adopted = shown->id;
    slot->dirty = false;
    return 0;
}

bool notify_server_busy(const struct notify_server *server)
{
    for (size_t i = 0; i < N_MATTER; i++)
        if (server->slots[i].pending)
            return true;
    return false;
}

bool notify_server_can_show(const struct notify_server *server)
{
    return server->is_ready && !server->inhibited;
}

/* --- the server comes, answers, and goes ---------------------------------------------------------
 */

static void ready(struct notify_server *server)
{
    bool was_ready = server->is_ready;

    server->is_ready = true;
    for (size_t i = 0; !was_ready && i < N_MATTER; i++)
        if (server->slots[i].notice.summary &&
            (server->slots[i].id == 0 || server->slots[i].dirty) &&
            send_slot(&server->slots[i]) < 0)
            log_error("no memory for a notification");
    if (notify_server_can_show(server))
        server->callbacks.ready(server->userdata);
}

static void on_inhibited(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_server *server = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(server->connection, &server->question);
    DBusMessageIter iter, value;
    dbus_bool_t inhibited = FALSE; /* most servers do not know the property */

    if (!answer)
        return;
    if (dbus_message_has_signature(answer, "v") && dbus_message_iter_init(answer, &iter)) {
        dbus_message_iter_recurse(&iter, &value);
        if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_BOOLEAN)
            dbus_message_iter_get_basic(&value, &inhibited);
    }
    server->inhibited = inhibited;
    ready(server);
}

static void ask(struct notify_server *server, DBusMessage *call,
                DBusPendingCallNotifyFunction answered)
{
    server->question = bus_pending_free(server->question);
    if (bus_connection_call(server->connection, call, answered, server, &server->question) < 0)
        log_error("no memory to ask the notification server");
}

static void ask_inhibited(struct notify_server *server)
{
    const char *interface = SERVER, *property = "Inhibited";

    ask(server,
        bus_call_new(server->owner, SERVER_PATH, DBUS_INTERFACE_PROPERTIES, "Get", DBUS_TYPE_STRING,
                     &interface, DBUS_TYPE_STRING, &property, DBUS_TYPE_INVALID),
        on_inhibited);
}

static void on_capabilities(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_server *server = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(server->connection, &server->question);
    DBusMessageIter iter, array;
    const char *word;

    if (!answer)
        return;
    server->abilities = (struct notify_abilities){0};
    if (!dbus_message_has_signature(answer, "as")) {
        complain(server, "does not say what it can do",
                 dbus_message_get_error_name(answer) ?: "its answer is of another type");
    } else {
        dbus_message_iter_init(answer, &iter);
        dbus_message_iter_recurse(&iter, &array);
        for (; dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRING;
             dbus_message_iter_next(&array)) {
            dbus_message_iter_get_basic(&array, &word);
            server->abilities.body |= strcmp(word, "body") == 0;
            server->abilities.markup |= strcmp(word, "body-markup") == 0;
            server->abilities.actions |= strcmp(word, "actions") == 0;
        }
    }
    ask_inhibited(server);
}

/* Takes over what an earlier process left with this very server; another one has none of it. */
static void inherit(struct notify_server *server)
{
    for (size_t i = 0; server->heir_of && i < N_MATTER; i++) {
        struct slot *slot = &server->slots[i];

        if (server->identity && strcmp(server->heir_of, server->identity) == 0)
            slot->id = slot->adopted;
        if (!slot->notice.summary) /* withdrawn before it was known whom to tell */
            close_notification(slot);
        slot->adopted = 0;
    }
    free(server->heir_of);
    server->heir_of = NULL;
}

static void set_identity(struct notify_server *server)
{
    DBusConnection *dbus = bus_connection_get(server->connection);
    char *bus = server->owner && dbus ? dbus_connection_get_server_id(dbus) : NULL;

    free(server->identity);
    server->identity = NULL;
    if (bus && asprintf(&server->identity, "%s %s", bus, server->owner) < 0)
        server->identity = NULL;
    dbus_free(bus);
}

static void set_owner(struct notify_server *server, const char *owner)
{
    server->question = bus_pending_free(server->question);
    server->is_ready = server->inhibited = server->has_complained = false;
    for (size_t i = 0; i < N_MATTER; i++) {
        server->slots[i].pending = bus_pending_free(server->slots[i].pending);
        server->slots[i].id = 0;
    }
    free(server->owner);
    server->owner = *owner ? strdup(owner) : NULL; /* without memory it is not there */
    set_identity(server);
    if (server->owner) {
        inherit(server);
        server->changed = true;
        ask(server,
            bus_call_new(server->owner, SERVER_PATH, SERVER, "GetCapabilities", DBUS_TYPE_INVALID),
            on_capabilities);
    }
}

static void on_owner(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_server *server = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(server->connection, &server->question);
    const char *owner;

    if (answer && dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
        dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
        set_owner(server, owner);
}

static void on_woken(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct notify_server *server = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(server->connection, &server->waking);

    if (answer && dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_ERROR)
        log_debug("there is no notification server, and none can be started: %s",
                  dbus_message_get_error_name(answer));
}

void notify_server_wake(struct notify_server *server)
{
    const char *name = SERVER;
    dbus_uint32_t flags = 0;

    if (server->owner || server->waking || !bus_connection_get(server->connection))
        return;
    if (bus_connection_call(server->connection,
                            bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "StartServiceByName", DBUS_TYPE_STRING, &name,
                                         DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID),
                            on_woken, server, &server->waking) < 0)
        log_error("no memory to start a notification server");
}

/* --- what it says --------------------------------------------------------------------------------
 */

static struct slot *slot_by_id(struct notify_server *server, dbus_uint32_t id)
{
    for (size_t i = 0; i < N_MATTER; i++)
        if (id != 0 && server->slots[i].id == id)
            return &server->slots[i];
    return NULL;
}

static void on_notification_closed(struct notify_server *server, DBusMessage *signal)
{
    dbus_uint32_t id = 0, why;
    struct slot *slot;

    if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &id, DBUS_TYPE_UINT32, &why,
                               DBUS_TYPE_INVALID))
        return;
    slot = slot_by_id(server, id);
    if (!slot || slot->pending) /* replaced just now: that one stands */
        return;
    slot->id = 0;
    server->changed = true;
    notice_clear(&slot->notice);
    server->callbacks.closed(slot->matter, server->userdata);
}

static void on_action(struct notify_server *server, DBusMessage *signal)
{
    dbus_uint32_t id = 0;
    const char *key;
    struct slot *slot;
    enum deed deed;

    if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_UINT32, &id, DBUS_TYPE_STRING, &key,
                               DBUS_TYPE_INVALID))
        return;
    slot = slot_by_id(server, id);
    deed = notify_deed_from_key(key);
    if (slot && deed < N_DEED)
        server->callbacks.invoked(slot->matter, deed, server->userdata);
}

void notify_server_message(struct notify_server *server, DBusMessage *signal)
{
    const char *name = "", *before, *after;

    if (dbus_message_is_signal(signal, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
        if (dbus_message_get_args(signal, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &before,
                                  DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID) &&
            strcmp(name, SERVER) == 0)
            set_owner(server, after);
    } else if (!server->owner || !dbus_message_has_sender(signal, server->owner)) {
        return;
    } else if (dbus_message_is_signal(signal, SERVER, "NotificationClosed")) {
        on_notification_closed(server, signal);
    } else if (dbus_message_is_signal(signal, SERVER, "ActionInvoked")) {
        on_action(server, signal);
    } else if (server->is_ready && dbus_message_has_path(signal, SERVER_PATH) &&
               dbus_message_is_signal(signal, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged")) {
        ask_inhibited(server);
    }
}

void notify_server_opened(struct notify_server *server)
{
    DBusConnection *dbus = bus_connection_get(server->connection);
    const char *name = SERVER;

    /* Without an error to fill these do not wait for the answer. */
    dbus_bus_add_match(
        dbus, "type='signal',sender='" SERVER "',path='" SERVER_PATH "',interface='" SERVER "'",
        NULL);
    dbus_bus_add_match(dbus,
                       "type='signal',sender='" SERVER "',path='" SERVER_PATH
                       "',interface='" DBUS_INTERFACE_PROPERTIES
                       "',member='PropertiesChanged',arg0='" SERVER "'",
                       NULL);
    dbus_bus_add_match(dbus,
                       "type='signal',sender='" DBUS_SERVICE_DBUS
                       "',interface='" DBUS_INTERFACE_DBUS
                       "',member='NameOwnerChanged',arg0='" SERVER "'",
                       NULL);
    ask(server,
        bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "GetNameOwner",
                     DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID),
        on_owner);
}

void notify_server_closed(struct notify_server *server)
{
    set_owner(server, "");
    server->waking = bus_pending_free(server->waking);
}

int notify_server_new(struct notify_server **ret, struct bus_connection *connection,
                      const struct notify_server_callbacks *callbacks, void *userdata)
{
    struct notify_server *server = calloc(1, sizeof(*server));

    if (!server)
        return -ENOMEM;
    server->connection = connection;
    server->callbacks = *callbacks;
    server->userdata = userdata;
    for (enum matter matter = 0; matter < N_MATTER; matter++) {
        server->slots[matter].server = server;
        server->slots[matter].matter = matter;
    }
    *ret = server;
    return 0;
}

struct notify_server *notify_server_free(struct notify_server *server)
{
    if (!server)
        return NULL;
    for (size_t i = 0; i < N_MATTER; i++) {
        bus_pending_free(server->slots[i].pending);
        notice_clear(&server->slots[i].notice);
    }
    bus_pending_free(server->question);
    bus_pending_free(server->waking);
    free(server->owner);
    free(server->identity);
    free(server->heir_of);
    free(server);
    return NULL;
}
