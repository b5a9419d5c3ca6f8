/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What other services have to say, asked for over a connection of its own.
 *
 * A signal is only a bell: the properties are asked for again, all of them, so that it does not
 * matter what the signal carried, or left out. There is one question a subject under way at any
 * time, and a flood of signals becomes at most one in ASK_PAUSE.
 *
 * Believed is only who owns the service's name: signals from anybody else are dropped, and calls go
 * to that owner's own name, so that asking never starts anything. The match rules name sender,
 * interface and member: what others say to each other wakes nobody here.
 *
 * A tree, the objects of an ObjectManager, is one subject, whose answer is large: it is asked for
 * less often, and once more where it did not come in time.
 *
 * Refused: what has another type than it should. It counts as not said, and is logged once. A
 * message that is larger than anything sensible, which ends the connection.
 */
#include "observer.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include <stdio.h>
#include <string.h>

#define ASK_PAUSE_USEC  100000
#define TREE_PAUSE_USEC 1000000    /* it says much, and nobody waits for it */
#define TREE_RETRY_USEC 20000000   /* its bell may have rung in vain while it was too busy */
#define MESSAGE_MAX     (4L << 20) /* Evolution's sources: 2 KiB each */
#define OBJECT_MANAGER  "org.freedesktop.DBus.ObjectManager"
#define PATH_MAX_BYTES  256 /* of an object that another answer names; more is no real one */

struct question {
    struct bus_observer *observer;
    const struct bus_subject *subject;
    char *owner; /* the service's own name on the bus; NULL: it is not there */
    char path[PATH_MAX_BYTES];
    DBusPendingCall *pending;
    bool again;    /* the bell rang while it was pending */
    bool is_known; /* something was heard from the subject */
    bool has_complained;
    uint64_t not_before;    /* CLOCK_MONOTONIC: the next question */
    sd_event_source *pause; /* on while one waits for that */
};

struct bus_observer {
    sd_event *event;
    const char *name;
    struct bus_connection *connection;
    void *userdata;
    size_t n_questions;
    struct question questions[];
};

DEFINE_CLEANUP(struct bus_observer *, bus_observer_free)
DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* --- values -------------------------------------------------------------------------------------
 */

bool bus_properties_find(const DBusMessageIter *properties, const char *name, int type,
                         DBusMessageIter *ret)
{
    DBusMessageIter entries = *properties, entry;
    const char *key;

    for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
         dbus_message_iter_next(&entries)) {
        dbus_message_iter_recurse(&entries, &entry);
        dbus_message_iter_get_basic(&entry, &key);
        if (strcmp(key, name) != 0)
            continue;
        dbus_message_iter_next(&entry);
        dbus_message_iter_recurse(&entry, ret);
        return dbus_message_iter_get_arg_type(ret) == type;
    }
    *ret = entries; /* at the end */
    return true;
}

bool bus_properties_get(const DBusMessageIter *properties, const char *name, int type, void *ret)
{
    DBusMessageIter value;

    if (!bus_properties_find(properties, name, type, &value))
        return false;
    if (dbus_message_iter_get_arg_type(&value) == type)
        dbus_message_iter_get_basic(&value, ret);
    return true;
}

/* FNV-1a: whoever could make two values collide could as well not have changed them. */
static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t n)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < n; i++)
        digest = (digest ^ byte[i]) * UINT64_C(0x100000001b3);
    return digest;
}

uint64_t bus_digest(uint64_t digest, const DBusMessageIter *value)
{
    DBusMessageIter at = *value, inner;
    int type = dbus_message_iter_get_arg_type(&at);
    DBusBasicValue basic = {0};

    digest = digest_bytes(digest, &type, sizeof(type));
    if (dbus_type_is_container(type)) { /* nested 64 deep at most: libdbus has checked that */
        dbus_message_iter_recurse(&at, &inner);
        do
            digest = bus_digest(digest, &inner);
        while (dbus_message_iter_next(&inner));
    } else if (type == DBUS_TYPE_STRING || type == DBUS_TYPE_OBJECT_PATH ||
               type == DBUS_TYPE_SIGNATURE) {
        dbus_message_iter_get_basic(&at, &basic);
        digest = digest_bytes(digest, basic.str, strlen(basic.str) + 1);
    } else if (type != DBUS_TYPE_INVALID && type != DBUS_TYPE_UNIX_FD) {
        dbus_message_iter_get_basic(&at, &basic);
        digest = digest_bytes(digest, &basic, sizeof(basic));
    }
    return digest;
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void ask(struct question *question);

static void complain(struct question *question, bool good)
{
    if (good || question->has_complained)
        return;
    question->has_complained = true;
    log_warning("%s on the %s says of %s what makes no sense: ignored", question->subject->service,
                question->observer->name, question->subject->interface);
}

static void forget(struct question *question)
{
    question->pending = bus_pending_free(question->pending);
    question->again = false;
    (void)sd_event_source_set_enabled(question->pause, SD_EVENT_OFF);
    if (question->is_known) {
        question->is_known = false;
        (void)question->subject->answered(NULL, question->observer->userdata);
    }
}

static uint64_t now(struct question *question)
{
    uint64_t usec = 0;

    (void)sd_event_now(question->observer->event, CLOCK_MONOTONIC, &usec);
    return usec;
}

static void ring(struct question *question)
{
    if (!question->owner || !*question->path)
        return;
    if (question->pending) {
        question->again = true;
    } else if (now(question) >= question->not_before) {
        ask(question);
    } else {
        (void)sd_event_source_set_time(question->pause, question->not_before);
        (void)sd_event_source_set_enabled(question->pause, SD_EVENT_ONESHOT);
    }
}

static int on_pause_over(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
    struct question *question = userdata;

    if (!question->pending && question->owner && *question->path)
        ask(question);
    return 0;
}

static void take_properties(struct question *question, DBusMessage *answer)
{
    DBusMessageIter arguments, properties;

    if (!dbus_message_has_signature(answer, question->subject->tree ? "a{oa{sa{sv}}}" : "a{sv}"))
        return complain(question, false);
    dbus_message_iter_init(answer, &arguments);
    dbus_message_iter_recurse(&arguments, &properties);
    question->is_known = true;
    complain(question, question->subject->answered(&properties, question->observer->userdata));
}

static void on_answer(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct question *question = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(question->observer->connection, &question->pending);
    bool again = question->again;

    if (!answer)
        return;
    question->again = false;
    if (dbus_message_get_type(answer) != DBUS_MESSAGE_TYPE_ERROR)
        take_properties(question, answer);
    else if (!dbus_message_is_error(answer, DBUS_ERROR_NO_REPLY)) /* that one may be busy */
        forget(question);
    else if (question->subject->tree) {
        question->not_before = now(question) + TREE_RETRY_USEC;
        again = true;
    }
    if (again)
        ring(question);
}

static void ask(struct question *question)
{
    const struct bus_subject *subject = question->subject;
    const char *interface = subject->interface;
    DBusMessage *call;

    question->not_before = now(question) + (subject->tree ? TREE_PAUSE_USEC : ASK_PAUSE_USEC);
    if (subject->tree)
        call = bus_call_new(question->owner, question->path, OBJECT_MANAGER, "GetManagedObjects",
                            DBUS_TYPE_INVALID);
    else if (subject->method)
        call = bus_call_new(question->owner, question->path, interface, subject->method,
                            DBUS_TYPE_INVALID);
    else
        call = bus_call_new(question->owner, question->path, DBUS_INTERFACE_PROPERTIES, "GetAll",
                            DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID);
    if (bus_connection_call(question->observer->connection, call, on_answer, question,
                            &question->pending) < 0)
        ring(question); /* once more after the pause */
}

static void set_owner(struct question *question, const char *owner)
{
    free(question->owner);
    question->owner = *owner ? strdup(owner) : NULL; /* without memory it is not there */
    question->has_complained = false;
    if (!question->owner)
        return forget(question);
    question->pending = bus_pending_free(question->pending);
    ring(question);
}

void bus_observer_set_path(struct bus_observer *observer, size_t subject, const char *path)
{
    struct question *question = &observer->questions[subject];

    if (strcmp(path, "/") == 0 || strlen(path) >= sizeof(question->path))
        path = "";
    if (strcmp(question->path, path) == 0)
        return;
    (void)snprintf(question->path, sizeof(question->path), "%s", path);
    forget(question);
    ring(question);
}

/* --- the bus ------------------------------------------------------------------------------------
 */

static const char *signal_interface(const struct bus_subject *subject)
{
    return subject->signal ? subject->interface : DBUS_INTERFACE_PROPERTIES;
}

static const char *signal_name(const struct bus_subject *subject)
{
    return subject->signal ?: "PropertiesChanged";
}

/* Without waiting for an answer: where the bus refuses a rule, its signals are not heard. */
static bool add_match(DBusConnection *dbus, const char *rule)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call =
        bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "AddMatch",
                     DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID);

    if (!call)
        return false;
    dbus_message_set_no_reply(call, TRUE);
    return dbus_connection_send(dbus, call, NULL);
}

static bool add_tree_matches(DBusConnection *dbus, const struct bus_subject *subject, char *rule,
                             size_t size)
{
    (void)snprintf(rule, size, "type='signal',sender='%s',interface='" OBJECT_MANAGER "',path='%s'",
                   subject->service, subject->path);
    if (!add_match(dbus, rule))
        return false;
    (void)snprintf(rule, size,
                   "type='signal',sender='%s',interface='" DBUS_INTERFACE_PROPERTIES
                   "',member='PropertiesChanged',path_namespace='%s',arg0='%s'",
                   subject->service, subject->path, subject->interface);
    return add_match(dbus, rule);
}

/* The rules for the service's coming and going, and for the subject's signal. */
static bool add_matches(DBusConnection *dbus, const struct bus_subject *subject)
{
    char rule[4 * DBUS_MAXIMUM_NAME_LENGTH + 192]; /* names and the words between */

    (void)snprintf(rule, sizeof(rule),
                   "type='signal',sender='" DBUS_SERVICE_DBUS "',interface='" DBUS_INTERFACE_DBUS
                   "',member='NameOwnerChanged',arg0='%s'",
                   subject->service);
    if (!add_match(dbus, rule))
        return false;
    if (subject->tree)
        return add_tree_matches(dbus, subject, rule, sizeof(rule));
    (void)snprintf(rule, sizeof(rule), "type='signal',sender='%s',interface='%s',member='%s'%s%s%s",
                   subject->service, signal_interface(subject), signal_name(subject),
                   subject->signal ? "" : ",arg0='", subject->signal ? "" : subject->interface,
                   subject->signal ? "" : "'");
    return add_match(dbus, rule);
}

static void on_owner(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct question *question = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(question->observer->connection, &question->pending);
    const char *owner;

    if (answer && dbus_message_get_type(answer) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
        dbus_message_get_args(answer, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
        set_owner(question, owner);
}

static bool follow(struct question *question, DBusConnection *dbus)
{
    const char *service = question->subject->service;

    return add_matches(dbus, question->subject) &&
           bus_connection_call(question->observer->connection,
                               bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                            "GetNameOwner", DBUS_TYPE_STRING, &service,
                                            DBUS_TYPE_INVALID),
                               on_owner, question, &question->pending) == 0;
}

static void on_opened(void *userdata)
{
    struct bus_observer *observer = userdata;
    DBusConnection *dbus = bus_connection_get(observer->connection);

    dbus_connection_set_max_message_size(dbus, MESSAGE_MAX); /* a larger one ends the connection */
    for (size_t i = 0; i < observer->n_questions; i++)
        if (!follow(&observer->questions[i], dbus))
            return bus_connection_leave(observer->connection, "no memory to speak to the %s",
                                        observer->name);
}

/* Whether it is PropertiesChanged, of the subject's interface. */
static bool tells_properties(const struct question *question, DBusMessage *signal)
{
    const char *interface;

    return dbus_message_is_signal(signal, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged") &&
           dbus_message_get_args(signal, NULL, DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID) &&
           strcmp(interface, question->subject->interface) == 0;
}

static bool is_about_tree(const struct question *question, DBusMessage *signal)
{
    const char *path = dbus_message_get_path(signal);
    size_t n = strlen(question->path);

    if (dbus_message_is_signal(signal, OBJECT_MANAGER, "InterfacesAdded") ||
        dbus_message_is_signal(signal, OBJECT_MANAGER, "InterfacesRemoved"))
        return strcmp(path, question->path) == 0;
    return strncmp(path, question->path, n) == 0 && path[n] == '/' &&
           tells_properties(question, signal);
}

static bool is_about(const struct question *question, DBusMessage *signal)
{
    const struct bus_subject *subject = question->subject;

    if (!question->owner || !dbus_message_has_sender(signal, question->owner))
        return false;
    if (subject->tree)
        return is_about_tree(question, signal);
    return dbus_message_has_path(signal, question->path) &&
           (subject->signal ? dbus_message_is_signal(signal, subject->interface, subject->signal)
                            : tells_properties(question, signal));
}

static void on_owner_changed(struct bus_observer *observer, DBusMessage *message)
{
    const char *service, *before, *after;

    if (!dbus_message_has_sender(message, DBUS_SERVICE_DBUS) ||
        !dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &service, DBUS_TYPE_STRING, &before,
                               DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID))
        return;
    for (size_t i = 0; i < observer->n_questions; i++)
        if (strcmp(observer->questions[i].subject->service, service) == 0)
            set_owner(&observer->questions[i], after);
}

static DBusHandlerResult on_message(DBusMessage *message, void *userdata)
{
    struct bus_observer *observer = userdata;

    if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL)
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED; /* libdbus says that there is no such method */
    if (dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged"))
        on_owner_changed(observer, message);
    for (size_t i = 0; i < observer->n_questions; i++) {
        struct question *question = &observer->questions[i];

        if (!is_about(question, message))
            continue;
        if (!question->subject->signalled) {
            ring(question);
            continue;
        }
        question->is_known = true;
        complain(question, question->subject->signalled(message, observer->userdata));
    }
    return DBUS_HANDLER_RESULT_HANDLED;
}

static bool on_closed(const char *problem, void *userdata)
{
    struct bus_observer *observer = userdata;

    log_debug("%s; nothing is heard from there", problem);
    for (size_t i = 0; i < observer->n_questions; i++)
        set_owner(&observer->questions[i], "");
    return bus_connection_address(observer->connection);
}

static const struct bus_connection_callbacks connection_callbacks = {
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static int prepare(struct bus_observer *observer, struct question *question,
                   const struct bus_subject *subject)
{
    int r;

    question->observer = observer;
    question->subject = subject;
    if (subject->path)
        (void)snprintf(question->path, sizeof(question->path), "%s", subject->path);
    r = sd_event_add_time(observer->event, &question->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over,
                          question);
    return r < 0 ? r : sd_event_source_set_enabled(question->pause, SD_EVENT_OFF);
}

int bus_observer_new(struct bus_observer **ret, sd_event *event, const char *name,
                     const char *address, const struct bus_subject *subjects, size_t n,
                     void *userdata)
{
    _cleanup_(bus_observer_freep) struct bus_observer *observer =
        calloc(1, sizeof(*observer) + n * sizeof(observer->questions[0]));
    int r = 0;

    if (!observer)
        return -ENOMEM;
    observer->event = sd_event_ref(event);
    observer->name = name;
    observer->userdata = userdata;
    observer->n_questions = n;
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = prepare(observer, &observer->questions[i], &subjects[i]);
    if (r >= 0)
        r = bus_connection_new(&observer->connection, event, name, address, &connection_callbacks,
                               observer);
    if (r < 0)
        return r;
    *ret = TAKE(observer);
    return 0;
}

struct bus_observer *bus_observer_free(struct bus_observer *observer)
{
    if (!observer)
        return NULL;
    for (size_t i = 0; i < observer->n_questions; i++) {
        bus_pending_free(observer->questions[i].pending);
        sd_event_source_disable_unref(observer->questions[i].pause);
        free(observer->questions[i].owner);
    }
    bus_connection_free(observer->connection);
    sd_event_unref(observer->event);
    free(observer);
    return NULL;
}
