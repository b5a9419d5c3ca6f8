/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What leaves, and in which order: objects gone, objects come, properties changed, signals,
 * answers. So nobody hears of an object that a client cannot see yet, and whoever gets a signal or
 * an answer finds the properties already changed.
 *
 * A mark says that a property may have changed; whether it has is found out against what was sent
 * last, so that listeners never hear a value that they know.
 *
 * Everything queued in one callback of the event loop leaves directly behind that callback, before
 * any other one runs: the flush source has a higher priority. Where memory ends, the rest stays in
 * its order and leaves later. Nothing is lost but what was meant for a connection that is gone.
 */
#include "cleanup.h"
#include "error.h"
#include "registry.h"
#include <string.h>

#define MEMORY_PAUSE_USEC 100000

/* Where a call carries its struct bus_outgoing, which is freed with it. */
static dbus_int32_t answer_slot = -1;

static DBusMessage *message_unref(DBusMessage *message)
{
    if (message)
        dbus_message_unref(message);
    return NULL;
}

DEFINE_CLEANUP(DBusMessage *, message_unref)

struct bus_outgoing *bus_outgoing_new(DBusMessage *message)
{
    struct bus_outgoing *outgoing = calloc(1, sizeof(*outgoing));

    if (outgoing)
        outgoing->message = message;
    else
        dbus_message_unref(message);
    return outgoing;
}

struct bus_outgoing *bus_outgoing_free(struct bus_outgoing *outgoing)
{
    if (!outgoing)
        return NULL;
    message_unref(outgoing->message);
    free(outgoing);
    return NULL;
}

static void free_answer(void *answer)
{
    bus_outgoing_free(answer);
}

void bus_outbox_push(struct bus_queue *queue, struct bus_outgoing *outgoing)
{
    outgoing->next = NULL;
    *queue->end = outgoing;
    queue->end = &outgoing->next;
}

static void pop(struct bus_queue *queue)
{
    struct bus_outgoing *outgoing = queue->first;

    queue->first = outgoing->next;
    if (!queue->first)
        queue->end = &queue->first;
    if (outgoing->call)
        dbus_message_unref(outgoing->call); /* frees `outgoing` with it */
    else
        bus_outgoing_free(outgoing);
}

static int send_queue(struct bus_registry *registry, struct bus_queue *queue)
{
    for (struct bus_outgoing *o; (o = queue->first); pop(queue)) {
        int r;

        /* Unique names start anew with each bus: that caller's may now be somebody else's. */
        if (o->call && o->generation != bus_generation(registry->bus))
            continue;
        r = bus_send(registry->bus, o->message);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The values that listeners are told, as they are now. */
static int read_values(DBusMessage **ret, const struct bus_object *object)
{
    const struct bus_property *property = object->interface->properties;
    _cleanup_(message_unrefp) DBusMessage *values = dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
    DBusMessageIter iter;
    uint64_t mask = 0;

    if (!values)
        return -ENOMEM;
    for (size_t i = 0; property && property[i].name; i++)
        if (property[i].emits == BUS_EMITS_CHANGE)
            mask |= UINT64_C(1) << i;
    dbus_message_iter_init_append(values, &iter);
    if (bus_append_properties(&iter, object, mask) < 0)
        return -ENOMEM;
    *ret = TAKE(values);
    return 0;
}

/* These values have just left. */
static void set_told(struct bus_object *object, DBusMessage *values)
{
    const struct bus_property *property = object->interface->properties;
    bool noted = !object->told;

    message_unref(object->told);
    object->told = values;
    for (size_t i = 0; i < 64 && object->changed >> i; i++)
        noted |= property[i].noted && object->changed & UINT64_C(1) << i;
    object->changed = 0;
    if (noted && object->interface->told)
        object->interface->told(object->userdata);
}

/* Takes the marks off the properties that have the value which was told last. */
static void unmark_known(struct bus_object *object, DBusMessage *values)
{
    const struct bus_property *property = object->interface->properties;
    DBusMessageIter iter, now, told;

    dbus_message_iter_init(values, &iter);
    dbus_message_iter_recurse(&iter, &now);
    dbus_message_iter_init(object->told, &iter);
    dbus_message_iter_recurse(&iter, &told);
    for (size_t i = 0; property[i].name; i++) {
        if (property[i].emits != BUS_EMITS_CHANGE)
            continue;
        if (bus_values_equal(&now, &told))
            object->changed &= ~(UINT64_C(1) << i);
        dbus_message_iter_next(&now);
        dbus_message_iter_next(&told);
    }
}

static int announce(struct bus_object *object)
{
    const struct bus_object *manager = bus_object_manager(object);
    _cleanup_(message_unrefp) DBusMessage *added = NULL, *values = NULL;
    DBusMessageIter iter;
    int r = read_values(&values, object);

    if (r < 0)
        return r;
    if (manager && !object->farewell) {
        const char *path = object->path, **names = (const char *[]){object->interface->name};
        DBusMessage *removed = dbus_message_new_signal(
            manager->path, bus_interface_object_manager.name, "InterfacesRemoved");

        if (!removed)
            return -ENOMEM;
        if (!dbus_message_append_args(removed, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_ARRAY,
                                      DBUS_TYPE_STRING, &names, 1, DBUS_TYPE_INVALID)) {
            dbus_message_unref(removed);
            return -ENOMEM;
        }
        object->farewell = bus_outgoing_new(removed);
        if (!object->farewell)
            return -ENOMEM;
    }
    if (manager) {
        added = dbus_message_new_signal(manager->path, bus_interface_object_manager.name,
                                        "InterfacesAdded");
        if (!added)
            return -ENOMEM;
        dbus_message_iter_init_append(added, &iter);
        if ((r = bus_append_string(&iter, DBUS_TYPE_OBJECT_PATH, object->path)) < 0 ||
            (r = bus_append_interfaces(&iter, object)) < 0 ||
            (r = bus_send(object->registry->bus, added)) < 0)
            return r;
    }
    /* What nobody manages is there before there is a bus: nobody has asked for older values. */
    set_told(object, TAKE(values));
    object->announced = true;
    return 0;
}

static int append_invalidated(DBusMessageIter *iter, const struct bus_object *object, uint64_t mask)
{
    const struct bus_property *properties = object->interface->properties;
    DBusMessageIter names;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "s", &names))
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < 64 && mask >> i; i++)
        if (mask & UINT64_C(1) << i)
            r = bus_append_string(&names, DBUS_TYPE_STRING, properties[i].name);
    return bus_close(iter, &names, r);
}

static int send_changed(struct bus_object *object)
{
    const struct bus_property *properties = object->interface->properties;
    _cleanup_(message_unrefp) DBusMessage *message = NULL, *values = NULL;
    DBusMessageIter iter;
    uint64_t invalidated = 0;
    int r = read_values(&values, object);

    if (r < 0)
        return r;
    unmark_known(object, values);
    if (!object->changed)
        return 0;
    for (size_t i = 0; i < 64 && object->changed >> i; i++)
        if (properties[i].emits == BUS_EMITS_INVALIDATION)
            invalidated |= object->changed & UINT64_C(1) << i;
    message = dbus_message_new_signal(object->path, DBUS_INTERFACE_PROPERTIES, "PropertiesChanged");
    if (!message)
        return -ENOMEM;
    dbus_message_iter_init_append(message, &iter);
    if ((r = bus_append_string(&iter, DBUS_TYPE_STRING, object->interface->name)) < 0 ||
        (r = bus_append_properties(&iter, object, object->changed & ~invalidated)) < 0 ||
        (r = append_invalidated(&iter, object, invalidated)) < 0 ||
        (r = bus_send(object->registry->bus, message)) < 0)
        return r;
    set_told(object, TAKE(values));
    return 0;
}

static int flush(struct bus_registry *registry)
{
    int r = send_queue(registry, &registry->removals);

    for (struct bus_object *o = registry->objects; r == 0 && o; o = o->next)
        if (!o->announced)
            r = announce(o);
    for (struct bus_object *o = registry->objects; r == 0 && o; o = o->next)
        if (o->changed)
            r = send_changed(o);
    if (r == 0)
        r = send_queue(registry, &registry->signals);
    if (r == 0)
        r = send_queue(registry, &registry->replies);
    return r;
}

void bus_outbox_flush(struct bus_registry *registry)
{
    if (flush(registry) == 0)
        return;
    (void)sd_event_source_set_time_relative(registry->retry, MEMORY_PAUSE_USEC);
    (void)sd_event_source_set_enabled(registry->retry, SD_EVENT_ONESHOT);
}

/* The source exists already; switching it on is not to fail, and nobody here could be told. */
void bus_outbox_schedule(struct bus_registry *registry)
{
    (void)sd_event_source_set_enabled(registry->flush, SD_EVENT_ONESHOT);
}

static int on_flush(_unused_ sd_event_source *source, void *userdata)
{
    bus_outbox_flush(userdata);
    return 0;
}

static int on_retry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata)
{
    bus_outbox_flush(userdata);
    return 0;
}

int bus_outbox_init(struct bus_registry *registry, sd_event *event)
{
    int r;

    registry->removals.end = &registry->removals.first;
    registry->signals.end = &registry->signals.first;
    registry->replies.end = &registry->replies.first;
    if (!dbus_message_allocate_data_slot(&answer_slot))
        return -ENOMEM;
    if ((r = sd_event_add_defer(event, &registry->flush, on_flush, registry)) < 0 ||
        (r = sd_event_source_set_enabled(registry->flush, SD_EVENT_OFF)) < 0 ||
        (r = sd_event_source_set_priority(registry->flush, SD_EVENT_PRIORITY_NORMAL - 1)) < 0 ||
        (r = sd_event_add_time_relative(event, &registry->retry, CLOCK_MONOTONIC, 0, 0, on_retry,
                                        registry)) < 0 ||
        (r = sd_event_source_set_enabled(registry->retry, SD_EVENT_OFF)) < 0) {
        sd_event_source_disable_unref(registry->flush);
        sd_event_source_disable_unref(registry->retry);
        dbus_message_free_data_slot(&answer_slot);
        return r;
    }
    return 0;
}

void bus_outbox_clear(struct bus_registry *registry)
{
    struct bus_queue *queues[] = {&registry->removals, &registry->signals, &registry->replies};

    for (size_t i = 0; i < ELEMENTSOF(queues); i++)
        while (queues[i]->first)
            pop(queues[i]);
    sd_event_source_disable_unref(registry->flush);
    sd_event_source_disable_unref(registry->retry);
    dbus_message_free_data_slot(&answer_slot);
}

int bus_outbox_expect(struct bus_registry *registry, DBusMessage *call)
{
    /* What is answered if there is no memory for any other answer. */
    DBusMessage *message =
        dbus_message_new_error(call, DBUS_ERROR_NO_MEMORY, "not enough memory to answer");
    struct bus_outgoing *answer = message ? bus_outgoing_new(message) : NULL;

    if (!answer)
        return -ENOMEM;
    answer->call = call;
    answer->generation = bus_generation(registry->bus);
    if (!dbus_message_set_data(call, answer_slot, answer, free_answer)) {
        bus_outgoing_free(answer);
        return -ENOMEM;
    }
    return 0;
}

/* Only here is a reply queued. A call that wants none has no answer in its slot. */
void bus_reply_message(struct bus *bus, DBusMessage *call, DBusMessage *reply)
{
    struct bus_registry *registry = bus_registry(bus);
    struct bus_outgoing *answer = dbus_message_get_data(call, answer_slot);

    if (!answer) {
        message_unref(reply);
        dbus_message_unref(call);
        return;
    }
    if (reply) {
        dbus_message_unref(answer->message);
        answer->message = reply;
    }
    bus_outbox_push(&registry->replies, answer);
    bus_outbox_schedule(registry);
}

void bus_reply(struct bus *bus, DBusMessage *call)
{
    bus_reply_message(bus, call, dbus_message_new_method_return(call));
}

void bus_reply_error(struct bus *bus, DBusMessage *call, const char *name, const char *text)
{
    bus_reply_message(bus, call, dbus_message_new_error(call, name, text));
}
