/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From a way out to the network's identity.
 *
 * Always: the gateway's link address is asked for once for each way out, and again when somebody
 * may have plugged the link in elsewhere. While the answer is out, for SILENT_AFTER at most, the
 * network has no id; then it gets one without the link address, and a better one when the answer
 * comes after all. What was known stays while it is asked for again.
 *
 * Refused: to follow the neighbours beyond that. The kernel speaks of them all the time, and an
 * idle machine wants to sleep.
 */
#include "watch/identify.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/identity.h"
#include "watch/neighbour.h"
#include "watch/network.h"
#include "watch/route.h"
#include "watch/wifi.h"

#include <string.h>
#include <time.h>

#define SILENT_AFTER  1000000 /* µs: the network is called by what is known */
#define GIVE_UP_AFTER 5000000 /* µs: the kernel has asked three times, a second apart */

_Static_assert(IDENTITY_ID_MAX <= NETWORK_ID_MAX, "an id fits");
_Static_assert(IDENTITY_NAME_MAX <= NETWORK_NAME_MAX, "a name fits");
_Static_assert(IDENTITY_SALT_LENGTH == (int)WATCH_SALT_SIZE, "the same salt");
_Static_assert(IDENTITY_KIND_MAX == (int)KERNEL_KIND_MAX, "a kind fits");

struct identify {
    struct bell *bell;
    struct wifi *wifi;
    uint8_t salt[WATCH_SALT_SIZE];
    struct way_out way; /* the one that the rest is about */
    struct identity_facts facts;
    uint32_t carrier_ups;
    bool asked, silent; /* for the link address */
    identify_ask ask;   /* NULL: nobody */
    void *ask_userdata;
    bool missed; /* a chance to ask, while it was thought to be asked */
    sd_event_source *deadline;
    bool listening; /* to the neighbours */
};

DEFINE_CLEANUP(struct identify *, identify_free)

static void set_listening(struct identify *identify, bool on)
{
    int r = on == identify->listening ? 0 : bell_hear_neighbours(identify->bell, on);

    if (r < 0)
        log_warning("Cannot listen to the neighbours: %s", strerror(-r));
    else
        identify->listening = on;
}

static void set_deadline(struct identify *identify, uint64_t from_now)
{
    int r = sd_event_source_set_time_relative(identify->deadline, from_now);

    if (r >= 0)
        r = sd_event_source_set_enabled(identify->deadline, SD_EVENT_ONESHOT);
    if (r < 0)
        log_warning("Cannot wait for the gateway: %s", strerror(-r));
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct identify *identify = userdata;

    if (identify->silent) {
        set_listening(identify, false);
        return 0;
    }
    identify->silent = true;
    set_deadline(identify, GIVE_UP_AFTER - SILENT_AFTER);
    bell_ring(identify->bell);
    return 0;
}

static void stop_asking(struct identify *identify)
{
    set_listening(identify, false);
    (void)sd_event_source_set_enabled(identify->deadline, SD_EVENT_OFF);
}

/* Another way out, or none: nothing of what was known is about it. */
static void start_anew(struct identify *identify, const struct way_out *way)
{
    stop_asking(identify);
    identify->asked = identify->silent = false;
    identify->facts = (struct identity_facts){0};
    identify->way = way ? *way : (struct way_out){0};
}

static void ask_for_neighbour(struct identify *identify)
{
    int r = neighbour_ask(identify->way.ifindex, &identify->facts.gateway);

    identify->missed = false;
    if (r == NEIGHBOUR_FORBIDDEN && identify->ask)
        r = identify->ask(identify->way.ifindex, &identify->facts.gateway, identify->ask_userdata);
    if (r < 0)
        log_debug("Cannot ask for the gateway's link address: %s", strerror(-r));
    if (!identify->listening)
        set_deadline(identify, identify->silent ? GIVE_UP_AFTER - SILENT_AFTER : SILENT_AFTER);
    set_listening(identify, true);
    identify->asked = r == 0;
}

void identify_set_ask(struct identify *identify, identify_ask ask, void *userdata)
{
    identify->ask = ask;
    identify->ask_userdata = userdata;
    bell_ring(identify->bell);
}

/* What could not be asked is asked at the next event, as there may be a link by then: also where
 * that event has come already. */
void identify_asked(struct identify *identify, bool asked)
{
    identify->asked &= asked;
    if (!identify->asked && identify->missed)
        bell_ring(identify->bell);
}

static bool neighbour_differs(const struct identity_facts *facts,
                              const struct kernel_neighbour *neighbour)
{
    return facts->link_address_length != neighbour->length ||
           memcmp(facts->link_address, neighbour->link_address, neighbour->length) != 0;
}

/* True where somebody else answers for the gateway than before. */
static bool find_neighbour(struct identify *identify, const struct kernel_link *link)
{
    struct identity_facts *facts = &identify->facts;
    bool replugged = link->carrier_ups != identify->carrier_ups, other;
    struct kernel_neighbour neighbour = {0};
    int r = kernel_read_neighbour(link->index, &facts->gateway, &neighbour);

    identify->carrier_ups = link->carrier_ups;
    identify->missed |= identify->asked;
    if (neighbour.length == 0 && (!identify->asked || replugged)) {
        ask_for_neighbour(identify);
        /* Somebody else may have asked, and been answered just before we listened. */
        r = kernel_read_neighbour(link->index, &facts->gateway, &neighbour);
    }
    if (r < 0)
        log_debug("Cannot read the gateway's link address: %s", strerror(-r));
    if (neighbour.length == 0)
        return false;
    stop_asking(identify);
    other = facts->link_address_length > 0 && neighbour_differs(facts, &neighbour);
    facts->link_address_length = neighbour.length;
    memcpy(facts->link_address, neighbour.link_address, neighbour.length);
    return other;
}

/* True where the link is on another Wi-Fi than before; another access point is none. */
static bool find_wifi(struct identify *identify, int ifindex)
{
    struct identity_facts *facts = &identify->facts;
    const struct wifi_network before = facts->wifi;
    const struct wifi_network *after = &facts->wifi;
    int r = wifi_read(identify->wifi, ifindex, &facts->wifi);

    if (r < 0)
        log_debug("Cannot read the Wi-Fi network: %s", strerror(-r));
    facts->wireless = r == 0;
    return before.ssid_length > 0 && after->ssid_length > 0 &&
           (before.ssid_length != after->ssid_length ||
            memcmp(before.ssid, after->ssid, after->ssid_length) != 0);
}

bool identify_network(struct identify *identify, const struct kernel_state *kernel,
                      const char *domain, struct network *network)
{
    const struct way_out *way = network_primary(network);
    const struct kernel_link *link = way ? route_link(kernel, way->ifindex) : NULL;
    struct identity_facts *facts = &identify->facts;
    bool other = false, has_neighbour;

    if (!link || !network_way_is_same(way, &identify->way))
        start_anew(identify, way);
    network->identified = true;
    if (!link)
        return false;

    memcpy(facts->interface, link->name, sizeof(facts->interface));
    memcpy(facts->kind, link->kind, sizeof(facts->kind));
    facts->tunnel = link->tunnel;
    facts->point_to_point = link->point_to_point;
    facts->prefix_length = way->prefix_length;
    facts->domain = domain;
    (void)ip_parse(way->source, &facts->source);
    has_neighbour = ip_parse(way->gateway, &facts->gateway) && !link->point_to_point;
    other |= find_wifi(identify, link->index);
    if (has_neighbour)
        other |= find_neighbour(identify, link);

    network->identified = !has_neighbour || facts->link_address_length > 0 || identify->silent;
    if (identity_from_facts(facts, identify->salt, network->id, network->name) < 0)
        network->identified = false;
    if (!network->identified)
        network->id[0] = '\0';
    return other;
}

static void on_wifi(void *userdata)
{
    struct identify *identify = userdata;

    bell_ring(identify->bell);
}

int identify_new(struct identify **ret, sd_event *event, struct bell *bell,
                 const uint8_t salt[static WATCH_SALT_SIZE])
{
    _cleanup_(identify_freep) struct identify *identify = calloc(1, sizeof(*identify));
    int r;

    if (!identify)
        return -ENOMEM;
    identify->bell = bell;
    memcpy(identify->salt, salt, sizeof(identify->salt));
    r = wifi_new(&identify->wifi, event, on_wifi, identify);
    if (r >= 0)
        r = sd_event_add_time(event, &identify->deadline, CLOCK_MONOTONIC, 0, 0, on_deadline,
                              identify);
    if (r >= 0)
        r = sd_event_source_set_enabled(identify->deadline, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = TAKE(identify);
    return 0;
}

struct identify *identify_free(struct identify *identify)
{
    if (!identify)
        return NULL;
    sd_event_source_disable_unref(identify->deadline);
    wifi_free(identify->wifi);
    free(identify);
    return NULL;
}
