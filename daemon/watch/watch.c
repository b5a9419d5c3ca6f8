/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The watch: from the bell to a callback when the network, or the way to one of our servers, has
 * become another one.
 *
 * Always: what is told follows from two readings compared as plain values, the one before and the
 * one now, never from what rang. All that has changed between the two is told in one callback.
 *
 * Refused: to end the watch on an error. A read that fails is tried again until it succeeds; a
 * server whose way cannot be found out is one without a way, and the others keep theirs.
 */
#include "watch/watch.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/bell.h"
#include "watch/identify.h"
#include "watch/kernel.h"
#include "watch/network.h"
#include "watch/resolver.h"
#include "watch/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAR_IPV4, FAR_IPV6, N_FAR }; /* the lookups before those of the targets */

struct target {
    struct watch_target is;
    struct route route;
    bool known; /* the route has been read */
};

struct watch {
    struct bell *bell;
    struct identify *identify;
    struct resolver_watch *resolver;
    bool resolver_changed; /* not told yet */
    struct target *targets;
    size_t n_targets;
    struct network network;
    watch_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct watch *, watch_free)

static uint64_t realtime_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* The tables, and the ways to the far addresses and to these targets. 0, KERNEL_CHANGING, negative
 * errno. */
static int read_kernel(const struct target *targets, size_t n, struct kernel_state *ret)
{
    _cleanup_free_ struct ip *destinations = calloc(N_FAR + n, sizeof(*destinations));

    if (!destinations)
        return -ENOMEM;
    ip_parse(NETWORK_FAR_IPV4, &destinations[FAR_IPV4]);
    ip_parse(NETWORK_FAR_IPV6, &destinations[FAR_IPV6]);
    for (size_t i = 0; i < n; i++)
        destinations[N_FAR + i] = targets[i].is.address;
    return kernel_read(destinations, N_FAR + n, ret);
}

/* --- comparing ---------------------------------------------------------------------------------
 */

/* The name servers matter where something can be sent at all. */
static bool has_any_way(const struct watch *watch)
{
    for (size_t i = 0; i < watch->n_targets; i++)
        if (watch->targets[i].route.usable)
            return true;
    return network_primary(&watch->network);
}

/* Takes the new routes; the first that is another one gives its reason. */
static bool update_routes(struct watch *watch, const struct kernel_state *kernel,
                          char reason[static WATCH_REASON_MAX])
{
    bool changed = false;

    for (size_t i = 0; i < watch->n_targets; i++) {
        struct target *target = &watch->targets[i];
        struct route route;

        route_from_kernel(kernel, &kernel->lookups[N_FAR + i], &route);
        if (target->known && !route_equal(&target->route, &route)) {
            if (!changed)
                route_explain(target->is.host, &target->route, &route, reason, WATCH_REASON_MAX);
            changed = true;
        }
        target->route = route;
        target->known = true;
    }
    return changed;
}

/* Of targets that have just come, without telling anybody; the others wait for the bell. */
static void read_new_routes(struct watch *watch)
{
    _cleanup_(kernel_state_clear) struct kernel_state kernel = {0};

    if (read_kernel(watch->targets, watch->n_targets, &kernel) != 0) {
        bell_ring(watch->bell);
        return;
    }
    for (size_t i = 0; i < watch->n_targets; i++)
        if (!watch->targets[i].known) {
            route_from_kernel(&kernel, &kernel.lookups[N_FAR + i], &watch->targets[i].route);
            watch->targets[i].known = true;
        }
}

/* While no server's address is known, the way out stands for the ways to all of them. */
static bool compare_ways_out(const struct way_out *before, const struct way_out *after,
                             const char *family, char reason[static WATCH_REASON_MAX])
{
    if ((before->ifindex == 0 && after->ifindex == 0) || network_way_is_same(before, after))
        return false;
    if (after->ifindex == 0)
        (void)snprintf(reason, WATCH_REASON_MAX, "no %s route any more", family);
    else
        (void)snprintf(reason, WATCH_REASON_MAX, "%s route %s %s", family,
                       before->ifindex == 0                ? "came up on"
                       : before->ifindex == after->ifindex ? "changed on"
                                                           : "moved to",
                       after->interface);
    return true;
}

static bool update_path(struct watch *watch, const struct kernel_state *kernel,
                        const struct network *before, char reason[static WATCH_REASON_MAX])
{
    const struct network *after = &watch->network;
    bool resolver_changed = watch->resolver_changed;

    watch->resolver_changed = false;
    if (update_routes(watch, kernel, reason))
        return true;
    if (watch->n_targets == 0 && (compare_ways_out(&before->ipv4, &after->ipv4, "IPv4", reason) ||
                                  compare_ways_out(&before->ipv6, &after->ipv6, "IPv6", reason)))
        return true;
    if (!resolver_changed || !has_any_way(watch))
        return false;
    (void)snprintf(reason, WATCH_REASON_MAX, "name servers changed");
    return true;
}

/* No way out of before is still there; `other`: the ways are numbered as before, yet it is another
 * network. */
static bool has_moved(const struct network *before, const struct network *after, bool other)
{
    if (!network_primary(before) && !network_primary(after))
        return false;
    return other || (!network_way_is_same(&before->ipv4, &after->ipv4) &&
                     !network_way_is_same(&before->ipv6, &after->ipv6));
}

/* Makes the state in `kernel` the present one. What has changed, with the reason. */
static unsigned update(struct watch *watch, const struct kernel_state *kernel,
                       char reason[static WATCH_REASON_MAX])
{
    const struct network before = watch->network;
    struct network *after = &watch->network;
    unsigned changes = 0;
    bool other;

    reason[0] = '\0';
    network_from_kernel(kernel, &kernel->lookups[FAR_IPV4], &kernel->lookups[FAR_IPV6], after);
    other =
        identify_network(watch->identify, kernel, resolver_watch_domain(watch->resolver), after);
    after->since = before.since;
    if (update_path(watch, kernel, &before, reason))
        changes |= WATCH_PATH;
    if (!network_equal(&before, after))
        changes |= WATCH_IDENTITY;
    if (has_moved(&before, after, other)) {
        changes |= WATCH_MOVED;
        after->since = realtime_us();
        (void)snprintf(reason, WATCH_REASON_MAX, "%s",
                       network_primary(after) ? "new network" : "no network any more");
    }
    return changes;
}

/* --- the outside -------------------------------------------------------------------------------
 */

static void on_bell(void *userdata)
{
    _cleanup_(kernel_state_clear) struct kernel_state kernel = {0};
    struct watch *watch = userdata;
    char reason[WATCH_REASON_MAX];
    unsigned changes = 0;
    int r = read_kernel(watch->targets, watch->n_targets, &kernel);

    if (r < 0)
        log_warning("Cannot read the kernel's routes, trying again: %s", strerror(-r));
    if (r == 0)
        changes = update(watch, &kernel, reason);
    bell_answer(watch->bell, r);
    if (changes) /* last: the watch may be freed in it */
        watch->callback(&watch->network, changes, reason, watch->userdata);
}

static void on_resolver(void *userdata)
{
    struct watch *watch = userdata;

    watch->resolver_changed = true;
    bell_ring(watch->bell);
}

int watch_set_targets(struct watch *watch, const struct watch_target *targets, size_t n)
{
    struct target *fresh = calloc(n > 0 ? n : 1, sizeof(*fresh));
    bool complete = true;

    if (!fresh)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        fresh[i].is = targets[i];
        for (size_t j = 0; j < watch->n_targets && !fresh[i].known; j++)
            if (ip_equal(&targets[i].address, &watch->targets[j].is.address)) {
                fresh[i].route = watch->targets[j].route;
                fresh[i].known = watch->targets[j].known;
            }
        complete &= fresh[i].known;
    }
    free(watch->targets);
    watch->targets = fresh;
    watch->n_targets = n;
    if (!complete)
        read_new_routes(watch);
    return 0;
}

int watch_new(struct watch **ret, sd_event *event, const uint8_t salt[static WATCH_SALT_SIZE],
              watch_callback callback, void *userdata)
{
    _cleanup_(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
    _cleanup_(kernel_state_clear) struct kernel_state kernel = {0};
    char reason[WATCH_REASON_MAX];
    int r;

    if (!watch)
        return -ENOMEM;
    watch->callback = callback;
    watch->userdata = userdata;
    r = bell_new(&watch->bell, event, on_bell, watch);
    if (r == 0)
        r = identify_new(&watch->identify, event, watch->bell, salt);
    if (r == 0) /* the paths are the tests' way in */
        r = resolver_watch_new(&watch->resolver, event, getenv("MAILROAM_RESOLV_CONF"),
                               getenv("MAILROAM_UPLINK_RESOLV_CONF"), on_resolver, watch);
    if (r == 0)
        r = read_kernel(NULL, 0, &kernel);
    if (r < 0)
        return r;
    watch->network.identified = true; /* that there is none */
    watch->network.since = realtime_us();
    if (r == 0)
        (void)update(watch, &kernel, reason);
    else /* nothing known yet: offline, until the bell knows better */
        bell_ring(watch->bell);
    *ret = TAKE(watch);
    return 0;
}

struct watch *watch_free(struct watch *watch)
{
    if (!watch)
        return NULL;
    resolver_watch_free(watch->resolver);
    identify_free(watch->identify);
    bell_free(watch->bell);
    free(watch->targets);
    free(watch);
    return NULL;
}

void watch_set_ask(struct watch *watch, watch_ask ask, void *userdata)
{
    identify_set_ask(watch->identify, ask, userdata);
}

void watch_asked(struct watch *watch, bool asked)
{
    identify_asked(watch->identify, asked);
}

const struct network *watch_network(const struct watch *watch)
{
    return &watch->network;
}

const struct route *watch_route(const struct watch *watch, size_t target)
{
    return &watch->targets[target].route;
}
