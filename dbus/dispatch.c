/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A call's way to its handler: object, interface, method, signature, in this order, each with the
 * error name of the specification and a text that says what is missing where.
 *
 * No handler sees a call whose signature is not the one in its table, or one from a sandbox that
 * its table does not admit (guard.c). Every call that wants an answer gets one; the memory for it
 * is had before the handler runs, so that nothing is done that could not be answered.
 */
#include "cleanup.h"
#include "error.h"
#include "registry.h"
#include <string.h>

size_t bus_node_interfaces(const struct bus_node *node,
                           const struct bus_interface *ret[static BUS_NODE_INTERFACES])
{
    size_t n = 0;

    if (node->object) {
        ret[n++] = node->object->interface; /* first: it is meant where a call names none */
        ret[n++] = &bus_interface_properties;
        if (node->object->manager)
            ret[n++] = &bus_interface_object_manager;
    }
    ret[n++] = &bus_interface_introspectable;
    ret[n++] = &bus_interface_peer;
    return n;
}

bool bus_signature_matches(const char *signature, const struct bus_argument *arguments)
{
    for (; arguments && arguments->name; arguments++) {
        size_t length = strlen(arguments->signature);

        if (strncmp(signature, arguments->signature, length) != 0)
            return false;
        signature += length;
    }
    return !*signature;
}

static const struct bus_method *find_method(const struct bus_interface *interface, const char *name)
{
    for (const struct bus_method *m = interface->methods; m && m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static bool leads_to_object(const struct bus_registry *registry, const char *path)
{
    for (const struct bus_object *o = registry->objects; o; o = o->next)
        if (bus_path_is_below(o->path, path))
            return true;
    return false;
}

static void set_signature_error(DBusError *error, DBusMessage *call,
                                const struct bus_interface *interface,
                                const struct bus_method *method)
{
    char expected[DBUS_MAXIMUM_SIGNATURE_LENGTH + 1] = "";
    size_t length = 0;

    for (const struct bus_argument *a = method->in; a && a->name; a++) {
        strncpy(expected + length, a->signature, sizeof(expected) - 1 - length);
        length = strlen(expected);
    }
    dbus_set_error(error, DBUS_ERROR_INVALID_ARGS, "%s.%s takes arguments (%s), not (%s)",
                   interface->name, method->name, expected, dbus_message_get_signature(call));
}

/* Finds the method and its interface; NULL with `error` set. */
static const struct bus_method *resolve(const struct bus_node *node, DBusMessage *call,
                                        const struct bus_interface **ret_interface,
                                        DBusError *error)
{
    const char *name = dbus_message_get_interface(call), *member = dbus_message_get_member(call);
    const struct bus_interface *interfaces[BUS_NODE_INTERFACES];
    size_t n = bus_node_interfaces(node, interfaces);
    bool known = false;

    for (size_t i = 0; i < n; i++) {
        const struct bus_method *method;

        if (name && strcmp(interfaces[i]->name, name) != 0)
            continue;
        known = true;
        method = find_method(interfaces[i], member);
        if (!method)
            continue;
        *ret_interface = interfaces[i];
        if (bus_signature_matches(dbus_message_get_signature(call), method->in))
            return method;
        set_signature_error(error, call, interfaces[i], method);
        return NULL;
    }
    if (!known)
        dbus_set_error(error, DBUS_ERROR_UNKNOWN_INTERFACE, "the object at %s has no interface %s",
                       node->path, name);
    else
        dbus_set_error(error, DBUS_ERROR_UNKNOWN_METHOD, "%s%sthe object at %s has no method %s",
                       name ?: "", name ? " of " : "", node->path, member);
    return NULL;
}

static int dispatch(struct bus_registry *registry, DBusMessage *call, bool is_admitted,
                    DBusMessage **ret_reply, DBusError *error)
{
    struct bus_node node = {.registry = registry, .path = dbus_message_get_path(call)};
    const struct bus_interface *interface = NULL;
    const struct bus_method *method;
    int r;

    node.object = bus_registry_find(registry, node.path);
    if (!node.object && !leads_to_object(registry, node.path)) {
        dbus_set_error(error, DBUS_ERROR_UNKNOWN_OBJECT, "there is no object at %.*s",
                       DBUS_MAXIMUM_NAME_LENGTH, node.path); /* it may have megabytes */
        return 0;
    }
    method = resolve(&node, call, &interface, error);
    if (!method)
        return 0;
    if (method->access == BUS_UNCONFINED && !is_admitted)
        r = bus_guard_ask(registry, call, error);
    else if (node.object && interface == node.object->interface)
        r = method->handler(call, node.object->userdata, ret_reply, error);
    else
        r = method->handler(call, &node, ret_reply, error);
    /* The handler may have freed the object; the tables are static. */
    if (r < 0)
        dbus_set_error(error, r == -ENOMEM ? DBUS_ERROR_NO_MEMORY : DBUS_ERROR_FAILED,
                       "%s.%s failed: %s", interface->name, method->name, strerror(-r));
    return r;
}

void bus_registry_serve(struct bus_registry *registry, DBusMessage *call, bool is_admitted)
{
    _cleanup_(dbus_error_free) DBusError error = DBUS_ERROR_INIT;
    DBusMessage *reply = NULL;

    if (dispatch(registry, call, is_admitted, &reply, &error) == BUS_LATER)
        return;
    dbus_message_ref(call);
    if (dbus_error_is_set(&error))
        bus_reply_error(registry->bus, call, error.name, error.message);
    else if (reply)
        bus_reply_message(registry->bus, call, reply);
    else
        bus_reply(registry->bus, call);
}

DBusHandlerResult bus_registry_call(struct bus_registry *registry, DBusMessage *call)
{
    if (!dbus_message_get_no_reply(call) && bus_outbox_expect(registry, call) < 0)
        return DBUS_HANDLER_RESULT_NEED_MEMORY; /* libdbus brings the call again */
    bus_registry_serve(registry, call, false);
    return DBUS_HANDLER_RESULT_HANDLED;
}
