/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door before methods that are not for everybody (BUS_UNCONFINED): a call waits here while the
 * bus is asked who its sender is, and goes on to its handler, or is refused.
 *
 * The bus is asked for each such call. They are rare and cost a file or a login; what is remembered
 * of a caller would have to be forgotten in time, and to follow who leaves the bus wakes the daemon
 * for each program that does.
 *
 * Refused: more than WAITING_MAX calls that wait at one time. The bus answers in less than a
 * millisecond, so nobody who means well ever meets that.
 */
#include "caller.h"
#include "cleanup.h"
#include "connection.h"
#include "error.h"
#include "registry.h"
#include <stdio.h>

#define WAITING_MAX 256

struct bus_visitor {
    struct bus_visitor *next;
    struct bus_registry *registry;
    DBusMessage *call;
    DBusPendingCall *pending;
};

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static struct bus_visitor *visitor_free(struct bus_visitor *visitor)
{
    struct bus_visitor **place = &visitor->registry->visitors;

    while (*place && *place != visitor)
        place = &(*place)->next;
    if (*place)
        *place = visitor->next;
    bus_pending_free(visitor->pending);
    dbus_message_unref(visitor->call);
    free(visitor);
    return NULL;
}

static void refuse(struct bus *bus, DBusMessage *call, const char *why)
{
    char name[DBUS_MAXIMUM_NAME_LENGTH + sizeof(".Error.AccessDenied")], text[512];

    (void)snprintf(name, sizeof(name), "%s.Error.AccessDenied", bus_name(bus));
    (void)snprintf(text, sizeof(text),
                   "%s is not for programs in a sandbox, as the caller seems to be: %s",
                   dbus_message_get_member(call), why);
    bus_reply_error(bus, call, name, text);
}

static void on_answer(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct bus_visitor *visitor = userdata;
    struct bus_registry *registry = visitor->registry;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(bus_get_connection(registry->bus), &visitor->pending);
    DBusMessage *call;
    const char *why;

    if (!answer)
        return; /* the bus is gone, and bus_guard_clear() is about to be called */
    call = dbus_message_ref(visitor->call);
    visitor_free(visitor);
    if (caller_judge(answer, &why) != CALLER_FREE)
        return refuse(registry->bus, call, why);
    bus_registry_serve(registry, call, true);
    dbus_message_unref(call);
}

int bus_guard_ask(struct bus_registry *registry, DBusMessage *call, DBusError *error)
{
    const char *sender = dbus_message_get_sender(call);
    struct bus_visitor *visitor = registry->visitors;
    size_t n = 0;
    int r;

    for (; visitor; visitor = visitor->next)
        n++;
    if (n >= WAITING_MAX) {
        dbus_set_error(error, DBUS_ERROR_LIMITS_EXCEEDED, "too many calls of %s at one time",
                       dbus_message_get_member(call));
        return 0;
    }
    visitor = calloc(1, sizeof(*visitor));
    if (!visitor)
        return -ENOMEM;
    *visitor = (struct bus_visitor){
        .next = registry->visitors, .registry = registry, .call = dbus_message_ref(call)};
    registry->visitors = visitor;
    r = bus_connection_call(bus_get_connection(registry->bus),
                            bus_call_new(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "GetConnectionCredentials", DBUS_TYPE_STRING, &sender,
                                         DBUS_TYPE_INVALID),
                            on_answer, visitor, &visitor->pending);
    if (r < 0) {
        visitor_free(visitor);
        return r;
    }
    return BUS_LATER;
}

void bus_guard_clear(struct bus_registry *registry)
{
    while (registry->visitors)
        visitor_free(registry->visitors);
}
