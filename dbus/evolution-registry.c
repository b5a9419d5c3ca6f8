/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The sources of Evolution-Data-Server, as org.gnome.evolution.dataserver.Sources5 has them: each
 * an object with its UID, and as Data the text of its file. Followed by an observer of its own, on
 * a connection of its own: one that says too much loses that and nothing else.
 *
 * Data is handed on where it lies in the message. In the sources of mail is no password; in that of
 * a proxy there can be, which the registry shows to everybody on the bus. It is copied nowhere, and
 * wiped in the message, which libdbus would keep for use again; in the buffers through which the
 * message came libdbus lets nobody reach it.
 *
 * Refused: to start the registry; to change anything in it.
 */
#include "evolution-registry.h"
#include "cleanup.h"
#include "error.h"
#include "observer.h"
#include <string.h>

#define INTERFACE "org.gnome.evolution.dataserver.Source"

struct registry_follower {
    struct bus_observer *observer;
    registry_callback callback;
    void *userdata;
};

/* The source among the interfaces of an object (a{sa{sv}}). */
static bool get_source(const DBusMessageIter *interfaces, struct registry_source *ret)
{
    DBusMessageIter properties;
    const char *uid = NULL, *data = NULL;

    if (!bus_properties_find(interfaces, INTERFACE, DBUS_TYPE_DICT_ENTRY, &properties) ||
        !bus_properties_get(&properties, "UID", DBUS_TYPE_STRING, &uid) ||
        !bus_properties_get(&properties, "Data", DBUS_TYPE_STRING, &data) || !uid || !data)
        return false;
    *ret = (struct registry_source){uid, {data, strlen(data)}};
    return *uid && ret->data.n <= REGISTRY_DATA_MAX;
}

static void wipe(const struct registry_source *sources, size_t n)
{
    for (size_t i = 0; i < n; i++)
        explicit_bzero((char *)sources[i].data.at, sources[i].data.n); /* is no const */
}

static bool on_objects(const DBusMessageIter *objects, void *userdata)
{
    struct registry_follower *follower = userdata;
    _cleanup_free_ struct registry_source *sources = calloc(REGISTRY_SOURCES_MAX, sizeof(*sources));
    DBusMessageIter object, entry, interfaces;
    bool good = true;
    size_t n = 0;

    if (!objects || !sources) {
        follower->callback(NULL, 0, follower->userdata);
        return true;
    }
    for (object = *objects; dbus_message_iter_get_arg_type(&object) == DBUS_TYPE_DICT_ENTRY;
         dbus_message_iter_next(&object)) {
        if (n == REGISTRY_SOURCES_MAX) {
            good = false;
            break;
        }
        dbus_message_iter_recurse(&object, &entry);
        dbus_message_iter_next(&entry);
        dbus_message_iter_recurse(&entry, &interfaces);
        if (get_source(&interfaces, &sources[n]))
            n++;
        else
            good = false;
    }
    follower->callback(sources, n, follower->userdata);
    wipe(sources, n);
    return good;
}

static const struct bus_subject subjects[] = {
    {.service = "org.gnome.evolution.dataserver.Sources5",
     .path = "/org/gnome/evolution/dataserver/SourceManager",
     .interface = INTERFACE,
     .tree = true,
     .answered = on_objects},
};

static struct registry_follower *registry_free(struct registry_follower *follower)
{
    if (!follower)
        return NULL;
    bus_observer_free(follower->observer);
    free(follower);
    return NULL;
}
DEFINE_CLEANUP(struct registry_follower *, registry_free)

static int registry_follow(struct registry_follower **ret, sd_event *event,
                           registry_callback callback, void *userdata)
{
    _cleanup_(registry_freep) struct registry_follower *follower = calloc(1, sizeof(*follower));
    _cleanup_free_ char *address = NULL;
    int r = follower ? bus_session_address(&address) : -ENOMEM;

    if (r < 0)
        return r;
    follower->callback = callback;
    follower->userdata = userdata;
    r = bus_observer_new(&follower->observer, event, "session bus", address, subjects,
                         ELEMENTSOF(subjects), follower);
    if (r < 0)
        return r;
    *ret = TAKE(follower);
    return 0;
}

const struct registry evolution_registry = {.follow = registry_follow, .free = registry_free};
