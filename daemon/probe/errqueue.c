/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The error queue of a connecting TCP socket. The bytes are the kernel's, the claims are anybody's.
 */
#include "probe/errqueue.h"
#include "error.h"
#include "probe/address.h"
#include <linux/errqueue.h>
#include <string.h>

int errqueue_enable(int fd, int family)
{
    int on = 1, r;

    r = family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on))
                           : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    return r < 0 ? -errno : 0;
}

static enum how icmp4_meaning(unsigned code)
{
    switch (code) {
    case 1:  /* host unreachable */
    case 5:  /* source route failed */
    case 7:  /* host unknown */
    case 8:  /* source host isolated */
    case 12: /* host unreachable for this type of service */
        return HOW_HOST_UNREACHABLE;
    case 2: /* protocol unreachable: nobody but a filter says so of TCP */
    case 3:
        return HOW_PORT_UNREACHABLE;
    case 9:
    case 10:
    case 13:
        return HOW_ADMIN_PROHIBITED;
    default:
        return HOW_NET_UNREACHABLE;
    }
}

static enum how icmp6_meaning(unsigned code)
{
    switch (code) {
    case 1: /* administratively prohibited */
    case 5: /* source address failed ingress policy */
    case 6: /* reject route */
        return HOW_ADMIN_PROHIBITED;
    case 2: /* beyond scope of source address */
    case 3:
        return HOW_HOST_UNREACHABLE;
    case 4:
        return HOW_PORT_UNREACHABLE;
    default:
        return HOW_NET_UNREACHABLE;
    }
}

enum how icmp_meaning(int family, unsigned type, unsigned code)
{
    if (family == AF_INET6)
        return type == 1 ? icmp6_meaning(code) : type == 3 ? HOW_TTL_EXCEEDED : HOW_NONE;
    return type == 3 ? icmp4_meaning(code) : type == 11 ? HOW_TTL_EXCEEDED : HOW_NONE;
}

/* Who sent the error; "" where it is not said. The kernel puts the address right behind it. */
static void read_offender(const struct sock_extended_err *error, size_t size,
                          char by[static INET6_ADDRSTRLEN])
{
    union address offender = {0};

    size -= sizeof(*error);
    memcpy(&offender, SO_EE_OFFENDER(error), size < sizeof(offender) ? size : sizeof(offender));
    (void)address_format(&offender, by);
}

/* What was left of the message's time to live; 0: the kernel was not asked. */
static unsigned read_ttl(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
                    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT);
        int ttl;

        if (!ours || c->cmsg_len < CMSG_LEN(sizeof(ttl)))
            continue;
        memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
        return ttl > 0 && ttl <= UINT8_MAX ? (unsigned)ttl : 0;
    }
    return 0;
}

bool errqueue_read_message(struct msghdr *message, struct attempt *attempt)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        const struct sock_extended_err *error = (const void *)CMSG_DATA(c);
        bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
        enum how how;

        if (!ours || c->cmsg_len < CMSG_LEN(sizeof(*error)) ||
            (error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6))
            continue;
        how = icmp_meaning(error->ee_origin == SO_EE_ORIGIN_ICMP6 ? AF_INET6 : AF_INET,
                           error->ee_type, error->ee_code);
        if (how == HOW_NONE)
            continue;
        attempt->how = how;
        attempt->ttl = read_ttl(message);
        read_offender(error, c->cmsg_len - CMSG_LEN(0), attempt->by);
        return true;
    }
    return false;
}

static bool is_own_address(int fd, const char *address)
{
    union address self = {0};
    socklen_t size = sizeof(self);
    char own[INET6_ADDRSTRLEN];

    return *address && getsockname(fd, &self.any, &size) == 0 &&
           strcmp(address_format(&self, own), address) == 0;
}

bool errqueue_read(int fd, struct attempt *attempt)
{
    for (;;) {
        _Alignas(struct cmsghdr) char control[512];
        char payload[64];
        struct iovec part = {payload, sizeof(payload)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};

        if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return false;
        if (errqueue_read_message(&message, attempt)) {
            attempt->by_self = is_own_address(fd, attempt->by);
            return true;
        }
    }
}
