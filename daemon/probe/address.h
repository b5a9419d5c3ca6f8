/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>

/* A socket address of either family. */
union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static inline bool address_is_ipv6(const union address *address)
{
    return address->any.sa_family == AF_INET6;
}

/* The address alone as text; "" for other families. Returns `buffer`. */
static inline char *address_format(const union address *address,
                                   char buffer[static INET6_ADDRSTRLEN])
{
    const void *bytes = address_is_ipv6(address) ? (const void *)&address->ipv6.sin6_addr
                                                 : (const void *)&address->ipv4.sin_addr;

    if (!inet_ntop(address->any.sa_family, bytes, buffer, INET6_ADDRSTRLEN))
        *buffer = '\0';
    return buffer;
}
