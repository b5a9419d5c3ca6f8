/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The memory on the bus: GetHistory() and Forget() of the manager. A trip is a dictionary, so that
 * more may be told of it some day. */
#include "cleanup.h"
#include "error.h"
#include "publish-internal.h"
#include <string.h>

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static int append_endpoints_entry(DBusMessageIter *dictionary, const struct memory_result *result)
{
    DBusMessageIter entry, variant;
    int r;

    if (!dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
        return -ENOMEM;
    r = append_string(&entry, "endpoints");
    if (r == 0 &&
        !dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "a(sqssa{sv})", &variant))
        r = -ENOMEM;
    if (r == 0)
        r = bus_close(&entry, &variant,
                      append_findings(&variant, result->findings, result->n_findings));
    return bus_close(dictionary, &entry, r);
}

/* The endpoint that worked: "" and 0 where none did. */
static int append_working(DBusMessageIter *dictionary, const struct memory_result *result)
{
    const struct finding *working = result->chosen < 0 ? NULL : &result->findings[result->chosen];
    const char *server = working ? working->endpoint.host : "";
    const char *security = working ? security_to_string(choose_security(working)) : "";
    const dbus_uint16_t port = working ? working->endpoint.port : 0;
    int r = append_entry(dictionary, "server", DBUS_TYPE_STRING, &server);

    if (r == 0)
        r = append_entry(dictionary, "port", DBUS_TYPE_UINT16, &port);
    if (r == 0)
        r = append_entry(dictionary, "security", DBUS_TYPE_STRING, &security);
    return r;
}

static int append_trip(DBusMessageIter *array, const struct memory_trip *trip)
{
    const struct memory_result *result = trip->result;
    const char *network = trip->id, *name = trip->name, *account = result->account;
    const uint64_t until = trip->present ? 0 : trip->until;
    DBusMessageIter dictionary;
    int r;

    if (!dbus_message_iter_open_container(array, DBUS_TYPE_ARRAY, "{sv}", &dictionary))
        return -ENOMEM;
    r = append_entry(&dictionary, "network", DBUS_TYPE_STRING, &network);
    if (r == 0)
        r = append_entry(&dictionary, "name", DBUS_TYPE_STRING, &name);
    if (r == 0)
        r = append_entry(&dictionary, "account", DBUS_TYPE_STRING, &account);
    if (r == 0)
        r = append_entry(&dictionary, "arrived", DBUS_TYPE_UINT64, &trip->arrived);
    if (r == 0)
        r = append_entry(&dictionary, "until", DBUS_TYPE_UINT64, &until);
    if (r == 0)
        r = append_entry(&dictionary, "checked", DBUS_TYPE_UINT64, &result->at);
    if (r == 0)
        r = append_working(&dictionary, result);
    if (r == 0)
        r = append_endpoints_entry(&dictionary, result);
    return bus_close(array, &dictionary, r);
}

int handle_get_history(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                       DBusError *error _unused_)
{
    const struct publisher *publisher = userdata;
    const struct memory_list *trips = manager_trips(publisher->manager);
    _cleanup_(dbus_message_unrefp) DBusMessage *reply = dbus_message_new_method_return(call);
    DBusMessageIter iter, array;
    int r = 0;

    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "a{sv}", &array))
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < trips->n; i++)
        r = append_trip(&array, trips->items[i]);
    r = bus_close(&iter, &array, r);
    if (r == 0)
        *ret_reply = TAKE(reply);
    return r;
}

int handle_forget(DBusMessage *call, void *userdata, DBusMessage **ret_reply _unused_,
                  DBusError *error)
{
    struct publisher *publisher = userdata;
    const char *network;
    int r;

    if (!dbus_message_get_args(call, error, DBUS_TYPE_STRING, &network, DBUS_TYPE_INVALID))
        return 0;
    r = manager_forget(publisher->manager, network);
    if (r == MEMORY_NO_SUCH_NETWORK)
        dbus_set_error(error, MAILROAM_ERROR("NoSuchNetwork"),
                       "no network of this id is remembered");
    else if (r < 0)
        dbus_set_error(error, MAILROAM_ERROR("Failed"),
                       "it is forgotten, but not in the file, which cannot be written: %s",
                       strerror(-r));
    return 0;
}
