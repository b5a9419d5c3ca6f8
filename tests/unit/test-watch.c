/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The watch and the network: arriving, leaving, moving (seat.h). */
#include "cleanup.h"
#include "seat.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NOBODY 65534

static void arrive(struct seat *seat)
{
    uint64_t born = seen(seat)->since;

    ok(born > 0 && is_at(seat, "") && seen(seat)->identified, "a bare namespace is no network");
    reads = 0;
    run(LINKS " && " HOME_ADDRESS);
    ok(wait_for(seat, reads > 0) && is_at(seat, ""), "an address, and no way out");
    ok(seat->moves == 0 && seen(seat)->since == born, "... is no move");
    forget(seat);
    run(HOME_ROUTE);
    ok(wait_for(seat, is_at(seat, AT_HOME)), "the route arrives after the address");
    ok(seat->changes == 1 && seat->moves == 1, "... which is one move");
    ok(seen(seat)->since > born, "... with a time of its own");
    is_string(seat->reason, "new network", "... and a reason");
    is_string(seen(seat)->name, "wired at 10.20.0.1", "... and a name");
    is_string(seen(seat)->ipv4.source, "10.20.0.77", "... and a source");
    is_number(seen(seat)->ipv4.prefix_length, 24, "... of a length");
}

static void start_connected(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, is_at(seat, AT_HOME));
    struct seat second;

    seat_open(&second);
    ok(is_at(&second, AT_HOME), "the present state is there at once");
    second.free_in_callback = true;
    run(HOTEL);
    ok(wait_for(&second, !second.watch), "the watch may be freed in its callback");
    seat_close(&second);
}

static void link_down(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, is_at(seat, AT_HOME));
    forget(seat);
    run("ip link set wlan0 down");
    ok(wait_for(seat, is_at(seat, "")), "the route goes with its link");
    is_number(seat->moves, 1, "... which is a move");
    is_string(seat->reason, "no network any more", "... with a reason");
    run("ip link set wlan0 up && " HOME_ROUTE);
    ok(wait_for(seat, is_at(seat, AT_HOME)), "it comes back");
    run("ip link set ap down");
    ok(wait_for(seat, is_at(seat, "")), "the other end goes: no carrier, the route still there");
    run("ip link set ap up");
    ok(wait_for(seat, is_at(seat, AT_HOME)), "the other end comes back");
}

static void move(struct seat *seat)
{
    uint64_t since;

    run(LINKS " && " HOME);
    wait_for(seat, is_at(seat, AT_HOME));
    since = seen(seat)->since;
    forget(seat);
    run(IPV6);
    ok(wait_for(seat, seen(seat)->ipv6.ifindex != 0), "IPv6 arrives later");
    ok(seat->paths == 1 && seat->moves == 0, "... which is a way for servers unknown and no move");
    is_string(seat->reason, "IPv6 route came up on wlan0", "... with a reason");
    ok(is_at(seat, AT_HOME) && seen(seat)->since == since, "... of the same network");
    forget(seat);
    run(HOTEL);
    ok(wait_for(seat, is_at(seat, AT_HOTEL)), "another network");
    ok(seat->moves == 1 && seen(seat)->since > since, "... is a move");
}

static void two_nexthops(struct seat *seat)
{
    run(LINKS " && ip addr add 2001:db8:a::2/64 dev wlan0 nodad && "
              "ip addr add 2001:db8:b::2/64 dev eth0 nodad && "
              "ip -6 route add default nexthop via fe80::1 dev wlan0 nexthop via fe80::2 dev eth0");
    ok(wait_for(seat, is_at(seat, "wlan0/fe80::1/2001:db8:a::")), "two next hops: the first");
    run("ip link set ap down");
    ok(wait_for(seat, is_at(seat, "eth0/fe80::2/2001:db8:b::")), "... the other without it");
    run("ip link set lan down");
    ok(wait_for(seat, is_at(seat, "")), "... none without both");
    run(HOME_ADDRESS " && ip addr add 10.30.0.2/24 dev eth0 && ip link set ap up && "
                     "ip link set lan up && ip route add default nexthop via 10.20.0.1 dev wlan0 "
                     "nexthop via 10.30.0.1 dev eth0");
    ok(wait_for(seat, is_at(seat, AT_HOME)), "IPv4 with two next hops: the first");
    run("ip link set ap down");
    ok(wait_for(seat, is_at(seat, "eth0/10.30.0.1/10.30.0.0")), "... the other without it");
}

static void two_routes(struct seat *seat)
{
    run(LINKS " && " HOME " && ip addr add 10.30.0.2/24 dev eth0");
    wait_for(seat, is_at(seat, AT_HOME));
    forget(seat);
    run("ip route add default via 10.30.0.1 dev eth0 metric 100");
    ok(wait_for(seat, is_at(seat, "eth0/10.30.0.1/10.30.0.0")), "a better route is taken");
    run("ip route del default via 10.30.0.1 dev eth0 metric 100");
    ok(wait_for(seat, is_at(seat, AT_HOME)), "... and left when it vanishes");
    is_number(seat->moves, 2, "... two moves");
}

static void tentative(struct seat *seat)
{
    /* Two probes a second apart: time enough to look, on a slow machine, too. */
    run(LINKS " && echo 2 >/proc/sys/net/ipv6/conf/wlan0/dad_transmits && "
              "echo 1 >/proc/sys/net/ipv6/conf/wlan0/accept_dad && " IPV6_ROUTE
              " && " IPV6_ADDRESS);
    reads = 0;
    run("ip addr add 10.9.9.9/24 dev eth0");
    ok(wait_for(seat, reads > 0), "a tentative address is read");
    is_number(seen(seat)->ipv6.ifindex, 0, "... and not used");
    ok(wait_for(seat, is_at(seat, AT_IPV6)), "... until it is usable");
    is_number(seat->changes, 1, "... with one callback");
    forget(seat);
    run("ip addr change 2001:db8::77/64 dev wlan0 preferred_lft 0 valid_lft 1000");
    ok(wait_for(seat, is_at(seat, "")), "a deprecated one is used no more");
}

static void point_to_point(struct seat *seat)
{
    run(LINKS " && ip addr add 100.64.3.7 peer 100.64.0.1/32 dev wlan0 && "
              "ip route add default dev wlan0");
    ok(wait_for(seat, is_at(seat, "wlan0//")), "no gateway and no subnet: the link is the network");
    ok(seen(seat)->identified && *seen(seat)->id, "... and nobody has to be asked");
    is_string(seen(seat)->ipv4.source, "100.64.3.7", "... the source is our end");
    is_string(seen(seat)->ipv4.gateway, "", "... and there is no gateway");
}

static void tunnel(struct seat *seat)
{
    struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};
    _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    /* It has a carrier while somebody has it open. */
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        skip("a tunnel is a VPN", "no TUN device here");
        return;
    }
    run("ip link set tun0 up && ip addr add 10.8.0.6/24 dev tun0 && ip route add default dev tun0");
    ok(wait_for(seat, is_at(seat, "tun0//10.8.0.0")), "a tunnel");
    is_string(seen(seat)->name, "VPN tun0", "... is a VPN");
}

static void noise(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, is_at(seat, AT_HOME) && seen(seat)->identified);
    forget(seat);
    ok(run_beside(seat, NOISE(200)), "200 veth pairs come and go");
    ok(run_beside(seat, "ip neigh add 10.20.0.5 lladdr 02:00:00:00:00:05 dev wlan0 && "
                        "ip link add br0 type bridge && ip link set br0 up && "
                        "ip addr add 172.17.0.1/16 dev br0 && "
                        "ip addr add 10.20.0.78/24 dev wlan0 && "
                        "ip addr change 10.20.0.77/24 dev wlan0 valid_lft 900 preferred_lft 900 && "
                        "ip route add default via 10.20.0.1 dev wlan0 metric 50 && "
                        "ip route del default via 10.20.0.1 dev wlan0 metric 600 && "
                        "ip route add 10.99.0.0/16 via 10.20.0.9 && "
                        "ip route add default via 10.20.0.9 dev wlan0 table 77 && "
                        "ip route add default via 10.20.0.9 dev wlan0 metric 900"),
       "neighbour, bridge, renewal, metric, other routes");
    run("ip route replace default via 10.20.0.2 dev wlan0 metric 50");
    ok(wait_for(seat, is_at(seat, "wlan0/10.20.0.2/10.20.0.0")), "then a real change");
    is_number(seat->changes, 1, "... is the only one that was told");
}

static void without_ipv6(struct seat *seat)
{
    if (!write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")) {
        skip("without IPv6", "cannot switch IPv6 off here");
        return;
    }
    run(LINKS " && " HOME);
    ok(wait_for(seat, is_at(seat, AT_HOME)), "without IPv6");
    is_number(seen(seat)->ipv6.ifindex, 0, "... there is none");
}

static bool has_id(const struct seat *seat)
{
    return seen(seat)->id[0] != '\0';
}

/* Nobody is there to answer for the gateway but ip(8). */
static void identity(struct seat *seat)
{
    char silent[NETWORK_ID_MAX], home[NETWORK_ID_MAX];

    run(LINKS " && " HOME);
    ok(wait_for(seat, is_at(seat, AT_HOME)) && !seen(seat)->identified && !has_id(seat),
       "while the gateway is asked for, the network has no id");
    forget(seat);
    ok(wait_for(seat, seen(seat)->identified) && has_id(seat), "a silent one gives no less an id");
    ok(seat->changes == 1 && seat->moves == 0 && seat->paths == 0, "... which is no other network");
    strcpy(silent, seen(seat)->id);
    run("ip neigh replace 10.20.0.1 lladdr 02:00:00:00:00:01 dev wlan0");
    ok(wait_for(seat, seat->changes == 2) && strcmp(seen(seat)->id, silent) != 0,
       "an answer that is late gives a better one");
    ok(seat->moves == 0, "... and no other network");
    strcpy(home, seen(seat)->id);

    run(HOTEL " && ip neigh replace 172.16.4.1 lladdr 02:00:00:00:00:02 dev wlan0");
    ok(wait_for(seat, is_at(seat, AT_HOTEL)) && seen(seat)->identified && has_id(seat),
       "where the gateway is known, the id is there at once");
    run("ip addr flush dev wlan0 && " HOME " && " GATEWAY);
    ok(wait_for(seat, is_at(seat, AT_HOME)) && strcmp(seen(seat)->id, home) == 0,
       "back home the id is the one from before");

    settle(seat);
    run("ip neigh replace 10.20.0.1 lladdr 02:00:00:00:00:07 dev wlan0 && "
        "ip link set ap down && ip link set ap up");
    ok(wait_for(seat, strcmp(seen(seat)->id, home) != 0 && has_id(seat)),
       "numbered alike, with another gateway");
    ok(seat->moves > 0, "... is another network");
    is_string(seat->reason, "new network", "... with a reason");
}

static const struct scenario scenarios[] = {
    {"arrive", arrive},
    {"start connected", start_connected},
    {"link down", link_down},
    {"move", move},
    {"two next hops", two_nexthops},
    {"two routes", two_routes},
    {"tentative", tentative},
    {"point to point", point_to_point},
    {"tunnel", tunnel},
    {"identity", identity},
    {"noise", noise},
    {"without IPv6", without_ipv6},
};

/* A plain user's watch, played in a child; its results are counted here. */
static void play_unprivileged(void)
{
    pid_t pid;
    int status = -1;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct seat seat;

        /* Changing the user closed /proc/self to this process; its uid_map is in there. */
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
            prctl(PR_SET_DUMPABLE, 1) < 0 || !enter_namespace() ||
            !freopen("/dev/null", "w", stdout))
            _exit(77);
        seat_open(&seat);
        arrive(&seat);
        seat_close(&seat);
        _exit(tap_failed);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip("unprivileged", "no unprivileged user namespaces here");
    else
        is_number(status, 0, "unprivileged: a plain user in a user namespace");
}

int main(void)
{
    if (geteuid() == 0)
        play_unprivileged();
    return play(scenarios, ELEMENTSOF(scenarios));
}
