/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "connection.h"
#include <stdint.h>

/*
 * Follows properties of other services on one bus: asks for them when a service appears, and again
 * when it says that they have changed. It starts no service, waits for none, and says nothing where
 * the bus or a service is absent.
 */
struct bus_observer;

struct bus_subject {
    const char *service;
    const char *path;      /* NULL: none until bus_observer_set_path() */
    const char *interface; /* whose properties are asked for */
    /* A method of the interface to ask with, without arguments, answering a{sv}. NULL: GetAll. */
    const char *method;
    /* Whatever is beneath the path, by ObjectManager: asked for with GetManagedObjects; rung for
     * when an object comes or goes, or one's properties of the interface change. */
    bool tree;
    /* The signal of the interface that says they have changed. NULL: PropertiesChanged. */
    const char *signal;
    /*
     * The properties, an iterator over the entries of a{sv} (of a tree: a{oa{sa{sv}}}); NULL: there
     * are none any more, as the service, its object or the bus is gone. False where they make no
     * sense; that is logged once.
     */
    bool (*answered)(const DBusMessageIter *properties, void *userdata);
    /* Reads the signal instead of asking again; false as above. NULL: asks again. */
    bool (*signalled)(DBusMessage *signal, void *userdata);
};

/* Follows `n` subjects, a table that has to stay, on the bus of this name ("system bus") and
 * address (NULL: there is none, nothing is ever said). 0 or negative errno. */
int bus_observer_new(struct bus_observer **ret, sd_event *event, const char *name,
                     const char *address, const struct bus_subject *subjects, size_t n,
                     void *userdata);
struct bus_observer *bus_observer_free(struct bus_observer *observer);

/* The object of this row of the table is this one now; "" and "/" name none. */
void bus_observer_set_path(struct bus_observer *observer, size_t subject, const char *path);

/* --- for answered() --- */

/* Looks up a property of D-Bus type `type`: false where it is there with another type. *ret is an
 * iterator on the value; where there is none its type is DBUS_TYPE_INVALID. Of a{sa{sv}} likewise
 * an interface, by DBUS_TYPE_DICT_ENTRY; *ret is an iterator over its properties then. */
bool bus_properties_find(const DBusMessageIter *properties, const char *name, int type,
                         DBusMessageIter *ret);

/* The same for basic types; *ret (of the type's size) keeps what it had where there is none. */
bool bus_properties_get(const DBusMessageIter *properties, const char *name, int type, void *ret);

/* Goes on with a digest (begin with 0) by the value under the iterator: equal for equal values. */
uint64_t bus_digest(uint64_t digest, const DBusMessageIter *value);
