/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What the kernel answers in, the way to a server out: what counts as another way, and what it is
 * called.
 */
#include "cleanup.h"
#include "tap.h"
#include "watch/route.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

enum { LO = 1, ETH, WLAN, DOWN };

static struct kernel_link links[] = {
    {LO, "lo", .running = true, .loopback = true},
    {ETH, "eth0", .running = true},
    {WLAN, "wlan0", .running = true},
    {DOWN, "eth9"},
};

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    if (text)
        ip_parse(text, &ip);
    return ip;
}

struct side {
    int ifindex;
    const char *gateway, *source;
    unsigned char prefix_length;
    uint32_t flags;
    unsigned char scope;
    int source_ifindex; /* where it is another one */
    bool local;
};

static struct route read_side(const struct side *side, struct kernel_route *routes, size_t n)
{
    struct kernel_address address = {
        .ifindex = side->source_ifindex != 0 ? side->source_ifindex : side->ifindex,
        .local = ip(side->source),
        .prefix_length = side->prefix_length,
        .flags = side->flags,
        .scope = side->scope,
    };
    struct kernel_state kernel = {
        .links = links,
        .addresses = &address,
        .routes = routes,
        .n_links = ELEMENTSOF(links),
        .n_addresses = 1,
        .n_routes = n,
    };
    struct kernel_lookup lookup = {
        .ifindex = side->ifindex,
        .local = side->local,
        .gateway = ip(side->gateway),
        .source = ip(side->source),
    };
    struct route route;

    route_from_kernel(&kernel, &lookup, &route);
    return route;
}

/* Two answers to the same question: what is said of the step from one to the other. */
static const struct {
    const char *title;
    struct side before, after;
    const char *reason; /* NULL: the same way */
} cases[] = {
    {"nothing happened", {ETH, "10.1.0.1", "10.1.0.2", 24}, {ETH, "10.1.0.1", "10.1.0.2", 24}},
    {"another address of the same network",
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     {ETH, "10.1.0.1", "10.1.0.9", 24}},
    {"a temporary address follows another",
     {ETH, "fe80::1", "2001:db8::1111:1", 64, IFA_F_TEMPORARY},
     {ETH, "fe80::1", "2001:db8::2222:2", 64, IFA_F_TEMPORARY}},
    {"the /128 of DHCPv6 takes over from its /64",
     {ETH, "fe80::1", "2001:db8::1", 64},
     {ETH, "fe80::1", "2001:db8::2", 128}},
    {"another address at each dial-in",
     {ETH, NULL, "100.64.0.2", 32},
     {ETH, NULL, "100.64.7.9", 32}},
    {"the kernel sends what the machine says to itself",
     {LO, NULL, "127.0.0.1", 8, .scope = RT_SCOPE_HOST, .local = true},
     {LO, NULL, "10.1.0.2", 24, .local = true}},
    {"another link",
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     {WLAN, "10.1.0.1", "10.1.0.2", 24},
     "route to mail moved to wlan0"},
    {"another gateway",
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     {ETH, "10.1.0.9", "10.1.0.2", 24},
     "route to mail moved to gateway 10.1.0.9"},
    {"no gateway any more",
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     {ETH, NULL, "10.1.0.2", 24},
     "route to mail moved to the link"},
    {"an address of another network",
     {ETH, "fe80::1", "2001:db8:1::1", 64},
     {ETH, "fe80::1", "2001:db8:2::1", 64},
     "route to mail starts from another network"},
    {"no way", {ETH, "10.1.0.1", "10.1.0.2", 24}, {0}, "no route to mail any more"},
    {"the link dies",
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     {DOWN, "10.1.0.1", "10.1.0.2", 24},
     "no route to mail any more"},
    {"an address nobody answers to",
     {ETH, NULL, "169.254.3.4", 16},
     {ETH, "10.1.0.1", "10.1.0.2", 24},
     "route to mail came up on eth0"},
    {"an address that is verified, then is usable",
     {ETH, "fe80::1", "2001:db8::1", 64, IFA_F_TENTATIVE},
     {ETH, "fe80::1", "2001:db8::1", 64},
     "route to mail came up on eth0"},
    {"an address that is deprecated",
     {ETH, "fe80::1", "2001:db8::1", 64},
     {ETH, "fe80::1", "2001:db8::1", 64, IFA_F_DEPRECATED},
     "no route to mail any more"},
    {"an IPv6 address of another link is a stopgap",
     {ETH, "fe80::1", "2001:db8::1", 64, .source_ifindex = WLAN},
     {ETH, "fe80::1", "2001:db8::1", 64},
     "route to mail came up on eth0"},
    {"an IPv6 address of the loopback is meant",
     {ETH, "fe80::1", "2001:db8::1", 64, .source_ifindex = LO},
     {ETH, "fe80::1", "2001:db8::1", 64}},
    {"an IPv4 address that is borrowed is meant",
     {ETH, NULL, "10.1.0.2", 24, .source_ifindex = WLAN},
     {ETH, NULL, "10.1.0.2", 24}},
};

static void test_steps(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct route before = read_side(&cases[i].before, NULL, 0);
        struct route after = read_side(&cases[i].after, NULL, 0);
        char text[128] = "";

        if (!route_equal(&before, &after))
            route_explain("mail", &before, &after, text, sizeof(text));
        is_string(text, cases[i].reason ? cases[i].reason : "", "%s", cases[i].title);
    }
}

/* The kernel takes one or the other of equal routers and changes its mind without a word. */
static void test_equal_routers(void)
{
    static const struct side one = {ETH, "fe80::1", "2001:db8::1", 64};
    static const struct side two = {ETH, "fe80::2", "2001:db8::1", 64};
    struct kernel_route routes[] = {
        {.ifindex = ETH, .family = AF_INET6, .gateway = ip("fe80::2"), .metric = 1024},
        {.ifindex = ETH, .family = AF_INET6, .gateway = ip("fe80::1"), .metric = 1024},
    };
    struct route a = read_side(&one, routes, 2), b = read_side(&two, routes, 2);

    ok(route_equal(&a, &b), "one of two equal routers is as good as the other");
    routes[0].metric = 1;
    a = read_side(&one, routes, 2);
    b = read_side(&two, routes, 2);
    ok(!route_equal(&a, &b), "... not where their metrics differ");
    routes[0].metric = 1024;
    routes[0].preference = 1;
    a = read_side(&one, routes, 2);
    b = read_side(&two, routes, 2);
    ok(!route_equal(&a, &b), "... nor their preference");
    a = read_side(&one, routes, 1);
    b = read_side(&two, routes, 1);
    ok(!route_equal(&a, &b), "... nor where one is no default router");
}

static void test_cut(void)
{
    struct route none = {0}, some = {.usable = true};
    char text[12];

    route_explain("a.very.long.name", &some, &none, text, sizeof(text));
    is_string(text, "no route to", "a reason is cut where it does not fit");
}

int main(void)
{
    test_steps();
    test_equal_routers();
    test_cut();
    return tap_done();
}
