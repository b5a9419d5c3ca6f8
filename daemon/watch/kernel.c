/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The kernel's links, addresses and default routes, dumped over rtnetlink.
 *
 * Always: a state is handed out only when no dump it was made of was interrupted, and every read
 * has a new socket, so that what a failed dump left in the queue cannot reach the next one.
 *
 * Refused: libnl's caches and objects. A cache repeats an interrupted dump without bound, and route
 * objects merge and compare by rules of their own (IPv6 next hops); the messages are as short to
 * read. Also refused: other tables, routes with a TOS or a source prefix, and what is no way out
 * (unreachable, prohibit, dead next hops).
 */
#include "watch/kernel.h"

#include "cleanup.h"
#include "error.h"
#include "text.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#define READ_ATTEMPTS 5

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)

int kernel_errno(int nl_error)
{
    switch (-nl_error) {
    case NLE_SUCCESS:
        return 0;
    case NLE_NOMEM: /* also ENOBUFS */
        return -ENOMEM;
    case NLE_PERM:
    case NLE_NOACCESS:
        return -EPERM;
    case NLE_AF_NOSUPPORT:
    case NLE_OPNOTSUPP:
        return -EOPNOTSUPP;
    default: /* libnl folds the rest, a full descriptor table among them, into one failure */
        return -EIO;
    }
}

/* Room for one more element at the end of an array that doubles whenever its length is a power of
 * two; zeroed. NULL without memory. */
static void *append(void *array_pointer, size_t *n, size_t size)
{
    void **array = array_pointer;
    unsigned char *element;

    if ((*n & (*n - 1)) == 0) {
        void *larger = reallocarray(*array, *n > 0 ? *n * 2 : 1, size);
        if (!larger)
            return NULL;
        *array = larger;
    }
    element = (unsigned char *)*array + size * (*n)++;
    return memset(element, 0, size);
}

static struct ip read_ip(unsigned char family, const void *bytes, size_t length)
{
    size_t expected = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    struct ip ip = {0};

    if ((family == AF_INET || family == AF_INET6) && length == expected) {
        ip.family = family;
        memcpy(ip.bytes, bytes, length);
    }
    return ip;
}

static struct ip read_ip_attribute(unsigned char family, const struct nlattr *attribute)
{
    return attribute ? read_ip(family, nla_data(attribute), (size_t)nla_len(attribute))
                     : (struct ip){0};
}

static bool is_tunnel(struct nlattr *linkinfo)
{
    static const char *const kinds[] = {"tun",  "wireguard", "xfrm",   "vti",
                                        "vti6", "gre",       "ip6gre", "ipip"};
    struct nlattr *attributes[IFLA_INFO_MAX + 1];

    if (!linkinfo || nla_parse_nested(attributes, IFLA_INFO_MAX, linkinfo, NULL) < 0 ||
        !attributes[IFLA_INFO_KIND])
        return false;
    for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
        if (nla_strcmp(attributes[IFLA_INFO_KIND], kinds[i]) == 0)
            return true;
    return false;
}

/* The kernel takes nearly any bytes as a name; this one goes to terminals and onto the bus. */
static void make_name_safe(char *name)
{
    if (text_is_safe(name))
        return;
    for (; *name; name++)
        if (*name <= ' ' || *name > '~')
            *name = '?';
}

static int on_link(struct nl_msg *message, void *userdata)
{
    struct kernel_state *state = userdata;
    struct nlattr *attributes[IFLA_MAX + 1];
    const struct ifinfomsg *info = nlmsg_data(nlmsg_hdr(message));
    struct kernel_link *link;

    if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWLINK ||
        nlmsg_parse(nlmsg_hdr(message), sizeof(*info), attributes, IFLA_MAX, NULL) < 0 ||
        !attributes[IFLA_IFNAME])
        return NL_OK;

    link = append(&state->links, &state->n_links, sizeof(*link));
    if (!link)
        return -NLE_NOMEM;
    link->index = info->ifi_index;
    nla_strlcpy(link->name, attributes[IFLA_IFNAME], sizeof(link->name));
    make_name_safe(link->name);
    link->running = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
    link->loopback = info->ifi_flags & IFF_LOOPBACK;
    link->tunnel = is_tunnel(attributes[IFLA_LINKINFO]);
    return NL_OK;
}

static int on_address(struct nl_msg *message, void *userdata)
{
    struct kernel_state *state = userdata;
    struct nlattr *attributes[IFA_MAX + 1];
    const struct ifaddrmsg *info = nlmsg_data(nlmsg_hdr(message));
    struct kernel_address *address;
    struct ip local;

    if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWADDR ||
        nlmsg_parse(nlmsg_hdr(message), sizeof(*info), attributes, IFA_MAX, NULL) < 0)
        return NL_OK;

    /* Where a peer is configured, IFA_ADDRESS is the peer's and IFA_LOCAL ours. */
    local = read_ip_attribute(info->ifa_family, attributes[IFA_LOCAL] ? attributes[IFA_LOCAL]
                                                                      : attributes[IFA_ADDRESS]);
    if (local.family == 0)
        return NL_OK;
    address = append(&state->addresses, &state->n_addresses, sizeof(*address));
    if (!address)
        return -NLE_NOMEM;
    address->ifindex = (int)info->ifa_index;
    address->local = local;
    address->prefix_length = info->ifa_prefixlen;
    address->scope = info->ifa_scope;
    address->flags =
        attributes[IFA_FLAGS] ? nla_get_u32(attributes[IFA_FLAGS]) : (uint32_t)info->ifa_flags;
    return NL_OK;
}

/* A next hop: `common` is what it shares with its route, `attributes` its own. */
static int add_nexthop(struct kernel_state *state, const struct kernel_route *common, int ifindex,
                       unsigned flags, struct nlattr *const attributes[])
{
    struct kernel_route *route;

    if (flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
        return NL_OK;
    route = append(&state->routes, &state->n_routes, sizeof(*route));
    if (!route)
        return -NLE_NOMEM;
    *route = *common;
    route->ifindex = ifindex;
    route->gateway = read_ip_attribute(route->family, attributes[RTA_GATEWAY]);
    if (attributes[RTA_VIA] && nla_len(attributes[RTA_VIA]) >= (int)sizeof(struct rtvia)) {
        const struct rtvia *via = nla_data(attributes[RTA_VIA]);
        route->gateway = read_ip((unsigned char)via->rtvia_family, via->rtvia_addr,
                                 (size_t)nla_len(attributes[RTA_VIA]) - sizeof(*via));
    }
    return NL_OK;
}

static int add_multipath(struct kernel_state *state, const struct kernel_route *common,
                         const struct nlattr *multipath)
{
    const struct rtnexthop *hop = nla_data(multipath);
    int left = nla_len(multipath);

    while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) { /* RTNH_OK() reads first */
        struct nlattr *attributes[RTA_MAX + 1];
        int r;

        if (nla_parse(attributes, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
                      hop->rtnh_len - (int)RTNH_LENGTH(0), NULL) < 0)
            return NL_OK;
        r = add_nexthop(state, common, hop->rtnh_ifindex, hop->rtnh_flags, attributes);
        if (r != NL_OK)
            return r;
        left -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
    return NL_OK;
}

static bool is_default_route(const struct rtmsg *info, struct nlattr *const attributes[])
{
    uint32_t table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : info->rtm_table;

    return (info->rtm_family == AF_INET || info->rtm_family == AF_INET6) &&
           info->rtm_type == RTN_UNICAST && table == RT_TABLE_MAIN && info->rtm_dst_len == 0 &&
           info->rtm_src_len == 0 && info->rtm_tos == 0 && !(info->rtm_flags & RTM_F_CLONED);
}

/* ICMPV6_ROUTER_PREF_*: the two bits of RFC 4191 section 2.1. */
static int read_preference(const struct nlattr *attribute)
{
    unsigned char bits = attribute ? nla_get_u8(attribute) : 0;

    return bits == 1 ? 1 : bits == 3 ? -1 : 0;
}

static int on_route(struct nl_msg *message, void *userdata)
{
    struct kernel_state *state = userdata;
    struct nlattr *attributes[RTA_MAX + 1];
    const struct rtmsg *info = nlmsg_data(nlmsg_hdr(message));
    struct kernel_route common = {0};

    if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWROUTE ||
        nlmsg_parse(nlmsg_hdr(message), sizeof(*info), attributes, RTA_MAX, NULL) < 0 ||
        !is_default_route(info, attributes))
        return NL_OK;

    common.family = info->rtm_family;
    common.source = read_ip_attribute(info->rtm_family, attributes[RTA_PREFSRC]);
    common.metric = attributes[RTA_PRIORITY] ? nla_get_u32(attributes[RTA_PRIORITY]) : 0;
    common.preference = read_preference(attributes[RTA_PREF]);
    if (attributes[RTA_MULTIPATH])
        return add_multipath(state, &common, attributes[RTA_MULTIPATH]);
    if (attributes[RTA_OIF])
        return add_nexthop(state, &common, (int)nla_get_u32(attributes[RTA_OIF]), info->rtm_flags,
                           attributes);
    return NL_OK;
}

/* One attempt: 0 or a negative NLE_*. */
static int dump(struct kernel_state *state)
{
    /* AF_UNSPEC, with the header that belongs to the request: a kernel without IPv6 then simply
     * answers with what it has, where an explicit AF_INET6 would be answered with all families. */
    static const struct {
        int type;
        size_t header;
        nl_recvmsg_msg_cb_t callback;
    } dumps[] = {
        {RTM_GETLINK, sizeof(struct ifinfomsg), on_link},
        {RTM_GETADDR, sizeof(struct ifaddrmsg), on_address},
        {RTM_GETROUTE, sizeof(struct rtmsg), on_route},
    };
    _cleanup_(nl_socket_freep) struct nl_sock *socket = nl_socket_alloc();
    struct ifinfomsg unspecified = {0}; /* the longest of the three headers */
    int r;

    if (!socket)
        return -NLE_NOMEM;
    r = nl_connect(socket, NETLINK_ROUTE);
    for (size_t i = 0; i < ELEMENTSOF(dumps) && r >= 0; i++) {
        r = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, dumps[i].callback, state);
        if (r >= 0)
            r = nl_send_simple(socket, dumps[i].type, NLM_F_DUMP, &unspecified, dumps[i].header);
        if (r >= 0)
            r = nl_recvmsgs_default(socket);
    }
    return r < 0 ? r : 0;
}

int kernel_read(struct kernel_state *ret)
{
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        _cleanup_(kernel_state_clear) struct kernel_state state = {0};
        int r = dump(&state);

        if (r == -NLE_DUMP_INTR)
            continue;
        if (r < 0)
            return kernel_errno(r);
        *ret = state;
        state = (struct kernel_state){0};
        return 0;
    }
    return KERNEL_CHANGING;
}

void kernel_state_clear(struct kernel_state *state)
{
    free(state->links);
    free(state->addresses);
    free(state->routes);
    *state = (struct kernel_state){0};
}
