/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From the kernel's tables to the network we are on.
 *
 * Always: the result depends on the tables alone, not on what was before, and as little as possible
 * on their order, so that a router announcing itself again, or an address that is renewed, gives
 * the same network. A way out has a running link and an address to send from.
 *
 * Refused: routes to parts of the world and rules for them: they say where some packets go (see
 * route.h), not on which network we are.
 */
#include "watch/network.h"

#include "watch/route.h"

#include <linux/if_addr.h>
#include <string.h>

static bool is_unique_local(const struct ip *ip)
{
    return ip->family == AF_INET6 && (ip->bytes[0] & 0xfe) == 0xfc; /* fc00::/7 */
}

static bool on_one_network(const struct kernel_address *address, const struct ip *other)
{
    struct ip a = ip_mask(&address->local, address->prefix_length);
    struct ip b = ip_mask(other, address->prefix_length);

    return ip_equal(&a, &b);
}

/*
 * < 0 where `a` is the better address to send from over `gateway`. IPv4 as the kernel chooses it
 * (inet_select_addr(): primary, then on the gateway's subnet, then the first). IPv6 after RFC 6724
 * as far as it is stable: unlike the kernel, a temporary address comes last, because its daily
 * successor is no change of the network; the rest of the keys make the choice independent of the
 * order of arrival, a /64 before the /128 of DHCPv6 because it names the network.
 */
static int compare_addresses(const struct kernel_address *a, const struct kernel_address *b,
                             const struct ip *gateway)
{
    int r = is_unique_local(&a->local) - is_unique_local(&b->local);

    if (r == 0) /* IFA_F_SECONDARY is the same bit */
        r = !!(a->flags & IFA_F_TEMPORARY) - !!(b->flags & IFA_F_TEMPORARY);
    if (r == 0)
        r = on_one_network(b, gateway) - on_one_network(a, gateway);
    if (r == 0 && a->local.family == AF_INET6)
        r = a->prefix_length - b->prefix_length;
    if (r == 0 && a->local.family == AF_INET6)
        r = memcmp(a->local.bytes, b->local.bytes, sizeof(a->local.bytes));
    return r;
}

/* The address that packets on this route are sent from; NULL where none is usable. */
static const struct kernel_address *find_source(const struct kernel_state *kernel,
                                                const struct kernel_route *route)
{
    const struct kernel_address *best = NULL;

    for (size_t i = 0; i < kernel->n_addresses; i++) {
        const struct kernel_address *address = &kernel->addresses[i];

        if (address->local.family != route->family || !route_address_is_usable(address))
            continue;
        if (route->source.family != 0) { /* may stand on any link, the loopback too */
            if (ip_equal(&address->local, &route->source))
                return address;
        } else if (address->ifindex == route->ifindex &&
                   (!best || compare_addresses(address, best, &route->gateway) < 0))
            best = address;
    }
    return best;
}

/* < 0 where `a` is taken before `b`. The kernel's order among equals is the order of use for IPv4
 * and chance for IPv6, where any router will do but it has to be the same one each time. */
static int compare_routes(const struct kernel_route *a, const struct kernel_route *b)
{
    if (a->metric != b->metric)
        return a->metric < b->metric ? -1 : 1;
    if (a->family == AF_INET)
        return 0;
    if (a->preference != b->preference)
        return b->preference - a->preference;
    if (a->ifindex != b->ifindex)
        return a->ifindex - b->ifindex;
    return memcmp(a->gateway.bytes, b->gateway.bytes, sizeof(a->gateway.bytes));
}

/* The best default route of the main table that has a source, which goes to *ret; or NULL. */
static const struct kernel_route *find_default(const struct kernel_state *kernel,
                                               unsigned char family,
                                               const struct kernel_address **ret)
{
    const struct kernel_route *best = NULL;

    for (size_t i = 0; i < kernel->n_routes; i++) {
        const struct kernel_route *route = &kernel->routes[i];
        const struct kernel_address *source;

        if (route->family != family || !route_link(kernel, route->ifindex) ||
            (best && compare_routes(route, best) >= 0))
            continue;
        source = find_source(kernel, route);
        if (!source)
            continue;
        best = route;
        *ret = source;
    }
    return best;
}

/*
 * Whether the kernel sends what goes far away elsewhere than over `best`: a VPN that leaves the
 * default route alone, and takes everything by a rule and a table of its own, or by the two halves
 * of the address space. Among routes of one metric the tables' choice is the one that lasts.
 */
static bool is_overridden(const struct kernel_state *kernel, const struct kernel_route *best,
                          const struct kernel_lookup *far)
{
    if (!far || far->local || !route_source(kernel, far))
        return false;
    for (size_t i = 0; best && i < kernel->n_routes; i++)
        if (kernel->routes[i].family == best->family && kernel->routes[i].metric == best->metric &&
            kernel->routes[i].ifindex == far->ifindex)
            return false;
    return true;
}

static struct way_out make_way(const struct kernel_link *link, const struct ip *gateway,
                               const struct kernel_address *source)
{
    struct way_out way = {
        .ifindex = link->index,
        .tunnel = link->tunnel,
        .prefix_length = source->prefix_length,
    };

    memcpy(way.interface, link->name, sizeof(way.interface));
    ip_format(gateway, way.gateway);
    ip_format(&source->local, way.source);
    return way;
}

static struct way_out find_way(const struct kernel_state *kernel, unsigned char family,
                               const struct kernel_lookup *far)
{
    const struct kernel_address *source = NULL;
    const struct kernel_route *best = find_default(kernel, family, &source);

    if (is_overridden(kernel, best, far))
        return make_way(route_link(kernel, far->ifindex), &far->gateway, route_source(kernel, far));
    return best ? make_way(route_link(kernel, best->ifindex), &best->gateway, source)
                : (struct way_out){0};
}

void network_from_kernel(const struct kernel_state *kernel, const struct kernel_lookup *far_ipv4,
                         const struct kernel_lookup *far_ipv6, struct network *ret)
{
    *ret = (struct network){
        .ipv4 = find_way(kernel, AF_INET, far_ipv4),
        .ipv6 = find_way(kernel, AF_INET6, far_ipv6),
    };
}

const struct way_out *network_primary(const struct network *network)
{
    if (network->ipv4.ifindex != 0)
        return &network->ipv4;
    return network->ipv6.ifindex != 0 ? &network->ipv6 : NULL;
}

struct ip network_prefix(const struct way_out *way)
{
    struct ip source;

    if (!ip_parse(way->source, &source) ||
        (way->gateway[0] == '\0' && way->prefix_length == ip_bits(&source)))
        return (struct ip){0};
    return route_network(&source, way->prefix_length);
}

bool network_way_is_same(const struct way_out *a, const struct way_out *b)
{
    struct ip prefix_a = network_prefix(a), prefix_b = network_prefix(b);

    return a->ifindex != 0 && a->ifindex == b->ifindex && strcmp(a->gateway, b->gateway) == 0 &&
           ip_equal(&prefix_a, &prefix_b);
}

static bool way_equal(const struct way_out *a, const struct way_out *b)
{
    return a->ifindex == b->ifindex && strcmp(a->interface, b->interface) == 0 &&
           a->tunnel == b->tunnel && strcmp(a->gateway, b->gateway) == 0 &&
           strcmp(a->source, b->source) == 0 && a->prefix_length == b->prefix_length;
}

bool network_equal(const struct network *a, const struct network *b)
{
    return way_equal(&a->ipv4, &b->ipv4) && way_equal(&a->ipv6, &b->ipv6) &&
           a->identified == b->identified && strcmp(a->id, b->id) == 0 &&
           strcmp(a->name, b->name) == 0;
}
