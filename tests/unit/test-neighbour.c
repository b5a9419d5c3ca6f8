/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Asking for a gateway on the real kernel: two links, behind each a gateway of one and the same
 * address in a namespace of its own. What is learnt is read with ip(8), whenever the kernel says
 * that the neighbour table has changed.
 */
#include "cleanup.h"
#include "netns.h"
#include "tap.h"
#include "watch/neighbour.h"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#define DEADLINE 30000 /* ms that anything may take */
#define NOBODY   65534

#define FIRST  "02:00:00:00:00:01"
#define SECOND "02:00:00:00:00:02"

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    if (!ip_parse(text, &ip)) {
        printf("Bail out! no address: %s\n", text);
        exit(1);
    }
    return ip;
}

/* Another namespace, that ends with this process; `enter` is what nsenter(1) needs to know. */
static void make_namespace(char enter[static 64])
{
    int ready[2], hold[2];
    char byte = 0;
    pid_t pid;

    if (pipe(ready) < 0 || pipe(hold) < 0 || (pid = fork()) < 0) {
        printf("Bail out! cannot fork\n");
        exit(1);
    }
    if (pid == 0) {
        close(hold[1]);
        if (unshare(CLONE_NEWNET) < 0 || write(ready[1], &byte, 1) != 1)
            _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1); /* the other end closes when the test exits */
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        printf("Bail out! no second namespace\n");
        exit(1);
    }
    close(ready[0]);
    close(hold[0]);
    fcntl(hold[1], F_SETFD, FD_CLOEXEC); /* left open */
    snprintf(enter, 64, "%d", (int)pid);
}

/* A link with a gateway 10.9.0.1 and fe80::1 behind it, which has this link address. */
static void make_gateway(const char *link, const char *link_address)
{
    char command[1024], enter[64];

    make_namespace(enter);
    snprintf(command, sizeof(command),
             "ip link add %s type veth peer name gw netns %s address %s && ip link set %s up && "
             "nsenter -t %s -n sh -c 'ip link set gw up && ip address add 10.9.0.1/24 dev gw && "
             "ip address add fe80::1/64 dev gw nodad' && ip address add fe80::2/64 dev %s nodad",
             link, enter, link_address, link, enter, link);
    run(command);
}

static int listen_to_neighbours(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        printf("Bail out! cannot listen to the neighbour table\n");
        exit(1);
    }
    return fd;
}

/* Whether the kernel knows the gateway on that link under this link address, now or in the end. */
static bool is_learnt(int events, const char *gateway, const char *link, const char *link_address)
{
    struct pollfd poll_fd = {.fd = events, .events = POLLIN};
    char command[256], message[4096];

    snprintf(command, sizeof(command), "ip neighbour show to %s dev %s | grep -q 'lladdr %s'",
             gateway, link, link_address);
    for (;;) {
        if (system(command) == 0) /* NOLINT(cert-env33-c) */
            return true;
        if (poll(&poll_fd, 1, DEADLINE) <= 0)
            return false;
        while (recv(events, message, sizeof(message), 0) > 0)
            ;
    }
}

/* As a plain user, where there is one to be: the bounding set of a user namespace has no other. */
static int ask(const char *link, const char *gateway)
{
    bool change = seteuid(NOBODY) == 0;
    struct ip address = ip(gateway);
    int r = neighbour_ask((int)if_nametoindex(link), &address);

    if (change && seteuid(0) < 0)
        exit(1);
    return r;
}

static void test_asking(void)
{
    int events = listen_to_neighbours(), lowest = dup(0), now;

    close(lowest);
    run("ip address add 10.9.0.2/24 dev eth0 && ip address add 10.9.0.3/24 dev eth1");
    ok(ask("eth0", "10.9.0.1") == 0, "IPv4: asked");
    ok(is_learnt(events, "10.9.0.1", "eth0", FIRST), "IPv4: answered");
    ok(ask("eth1", "10.9.0.1") == 0, "IPv4, the other link: asked");
    ok(is_learnt(events, "10.9.0.1", "eth1", SECOND), "IPv4, the other link: answered there");
    ok(ask("eth0", "fe80::1") == 0, "IPv6: asked");
    ok(is_learnt(events, "fe80::1", "eth0", FIRST), "IPv6: answered");
    ok(ask("eth1", "fe80::1") == 0, "IPv6, the other link: asked");
    ok(is_learnt(events, "fe80::1", "eth1", SECOND), "IPv6, the other link: answered there");

    /* A VPN on top takes all for itself, the gateway's address too. */
    run("ip neighbour flush all && ip route add 10.9.0.1/32 dev eth1");
    ok(ask("eth0", "10.9.0.1") == 0, "against the routes: asked");
    ok(is_learnt(events, "10.9.0.1", "eth0", FIRST), "against the routes: answered");

    now = dup(0);
    is_number(now, lowest, "nothing is left open");
    close(now);
    close(events);
}

static void test_refusals(void)
{
    struct ip none = {0}, gateway = ip("10.9.0.1"), link_local = ip("fe80::1");
    int ifindex = (int)if_nametoindex("eth0");

    is_number(neighbour_ask(ifindex, &none), NEIGHBOUR_NOT_ASKED, "no gateway");
    is_number(neighbour_ask(9999, &gateway), NEIGHBOUR_NOT_ASKED, "IPv4: no such link");
    is_number(neighbour_ask(9999, &link_local), NEIGHBOUR_NOT_ASKED, "IPv6: no such link");
    run("ip link set eth0 down");
    is_number(neighbour_ask(ifindex, &gateway), NEIGHBOUR_NOT_ASKED, "IPv4: the link is down");
    is_number(neighbour_ask(ifindex, &link_local), NEIGHBOUR_NOT_ASKED, "IPv6: the link is down");
}

static void test_states(void)
{
    static const unsigned char address[] = {2, 0, 0, 0, 0, 1}, zeros[6];
    static const struct {
        const char *name;
        uint16_t state;
        bool known;
    } states[] = {
        {"none", NUD_NONE, false},          {"incomplete", NUD_INCOMPLETE, false},
        {"reachable", NUD_REACHABLE, true}, {"stale", NUD_STALE, true},
        {"delay", NUD_DELAY, true},         {"probe", NUD_PROBE, true},
        {"failed", NUD_FAILED, false},      {"noarp", NUD_NOARP, false},
        {"permanent", NUD_PERMANENT, true},
    };

    for (size_t i = 0; i < ELEMENTSOF(states); i++) {
        ok(neighbour_is_known(states[i].state, address, 6) == states[i].known, "state %s",
           states[i].name);
        ok(!neighbour_is_known(states[i].state, zeros, 6), "state %s, all zero", states[i].name);
        ok(!neighbour_is_known(states[i].state, address, 0), "state %s, no address",
           states[i].name);
    }
}

int main(void)
{
    test_states();
    if (!enter_namespace()) {
        skip("asking", "network namespaces are not allowed here");
        return tap_done();
    }
    make_gateway("eth0", FIRST);
    make_gateway("eth1", SECOND);
    test_asking();
    test_refusals();
    return tap_done();
}
