/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The watch and the ways to servers: what moves them, and what does not (seat.h). */
#include "cleanup.h"
#include "error.h"
#include "seat.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define SERVER4 "192.0.2.25"
#define SERVER6 "2001:db8:25::25"

/* At home with a wire beside it, a known gateway, and two servers to follow. */
static void go_home(struct seat *seat)
{
    run(LINKS " && " GATEWAY " && " HOME " && ip addr add 10.30.0.2/24 dev eth0");
    wait_for(seat, is_at(seat, AT_HOME) && seen(seat)->identified);
    set_targets(seat, TARGETS(SERVER4, SERVER6));
    settle(seat);
}

/* Exactly one callback has come, a path's, with this reason. */
static void is_path(struct seat *seat, const char *reason, const char *title)
{
    wait_for(seat, seat->paths > 0 || seat->moves > 0);
    is_string(seat->reason, reason, "%s", title);
    ok(seat->paths == 1 && seat->moves == 0, "... one path, no move");
    forget(seat);
}

/* What was done since the last callback has told nobody anything: the next to come, from a real
 * change, is the first. */
static void was_nothing(struct seat *seat, const char *title)
{
    run("ip route add " SERVER4 " via 10.30.0.9");
    wait_for(seat, seat->changes > 0);
    ok(seat->changes == 1, "%s", title);
    run("ip route del " SERVER4 " via 10.30.0.9");
    wait_for(seat, seat->changes > 1);
    settle(seat);
}

static void split_tunnel(struct seat *seat)
{
    go_home(seat);
    run("ip route add " SERVER4 " via 10.30.0.1");
    is_path(seat, "route to host0 moved to eth0", "a route to the server alone");
    ok(is_at(seat, AT_HOME), "... on the same network");
    run("ip route replace " SERVER4 " via 10.30.0.9");
    is_path(seat, "route to host0 moved to gateway 10.30.0.9", "another gateway on it");
    run("ip route replace unreachable " SERVER4);
    is_path(seat, "no route to host0 any more", "no way to the server");
    run("ip route del unreachable " SERVER4);
    is_path(seat, "route to host0 came up on wlan0", "... then there is one");
    run("ip route add 192.0.0.0/16 via 10.30.0.1");
    is_path(seat, "route to host0 moved to eth0", "a route to many");
    run("ip link set lan down");
    is_path(seat, "no route to host0 any more", "... dies with its link, the route still there");
    run("ip link set lan up");
    is_path(seat, "route to host0 came up on eth0", "... and comes back");
    run("ip link set eth0 down");
    is_path(seat, "route to host0 moved to wlan0", "... and goes without a word");
}

/* A TUN device has a carrier while somebody has it open. */
static int open_tunnel(void)
{
    struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI};
    _cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        return -1;
    run("ip link set tun0 up && ip addr add 10.8.0.6/24 dev tun0");
    return dup(fd);
}

static void full_tunnel(struct seat *seat)
{
    _cleanup_close_ int fd = -1;

    go_home(seat);
    fd = open_tunnel();
    if (fd < 0) {
        skip("full tunnels", "no TUN device here");
        return;
    }
    settle(seat);
    run("ip route add 0.0.0.0/1 dev tun0 && ip route add 128.0.0.0/1 dev tun0");
    ok(wait_for(seat, is_at(seat, "tun0//10.8.0.0")), "both halves of the world: a VPN");
    ok(seat->moves == 1 && seen(seat)->ipv4.tunnel, "... is another network");
    run("ip route del 0.0.0.0/1 dev tun0 && ip route del 128.0.0.0/1 dev tun0");
    ok(wait_for(seat, is_at(seat, AT_HOME)), "... and home again");
    run("ip route add default dev tun0 table 51 && "
        "ip rule add not fwmark 51 table 51 && ip rule add table main suppress_prefixlength 0");
    ok(wait_for(seat, is_at(seat, "tun0//10.8.0.0")), "a VPN by rules, as WireGuard's");
    forget(seat);
    run("ip rule del not fwmark 51 table 51");
    ok(wait_for(seat, is_at(seat, AT_HOME)), "... and home again");
    forget(seat);
    run("ip link del tun0 && ip rule del table main suppress_prefixlength 0");
    was_nothing(seat, "the VPN goes, and a rule that means nothing now");
}

static void policy(struct seat *seat)
{
    go_home(seat);
    run("ip route add default via 10.30.0.1 dev eth0 table 77");
    was_nothing(seat, "a table that no rule leads to");
    run("ip rule add to " SERVER4 " lookup 77");
    is_path(seat, "route to host0 moved to eth0", "a rule for the server, by itself");
    run("ip route replace default via 10.30.0.8 dev eth0 table 77");
    is_path(seat, "route to host0 moved to gateway 10.30.0.8", "its table changes");
    run("ip rule del to " SERVER4 " lookup 77");
    is_path(seat, "route to host0 moved to wlan0", "the rule goes");
    run("ip rule add uidrange 12345-12345 lookup 77");
    was_nothing(seat, "a rule for other users");
    run("ip rule add ipproto udp lookup 77");
    was_nothing(seat, "a rule for UDP");
    run("ip rule add ipproto tcp lookup 77");
    wait_for(seat, seat->moves > 0);
    ok(is_at(seat, "eth0/10.30.0.8/10.30.0.0"), "a rule for all TCP is another network");
}

static void vrf(struct seat *seat)
{
    go_home(seat);
    if (!attempt("ip link add red type vrf table 10 2>/dev/null")) {
        skip("a VRF takes the link of the server's route", "no VRF in this kernel");
        return;
    }
    run("ip route add " SERVER4 " via 10.30.0.1");
    is_path(seat, "route to host0 moved to eth0", "a route to the server");
    run("ip link set red up && ip link set eth0 master red");
    is_path(seat, "route to host0 moved to wlan0", "a VRF takes its link");
}

static void no_change(struct seat *seat)
{
    go_home(seat);
    run("ip addr change 10.20.0.77/24 dev wlan0 valid_lft 900 preferred_lft 900");
    was_nothing(seat, "a lease renewed");
    run("ip route add default via 10.20.0.1 dev wlan0 metric 50 && "
        "ip route del default via 10.20.0.1 dev wlan0 metric 600");
    was_nothing(seat, "another metric");
    run("ip route add default via 10.30.0.1 dev eth0 metric 900");
    was_nothing(seat, "a worse default route");
    run("ip link add br0 type bridge && ip link set br0 up && ip addr add 172.17.0.1/16 dev br0 && "
        "ip link add c0 type veth peer name c1 && ip link set c0 master br0 && "
        "ip link set c0 up && ip link set c1 up");
    was_nothing(seat, "a container");
    run("ip neigh add 10.20.0.5 lladdr 02:00:00:00:00:05 dev wlan0 && "
        "ip neigh del 10.20.0.5 dev wlan0");
    was_nothing(seat, "neighbours");
    ok(run_beside(seat, NOISE(200)), "200 veth pairs come and go");
    was_nothing(seat, "... and nothing else");
    run("ip addr add 10.20.0.99/24 dev wlan0 && ip route add 10.99.0.0/16 via 10.20.0.9");
    was_nothing(seat, "a second address, a route to elsewhere");
}

static void ipv6_later(struct seat *seat)
{
    go_home(seat);
    run(IPV6);
    is_path(seat, "route to host1 came up on wlan0", "IPv6 comes later");
    ok(is_at(seat, AT_HOME) && seen(seat)->ipv6.ifindex != 0, "... to the same network");
    run("ip addr add 2001:db8::1:77/64 dev wlan0 nodad && ip addr del 2001:db8::77/64 dev wlan0");
    was_nothing(seat, "the address rotates");
    run("ip addr change 2001:db8::1:77/64 dev wlan0 preferred_lft 0 valid_lft 1000");
    is_path(seat, "no route to host1 any more", "the address is deprecated");
    run("ip addr add 2001:db8:7::77/64 dev wlan0 nodad");
    is_path(seat, "route to host1 came up on wlan0", "another prefix");
    run("ip addr add 2001:db8:8::77/64 dev wlan0 nodad && "
        "ip addr del 2001:db8:7::77/64 dev wlan0");
    is_path(seat, "route to host1 starts from another network", "and another");
    set_targets(seat, TARGETS(SERVER4));
    run("ip -6 route del default");
    wait_for(seat, seat->changes > 0);
    ok(seat->paths == 0 && seat->moves == 0, "IPv6 goes: no matter to a server without it");
}

static void two_routers(struct seat *seat)
{
    go_home(seat);
    run(IPV6);
    wait_for(seat, seat->paths > 0);
    settle(seat);
    run("ip -6 route append default via fe80::2 dev wlan0");
    was_nothing(seat, "a second IPv6 router");
    run("ip -6 route add default via fe80::7 dev wlan0 metric 5");
    is_path(seat, "route to host1 moved to gateway fe80::7", "a better one");
    run("ip -6 route del default via fe80::7 dev wlan0 metric 5");
    is_path(seat, "route to host1 moved to gateway fe80::1", "... goes");
    run("ip -6 route del default via fe80::1 dev wlan0");
    is_path(seat, "route to host1 moved to gateway fe80::2", "the first router goes");
}

static void targets(struct seat *seat)
{
    go_home(seat);
    set_targets(seat, TARGETS("10.30.0.50", "127.0.0.1"));
    run("ip link set lan down");
    is_path(seat, "no route to host0 any more", "a server on a link without a gateway");
    set_targets(seat, TARGETS(SERVER4, "127.0.0.1", "10.30.0.50"));
    run("ip link set lan up");
    is_path(seat, "route to host2 came up on eth0", "a target keeps what was known of it");
    set_targets(seat, TARGETS("127.0.0.1"));
    run("ip addr flush dev wlan0");
    ok(wait_for(seat, is_at(seat, "")), "the network goes");
    ok(seat->moves == 1, "... for this machine's server, too");
    spoiled_result = -ENOMEM;
    reads_to_spoil = 1;
    forget(seat);
    set_targets(seat, TARGETS("10.30.0.50"));
    reads = 0;
    ok(wait_for(seat, reads > 0), "targets whose ways cannot be read now are read later");
    settle(seat);
    run("ip link set lan down");
    is_path(seat, "no route to host0 any more", "... and followed");
}

static void name_servers(struct seat *seat)
{
    char directory[] = "/tmp/mailroam-test-XXXXXX", path[64];
    struct seat second;

    if (!mkdtemp(directory))
        return;
    (void)snprintf(path, sizeof(path), "%s/resolv.conf", directory);
    setenv("MAILROAM_RESOLV_CONF", path, 1);
    setenv("MAILROAM_UPLINK_RESOLV_CONF", "/nonexistent/resolv.conf", 1);
    ok(attempt("echo nameserver 10.0.0.1 >$MAILROAM_RESOLV_CONF"), "a resolv.conf");
    seat_open(&second);
    run("echo nameserver 10.0.0.2 >$MAILROAM_RESOLV_CONF");
    run(LINKS " && " GATEWAY " && " HOME);
    wait_for(&second, is_at(&second, AT_HOME));
    is_string(second.reason, "new network", "other name servers come with the network");
    settle(&second);
    run("echo nameserver 10.0.0.3 >$MAILROAM_RESOLV_CONF");
    is_path(&second, "name servers changed", "others on the same network");
    run("echo '# nobody' >>$MAILROAM_RESOLV_CONF");
    run("ip route replace default via 10.20.0.2 dev wlan0 metric 600");
    wait_for(&second, second.moves > 0);
    is_number(second.changes, 1, "a comment is nothing");
    seat_close(&second);
    unsetenv("MAILROAM_RESOLV_CONF");
    unsetenv("MAILROAM_UPLINK_RESOLV_CONF");
    unlink(path);
    rmdir(directory);
}

static const struct scenario scenarios[] = {
    {"split tunnel", split_tunnel},
    {"full tunnel", full_tunnel},
    {"policy", policy},
    {"VRF", vrf},
    {"no change", no_change},
    {"IPv6 later", ipv6_later},
    {"two routers", two_routers},
    {"targets", targets},
    {"name servers", name_servers},
};

int main(void)
{
    return play(scenarios, ELEMENTSOF(scenarios));
}
