/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The kernel's default routes, its ways to some addresses, and the links and addresses that these
 * lead over, read by rtnetlink.
 *
 * Always: a state is handed out only when no dump it was made of was interrupted, and every read
 * has a new socket, so that what a failed dump left in the queue cannot reach the next one. What
 * the kernel refuses to answer (there is no route, the link is gone meanwhile) is missing in the
 * state, and nothing else is.
 *
 * Refused: to read links and addresses that lead nowhere: a read costs the same on a machine with a
 * thousand containers, and is not interrupted by their coming and going. Also libnl's caches and
 * objects. A cache repeats an interrupted dump without bound, and route objects merge and compare
 * by rules of their own (IPv6 next hops); the messages are as short to read. Of the dumped routes:
 * other tables, routes with a TOS or a source prefix, and what is no way out (unreachable,
 * prohibit, dead next hops); the lookups obey all of these.
 */
#include "watch/kernel.h"

#include "cleanup.h"
#include "error.h"
#include "text.h"
#include "watch/neighbour.h"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#define READ_ATTEMPTS  5
#define LOOPBACK_INDEX 1 /* in every namespace: the kernel's LOOPBACK_IFINDEX */
#define EVERY_LINK     0

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

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

/* The kernel takes nearly any bytes as a name; this one goes to terminals and onto the bus. */
static void make_name_safe(char *name)
{
    if (text_is_safe(name))
        return;
    for (; *name; name++)
        if (*name <= ' ' || *name > '~')
            *name = '?';
}

static void read_kind(struct kernel_link *link, struct nlattr *linkinfo)
{
    static const char *const tunnels[] = {"tun",  "wireguard", "xfrm",   "vti",
                                          "vti6", "gre",       "ip6gre", "ipip"};
    struct nlattr *attributes[IFLA_INFO_MAX + 1];

    if (!linkinfo || nla_parse_nested(attributes, IFLA_INFO_MAX, linkinfo, NULL) < 0 ||
        !attributes[IFLA_INFO_KIND])
        return;
    nla_strlcpy(link->kind, attributes[IFLA_INFO_KIND], sizeof(link->kind));
    make_name_safe(link->kind);
    for (size_t i = 0; i < ELEMENTSOF(tunnels); i++)
        link->tunnel |= strcmp(link->kind, tunnels[i]) == 0;
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
    link->point_to_point = info->ifi_flags & (IFF_POINTOPOINT | IFF_NOARP);
    read_kind(link, attributes[IFLA_LINKINFO]);
    if (attributes[IFLA_CARRIER_UP_COUNT])
        link->carrier_ups = nla_get_u32(attributes[IFLA_CARRIER_UP_COUNT]);
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

static struct ip read_gateway(unsigned char family, struct nlattr *const attributes[])
{
    const struct rtvia *via;

    if (!attributes[RTA_VIA] || nla_len(attributes[RTA_VIA]) < (int)sizeof(*via))
        return read_ip_attribute(family, attributes[RTA_GATEWAY]);
    via = nla_data(attributes[RTA_VIA]);
    return read_ip((unsigned char)via->rtvia_family, via->rtvia_addr,
                   (size_t)nla_len(attributes[RTA_VIA]) - sizeof(*via));
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
    route->gateway = read_gateway(route->family, attributes);
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

static int on_lookup(struct nl_msg *message, void *userdata)
{
    struct kernel_lookup *lookup = userdata;
    struct nlattr *attributes[RTA_MAX + 1];
    const struct rtmsg *info = nlmsg_data(nlmsg_hdr(message));

    if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWROUTE ||
        nlmsg_parse(nlmsg_hdr(message), sizeof(*info), attributes, RTA_MAX, NULL) < 0 ||
        !attributes[RTA_OIF] || (info->rtm_type != RTN_UNICAST && info->rtm_type != RTN_LOCAL))
        return NL_OK;
    lookup->ifindex = (int)nla_get_u32(attributes[RTA_OIF]);
    lookup->local = info->rtm_type == RTN_LOCAL;
    lookup->gateway = read_gateway(info->rtm_family, attributes);
    lookup->source = read_ip_attribute(info->rtm_family, attributes[RTA_PREFSRC]);
    return NL_OK;
}

static int on_neighbour(struct nl_msg *message, void *userdata)
{
    struct kernel_neighbour *neighbour = userdata;
    struct nlattr *attributes[NDA_MAX + 1];
    const struct ndmsg *info = nlmsg_data(nlmsg_hdr(message));

    if (nlmsg_hdr(message)->nlmsg_type != RTM_NEWNEIGH ||
        nlmsg_parse(nlmsg_hdr(message), sizeof(*info), attributes, NDA_MAX, NULL) < 0 ||
        !attributes[NDA_LLADDR] || nla_len(attributes[NDA_LLADDR]) > LINK_ADDRESS_MAX ||
        !neighbour_is_known(info->ndm_state, nla_data(attributes[NDA_LLADDR]),
                            (size_t)nla_len(attributes[NDA_LLADDR])))
        return NL_OK;
    neighbour->length = (size_t)nla_len(attributes[NDA_LLADDR]);
    memcpy(neighbour->link_address, nla_data(attributes[NDA_LLADDR]), neighbour->length);
    return NL_OK;
}

/* --- asking ------------------------------------------------------------------------------------
 * Each takes a header and perhaps an attribute, and returns 0 or a negative NLE_*. */

/* The kernel's refusal is an answer, too: but for a lack of memory, it means that there is nothing.
 */
static int on_refusal(struct sockaddr_nl *sender, struct nlmsgerr *refusal, void *userdata)
{
    return refusal->error == -ENOMEM || refusal->error == -ENOBUFS ? -NLE_NOMEM : NL_SKIP;
}

static int ask(struct nl_sock *socket, struct nl_msg *message, nl_recvmsg_msg_cb_t callback,
               void *userdata)
{
    int r = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, callback, userdata);

    if (r >= 0)
        r = nl_send_auto(socket, message);
    if (r >= 0)
        r = nl_recvmsgs_default(socket);
    return r < 0 ? r : 0;
}

static struct nl_msg *new_request(int type, int flags, const void *header, size_t size)
{
    _cleanup_(nlmsg_freep) struct nl_msg *message = nlmsg_alloc_simple(type, flags);

    return message && nlmsg_append(message, (void *)header, size, NLMSG_ALIGNTO) == 0
               ? TAKE(message)
               : NULL;
}

static int read_routes(struct nl_sock *socket, struct kernel_state *state)
{
    /* AF_UNSPEC: a kernel without IPv6 then simply answers with what it has. */
    const struct rtmsg header = {.rtm_table = RT_TABLE_MAIN};
    _cleanup_(nlmsg_freep) struct nl_msg *message =
        new_request(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header));

    return message ? ask(socket, message, on_route, state) : -NLE_NOMEM;
}

/* For TCP and as ourselves: rules may tell protocols and users apart. */
static int look_up(struct nl_sock *socket, const struct ip *destination,
                   struct kernel_lookup *lookup)
{
    const struct rtmsg header = {
        .rtm_family = destination->family,
        .rtm_dst_len = (unsigned char)ip_bits(destination),
    };
    _cleanup_(nlmsg_freep) struct nl_msg *message =
        new_request(RTM_GETROUTE, 0, &header, sizeof(header));

    if (!message ||
        nla_put(message, RTA_DST, (int)ip_bits(destination) / 8, destination->bytes) < 0 ||
        nla_put_u8(message, RTA_IP_PROTO, IPPROTO_TCP) < 0)
        return -NLE_NOMEM;
    return ask(socket, message, on_lookup, lookup);
}

static int read_link(struct nl_sock *socket, int ifindex, struct kernel_state *state)
{
    const struct ifinfomsg header = {.ifi_index = ifindex};
    _cleanup_(nlmsg_freep) struct nl_msg *message =
        new_request(RTM_GETLINK, 0, &header, sizeof(header));

    if (!message || nla_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
        return -NLE_NOMEM;
    return ask(socket, message, on_link, state);
}

static int read_addresses(struct nl_sock *socket, int ifindex, struct kernel_state *state)
{
    const struct ifaddrmsg header = {.ifa_index = (unsigned)ifindex};
    _cleanup_(nlmsg_freep) struct nl_msg *message =
        new_request(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));

    return message ? ask(socket, message, on_address, state) : -NLE_NOMEM;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static int read_link_once(struct nl_sock *socket, int ifindex, struct kernel_state *state)
{
    int r;

    for (size_t i = 0; i < state->n_links; i++)
        if (state->links[i].index == ifindex)
            return 0;
    r = read_link(socket, ifindex, state);
    return r < 0 ? r : read_addresses(socket, ifindex, state);
}

static bool has_address(const struct kernel_state *state, const struct ip *address)
{
    for (size_t i = 0; i < state->n_addresses; i++)
        if (ip_equal(&state->addresses[i].local, address))
            return true;
    return address->family == 0;
}

/* On a link without an address of its own packets are sent from that of another one. */
static int read_borrowed_addresses(struct nl_sock *socket, struct kernel_state *state)
{
    bool complete = true;

    for (size_t i = 0; i < state->n_routes; i++)
        complete &= has_address(state, &state->routes[i].source);
    for (size_t i = 0; i < state->n_lookups; i++)
        complete &= has_address(state, &state->lookups[i].source);
    if (complete)
        return 0;
    state->n_addresses = 0;
    return read_addresses(socket, EVERY_LINK, state);
}

static int connect_socket(struct nl_sock *socket)
{
    const int yes = 1;
    int r = nl_connect(socket, NETLINK_ROUTE);

    if (r < 0)
        return r;
    /* So that the kernel minds what a dump's header asks for (4.20): before, it gives more. */
    (void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes,
                     sizeof(yes));
    nl_socket_disable_auto_ack(socket);
    return nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, on_refusal, NULL);
}

/* One attempt: 0 or a negative NLE_*. */
static int read_state(const struct ip *destinations, size_t n, struct kernel_state *state)
{
    _cleanup_(nl_socket_freep) struct nl_sock *socket = nl_socket_alloc();
    int r = socket ? connect_socket(socket) : -NLE_NOMEM;

    if (r >= 0)
        r = read_routes(socket, state);
    for (size_t i = 0; i < n && r >= 0; i++) {
        struct kernel_lookup *lookup = append(&state->lookups, &state->n_lookups, sizeof(*lookup));
        r = lookup ? look_up(socket, &destinations[i], lookup) : -NLE_NOMEM;
    }
    if (r >= 0)
        r = read_link_once(socket, LOOPBACK_INDEX, state);
    for (size_t i = 0; i < state->n_routes && r >= 0; i++)
        r = read_link_once(socket, state->routes[i].ifindex, state);
    for (size_t i = 0; i < state->n_lookups && r >= 0; i++)
        if (state->lookups[i].ifindex != 0)
            r = read_link_once(socket, state->lookups[i].ifindex, state);
    return r < 0 ? r : read_borrowed_addresses(socket, state);
}

int kernel_read(const struct ip *destinations, size_t n, struct kernel_state *ret)
{
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        _cleanup_(kernel_state_clear) struct kernel_state state = {0};
        int r = read_state(destinations, n, &state);

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
    free(state->lookups);
    *state = (struct kernel_state){0};
}

int kernel_read_neighbour(int ifindex, const struct ip *address, struct kernel_neighbour *ret)
{
    const struct ndmsg header = {.ndm_family = address->family, .ndm_ifindex = ifindex};
    _cleanup_(nl_socket_freep) struct nl_sock *socket = nl_socket_alloc();
    _cleanup_(nlmsg_freep) struct nl_msg *message =
        new_request(RTM_GETNEIGH, 0, &header, sizeof(header));
    struct kernel_neighbour neighbour = {0};
    int r;

    if (!socket || !message ||
        nla_put(message, NDA_DST, (int)ip_bits(address) / 8, address->bytes) < 0)
        return -ENOMEM;
    r = connect_socket(socket);
    if (r >= 0)
        r = ask(socket, message, on_neighbour, &neighbour);
    if (r >= 0)
        *ret = neighbour;
    return kernel_errno(r);
}
