/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small service on the bus library, for bus.test to call: one managing object and items below it.
 * It prints `ready`, `lost`, `failed: ...` and `answered` as they happen. Each handler does things
 * in the wrong order on purpose; the library has to put them right.
 */
#include "cleanup.h"
#include "error.h"
#include "object.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ROOT_PATH "/org/mailroam/Test1"
#define ITEMS_MAX 16

#define ARGUMENTS(...)                                                                             \
    (const struct bus_argument[])                                                                  \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

static sd_event *event;
static struct bus *bus;
static struct bus_object *root, *items[ITEMS_MAX];
static unsigned count;
static int status;

static int append_count(DBusMessageIter *iter, _unused_ const void *userdata)
{
    return dbus_message_iter_append_basic(iter, DBUS_TYPE_UINT32, &count) ? 0 : -ENOMEM;
}

static int append_text(DBusMessageIter *iter, const void *userdata)
{
    return dbus_message_iter_append_basic(iter, DBUS_TYPE_STRING, &userdata) ? 0 : -ENOMEM;
}

static int on_echo(DBusMessage *call, _unused_ void *userdata, DBusMessage **ret_reply,
                   _unused_ DBusError *error)
{
    DBusMessage *reply = dbus_message_new_method_return(call);
    const char *text;

    dbus_message_get_args(call, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    if (!reply || !dbus_message_append_args(reply, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID)) {
        if (reply)
            dbus_message_unref(reply);
        return -ENOMEM;
    }
    *ret_reply = reply;
    return 0;
}

static int touch(void)
{
    int r = bus_object_emit(root, "Ticked", DBUS_TYPE_UINT32, &count, DBUS_TYPE_INVALID);

    bus_object_changed(root, "Count");
    count++;
    bus_object_changed(root, "Count");
    bus_object_changed(root, "Stale");
    return r;
}

static int on_touch(_unused_ DBusMessage *call, _unused_ void *userdata,
                    _unused_ DBusMessage **ret_reply, _unused_ DBusError *error)
{
    return touch();
}

struct later {
    DBusMessage *call;
    sd_event_source *source;
};

static int on_later_passed(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
    struct later *later = userdata;

    bus_reply(bus, later->call);
    if (touch() < 0)
        bus_object_changed(root, "Count");
    puts("answered");
    sd_event_source_unref(later->source);
    free(later);
    return 0;
}

/* Later(u milliseconds) */
static int on_later(DBusMessage *call, _unused_ void *userdata, _unused_ DBusMessage **ret_reply,
                    _unused_ DBusError *error)
{
    _cleanup_free_ struct later *later = calloc(1, sizeof(*later));
    dbus_uint32_t msec;

    dbus_message_get_args(call, NULL, DBUS_TYPE_UINT32, &msec, DBUS_TYPE_INVALID);
    if (!later || sd_event_add_time_relative(event, &later->source, CLOCK_MONOTONIC, msec * 1000ULL,
                                             1, on_later_passed, later) < 0)
        return -ENOMEM;
    later->call = dbus_message_ref(call);
    TAKE(later);
    return BUS_LATER;
}

static int on_fail(DBusMessage *call, _unused_ void *userdata, _unused_ DBusMessage **ret_reply,
                   DBusError *error)
{
    const char *how;

    dbus_message_get_args(call, NULL, DBUS_TYPE_STRING, &how, DBUS_TYPE_INVALID);
    if (strcmp(how, "memory") == 0)
        return -ENOMEM;
    if (strcmp(how, "errno") == 0)
        return -EIO;
    dbus_set_error(error, "org.mailroam.Test1.Error.Asked", "as you asked");
    return 0;
}

static const struct bus_interface item_interface = {
    .name = "org.mailroam.Test1.Item",
    .properties =
        (const struct bus_property[]){
            {"Name", "s", BUS_EMITS_CHANGE, append_text},
            {NULL},
        },
};

/* Add(s name) -> o, and at once a change of the new object, which nobody is to hear of */
static int on_add(DBusMessage *call, _unused_ void *userdata, DBusMessage **ret_reply,
                  DBusError *error)
{
    _cleanup_free_ char *path = NULL;
    DBusMessage *reply;
    const char *name, *value;
    size_t i = 0;
    int r;

    dbus_message_get_args(call, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID);
    while (i < ITEMS_MAX && items[i])
        i++;
    path = bus_path_encode(ROOT_PATH "/item", name);
    if (!path || i == ITEMS_MAX)
        return -ENOMEM;
    reply = dbus_message_new_method_return(call);
    value = path;
    if (!reply ||
        !dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &value, DBUS_TYPE_INVALID))
        r = -ENOMEM;
    else
        r = bus_object_new(&items[i], bus, path, &item_interface, false, (void *)"an item");
    if (r == -EEXIST)
        dbus_set_error(error, "org.mailroam.Test1.Error.Exists", "there is one at %s", path);
    if (r < 0) {
        if (reply)
            dbus_message_unref(reply);
        return r == -EEXIST ? 0 : r;
    }
    bus_object_changed(items[i], "Name");
    *ret_reply = reply;
    return 0;
}

static int on_remove(DBusMessage *call, _unused_ void *userdata, _unused_ DBusMessage **ret_reply,
                     _unused_ DBusError *error)
{
    const char *path;

    dbus_message_get_args(call, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID);
    for (size_t i = 0; i < ITEMS_MAX; i++)
        if (items[i] && strcmp(bus_object_path(items[i]), path) == 0)
            items[i] = bus_object_free(items[i]);
    return 0;
}

static int on_quit(_unused_ DBusMessage *call, _unused_ void *userdata,
                   _unused_ DBusMessage **ret_reply, _unused_ DBusError *error)
{
    sd_event_exit(event, 0); /* the answer is still to leave, by bus_flush() */
    return touch();
}

static const struct bus_interface root_interface = {
    .name = "org.mailroam.Test1.Root",
    .methods =
        (const struct bus_method[]){
            {"Echo", BUS_ANYBODY, ARGUMENTS({"text", "s"}), ARGUMENTS({"same", "s"}), on_echo},
            {"Touch", BUS_ANYBODY, NULL, NULL, on_touch},
            {"Later", BUS_ANYBODY, ARGUMENTS({"milliseconds", "u"}), NULL, on_later},
            {"Fail", BUS_ANYBODY, ARGUMENTS({"how", "s"}), NULL, on_fail},
            {"Add", BUS_ANYBODY, ARGUMENTS({"name", "s"}), ARGUMENTS({"item", "o"}), on_add},
            {"Remove", BUS_ANYBODY, ARGUMENTS({"item", "o"}), NULL, on_remove},
            {"Guarded", BUS_UNCONFINED, ARGUMENTS({"text", "s"}), ARGUMENTS({"same", "s"}),
             on_echo},
            {"Pair", BUS_ANYBODY, ARGUMENTS({"one", "s"}, {"two", "a{sv}"}), NULL, on_touch},
            {"Quit", BUS_ANYBODY, NULL, NULL, on_quit},
            {NULL},
        },
    .properties =
        (const struct bus_property[]){
            {"Count", "u", BUS_EMITS_CHANGE, append_count},
            {"Stale", "s", BUS_EMITS_INVALIDATION, append_text},
            {"Version", "s", BUS_EMITS_CONST, append_text},
            {NULL},
        },
    .signals =
        (const struct bus_signal[]){
            {"Ticked", ARGUMENTS({"count", "u"})},
            {NULL},
        },
};

static void on_ready(_unused_ void *userdata)
{
    puts("ready");
}

static void on_lost(_unused_ void *userdata)
{
    puts("lost");
}

static void on_failed(const char *problem, _unused_ void *userdata)
{
    printf("failed: %s\n", problem);
    status = 1;
    sd_event_exit(event, 0);
}

static const struct bus_callbacks callbacks = {on_ready, on_lost, on_failed};

int main(void)
{
    sigset_t mask;
    int r;

    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    if ((r = sd_event_new(&event)) < 0 ||
        (r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL)) < 0 ||
        (r = bus_new(&bus, event, "org.mailroam.Test1", &callbacks, NULL)) < 0 ||
        (r = bus_object_new(&root, bus, ROOT_PATH, &root_interface, true, (void *)"text")) < 0 ||
        (r = sd_event_loop(event)) < 0) {
        fprintf(stderr, "%s\n", strerror(-r));
        status = 2;
    }
    if (bus)
        bus_flush(bus);
    for (size_t i = 0; i < ITEMS_MAX; i++)
        bus_object_free(items[i]);
    bus_object_free(root);
    bus_free(bus);
    sd_event_unref(event);
    dbus_shutdown();
    return status;
}
