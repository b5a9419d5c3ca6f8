/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Asking for the gateway's link address without privileges: whoever sends a packet makes the kernel
 * ask. The packet is an empty datagram to the discard port (RFC 863), which no router answers but
 * with an ICMP error that nobody waits for: the socket is closed by then.
 *
 * Always: the question leaves by the link it is about, whatever the routes say (a VPN on top), and
 * nothing is left open.
 *
 * Refused: a packet socket and our own ARP, which need privileges, and an echo request: not every
 * user may send one (net.ipv4.ping_group_range), and it asks for an answer.
 */
#include "watch/neighbour.h"

#include "cleanup.h"
#include "error.h"

#include <linux/neighbour.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define DISCARD_PORT 9

int neighbour_ask(int ifindex, const struct ip *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } to = {0};
    _cleanup_close_ int fd = -1;

    if (address->family == AF_INET) {
        to.ipv4.sin_family = AF_INET;
        to.ipv4.sin_port = htons(DISCARD_PORT);
        memcpy(&to.ipv4.sin_addr, address->bytes, sizeof(to.ipv4.sin_addr));
    } else if (address->family == AF_INET6) {
        to.ipv6.sin6_family = AF_INET6;
        to.ipv6.sin6_port = htons(DISCARD_PORT);
        to.ipv6.sin6_scope_id = (uint32_t)ifindex; /* counts for fe80::/10 alone */
        memcpy(&to.ipv6.sin6_addr, address->bytes, sizeof(to.ipv6.sin6_addr));
    } else
        return NEIGHBOUR_NOT_ASKED;

    fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) /* our unit's sandbox; or there is no IPv6, and so no such gateway any more */
        return errno == EAFNOSUPPORT ? NEIGHBOUR_FORBIDDEN : -errno;
    /* By index, not by name: names are made safe to show. A socket that is not yet bound may be
     * bound by anybody (Linux 5.7). */
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) < 0 ||
        sendto(fd, NULL, 0, MSG_DONTWAIT, &to.any,
               address->family == AF_INET ? sizeof(to.ipv4) : sizeof(to.ipv6)) < 0)
        return errno == ENOMEM || errno == ENOBUFS ? -errno : NEIGHBOUR_NOT_ASKED;
    return 0;
}

bool neighbour_is_known(uint16_t state, const unsigned char *link_address, size_t length)
{
    /*
     * STALE, DELAY and PROBE count: the kernel sends to that address until a probe fails, and it
     * forgets all of them when the link loses its carrier. INCOMPLETE and FAILED have no address
     * or had one. NOARP is a link where nobody has an address: the entry repeats our own.
     */
    static const uint16_t known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;

    if ((state & known) == 0)
        return false;
    for (size_t i = 0; i < length; i++)
        if (link_address[i] != 0)
            return true;
    return false; /* tunnels and point-to-point links show zeros, or nothing */
}
