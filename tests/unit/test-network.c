/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The kernel's tables in, the network out: each case is a few lines of text as `ip` would print
 * them, and what Mailroam makes of it.
 */
#include "cleanup.h"
#include "tap.h"
#include "watch/network.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

enum { LO = 1, ETH, WLAN, TUN, PPP, DOWN };

#define MAX_ADDRESSES 6
#define MAX_ROUTES    4

struct address_row {
    int ifindex;
    const char *address;
    unsigned char prefix_length;
    uint32_t flags;
    unsigned char scope;
};

struct route_row {
    int ifindex;
    int family;
    const char *gateway, *source;
    uint32_t metric;
    int preference;
};

/* Where the kernel would send what goes far away; `ifindex` 0: it was not asked. */
struct far_row {
    int ifindex;
    const char *gateway, *source;
};

struct expected_way {
    const char *interface, *gateway, *source; /* interface NULL: no way out */
};

struct test_case {
    const char *title;
    struct address_row addresses[MAX_ADDRESSES];
    struct route_row routes[MAX_ROUTES];
    struct expected_way ipv4, ipv6;
    struct far_row far_ipv4, far_ipv6;
    const char *prefix; /* of the primary way */
};

static struct kernel_link links[] = {
    {LO, "lo", .running = true, .loopback = true},
    {ETH, "eth0", .running = true},
    {WLAN, "wlan0", .running = true},
    {TUN, "tun0", .running = true, .tunnel = true},
    {PPP, "ppp0", .running = true},
    {DOWN, "eth9"},
};

static const struct test_case cases[] = {
    {"nothing but the loopback", {{LO, "127.0.0.1", 8, 0, RT_SCOPE_HOST}}},
    {"an address and no route", {{ETH, "10.0.0.2", 24}}},
    {"the usual IPv4 network",
     {{WLAN, "10.20.0.77", 24}},
     {{WLAN, AF_INET, "10.20.0.1"}},
     {"wlan0", "10.20.0.1", "10.20.0.77"},
     .prefix = "10.20.0.0"},
    {"a route before its address", {}, {{WLAN, AF_INET, "10.20.0.1"}}},
    {"a route on a link that is down", {{DOWN, "10.0.0.2", 24}}, {{DOWN, AF_INET, "10.0.0.1"}}},
    {"the lowest metric",
     {{ETH, "10.1.0.2", 24}, {WLAN, "10.2.0.2", 24}},
     {{WLAN, AF_INET, "10.2.0.1", .metric = 600}, {ETH, AF_INET, "10.1.0.1", .metric = 100}},
     {"eth0", "10.1.0.1", "10.1.0.2"},
     .prefix = "10.1.0.0"},
    {"the lowest metric whose link runs",
     {{DOWN, "10.1.0.2", 24}, {WLAN, "10.2.0.2", 24}},
     {{DOWN, AF_INET, "10.1.0.1", .metric = 100}, {WLAN, AF_INET, "10.2.0.1", .metric = 600}},
     {"wlan0", "10.2.0.1", "10.2.0.2"},
     .prefix = "10.2.0.0"},
    {"the lowest metric whose link has an address",
     {{ETH, "169.254.7.7", 16}, {WLAN, "10.2.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1", .metric = 100}, {WLAN, AF_INET, "10.2.0.1", .metric = 600}},
     {"wlan0", "10.2.0.1", "10.2.0.2"},
     .prefix = "10.2.0.0"},
    {"a metric beyond 2^31 is no negative one",
     {{ETH, "10.1.0.2", 24}, {WLAN, "10.2.0.2", 24}},
     {{WLAN, AF_INET, "10.2.0.1", .metric = 0xfffffff0}, {ETH, AF_INET, "10.1.0.1", .metric = 5}},
     {"eth0", "10.1.0.1", "10.1.0.2"},
     .prefix = "10.1.0.0"},
    {"IPv4 routes of one metric: the kernel's first",
     {{ETH, "10.1.0.2", 24}, {WLAN, "10.2.0.2", 24}},
     {{WLAN, AF_INET, "10.2.0.1"}, {ETH, AF_INET, "10.1.0.1"}},
     {"wlan0", "10.2.0.1", "10.2.0.2"},
     .prefix = "10.2.0.0"},
    {"169.254/16 gets nowhere", {{ETH, "169.254.7.7", 16}}, {{ETH, AF_INET, NULL}}},
    {"link scope gets nowhere", {{ETH, "10.0.0.2", 24, 0, RT_SCOPE_LINK}}},
    {"the source on the gateway's subnet",
     {{ETH, "192.168.9.2", 24}, {ETH, "10.1.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1"}},
     {"eth0", "10.1.0.1", "10.1.0.2"},
     .prefix = "10.1.0.0"},
    {"the primary address before a secondary one",
     {{ETH, "10.1.0.9", 24, IFA_F_SECONDARY}, {ETH, "10.1.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1"}},
     {"eth0", "10.1.0.1", "10.1.0.2"},
     .prefix = "10.1.0.0"},
    {"the source that the route names",
     {{ETH, "10.1.0.2", 24}, {ETH, "10.1.0.9", 24, IFA_F_SECONDARY}},
     {{ETH, AF_INET, "10.1.0.1", "10.1.0.9"}},
     {"eth0", "10.1.0.1", "10.1.0.9"},
     .prefix = "10.1.0.0"},
    {"the source that the route names, on the loopback",
     {{LO, "192.0.2.1", 32}, {ETH, "10.1.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1", "192.0.2.1"}},
     {"eth0", "10.1.0.1", "192.0.2.1"},
     .prefix = "192.0.2.1"},
    {"a route whose named source is not there",
     {{ETH, "10.1.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1", "10.1.0.9"}}},
    {"PPP: no gateway, no subnet, another address each time",
     {{PPP, "100.64.3.7", 32}},
     {{PPP, AF_INET, NULL}},
     {"ppp0", "", "100.64.3.7"},
     .prefix = ""},
    {"a VPN's subnet without a gateway",
     {{ETH, "10.1.0.2", 24}, {TUN, "10.8.0.6", 24}},
     {{TUN, AF_INET, NULL, .metric = 50}, {ETH, AF_INET, "10.1.0.1", .metric = 100}},
     {"tun0", "", "10.8.0.6"},
     .prefix = "10.8.0.0"},
    {"odd prefix lengths",
     {{ETH, "172.16.13.200", 21}},
     {{ETH, AF_INET, "172.16.8.1"}},
     {"eth0", "172.16.8.1", "172.16.13.200"},
     .prefix = "172.16.8.0"},
    {"IPv4 over an IPv6 gateway",
     {{ETH, "10.1.0.2", 32}},
     {{ETH, AF_INET, "fe80::1"}},
     {"eth0", "fe80::1", "10.1.0.2"},
     .prefix = "10.1.0.2"},
    {"both families: IPv4 names the network",
     {{WLAN, "10.20.0.77", 24}, {WLAN, "2001:db8::77", 64}},
     {{WLAN, AF_INET6, "fe80::1"}, {WLAN, AF_INET, "10.20.0.1"}},
     {"wlan0", "10.20.0.1", "10.20.0.77"},
     {"wlan0", "fe80::1", "2001:db8::77"},
     .prefix = "10.20.0.0"},
    {"IPv6 alone",
     {{WLAN, "fe80::77", 64, 0, RT_SCOPE_LINK}, {WLAN, "2001:db8:1:2:3:4:5:6", 64}},
     {{WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8:1:2:3:4:5:6"},
     .prefix = "2001:db8:1:2::"},
    {"IPv6 link-local gets nowhere", {{WLAN, "fe80::77", 64}}, {{WLAN, AF_INET6, "fe80::1"}}},
    {"tentative, failed and deprecated IPv6 addresses",
     {{WLAN, "2001:db8::1", 64, IFA_F_TENTATIVE},
      {WLAN, "2001:db8::2", 64, IFA_F_DADFAILED},
      {WLAN, "2001:db8::3", 64, IFA_F_DEPRECATED},
      {WLAN, "2001:db8::4", 64, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC}},
     {{WLAN, AF_INET6, "fe80::1"}}},
    {"a global address before a unique local one",
     {{WLAN, "fd00::1", 64}, {WLAN, "2001:db8::1", 64, IFA_F_TEMPORARY}},
     {{WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8::1"},
     .prefix = "2001:db8::"},
    {"a lasting address before a temporary one",
     {{WLAN, "2001:db8::1", 64, IFA_F_TEMPORARY}, {WLAN, "2001:db8::2", 64}},
     {{WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8::2"},
     .prefix = "2001:db8::"},
    {"a /64 before the /128 of DHCPv6",
     {{WLAN, "2001:db8::1", 128}, {WLAN, "2001:db8::2", 64}},
     {{WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8::2"},
     .prefix = "2001:db8::"},
    {"the /128 of DHCPv6 names its /64",
     {{WLAN, "2001:db8:0:7::1", 128}},
     {{WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8:0:7::1"},
     .prefix = "2001:db8:0:7::"},
    {"IPv6 routers of one metric: whatever their order, the same (a)",
     {{WLAN, "2001:db8::1", 64}},
     {{WLAN, AF_INET6, "fe80::1"}, {WLAN, AF_INET6, "fe80::2"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8::1"},
     .prefix = "2001:db8::"},
    {"IPv6 routers of one metric: whatever their order, the same (b)",
     {{WLAN, "2001:db8::1", 64}},
     {{WLAN, AF_INET6, "fe80::2"}, {WLAN, AF_INET6, "fe80::1"}},
     .ipv6 = {"wlan0", "fe80::1", "2001:db8::1"},
     .prefix = "2001:db8::"},
    {"the router that asks to be preferred",
     {{WLAN, "2001:db8::1", 64}},
     {{WLAN, AF_INET6, "fe80::1"},
      {WLAN, AF_INET6, "fe80::2", .preference = 1},
      {WLAN, AF_INET6, "fe80::3", .preference = -1}},
     .ipv6 = {"wlan0", "fe80::2", "2001:db8::1"},
     .prefix = "2001:db8::"},
    {"the kernel agrees with its tables",
     {{ETH, "10.1.0.2", 24}},
     {{ETH, AF_INET, "10.1.0.1"}},
     {"eth0", "10.1.0.1", "10.1.0.2"},
     .far_ipv4 = {ETH, "10.1.0.1", "10.1.0.2"},
     .prefix = "10.1.0.0"},
    {"a VPN by a rule, or by halves of the world",
     {{ETH, "10.1.0.2", 24}, {TUN, "10.8.0.6", 24}},
     {{ETH, AF_INET, "10.1.0.1"}},
     {"tun0", "", "10.8.0.6"},
     .far_ipv4 = {TUN, NULL, "10.8.0.6"},
     .prefix = "10.8.0.0"},
    {"a VPN without any default route",
     {{WLAN, "2001:db8::1", 64}, {TUN, "fd00::6", 64}},
     .ipv6 = {"tun0", "", "fd00::6"},
     .far_ipv6 = {TUN, NULL, "fd00::6"},
     .prefix = "fd00::"},
    {"the kernel still sends into a dead link",
     {{DOWN, "10.1.0.2", 24}, {WLAN, "10.2.0.2", 24}},
     {{DOWN, AF_INET, "10.1.0.1", .metric = 100}, {WLAN, AF_INET, "10.2.0.1", .metric = 600}},
     {"wlan0", "10.2.0.1", "10.2.0.2"},
     .far_ipv4 = {DOWN, "10.1.0.1", "10.1.0.2"},
     .prefix = "10.2.0.0"},
    {"the kernel takes another link's address meanwhile",
     {{ETH, "2001:db8:1::1", 64, IFA_F_TENTATIVE}, {WLAN, "2001:db8:2::1", 64}},
     {{ETH, AF_INET6, "fe80::1", .metric = 100}, {WLAN, AF_INET6, "fe80::2", .metric = 600}},
     .ipv6 = {"wlan0", "fe80::2", "2001:db8:2::1"},
     .far_ipv6 = {ETH, "fe80::1", "2001:db8:2::1"},
     .prefix = "2001:db8:2::"},
    {"the kernel takes the other one of two equal links",
     {{ETH, "2001:db8:1::1", 64}, {WLAN, "2001:db8:2::1", 64}},
     {{ETH, AF_INET6, "fe80::1"}, {WLAN, AF_INET6, "fe80::2"}},
     .ipv6 = {"eth0", "fe80::1", "2001:db8:1::1"},
     .far_ipv6 = {WLAN, "fe80::2", "2001:db8:2::1"},
     .prefix = "2001:db8:1::"},
};

static struct ip parse_ip(const char *text)
{
    struct ip ip = {0};

    if (text && inet_pton(AF_INET, text, ip.bytes) == 1)
        ip.family = AF_INET;
    else if (text && inet_pton(AF_INET6, text, ip.bytes) == 1)
        ip.family = AF_INET6;
    return ip;
}

static const struct kernel_lookup *far(struct far_row row, struct kernel_lookup *lookup)
{
    *lookup = (struct kernel_lookup){
        .ifindex = row.ifindex,
        .gateway = parse_ip(row.gateway),
        .source = parse_ip(row.source),
    };
    return row.ifindex != 0 ? lookup : NULL;
}

static void check_way(const struct way_out *way, const struct expected_way *expected,
                      const char *title, const char *family)
{
    is_string(way->interface, expected->interface ? expected->interface : "", "%s: %s interface",
              title, family);
    is_string(way->gateway, expected->interface ? expected->gateway : "", "%s: %s gateway", title,
              family);
    is_string(way->source, expected->interface ? expected->source : "", "%s: %s source", title,
              family);
}

static void check_prefix(const struct way_out *way, const char *expected, const char *title)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (way) {
        struct ip prefix = network_prefix(way);

        ip_format(&prefix, text);
    }
    is_string(text, expected ? expected : "", "%s: prefix", title);
}

static void run_case(const struct test_case *c, struct network *ret)
{
    struct kernel_address addresses[MAX_ADDRESSES] = {0};
    struct kernel_route routes[MAX_ROUTES] = {0};
    struct kernel_lookup lookups[2];
    struct kernel_state kernel = {
        .links = links,
        .addresses = addresses,
        .routes = routes,
        .n_links = ELEMENTSOF(links),
    };

    for (const struct address_row *row = c->addresses;
         row < c->addresses + MAX_ADDRESSES && row->address; row++)
        addresses[kernel.n_addresses++] = (struct kernel_address){
            .ifindex = row->ifindex,
            .local = parse_ip(row->address),
            .prefix_length = row->prefix_length,
            .scope = row->scope,
            .flags = row->flags,
        };
    for (const struct route_row *row = c->routes; row < c->routes + MAX_ROUTES && row->ifindex;
         row++)
        routes[kernel.n_routes++] = (struct kernel_route){
            .ifindex = row->ifindex,
            .family = (unsigned char)row->family,
            .gateway = parse_ip(row->gateway),
            .source = parse_ip(row->source),
            .metric = row->metric,
            .preference = row->preference,
        };
    network_from_kernel(&kernel, far(c->far_ipv4, &lookups[0]), far(c->far_ipv6, &lookups[1]), ret);
}

static void test_tables(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        const struct test_case *c = &cases[i];
        struct network network;

        run_case(c, &network);
        check_way(&network.ipv4, &c->ipv4, c->title, "IPv4");
        check_way(&network.ipv6, &c->ipv6, c->title, "IPv6");
        check_prefix(network_primary(&network), c->prefix, c->title);
        ok(network_equal(&network, &network), "%s: equals itself", c->title);
        for (size_t j = 0; j < i; j++) {
            struct network other;

            run_case(&cases[j], &other);
            if ((c->prefix || cases[j].prefix) && network_equal(&network, &other) &&
                strcmp(c->prefix ? c->prefix : "", cases[j].prefix ? cases[j].prefix : "") != 0)
                ok(false, "%s: differs from %s", c->title, cases[j].title);
        }
    }
}

/* Each field that a client can see has to count, alone. */
static void test_equal(void)
{
    struct network base = {.ipv4 = {.ifindex = 1, .prefix_length = 24}}, other;

#define DIFFERS(change)                                                                            \
    other = base;                                                                                  \
    change;                                                                                        \
    ok(!network_equal(&base, &other), "differs: %s", #change)

    DIFFERS(other.ipv4.ifindex = 2);
    DIFFERS(strcpy(other.ipv4.interface, "x"));
    DIFFERS(strcpy(other.ipv4.gateway, "x"));
    DIFFERS(strcpy(other.ipv4.source, "x"));
    DIFFERS(other.ipv4.prefix_length = 25);
    DIFFERS(other.ipv6.ifindex = 2);
    DIFFERS(other.ipv6.tunnel = true);
    DIFFERS(other.identified = true);
    DIFFERS(strcpy(other.id, "x"));
    DIFFERS(strcpy(other.name, "x"));
    other = base;
    other.since = 1;
    ok(network_equal(&base, &other), "since does not count");
}

int main(void)
{
    test_tables();
    test_equal();
    return tap_done();
}
