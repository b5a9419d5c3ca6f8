/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "bus.h"
#include <stdbool.h>

/*
 * Published objects: const tables that say what an interface has, and the one place that turns them
 * into org.freedesktop.DBus.Properties, Introspectable, Peer and ObjectManager. Interfaces are
 * static data, objects are instances with a path and a userdata.
 */

struct bus_argument {
    const char *name;
    const char *signature; /* one complete type */
};

/* An answer of a method handler that has kept (dbus_message_ref) the call to answer it later with
 * bus_reply_*(). */
enum { BUS_LATER = 1 };

/* Who may call a method; what a table does not say is the first. */
enum bus_access {
    BUS_UNCONFINED, /* nobody from a sandbox (caller.h): Error.AccessDenied below the bus name */
    BUS_ANYBODY, /* a sandbox that may talk to the service at all, too: it only reads, or as good as
                  */
};

struct bus_method {
    const char *name;
    enum bus_access access;
    const struct bus_argument *in;  /* ended by {NULL}; may be NULL */
    const struct bus_argument *out; /* likewise */
    /*
     * The call's signature has been checked against `in`. Returns 0 with a reply in *ret_reply, or
     * with `error` set (dbus_set_error, with a name of this project's or of org.freedesktop.DBus),
     * or with neither, which answers without arguments; BUS_LATER; or negative errno, which becomes
     * org.freedesktop.DBus.Error.NoMemory or .Failed.
     */
    int (*handler)(DBusMessage *call, void *userdata, DBusMessage **ret_reply, DBusError *error);
};

enum bus_emits { BUS_EMITS_CHANGE, BUS_EMITS_INVALIDATION, BUS_EMITS_CONST };

struct bus_property {
    const char *name;
    const char *signature;
    enum bus_emits emits;
    /* Appends the value (one complete type of `signature`) to `iter`. 0 or -ENOMEM. */
    int (*append)(DBusMessageIter *iter, const void *userdata);
    bool noted; /* the interface's told() wants to know of its changes */
};

struct bus_signal {
    const char *name;
    const struct bus_argument *arguments; /* ended by {NULL} */
};

struct bus_interface {
    const char *name;
    const struct bus_method *methods;      /* each list ended by a {NULL} entry; may be NULL */
    const struct bus_property *properties; /* all read-only; at most 64 */
    const struct bus_signal *signals;
    /* Listeners have been told of the object, or of another value of a property that is noted: the
     * place to emit signals that go with it. May be NULL. */
    void (*told)(void *userdata);
};

struct bus_object;

/*
 * Publishes one interface at `path`. Where `manager` is true the object also carries ObjectManager
 * for everything below it; InterfacesAdded and InterfacesRemoved are then emitted from there as
 * objects come and go. 0, -EEXIST (path taken), -EINVAL (no valid path), -ENOMEM.
 */
int bus_object_new(struct bus_object **ret, struct bus *bus, const char *path,
                   const struct bus_interface *interface, bool manager, void *userdata);
struct bus_object *bus_object_free(struct bus_object *object);
const char *bus_object_path(const struct bus_object *object);

/*
 * Marks a property as changed; a value that is the same again is not sent (but always invalidated
 * where it is announced so). Marks of one turn of the event loop leave together as one
 * PropertiesChanged for each object, before anything queued by bus_object_emit(), which leaves
 * before anything queued by bus_reply_*(): who hears a signal or gets a reply finds the
 * properties already changed. An unknown name is a programming error (assert).
 */
void bus_object_changed(struct bus_object *object, const char *property);

/*
 * Emits `signal` of the object's interface with arguments as for dbus_message_append_args()
 * (basic types by address), ended by DBUS_TYPE_INVALID, in the order described above. 0 or -ENOMEM.
 */
int bus_object_emit(struct bus_object *object, const char *signal, int first_type, ...);

/* Answers a call kept by a handler that returned BUS_LATER, in the order described above, and drops
 * the kept reference. Without arguments, or with an error. */
void bus_reply(struct bus *bus, DBusMessage *call);
/* Takes the reply too; NULL, from whoever had no memory for one, answers NoMemory. */
void bus_reply_message(struct bus *bus, DBusMessage *call, DBusMessage *reply);
void bus_reply_error(struct bus *bus, DBusMessage *call, const char *name, const char *text);

/* PREFIX/ESCAPED for any name, as sd_bus_path_encode(3) does it: all but [A-Za-z0-9] as _XX, a
 * leading digit too, "_" for the empty name. New string, NULL without memory. */
char *bus_path_encode(const char *prefix, const char *name);

/* For append handlers: closes `inner` where r is 0, else abandons it, because a container left open
 * leaks. Returns `r`, or -ENOMEM. */
int bus_close(DBusMessageIter *outer, DBusMessageIter *inner, int r);
