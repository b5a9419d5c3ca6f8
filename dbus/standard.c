/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The interfaces of the D-Bus specification that every object carries, as tables like any other, so
 * that they are found, checked and introspected like any other. Every property is read-only here:
 * what can be changed is changed by a method, which can say what is wrong with a value.
 *
 * The userdata of these handlers is the called struct bus_node; Properties and ObjectManager are
 * offered only where it has an object (dispatch.c).
 */
#include "cleanup.h"
#include "error.h"
#include "registry.h"
#include <string.h>

/* What the caller named is repeated only where it is a name, of at most 255 harmless bytes. */
static const char *printable(const char *name)
{
    return dbus_validate_interface(name, NULL) || dbus_validate_member(name, NULL) ? name
                                                                                   : "that name";
}

static int done(DBusMessage *reply, int r, DBusMessage **ret_reply)
{
    if (r < 0) {
        dbus_message_unref(reply);
        return r;
    }
    *ret_reply = reply;
    return 0;
}

/* The object's own interface or "" give its properties; the standard interfaces have none. */
static const struct bus_property *named_properties(const struct bus_node *node, const char *name,
                                                   DBusError *error)
{
    static const struct bus_property none[] = {{NULL}};
    const struct bus_interface *interfaces[BUS_NODE_INTERFACES];
    size_t n = bus_node_interfaces(node, interfaces);

    for (size_t i = 0; i < n; i++)
        if (!name[0] || strcmp(interfaces[i]->name, name) == 0)
            return interfaces[i]->properties ?: none;
    dbus_set_error(error, DBUS_ERROR_UNKNOWN_INTERFACE, "the object at %s has no interface %s",
                   node->path, printable(name));
    return NULL;
}

static const struct bus_property *named_property(const struct bus_node *node, DBusMessage *call,
                                                 DBusError *error)
{
    const char *interface, *name;
    const struct bus_property *property;
    DBusMessageIter iter;

    /* Not dbus_message_get_args(), which wants to know about all arguments, and Set has a variant.
     */
    dbus_message_iter_init(call, &iter);
    dbus_message_iter_get_basic(&iter, &interface);
    dbus_message_iter_next(&iter);
    dbus_message_iter_get_basic(&iter, &name);
    property = named_properties(node, interface, error);
    for (; property && property->name; property++)
        if (strcmp(property->name, name) == 0)
            return property;
    if (property)
        dbus_set_error(error, DBUS_ERROR_UNKNOWN_PROPERTY,
                       "interface %s of the object at %s has no property %s",
                       printable(interface[0] ? interface : node->object->interface->name),
                       node->path, printable(name));
    return NULL;
}

static int on_get(DBusMessage *call, void *userdata, DBusMessage **ret_reply, DBusError *error)
{
    const struct bus_node *node = userdata;
    const struct bus_property *property = named_property(node, call, error);
    DBusMessage *reply;
    DBusMessageIter iter;

    if (!property)
        return 0;
    reply = dbus_message_new_method_return(call);
    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    return done(reply, bus_append_property(&iter, node->object, property), ret_reply);
}

static int on_get_all(DBusMessage *call, void *userdata, DBusMessage **ret_reply, DBusError *error)
{
    const struct bus_node *node = userdata;
    const struct bus_property *properties;
    const char *interface;
    DBusMessage *reply;
    DBusMessageIter iter;

    dbus_message_iter_init(call, &iter);
    dbus_message_iter_get_basic(&iter, &interface);
    properties = named_properties(node, interface, error);
    if (!properties)
        return 0;
    reply = dbus_message_new_method_return(call);
    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    return done(reply,
                bus_append_properties(&iter, node->object, properties->name ? UINT64_MAX : 0),
                ret_reply);
}

static int on_set(DBusMessage *call, void *userdata, _unused_ DBusMessage **ret_reply,
                  DBusError *error)
{
    const struct bus_node *node = userdata;
    const struct bus_property *property = named_property(node, call, error);

    if (property)
        dbus_set_error(error, DBUS_ERROR_PROPERTY_READ_ONLY,
                       "property %s of the object at %s can only be read", property->name,
                       node->path);
    return 0;
}

static int reply_string(DBusMessage *call, const char *value, DBusMessage **ret_reply)
{
    DBusMessage *reply = dbus_message_new_method_return(call);
    DBusMessageIter iter;

    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    return done(reply, bus_append_string(&iter, DBUS_TYPE_STRING, value), ret_reply);
}

static int on_introspect(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                         _unused_ DBusError *error)
{
    _cleanup_free_ char *document = bus_introspect(userdata);

    return document ? reply_string(call, document, ret_reply) : -ENOMEM;
}

static int on_ping(_unused_ DBusMessage *call, _unused_ void *userdata,
                   _unused_ DBusMessage **ret_reply, _unused_ DBusError *error)
{
    return 0;
}

static int on_get_machine_id(DBusMessage *call, _unused_ void *userdata, DBusMessage **ret_reply,
                             DBusError *error)
{
    char *id = dbus_try_get_local_machine_id(error);
    int r;

    if (!id)
        return 0; /* with the error set */
    r = reply_string(call, id, ret_reply);
    dbus_free(id);
    return r;
}

static int append_managed(DBusMessageIter *iter, const struct bus_node *manager)
{
    DBusMessageIter objects, entry;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{oa{sa{sv}}}", &objects))
        return -ENOMEM;
    for (struct bus_object *o = manager->registry->objects; r == 0 && o; o = o->next) {
        if (bus_object_manager(o) != manager->object)
            continue;
        if (!dbus_message_iter_open_container(&objects, DBUS_TYPE_DICT_ENTRY, NULL, &entry)) {
            r = -ENOMEM;
            break;
        }
        r = bus_append_string(&entry, DBUS_TYPE_OBJECT_PATH, o->path);
        if (r == 0)
            r = bus_append_interfaces(&entry, o);
        r = bus_close(&objects, &entry, r);
    }
    return bus_close(iter, &objects, r);
}

static int on_get_managed_objects(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                                  _unused_ DBusError *error)
{
    DBusMessage *reply = dbus_message_new_method_return(call);
    DBusMessageIter iter;

    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    return done(reply, append_managed(&iter, userdata), ret_reply);
}

#define ARGUMENTS(...)                                                                             \
    (const struct bus_argument[])                                                                  \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL                                                                                   \
        }                                                                                          \
    }

const struct bus_interface bus_interface_peer = {
    .name = DBUS_INTERFACE_PEER,
    .methods =
        (const struct bus_method[]){
            {.name = "Ping", .access = BUS_ANYBODY, .handler = on_ping},
            {.name = "GetMachineId",
             .access = BUS_ANYBODY,
             .out = ARGUMENTS({"machine_uuid", "s"}),
             .handler = on_get_machine_id},
            {NULL},
        },
};

const struct bus_interface bus_interface_introspectable = {
    .name = DBUS_INTERFACE_INTROSPECTABLE,
    .methods =
        (const struct bus_method[]){
            {.name = "Introspect",
             .access = BUS_ANYBODY,
             .out = ARGUMENTS({"xml_data", "s"}),
             .handler = on_introspect},
            {NULL},
        },
};

const struct bus_interface bus_interface_properties = {
    .name = DBUS_INTERFACE_PROPERTIES,
    .methods =
        (const struct bus_method[]){
            {.name = "Get",
             .access = BUS_ANYBODY,
             .in = ARGUMENTS({"interface_name", "s"}, {"property_name", "s"}),
             .out = ARGUMENTS({"value", "v"}),
             .handler = on_get},
            {.name = "GetAll",
             .access = BUS_ANYBODY,
             .in = ARGUMENTS({"interface_name", "s"}),
             .out = ARGUMENTS({"properties", "a{sv}"}),
             .handler = on_get_all},
            {.name = "Set",
             .access = BUS_ANYBODY,
             .in = ARGUMENTS({"interface_name", "s"}, {"property_name", "s"}, {"value", "v"}),
             .handler = on_set},
            {NULL},
        },
    .signals =
        (const struct bus_signal[]){
            {.name = "PropertiesChanged",
             .arguments = ARGUMENTS({"interface_name", "s"}, {"changed_properties", "a{sv}"},
                                    {"invalidated_properties", "as"})},
            {NULL},
        },
};

const struct bus_interface bus_interface_object_manager = {
    .name = "org.freedesktop.DBus.ObjectManager",
    .methods =
        (const struct bus_method[]){
            {.name = "GetManagedObjects",
             .access = BUS_ANYBODY,
             .out = ARGUMENTS({"objects", "a{oa{sa{sv}}}"}),
             .handler = on_get_managed_objects},
            {NULL},
        },
    .signals =
        (const struct bus_signal[]){
            {.name = "InterfacesAdded",
             .arguments =
                 ARGUMENTS({"object_path", "o"}, {"interfaces_and_properties", "a{sa{sv}}"})},
            {.name = "InterfacesRemoved",
             .arguments = ARGUMENTS({"object_path", "o"}, {"interfaces", "as"})},
            {NULL},
        },
};
