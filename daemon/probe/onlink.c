/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The machine's own prefixes, read once: a check lasts seconds, and a change of network ends it. */
#include "probe/onlink.h"
#include <ifaddrs.h>
#include <stddef.h>
#include <stdint.h>

static struct ifaddrs *interfaces;

void on_link_read(void)
{
    on_link_clear();
    if (getifaddrs(&interfaces) < 0)
        interfaces = NULL;
}

void on_link_clear(void)
{
    if (interfaces)
        freeifaddrs(interfaces);
    interfaces = NULL;
}

static const uint8_t *bytes_of(const union address *address)
{
    return address_is_ipv6(address) ? address->ipv6.sin6_addr.s6_addr
                                    : (const uint8_t *)&address->ipv4.sin_addr;
}

static bool same_prefix(const union address *a, const union address *b, const union address *mask)
{
    size_t n = address_is_ipv6(a) ? sizeof(struct in6_addr) : sizeof(struct in_addr);

    for (size_t i = 0; i < n; i++)
        if ((bytes_of(a)[i] ^ bytes_of(b)[i]) & bytes_of(mask)[i])
            return false;
    return true;
}

bool address_is_on_link(const union address *address)
{
    for (const struct ifaddrs *at = interfaces; at; at = at->ifa_next) {
        const union address *own = (const union address *)at->ifa_addr;
        const union address *mask = (const union address *)at->ifa_netmask;

        if (own && mask && own->any.sa_family == address->any.sa_family &&
            same_prefix(address, own, mask))
            return true;
    }
    return false;
}
