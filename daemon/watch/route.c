/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The way to a server: from what the kernel answers to a value that differs only where the way is
 * another one.
 *
 * Always: a way has a running link and an address of ours that an answer can come back to; while
 * the kernel would send into a dead link, or from an address that is still being verified, there is
 * none.
 *
 * Refused: to guess what the kernel would do. Rules, tables and prefixes have been applied by the
 * kernel itself.
 */
#include "watch/route.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define IPV6_NETWORK_LENGTH 64

const struct kernel_link *route_link(const struct kernel_state *kernel, int ifindex)
{
    for (size_t i = 0; i < kernel->n_links; i++)
        if (kernel->links[i].index == ifindex)
            return kernel->links[i].running && !kernel->links[i].loopback ? &kernel->links[i]
                                                                          : NULL;
    return NULL;
}

bool route_address_is_usable(const struct kernel_address *address)
{
    const unsigned char *bytes = address->local.bytes;

    if (address->scope >= RT_SCOPE_LINK ||
        (address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)))
        return false;
    if (address->local.family == AF_INET) /* 127/8; 169.254/16 (RFC 3927): nobody gave us another */
        return bytes[0] != 127 && !(bytes[0] == 169 && bytes[1] == 254);
    return !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80); /* fe80::/10 */
}

/* Whether the kernel may send from `address` over `ifindex` and mean it. Where the right IPv6
 * address is still tentative, it takes any other link's meanwhile. */
static bool belongs(const struct kernel_state *kernel, const struct kernel_address *address,
                    int ifindex)
{
    if (address->ifindex == ifindex || address->local.family == AF_INET)
        return true;
    for (size_t i = 0; i < kernel->n_links; i++)
        if (kernel->links[i].index == address->ifindex)
            return kernel->links[i].loopback;
    return false;
}

const struct kernel_address *route_source(const struct kernel_state *kernel,
                                          const struct kernel_lookup *lookup)
{
    const struct kernel_address *found = NULL;

    if (!route_link(kernel, lookup->ifindex) || lookup->source.family == 0)
        return NULL;
    /* The same address on two links: that of the way itself counts. */
    for (size_t i = 0; i < kernel->n_addresses; i++) {
        const struct kernel_address *address = &kernel->addresses[i];

        if (ip_equal(&address->local, &lookup->source) && route_address_is_usable(address) &&
            belongs(kernel, address, lookup->ifindex) &&
            (!found || address->ifindex == lookup->ifindex))
            found = address;
    }
    return found;
}

struct ip route_network(const struct ip *address, unsigned prefix_length)
{
    if (address->family == AF_INET6 && prefix_length > IPV6_NETWORK_LENGTH)
        prefix_length = IPV6_NETWORK_LENGTH;
    return ip_mask(address, prefix_length);
}

static const struct kernel_route *find_default(const struct kernel_state *kernel, int ifindex,
                                               const struct ip *gateway)
{
    for (size_t i = 0; i < kernel->n_routes; i++)
        if (kernel->routes[i].family == AF_INET6 && kernel->routes[i].ifindex == ifindex &&
            ip_equal(&kernel->routes[i].gateway, gateway))
            return &kernel->routes[i];
    return NULL;
}

/*
 * Among equal IPv6 routers of one link the kernel takes whichever has answered lately, and changes
 * its mind without a word (RFC 4861 section 6.3.6): one of them stands for all.
 */
static struct ip representative(const struct kernel_state *kernel, int ifindex,
                                const struct ip *gateway)
{
    const struct kernel_route *best = find_default(kernel, ifindex, gateway);

    if (!best)
        return *gateway;
    for (size_t i = 0; i < kernel->n_routes; i++) {
        const struct kernel_route *route = &kernel->routes[i];

        if (route->family == AF_INET6 && route->ifindex == ifindex &&
            route->metric == best->metric && route->preference == best->preference &&
            memcmp(route->gateway.bytes, best->gateway.bytes, sizeof(best->gateway.bytes)) < 0)
            best = route;
    }
    return best->gateway;
}

void route_from_kernel(const struct kernel_state *kernel, const struct kernel_lookup *lookup,
                       struct route *ret)
{
    const struct kernel_address *source = route_source(kernel, lookup);
    const struct kernel_link *link = route_link(kernel, lookup->ifindex);
    struct route route = {0};

    if (lookup->local) {
        route.usable = true;
        (void)snprintf(route.interface, sizeof(route.interface), "lo");
    } else if (source && link) {
        bool whole = source->prefix_length == ip_bits(&source->local);

        route.usable = true;
        route.ifindex = link->index;
        memcpy(route.interface, link->name, sizeof(route.interface));
        route.gateway = representative(kernel, link->index, &lookup->gateway);
        if (!whole || lookup->gateway.family != 0) /* else another address at each dial-in */
            route.network = route_network(&source->local, source->prefix_length);
    }
    *ret = route;
}

bool route_equal(const struct route *a, const struct route *b)
{
    return a->usable == b->usable && a->ifindex == b->ifindex &&
           ip_equal(&a->gateway, &b->gateway) && ip_equal(&a->network, &b->network);
}

void route_explain(const char *host, const struct route *before, const struct route *after,
                   char *text, size_t size)
{
    char gateway[INET6_ADDRSTRLEN];

    ip_format(&after->gateway, gateway);
    if (!after->usable)
        (void)snprintf(text, size, "no route to %s any more", host);
    else if (!before->usable)
        (void)snprintf(text, size, "route to %s came up on %s", host, after->interface);
    else if (before->ifindex != after->ifindex)
        (void)snprintf(text, size, "route to %s moved to %s", host, after->interface);
    else if (!ip_equal(&before->gateway, &after->gateway))
        (void)snprintf(text, size, "route to %s moved to %s%s", host,
                       *gateway ? "gateway " : "the link", gateway);
    else
        (void)snprintf(text, size, "route to %s starts from another network", host);
}
