/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the neighbours on the buses say, put together into one struct surroundings.
 *
 * Each service's word is kept by itself; update() makes of all of them what is, compares it with
 * what was, and tells the difference. Where two know the same, NetworkManager is believed before
 * the desktop portal, whose knowledge comes from there or from less: its "full" may mean no more
 * than a default route.
 *
 * Name servers are no part of struct surroundings: only that they have become others is told, by a
 * digest of each service's list. A service that comes back with the same list is no change.
 */
#include "surroundings-monitor.h"
#include "cleanup.h"
#include "error.h"
#include "observer.h"
#include <string.h>

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

#define LOGIND  "org.freedesktop.login1"
#define NM      "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"
#define RESOLVE "org.freedesktop.resolve1"
#define UPOWER  "org.freedesktop.UPower"
#define DESKTOP "org.freedesktop.portal.Desktop"

enum { RESOLVER_NM, RESOLVER_RESOLVED, N_RESOLVERS };

struct surroundings_monitor {
    surroundings_callback callback;
    void *userdata;
    struct bus_observer *system, *session;
    struct surroundings now;

    /* Each one's word. */
    bool sleeping, on_battery;
    struct opinion {
        enum connectivity connectivity;
        bool metered;
        bool knows_metered;
    } networkmanager, desktop;
    char portal_url[PORTAL_URL_MAX];
    uint64_t resolvers[N_RESOLVERS]; /* digests; 0: none heard yet */
};

DEFINE_CLEANUP(struct surroundings_monitor *, surroundings_monitor_free)

static unsigned sleep_change(bool before, bool now)
{
    if (before == now)
        return 0;
    return now ? SURROUNDINGS_SLEEPING : SURROUNDINGS_RESUMED;
}

/* Tells what has changed, and `more`. */
static void update(struct surroundings_monitor *monitor, unsigned more)
{
    const struct opinion *networkmanager = &monitor->networkmanager, *desktop = &monitor->desktop;
    struct surroundings now = {
        .connectivity = networkmanager->connectivity ?: desktop->connectivity,
        .sleeping = monitor->sleeping,
        .metered = networkmanager->knows_metered ? networkmanager->metered : desktop->metered,
        .on_battery = monitor->on_battery,
    };
    const struct surroundings *before = &monitor->now;
    unsigned changes = more;

    memcpy(now.portal_url, monitor->portal_url, sizeof(now.portal_url));
    changes |= sleep_change(before->sleeping, now.sleeping);
    if (now.connectivity != before->connectivity)
        changes |= SURROUNDINGS_CONNECTIVITY;
    if (now.metered != before->metered || now.on_battery != before->on_battery)
        changes |= SURROUNDINGS_COST;
    if (strcmp(now.portal_url, before->portal_url) != 0)
        changes |= SURROUNDINGS_PORTAL_URL;
    monitor->now = now;
    if (changes)
        monitor->callback(&monitor->now, changes, monitor->userdata);
}

/* --- logind: PrepareForSleep(b start) ----------------------------------------------------------
 */

static bool on_logind(const DBusMessageIter *properties, void *userdata)
{
    struct surroundings_monitor *monitor = userdata;
    dbus_bool_t sleeping = false;
    bool good = !properties ||
                bus_properties_get(properties, "PreparingForSleep", DBUS_TYPE_BOOLEAN, &sleeping);

    monitor->sleeping = sleeping; /* without a word of logind's, awake: never stuck */
    update(monitor, 0);
    return good;
}

/* By its argument: asked for its property, logind would answer after the sleep. */
static bool on_prepare_for_sleep(DBusMessage *signal, void *userdata)
{
    struct surroundings_monitor *monitor = userdata;
    dbus_bool_t sleeping;

    if (!dbus_message_get_args(signal, NULL, DBUS_TYPE_BOOLEAN, &sleeping, DBUS_TYPE_INVALID))
        return false;
    monitor->sleeping = sleeping;
    update(monitor, 0);
    return true;
}

/* --- NetworkManager ----------------------------------------------------------------------------
 */

/* The rows of system_subjects[]. */
enum subject {
    SUBJECT_LOGIND,
    SUBJECT_NM,
    SUBJECT_NM_CONNECTION, /* the primary one */
    SUBJECT_NM_DHCP4,      /* its lease */
    SUBJECT_NM_DNS,
    SUBJECT_RESOLVED,
    SUBJECT_UPOWER,
    N_SYSTEM_SUBJECTS,
};

/* NMConnectivityState and GNetworkConnectivity, by their numbers. */
static const enum connectivity nm_connectivity[] = {CONNECTIVITY_UNKNOWN, CONNECTIVITY_NONE,
                                                    CONNECTIVITY_PORTAL, CONNECTIVITY_LIMITED,
                                                    CONNECTIVITY_FULL},
                               gio_connectivity[] = {CONNECTIVITY_UNKNOWN, CONNECTIVITY_NONE,
                                                     CONNECTIVITY_LIMITED, CONNECTIVITY_PORTAL,
                                                     CONNECTIVITY_FULL};

/* Reads a number that means one of `words`; UNKNOWN where it is none of them. */
static bool get_connectivity(const DBusMessageIter *properties, const char *name,
                             const enum connectivity words[static 5], enum connectivity *ret)
{
    dbus_uint32_t number = 0;
    bool good = bus_properties_get(properties, name, DBUS_TYPE_UINT32, &number);

    *ret = number < 5 ? words[number] : CONNECTIVITY_UNKNOWN;
    return good;
}

/* The path in this property, "" where there is none. */
static bool follow_path(struct surroundings_monitor *monitor, const DBusMessageIter *properties,
                        const char *name, enum subject subject)
{
    const char *path = "";
    bool good = !properties || bus_properties_get(properties, name, DBUS_TYPE_OBJECT_PATH, &path);

    bus_observer_set_path(monitor->system, subject, path);
    return good;
}

static bool on_networkmanager(const DBusMessageIter *properties, void *userdata)
{
    enum { METERED_YES = 1, METERED_NO, METERED_GUESS_YES, METERED_GUESS_NO };
    struct surroundings_monitor *monitor = userdata;
    struct opinion opinion = {0};
    dbus_uint32_t metered = 0;
    bool good = true;

    if (properties) {
        good &=
            get_connectivity(properties, "Connectivity", nm_connectivity, &opinion.connectivity);
        good &= bus_properties_get(properties, "Metered", DBUS_TYPE_UINT32, &metered);
        opinion.knows_metered = metered >= METERED_YES && metered <= METERED_GUESS_NO;
        opinion.metered = metered == METERED_YES || metered == METERED_GUESS_YES;
    }
    monitor->networkmanager = opinion;
    good &= follow_path(monitor, properties, "PrimaryConnection", SUBJECT_NM_CONNECTION);
    update(monitor, 0);
    return good;
}

static bool on_nm_connection(const DBusMessageIter *properties, void *userdata)
{
    return follow_path(userdata, properties, "Dhcp4Config", SUBJECT_NM_DHCP4);
}

/* RFC 8910 over DHCPv4: NetworkManager's name for option 114. */
static bool on_nm_dhcp4(const DBusMessageIter *properties, void *userdata)
{
    struct surroundings_monitor *monitor = userdata;
    DBusMessageIter options, entries;
    const char *url = "";
    bool good = true;

    if (properties) {
        good = bus_properties_find(properties, "Options", DBUS_TYPE_ARRAY, &options);
        if (good && dbus_message_iter_get_arg_type(&options) == DBUS_TYPE_ARRAY) {
            dbus_message_iter_recurse(&options, &entries);
            good = bus_properties_get(&entries, "v4_captive_portal", DBUS_TYPE_STRING, &url);
        }
    }
    good &= portal_url_set(monitor->portal_url, url) || !*url || strncmp(url, "urn:", 4) == 0;
    update(monitor, 0);
    return good;
}

/* --- name servers ------------------------------------------------------------------------------
 */

/* Empty lists are no news: a service that has just started fills them in a moment, and a network
 * that goes takes them along. */
static bool on_resolver(struct surroundings_monitor *monitor, size_t i,
                        const DBusMessageIter *properties, const char *const *names)
{
    uint64_t before = monitor->resolvers[i], digest = 0;
    bool any = false;

    if (!properties)
        return true;
    for (; *names; names++) {
        DBusMessageIter value;

        if (!bus_properties_find(properties, *names, DBUS_TYPE_ARRAY, &value))
            return false;
        any |= dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_ARRAY &&
               dbus_message_iter_get_element_count(&value) > 0;
        digest = bus_digest(digest, &value);
    }
    if (!any || digest == before)
        return true;
    monitor->resolvers[i] = digest;
    if (before)
        update(monitor, SURROUNDINGS_RESOLVER);
    return true;
}

static bool on_nm_dns(const DBusMessageIter *properties, void *userdata)
{
    static const char *const names[] = {"Configuration", NULL};

    return on_resolver(userdata, RESOLVER_NM, properties, names);
}

static bool on_resolved(const DBusMessageIter *properties, void *userdata)
{
    static const char *const names[] = {"DNS", "DNSEx", "Domains", NULL};

    return on_resolver(userdata, RESOLVER_RESOLVED, properties, names);
}

/* --- UPower and the desktop portal -------------------------------------------------------------
 */

static bool on_upower(const DBusMessageIter *properties, void *userdata)
{
    struct surroundings_monitor *monitor = userdata;
    dbus_bool_t on_battery = false;
    bool good =
        !properties || bus_properties_get(properties, "OnBattery", DBUS_TYPE_BOOLEAN, &on_battery);

    monitor->on_battery = on_battery;
    update(monitor, 0);
    return good;
}

static bool on_desktop(const DBusMessageIter *properties, void *userdata)
{
    struct surroundings_monitor *monitor = userdata;
    struct opinion opinion = {0};
    dbus_bool_t metered = false;
    bool good = true;

    if (properties) {
        good &=
            get_connectivity(properties, "connectivity", gio_connectivity, &opinion.connectivity);
        good &= bus_properties_get(properties, "metered", DBUS_TYPE_BOOLEAN, &metered);
        opinion.metered = metered;
    }
    monitor->desktop = opinion;
    update(monitor, 0);
    return good;
}

static const struct bus_subject system_subjects[N_SYSTEM_SUBJECTS] = {
    [SUBJECT_LOGIND] = {.service = LOGIND,
                        .path = "/org/freedesktop/login1",
                        .interface = LOGIND ".Manager",
                        .signal = "PrepareForSleep",
                        .answered = on_logind,
                        .signalled = on_prepare_for_sleep},
    [SUBJECT_NM] = {.service = NM, .path = NM_PATH, .interface = NM, .answered = on_networkmanager},
    [SUBJECT_NM_CONNECTION] = {.service = NM,
                               .interface = NM ".Connection.Active",
                               .answered = on_nm_connection},
    [SUBJECT_NM_DHCP4] = {.service = NM, .interface = NM ".DHCP4Config", .answered = on_nm_dhcp4},
    [SUBJECT_NM_DNS] = {.service = NM,
                        .path = NM_PATH "/DnsManager",
                        .interface = NM ".DnsManager",
                        .answered = on_nm_dns},
    [SUBJECT_RESOLVED] = {.service = RESOLVE,
                          .path = "/org/freedesktop/resolve1",
                          .interface = RESOLVE ".Manager",
                          .answered = on_resolved},
    [SUBJECT_UPOWER] = {.service = UPOWER,
                        .path = "/org/freedesktop/UPower",
                        .interface = UPOWER,
                        .answered = on_upower},
};

static const struct bus_subject session_subjects[] = {
    {.service = DESKTOP,
     .path = "/org/freedesktop/portal/desktop",
     .interface = "org.freedesktop.portal.NetworkMonitor",
     .method = "GetStatus",
     .signal = "changed",
     .answered = on_desktop},
};

int surroundings_monitor_new(struct surroundings_monitor **ret, sd_event *event,
                             surroundings_callback callback, void *userdata)
{
    _cleanup_(surroundings_monitor_freep) struct surroundings_monitor *monitor =
        calloc(1, sizeof(*monitor));
    const char *system_address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
    _cleanup_free_ char *session_address = NULL;
    int r;

    if (!monitor)
        return -ENOMEM;
    monitor->callback = callback;
    monitor->userdata = userdata;
    if (!system_address || !*system_address)
        system_address = SYSTEM_BUS;
    r = bus_session_address(&session_address);
    if (r >= 0)
        r = bus_observer_new(&monitor->system, event, "system bus", system_address, system_subjects,
                             ELEMENTSOF(system_subjects), monitor);
    if (r >= 0)
        r = bus_observer_new(&monitor->session, event, "session bus", session_address,
                             session_subjects, ELEMENTSOF(session_subjects), monitor);
    if (r < 0)
        return r;
    *ret = TAKE(monitor);
    return 0;
}

struct surroundings_monitor *surroundings_monitor_free(struct surroundings_monitor *monitor)
{
    if (!monitor)
        return NULL;
    bus_observer_free(monitor->system);
    bus_observer_free(monitor->session);
    free(monitor);
    return NULL;
}
