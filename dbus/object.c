/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The objects and their lives. They stand in one list sorted by path; there are as many as a person
 * has mail accounts, so it is searched from its head.
 *
 * An object here is a path, a const table and a userdata; it never owns what it publishes. The only
 * copy of a value is what listeners were told last (outbox.c).
 */
#include "object.h"
#include "cleanup.h"
#include "error.h"
#include "registry.h"
#include <assert.h>
#include <string.h>
#include <systemd/sd-bus.h>

int bus_registry_new(struct bus_registry **ret, struct bus *bus, sd_event *event)
{
    _cleanup_free_ struct bus_registry *registry = calloc(1, sizeof(*registry));
    int r;

    if (!registry)
        return -ENOMEM;
    registry->bus = bus;
    r = bus_outbox_init(registry, event);
    if (r < 0)
        return r;
    *ret = TAKE(registry);
    return 0;
}

struct bus_registry *bus_registry_free(struct bus_registry *registry)
{
    if (!registry)
        return NULL;
    assert(!registry->objects);
    bus_outbox_clear(registry);
    free(registry);
    return NULL;
}

struct bus_object *bus_registry_find(const struct bus_registry *registry, const char *path)
{
    struct bus_object *object = registry->objects;

    while (object && strcmp(object->path, path) != 0)
        object = object->next;
    return object;
}

bool bus_path_is_below(const char *path, const char *parent)
{
    size_t length = parent[1] ? strlen(parent) : 0; /* "/" is above every other path */

    return strncmp(path, parent, length) == 0 && path[length] == '/' && path[length + 1];
}

struct bus_object *bus_object_manager(const struct bus_object *object)
{
    struct bus_object *nearest = NULL;

    for (struct bus_object *o = object->registry->objects; o; o = o->next)
        if (o->manager && bus_path_is_below(object->path, o->path))
            nearest = o; /* of two paths above another the longer one comes later */
    return nearest;
}

int bus_object_new(struct bus_object **ret, struct bus *bus, const char *path,
                   const struct bus_interface *interface, bool manager, void *userdata)
{
    struct bus_registry *registry = bus_registry(bus);
    struct bus_object **place = &registry->objects, *object;

    if (!dbus_validate_path(path, NULL))
        return -EINVAL;
    while (*place && strcmp((*place)->path, path) < 0)
        place = &(*place)->next;
    if (*place && strcmp((*place)->path, path) == 0)
        return -EEXIST;
    object = calloc(1, sizeof(*object));
    if (!object)
        return -ENOMEM;
    *object = (struct bus_object){
        .next = *place,
        .registry = registry,
        .path = strdup(path),
        .interface = interface,
        .manager = manager,
        .userdata = userdata,
    };
    if (!object->path) {
        free(object);
        return -ENOMEM;
    }
    *place = object;
    bus_outbox_schedule(registry);
    *ret = object;
    return 0;
}

struct bus_object *bus_object_free(struct bus_object *object)
{
    struct bus_object **place;

    if (!object)
        return NULL;
    for (place = &object->registry->objects; *place != object; place = &(*place)->next)
        ;
    *place = object->next;
    if (object->announced && object->farewell) {
        bus_outbox_push(&object->registry->removals, object->farewell);
        bus_outbox_schedule(object->registry);
    } else {
        bus_outgoing_free(object->farewell);
    }
    if (object->told)
        dbus_message_unref(object->told);
    free(object->path);
    free(object);
    return NULL;
}

const char *bus_object_path(const struct bus_object *object)
{
    return object->path;
}

void bus_object_changed(struct bus_object *object, const char *property)
{
    const struct bus_property *properties = object->interface->properties;

    for (size_t i = 0; properties && properties[i].name; i++)
        if (strcmp(properties[i].name, property) == 0) {
            assert(i < 64 && properties[i].emits != BUS_EMITS_CONST);
            object->changed |= UINT64_C(1) << i;
            bus_outbox_schedule(object->registry);
            return;
        }
    assert(!"a property of the object's interface");
}

static const struct bus_signal *find_signal(const struct bus_interface *interface, const char *name)
{
    for (const struct bus_signal *s = interface->signals; s && s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

int bus_object_emit(struct bus_object *object, const char *signal, int first_type, ...)
{
    const struct bus_signal *found = find_signal(object->interface, signal);
    struct bus_outgoing *outgoing;
    DBusMessage *message;
    va_list arguments;
    bool appended;

    assert(found);
    message = dbus_message_new_signal(object->path, object->interface->name, signal);
    if (!message)
        return -ENOMEM;
    va_start(arguments, first_type);
    appended = dbus_message_append_args_valist(message, first_type, arguments);
    va_end(arguments);
    if (!appended) {
        dbus_message_unref(message);
        return -ENOMEM;
    }
    assert(bus_signature_matches(dbus_message_get_signature(message), found->arguments));
    outgoing = bus_outgoing_new(message);
    if (!outgoing)
        return -ENOMEM;
    bus_outbox_push(&object->registry->signals, outgoing);
    bus_outbox_schedule(object->registry);
    return 0;
}

char *bus_path_encode(const char *prefix, const char *name)
{
    char *path;

    return sd_bus_path_encode(prefix, name, &path) < 0 ? NULL : path;
}
