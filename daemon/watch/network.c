/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From the kernel's tables to the network we are on.
 *
 * Always: the result depends on the tables alone, not on what was before, and as little as possible
 * on their order, so that a router announcing itself again, or an address that is renewed, gives
 * the same network. A way out has a running link and an address to send from.
 *
 * Refused: policy rules, other tables and halves of the address space (0.0.0.0/1): they say where
 * some packets go, not on which network we are.
 */
#include "watch/network.h"

#include "cleanup.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

/* The network of an IPv6 address is its /64 at most (RFC 7421); DHCPv6 hands out /128. */
#define IPV6_NETWORK_LENGTH 64

/* A running link other than the loopback; NULL where it is not that. */
static const struct kernel_link *running_link(const struct kernel_state *kernel, int ifindex)
{
    for (size_t i = 0; i < kernel->n_links; i++)
        if (kernel->links[i].index == ifindex)
            return kernel->links[i].running && !kernel->links[i].loopback ? &kernel->links[i]
                                                                          : NULL;
    return NULL;
}

/* A server elsewhere can answer to it. */
static bool is_usable(const struct kernel_address *address)
{
    const unsigned char *bytes = address->local.bytes;

    if (address->scope >= RT_SCOPE_LINK ||
        (address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)))
        return false;
    if (address->local.family == AF_INET) /* 127/8; 169.254/16 (RFC 3927): nobody gave us another */
        return bytes[0] != 127 && !(bytes[0] == 169 && bytes[1] == 254);
    return !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80); /* fe80::/10 */
}

static bool is_unique_local(const struct ip *ip)
{
    return ip->family == AF_INET6 && (ip->bytes[0] & 0xfe) == 0xfc; /* fc00::/7 */
}

static bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void mask(unsigned char *bytes, size_t n_bytes, unsigned prefix_length)
{
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned kept = prefix_length > i * 8 ? prefix_length - (unsigned)i * 8 : 0;
        if (kept < 8)
            bytes[i] &= (unsigned char)(0xff00 >> kept);
    }
}

static bool on_one_network(const struct kernel_address *address, const struct ip *other)
{
    struct ip a = address->local, b = *other;

    mask(a.bytes, sizeof(a.bytes), address->prefix_length);
    mask(b.bytes, sizeof(b.bytes), address->prefix_length);
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

        if (address->local.family != route->family || !is_usable(address))
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

static void format_ip(const struct ip *ip, char text[static INET6_ADDRSTRLEN])
{
    if (ip->family != 0)
        inet_ntop(ip->family, ip->bytes, text, INET6_ADDRSTRLEN);
}

/* Fills *ret, which is all zero, and returns its link; NULL where there is no way out. */
static const struct kernel_link *find_way(const struct kernel_state *kernel, unsigned char family,
                                          struct way_out *ret)
{
    const struct kernel_route *best = NULL;
    const struct kernel_address *source = NULL;
    const struct kernel_link *link;

    for (size_t i = 0; i < kernel->n_routes; i++) {
        const struct kernel_route *route = &kernel->routes[i];
        const struct kernel_address *address;

        if (route->family != family || !running_link(kernel, route->ifindex) ||
            (best && compare_routes(route, best) >= 0))
            continue;
        address = find_source(kernel, route);
        if (!address)
            continue;
        best = route;
        source = address;
    }
    if (!best)
        return NULL;

    link = running_link(kernel, best->ifindex);
    ret->ifindex = link->index;
    memcpy(ret->interface, link->name, sizeof(ret->interface));
    format_ip(&best->gateway, ret->gateway);
    format_ip(&source->local, ret->source);
    ret->prefix_length = source->prefix_length;
    return link;
}

/*
 * What makes this network another than the next one, from what is known without asking anybody:
 * "wlan0/10.20.0.1/10.20.0.0/24". A link without a gateway and without a subnet (PPP, mobile) gets
 * another address at each dial-in and is one network all the same: its name says it all.
 */
static void make_id(const struct way_out *way, char id[static NETWORK_ID_MAX])
{
    struct ip ip = {.family = AF_INET};
    char prefix[INET6_ADDRSTRLEN] = "";
    unsigned prefix_length = way->prefix_length, whole = 32;

    if (inet_pton(AF_INET, way->source, ip.bytes) != 1) {
        ip.family = AF_INET6;
        inet_pton(AF_INET6, way->source, ip.bytes);
        whole = 128;
        if (prefix_length > IPV6_NETWORK_LENGTH)
            prefix_length = IPV6_NETWORK_LENGTH;
    }
    if (way->gateway[0] == '\0' && prefix_length == whole) {
        snprintf(id, NETWORK_ID_MAX, "%s", way->interface);
        return;
    }
    mask(ip.bytes, sizeof(ip.bytes), prefix_length);
    format_ip(&ip, prefix);
    snprintf(id, NETWORK_ID_MAX, "%s/%s/%s/%u", way->interface, way->gateway, prefix,
             prefix_length);
}

static void make_name(const struct way_out *way, const struct kernel_link *link,
                      char name[static NETWORK_NAME_MAX])
{
    if (link->tunnel)
        snprintf(name, NETWORK_NAME_MAX, "VPN %s", way->interface);
    else if (way->gateway[0] != '\0')
        snprintf(name, NETWORK_NAME_MAX, "%s via %s", way->interface, way->gateway);
    else
        snprintf(name, NETWORK_NAME_MAX, "link %s", way->interface);
}

void network_from_kernel(const struct kernel_state *kernel, struct network *ret)
{
    struct network network = {0};
    const struct kernel_link *ipv4 = find_way(kernel, AF_INET, &network.ipv4);
    const struct kernel_link *ipv6 = find_way(kernel, AF_INET6, &network.ipv6);
    const struct way_out *primary = network_primary(&network);

    for (size_t i = 0; i < kernel->n_addresses && !network.any_address; i++)
        network.any_address =
            is_usable(&kernel->addresses[i]) && running_link(kernel, kernel->addresses[i].ifindex);
    if (primary) {
        make_id(primary, network.id);
        make_name(primary, ipv4 ? ipv4 : ipv6, network.name);
    }
    *ret = network;
}

const struct way_out *network_primary(const struct network *network)
{
    if (network->ipv4.ifindex != 0)
        return &network->ipv4;
    return network->ipv6.ifindex != 0 ? &network->ipv6 : NULL;
}

static bool way_equal(const struct way_out *a, const struct way_out *b)
{
    return a->ifindex == b->ifindex && strcmp(a->interface, b->interface) == 0 &&
           strcmp(a->gateway, b->gateway) == 0 && strcmp(a->source, b->source) == 0 &&
           a->prefix_length == b->prefix_length;
}

bool network_equal(const struct network *a, const struct network *b)
{
    return way_equal(&a->ipv4, &b->ipv4) && way_equal(&a->ipv6, &b->ipv6) &&
           a->any_address == b->any_address && strcmp(a->id, b->id) == 0 &&
           strcmp(a->name, b->name) == 0;
}
