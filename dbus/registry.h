/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "object.h"
#include <stddef.h>
#include <stdint.h>

/*
 * The inside of object.h, shared by the files behind it: which objects there are (object.c), how a
 * call finds its handler (dispatch.c), who may call it (guard.c), the interfaces that every object
 * has (standard.c) with their contents (contents.c, introspect.c), and what leaves when (outbox.c).
 */

/* A message on its way out. One that answers a call belongs to that call and goes with it. */
struct bus_outgoing {
    struct bus_outgoing *next;
    DBusMessage *message;
    DBusMessage *call;   /* NULL for signals */
    unsigned generation; /* of the connection that brought the call */
};

struct bus_queue {
    struct bus_outgoing *first, **end;
};

struct bus_object {
    struct bus_object *next;
    struct bus_registry *registry;
    char *path;
    const struct bus_interface *interface;
    bool manager;
    void *userdata;
    uint64_t changed;              /* one bit a property, in table order */
    DBusMessage *told;             /* a{sv}: what whoever followed all signals knows */
    bool announced;                /* InterfacesAdded has left, or nobody manages the object */
    struct bus_outgoing *farewell; /* its InterfacesRemoved, made when there was memory */
};

struct bus_registry {
    struct bus *bus;
    struct bus_object *objects; /* sorted by path: '/' is the lowest character of one, so that what
                                   is below a path stands together */
    struct bus_queue removals, signals, replies;
    struct bus_visitor *visitors; /* calls that wait at the guard's */
    sd_event_source *flush;       /* on while something waits to leave */
    sd_event_source *retry;       /* on after that failed without memory */
};

/* A path somebody may call: an object, or (object NULL) a path that leads to one. */
struct bus_node {
    struct bus_registry *registry;
    const char *path;
    struct bus_object *object;
};

/* object.c */
int bus_registry_new(struct bus_registry **ret, struct bus *bus, sd_event *event);
struct bus_registry *bus_registry_free(struct bus_registry *registry);
struct bus_object *bus_registry_find(const struct bus_registry *registry, const char *path);
bool bus_path_is_below(const char *path, const char *parent);
/* The nearest manager above the object; NULL where nobody manages it. */
struct bus_object *bus_object_manager(const struct bus_object *object);

/* bus.c */
struct bus_registry *bus_registry(struct bus *bus);
unsigned bus_generation(const struct bus *bus); /* counts the connections */
struct bus_connection *bus_get_connection(const struct bus *bus);
const char *bus_name(const struct bus *bus);

/* dispatch.c */
#define BUS_NODE_INTERFACES 5
DBusHandlerResult bus_registry_call(struct bus_registry *registry, DBusMessage *call);
/* Carries out a call that can be answered already; `is_admitted`: the guard has let it pass. */
void bus_registry_serve(struct bus_registry *registry, DBusMessage *call, bool is_admitted);
/* Fills in what can be called at the node; returns how many. */
size_t bus_node_interfaces(const struct bus_node *node,
                           const struct bus_interface *ret[static BUS_NODE_INTERFACES]);
bool bus_signature_matches(const char *signature, const struct bus_argument *arguments);

/* guard.c */
/* Keeps the call, to serve it as soon as the bus has said who calls, or to refuse it. BUS_LATER; 0
 * with `error` set; -ENOMEM. */
int bus_guard_ask(struct bus_registry *registry, DBusMessage *call, DBusError *error);
void bus_guard_clear(struct bus_registry *registry); /* drops what waits: its bus is gone */

/* standard.c: their handlers get a struct bus_node as userdata */
extern const struct bus_interface bus_interface_peer, bus_interface_introspectable,
    bus_interface_properties, bus_interface_object_manager;

/* contents.c: 0 or -ENOMEM */
int bus_append_string(DBusMessageIter *iter, int type, const char *value);
int bus_append_property(DBusMessageIter *iter, const struct bus_object *object,
                        const struct bus_property *property); /* v */
/* a{sv} of the properties whose bit is set in `mask` */
int bus_append_properties(DBusMessageIter *iter, const struct bus_object *object, uint64_t mask);
int bus_append_interfaces(DBusMessageIter *iter, const struct bus_object *object); /* a{sa{sv}} */
/* Whether both stand at the same value; neither moves. */
bool bus_values_equal(DBusMessageIter *a, DBusMessageIter *b);

/* introspect.c: new string, NULL without memory */
char *bus_introspect(const struct bus_node *node);

/* outbox.c */
int bus_outbox_init(struct bus_registry *registry, sd_event *event);
void bus_outbox_clear(struct bus_registry *registry);
void bus_outbox_schedule(struct bus_registry *registry);
void bus_outbox_flush(struct bus_registry *registry); /* now; what fails is tried again later */
void bus_outbox_push(struct bus_queue *queue, struct bus_outgoing *outgoing);
/* A signal to be queued, owning `message`; NULL without memory, and then `message` is freed. */
struct bus_outgoing *bus_outgoing_new(DBusMessage *message);
struct bus_outgoing *bus_outgoing_free(struct bus_outgoing *outgoing);
/* Makes a call answerable: 0 or -ENOMEM. From then on bus_reply_*() cannot fail. */
int bus_outbox_expect(struct bus_registry *registry, DBusMessage *call);
