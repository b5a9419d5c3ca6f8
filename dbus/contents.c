/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What objects hold, as D-Bus values: one property, all of them, all of an object; and whether two
 * values are the same. The values come from the table's append functions, at the moment they are
 * asked for; nothing is kept here.
 *
 * Every container that was opened is closed or abandoned, also where memory ends halfway.
 */
#include "error.h"
#include "registry.h"
#include <string.h>

int bus_close(DBusMessageIter *outer, DBusMessageIter *inner, int r)
{
    if (r < 0) {
        dbus_message_iter_abandon_container(outer, inner);
        return r;
    }
    return dbus_message_iter_close_container(outer, inner) ? 0 : -ENOMEM;
}

int bus_append_string(DBusMessageIter *iter, int type, const char *value)
{
    return dbus_message_iter_append_basic(iter, type, &value) ? 0 : -ENOMEM;
}

int bus_append_property(DBusMessageIter *iter, const struct bus_object *object,
                        const struct bus_property *property)
{
    DBusMessageIter value;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, property->signature, &value))
        return -ENOMEM;
    return bus_close(iter, &value, property->append(&value, object->userdata));
}

int bus_append_properties(DBusMessageIter *iter, const struct bus_object *object, uint64_t mask)
{
    const struct bus_property *property = object->interface->properties;
    DBusMessageIter properties, entry;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &properties))
        return -ENOMEM;
    for (; r == 0 && property && property->name; property++, mask >>= 1) {
        if (!(mask & 1))
            continue;
        if (!dbus_message_iter_open_container(&properties, DBUS_TYPE_DICT_ENTRY, NULL, &entry)) {
            r = -ENOMEM;
            break;
        }
        r = bus_append_string(&entry, DBUS_TYPE_STRING, property->name);
        if (r == 0)
            r = bus_append_property(&entry, object, property);
        r = bus_close(&properties, &entry, r);
    }
    return bus_close(iter, &properties, r);
}

int bus_append_interfaces(DBusMessageIter *iter, const struct bus_object *object)
{
    DBusMessageIter interfaces, entry;
    int r;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sa{sv}}", &interfaces))
        return -ENOMEM;
    if (!dbus_message_iter_open_container(&interfaces, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
        return bus_close(iter, &interfaces, -ENOMEM);
    r = bus_append_string(&entry, DBUS_TYPE_STRING, object->interface->name);
    if (r == 0)
        r = bus_append_properties(&entry, object, UINT64_MAX);
    return bus_close(iter, &interfaces, bus_close(&interfaces, &entry, r));
}

static bool basic_values_equal(DBusMessageIter *a, DBusMessageIter *b, int type)
{
    DBusBasicValue one = {.u64 = 0}, other = {.u64 = 0};

    dbus_message_iter_get_basic(a, &one);
    dbus_message_iter_get_basic(b, &other);
    if (type == DBUS_TYPE_STRING || type == DBUS_TYPE_OBJECT_PATH || type == DBUS_TYPE_SIGNATURE)
        return strcmp(one.str, other.str) == 0;
    return one.u64 == other.u64; /* smaller ones leave the rest as it is */
}

/* Containers nest as deep as the tables' signatures say, which are this program's own. */
bool bus_values_equal(DBusMessageIter *a, DBusMessageIter *b)
{
    int type = dbus_message_iter_get_arg_type(a);
    DBusMessageIter one, other;

    if (type != dbus_message_iter_get_arg_type(b))
        return false;
    if (dbus_type_is_basic(type))
        return basic_values_equal(a, b, type);
    dbus_message_iter_recurse(a, &one);
    dbus_message_iter_recurse(b, &other);
    while (dbus_message_iter_get_arg_type(&one) != DBUS_TYPE_INVALID) {
        if (!bus_values_equal(&one, &other))
            return false;
        dbus_message_iter_next(&one);
        dbus_message_iter_next(&other);
    }
    return dbus_message_iter_get_arg_type(&other) == DBUS_TYPE_INVALID;
}
