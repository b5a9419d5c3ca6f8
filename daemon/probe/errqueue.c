/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The error queue of a connecting TCP socket. The bytes are the kernel's, the claims are anybody's.
 */
#include "probe/errqueue.h"
#include "error.h"
#include "probe/address.h"
#include <linux/errqueue.h>
#include <string.h>
#include <sys/socket.h>

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

static void read_offender(int fd, const struct sock_extended_err *error, struct attempt *attempt)
{
    union address offender = {0}, self = {0};
    socklen_t size = sizeof(self);
    char own[INET6_ADDRSTRLEN];

    memcpy(&offender, SO_EE_OFFENDER(error), sizeof(offender));
    (void)address_format(&offender, attempt->by);
    attempt->by_self = getsockname(fd, &self.any, &size) == 0 &&
                       strcmp(address_format(&self, own), attempt->by) == 0 && *own;
}

/* The next message of the queue that is an ICMP error into *ret; it points into `control`. */
static const struct sock_extended_err *next_error(int fd, void *control, size_t size)
{
    char payload[64];
    struct iovec part = {payload, sizeof(payload)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = size};

    while (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            const struct sock_extended_err *error = (const void *)CMSG_DATA(c);
            bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);

            if (ours &&
                (error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6))
                return error;
        }
        message.msg_controllen = size;
    }
    return NULL;
}

bool errqueue_read(int fd, struct attempt *attempt)
{
    _Alignas(struct cmsghdr) char control[512];
    const struct sock_extended_err *error;

    while ((error = next_error(fd, control, sizeof(control)))) {
        enum how how = icmp_meaning(error->ee_origin == SO_EE_ORIGIN_ICMP6 ? AF_INET6 : AF_INET,
                                    error->ee_type, error->ee_code);

        if (how == HOW_NONE)
            continue;
        attempt->how = how;
        read_offender(fd, error, attempt);
        return true;
    }
    return false;
}
