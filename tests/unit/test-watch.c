/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The watch on the real kernel: each scenario has a network namespace of its own, changes it with
 * ip(8) and waits on the event loop for what the watch says.
 *
 * "No callback" is checked without waiting for nothing: after the noise comes a real change, and
 * when that one has arrived, exactly one callback has been counted. The reads of the kernel's
 * tables pass through __wrap_kernel_read(), which counts them and can make them fail.
 */
#include "cleanup.h"
#include "error.h"
#include "tap.h"
#include "watch/kernel.h"
#include "watch/watch.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define DEADLINE 30000000 /* µs that anything may take */
#define NOBODY   65534

extern char **environ;

static int reads, reads_to_spoil, spoiled_result;

int __real_kernel_read(struct kernel_state *ret);
int __wrap_kernel_read(struct kernel_state *ret);

int __wrap_kernel_read(struct kernel_state *ret)
{
    reads++;
    if (reads_to_spoil > 0) {
        reads_to_spoil--;
        return spoiled_result;
    }
    return __real_kernel_read(ret);
}

/* --- a watch and what it said ------------------------------------------------------------------
 */

struct seat {
    sd_event *event;
    struct watch *watch;
    int changes, moves;
    bool free_in_callback;
};

static void on_change(const struct network *network, bool moved, void *userdata)
{
    struct seat *seat = userdata;

    seat->changes++;
    seat->moves += moved;
    if (seat->free_in_callback)
        seat->watch = watch_free(seat->watch);
}

static void seat_open(struct seat *seat)
{
    *seat = (struct seat){0};
    if (sd_event_new(&seat->event) < 0 ||
        watch_new(&seat->watch, seat->event, on_change, seat) < 0) {
        printf("Bail out! cannot watch\n");
        exit(1);
    }
}

static void seat_close(struct seat *seat)
{
    seat->watch = watch_free(seat->watch);
    seat->event = sd_event_unref(seat->event);
}

static void forget(struct seat *seat)
{
    seat->changes = seat->moves = 0;
}

static uint64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Runs the loop until `condition` holds, an expression that looks at `seat`. False at the deadline.
 */
#define wait_for(seat, condition)                                                                  \
    ({                                                                                             \
        uint64_t _end = monotonic() + DEADLINE;                                                    \
        while (!(condition) && monotonic() < _end)                                                 \
            sd_event_run((seat)->event, 100000);                                                   \
        (condition);                                                                               \
    })

static const struct network *seen(const struct seat *seat)
{
    return watch_network(seat->watch);
}

static bool has_id(const struct seat *seat, const char *id)
{
    return strcmp(seen(seat)->id, id) == 0;
}

/* --- changing the network ----------------------------------------------------------------------
 */

static pid_t start(const char *command)
{
    const char *const arguments[] = {"sh", "-c", command, NULL};
    pid_t pid;

    return posix_spawnp(&pid, "sh", NULL, NULL, (char *const *)arguments, environ) == 0 ? pid : -1;
}

static bool attempt(const char *command)
{
    int status = -1;
    pid_t pid = start(command);

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The watch does not run meanwhile. */
static void run(const char *command)
{
    if (!attempt(command)) {
        printf("Bail out! failed: %s\n", command);
        exit(1);
    }
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
    *(int *)userdata = si->si_code == CLD_EXITED ? si->si_status : 255;
    return 0;
}

/* The watch runs meanwhile. */
static bool run_beside(struct seat *seat, const char *command)
{
    _cleanup_(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
    int status = -1;

    if (sd_event_add_child(seat->event, &source, start(command), WEXITED, on_exit_of_child,
                           &status) < 0)
        return false;
    sd_event_source_set_child_process_own(source, true);
    wait_for(seat, status >= 0);
    if (status != 0)
        printf("# failed: %s\n", command);
    return status == 0;
}

static bool write_file(const char *path, const char *text)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A network namespace for this process; as a plain user inside a user namespace. */
static bool enter_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (uid == 0)
        return unshare(CLONE_NEWNET) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    snprintf(map, sizeof(map), "0 %u 1", uid);
    if (!write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof(map), "0 %u 1", gid);
    return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", map);
}

/* wlan0 and eth0 are up, each with its other end (ap and lan) up in the same namespace. */
#define LINKS                                                                                      \
    "ip link add wlan0 type veth peer name ap && ip link add eth0 type veth peer name lan && "     \
    "for i in wlan0 ap eth0 lan; do ip link set $i up || exit; done"

#define HOME_ADDRESS "ip addr add 10.20.0.77/24 dev wlan0"
#define HOME_ROUTE   "ip route add default via 10.20.0.1 dev wlan0 metric 600"
#define HOME         HOME_ADDRESS " && " HOME_ROUTE
#define HOME_ID      "wlan0/10.20.0.1/10.20.0.0/24"
#define HOTEL                                                                                      \
    "ip addr flush dev wlan0 && ip addr add 172.16.5.9/22 dev wlan0 && "                           \
    "ip route replace default via 172.16.4.1 dev wlan0 metric 600"
#define HOTEL_ID     "wlan0/172.16.4.1/172.16.4.0/22"
#define IPV6_ADDRESS "ip addr add 2001:db8::77/64 dev wlan0"
#define IPV6_ROUTE   "ip -6 route add default via fe80::1 dev wlan0"
#define IPV6         IPV6_ADDRESS " nodad && " IPV6_ROUTE
#define IPV6_ID      "wlan0/fe80::1/2001:db8::/64"

/* Until the kernel has nothing more to say about what was done: link-local addresses pass their
 * detection of duplicates some seconds after their link came up. */
static void settle(struct seat *seat)
{
    wait_for(seat, attempt("! ip -6 addr show tentative | grep -q inet6"));
    wait_for(seat, sd_event_run(seat->event, 200000) == 0);
    reads = 0;
    forget(seat);
}

/* --- the scenarios -----------------------------------------------------------------------------
 */

static void arrive(struct seat *seat)
{
    uint64_t born = seen(seat)->since;

    ok(born > 0 && has_id(seat, "") && !seen(seat)->any_address, "a bare namespace is no network");
    run(LINKS " && " HOME_ADDRESS);
    ok(wait_for(seat, seen(seat)->any_address) && has_id(seat, ""), "an address, and no way out");
    ok(seat->moves == 0 && seen(seat)->since == born, "... is no move");
    forget(seat);
    run(HOME_ROUTE);
    ok(wait_for(seat, has_id(seat, HOME_ID)), "the route arrives after the address");
    ok(seat->changes == 1 && seat->moves == 1, "... which is one move");
    ok(seen(seat)->since > born, "... with a time of its own");
    is_string(seen(seat)->name, "wlan0 via 10.20.0.1", "... and a name");
    is_string(seen(seat)->ipv4.source, "10.20.0.77", "... and a source");
    is_number(seen(seat)->ipv4.prefix_length, 24, "... of a length");
}

static void start_connected(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
    struct seat second;
    seat_open(&second);
    ok(has_id(&second, HOME_ID), "the present state is there at once");
    second.free_in_callback = true;
    run(HOTEL);
    ok(wait_for(&second, !second.watch), "the watch may be freed in its callback");
    seat_close(&second);
}

static void link_down(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
    forget(seat);
    run("ip link set wlan0 down");
    ok(wait_for(seat, has_id(seat, "")), "the route goes with its link");
    ok(!seen(seat)->any_address, "... and the address is of no use");
    is_number(seat->moves, 1, "... which is a move");
    run("ip link set wlan0 up && " HOME_ROUTE);
    ok(wait_for(seat, has_id(seat, HOME_ID)), "it comes back");
    run("ip link set ap down");
    ok(wait_for(seat, has_id(seat, "")), "the other end goes: no carrier, the route still there");
    run("ip link set ap up");
    ok(wait_for(seat, has_id(seat, HOME_ID)), "the other end comes back");
}

static void move(struct seat *seat)
{
    uint64_t since;

    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
    since = seen(seat)->since;
    forget(seat);
    run(IPV6);
    ok(wait_for(seat, seen(seat)->ipv6.ifindex != 0), "IPv6 arrives later");
    ok(seat->changes == 1 && seat->moves == 0, "... which is a change and no move");
    ok(has_id(seat, HOME_ID) && seen(seat)->since == since, "... of the same network");
    forget(seat);
    run(HOTEL);
    ok(wait_for(seat, has_id(seat, HOTEL_ID)), "another network");
    ok(seat->moves == 1 && seen(seat)->since > since, "... is a move");
}

static void two_nexthops(struct seat *seat)
{
    run(LINKS " && ip addr add 2001:db8:a::2/64 dev wlan0 nodad && "
              "ip addr add 2001:db8:b::2/64 dev eth0 nodad && "
              "ip -6 route add default nexthop via fe80::1 dev wlan0 nexthop via fe80::2 dev eth0");
    ok(wait_for(seat, has_id(seat, "wlan0/fe80::1/2001:db8:a::/64")), "two next hops: the first");
    run("ip link set ap down");
    ok(wait_for(seat, has_id(seat, "eth0/fe80::2/2001:db8:b::/64")), "... the other without it");
    run("ip link set lan down");
    ok(wait_for(seat, has_id(seat, "")), "... none without both");
    run(HOME_ADDRESS " && ip addr add 10.30.0.2/24 dev eth0 && ip link set ap up && "
                     "ip link set lan up && ip route add default nexthop via 10.20.0.1 dev wlan0 "
                     "nexthop via 10.30.0.1 dev eth0");
    ok(wait_for(seat, has_id(seat, HOME_ID)), "IPv4 with two next hops: the first");
    run("ip link set ap down");
    ok(wait_for(seat, has_id(seat, "eth0/10.30.0.1/10.30.0.0/24")), "... the other without it");
}

static void two_routes(struct seat *seat)
{
    run(LINKS " && " HOME " && ip addr add 10.30.0.2/24 dev eth0");
    wait_for(seat, has_id(seat, HOME_ID));
    forget(seat);
    run("ip route add default via 10.30.0.1 dev eth0 metric 100");
    ok(wait_for(seat, has_id(seat, "eth0/10.30.0.1/10.30.0.0/24")), "a better route is taken");
    run("ip route del default via 10.30.0.1 dev eth0 metric 100");
    ok(wait_for(seat, has_id(seat, HOME_ID)), "... and left when it vanishes");
    is_number(seat->moves, 2, "... two moves");
}

static void tentative(struct seat *seat)
{
    /* Three probes a second apart: time enough to look, on a slow machine, too. */
    run(LINKS " && echo 3 >/proc/sys/net/ipv6/conf/wlan0/dad_transmits && " IPV6_ROUTE
              " && " IPV6_ADDRESS);
    /* A marker behind it: when it is seen, the tentative address was, too. */
    run("ip addr add 10.9.9.9/24 dev eth0");
    ok(wait_for(seat, seen(seat)->any_address), "a tentative address is read");
    is_number(seen(seat)->ipv6.ifindex, 0, "... and not used");
    forget(seat);
    ok(wait_for(seat, has_id(seat, IPV6_ID)), "... until it is usable");
    is_number(seat->changes, 1, "... with one callback");
    forget(seat);
    run("ip addr change 2001:db8::77/64 dev wlan0 preferred_lft 0 valid_lft 1000");
    ok(wait_for(seat, has_id(seat, "")), "a deprecated one is used no more");
}

static void point_to_point(struct seat *seat)
{
    run(LINKS " && ip addr add 100.64.3.7 peer 100.64.0.1/32 dev wlan0 && "
              "ip route add default dev wlan0");
    ok(wait_for(seat, has_id(seat, "wlan0")), "no gateway and no subnet: the link is the network");
    is_string(seen(seat)->name, "link wlan0", "... and the name");
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
    ok(wait_for(seat, has_id(seat, "tun0//10.8.0.0/24")), "a tunnel");
    is_string(seen(seat)->name, "VPN tun0", "... is a VPN");
}

/* `n` veth pairs come and go. */
#define NOISE(n)                                                                                   \
    "{ for i in $(seq " #n "); do echo link add n$i type veth peer name m$i; done; "               \
    "  for i in $(seq " #n "); do echo link set n$i up; echo link set m$i up; done; "              \
    "  for i in $(seq " #n "); do echo addr add 192.168.$i.1/24 dev n$i; done; "                   \
    "  for i in $(seq " #n "); do echo link del n$i; done; } | ip -batch -"

static void noise(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
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
    ok(wait_for(seat, has_id(seat, "wlan0/10.20.0.2/10.20.0.0/24")), "then a real change");
    is_number(seat->changes, 1, "... is the only one that was told");
}

static void burst(struct seat *seat)
{
    run(LINKS);
    settle(seat);
    run(HOME " && " HOTEL " && ip addr add 10.40.0.1/24 dev eth0");
    ok(wait_for(seat, has_id(seat, HOTEL_ID)), "a burst");
    wait_for(seat, sd_event_run(seat->event, 200000) == 0);
    is_number(reads, 1, "... is read once");
    is_number(seat->changes, 1, "... and told once");
}

/* Each kind of notification alone, with nothing else to wake the watch. */
static void each_notification(struct seat *seat)
{
    run(LINKS " && " IPV6_ADDRESS " && " IPV6_ROUTE);
    settle(seat);
    run("ip -6 route del default");
    ok(wait_for(seat, has_id(seat, "")), "an IPv6 route by itself");
    settle(seat);
    run("ip addr change 2001:db8::77/64 dev wlan0 preferred_lft 0 valid_lft 1000");
    ok(wait_for(seat, !seen(seat)->any_address), "an IPv6 address by itself");
    run("for i in wlan0 ap eth0 lan; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
    settle(seat);
    run(HOME_ADDRESS);
    ok(wait_for(seat, seen(seat)->any_address), "an IPv4 address");
    settle(seat);
    run(HOME_ROUTE);
    ok(wait_for(seat, has_id(seat, HOME_ID)), "an IPv4 route by itself");
    settle(seat);
    run("ip link set wlan0 down");
    ok(wait_for(seat, has_id(seat, "")), "a link by itself, its route gone without a word");
}

/* The only netlink socket of this process, the watch's. */
static int find_notification_socket(ino_t *ret_inode)
{
    for (int fd = 3; fd < 256; fd++) {
        int domain = 0;
        socklen_t length = sizeof(domain);
        struct stat st;

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK &&
            fstat(fd, &st) == 0) {
            *ret_inode = st.st_ino;
            return fd;
        }
    }
    return -1;
}

/* How many messages the kernel could not give us. */
static unsigned long count_drops(ino_t inode)
{
    FILE *file = fopen("/proc/net/netlink", "re");
    char line[256];
    unsigned long drops, found = 0, line_inode;

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &drops, &line_inode) == 2 &&
            line_inode == inode)
            found = drops;
    if (file)
        fclose(file);
    return found;
}

static void overrun(struct seat *seat)
{
    const int tiny = 1;
    ino_t inode = 0;
    int fd;

    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
    fd = find_notification_socket(&inode);
    ok(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)) == 0,
       "the queue made tiny");
    run(NOISE(50));
    run(HOTEL);
    ok(count_drops(inode) > 0, "the kernel dropped messages");
    ok(wait_for(seat, has_id(seat, HOTEL_ID)), "the right state all the same");
    run("ip addr flush dev wlan0 && " HOME);
    ok(wait_for(seat, has_id(seat, HOME_ID)), "the watch goes on afterwards");
}

static void spoiled_reads(struct seat *seat)
{
    run(LINKS " && " HOME);
    wait_for(seat, has_id(seat, HOME_ID));
    run(HOTEL);
    spoiled_result = KERNEL_CHANGING;
    reads_to_spoil = 3;
    ok(wait_for(seat, has_id(seat, HOTEL_ID)), "a table that keeps changing is read again");
    run("ip addr flush dev wlan0 && " HOME);
    spoiled_result = -ENOMEM;
    reads_to_spoil = 1;
    ok(wait_for(seat, has_id(seat, HOME_ID)), "a read that fails is done again");

    struct seat second = {0};
    sd_event_new(&second.event);
    reads_to_spoil = 1;
    is_number(watch_new(&second.watch, second.event, on_change, &second), -ENOMEM,
              "a watch that cannot read at first is none");
    spoiled_result = KERNEL_CHANGING;
    reads_to_spoil = 1;
    is_number(watch_new(&second.watch, second.event, on_change, &second), 0,
              "one that is interrupted at first is one");
    ok(wait_for(&second, has_id(&second, HOME_ID)), "... and soon knows");
    seat_close(&second);
}

static void without_ipv6(struct seat *seat)
{
    if (!write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")) {
        skip("without IPv6", "cannot switch IPv6 off here");
        return;
    }
    run(LINKS " && " HOME);
    ok(wait_for(seat, has_id(seat, HOME_ID)), "without IPv6");
    is_number(seen(seat)->ipv6.ifindex, 0, "... there is none");
}

/* Nothing happens: no source of the loop becomes ready, and none has a timeout. */
static void idle(struct seat *seat)
{
    run(LINKS " && " HOME " && " IPV6);
    wait_for(seat, has_id(seat, HOME_ID) && seen(seat)->ipv6.ifindex != 0);
    settle(seat);
    struct pollfd poll_event = {.fd = sd_event_get_fd(seat->event), .events = POLLIN};
    is_number(sd_event_prepare(seat->event), 0, "nothing is pending");
    is_number(poll(&poll_event, 1, 1500), 0, "nothing wakes the loop");
    sd_event_wait(seat->event, 0);
    is_number(reads, 0, "nothing is read");
}

static const struct scenario {
    const char *name;
    void (*play)(struct seat *seat);
} scenarios[] = {
    {"arrive", arrive},
    {"start connected", start_connected},
    {"link down", link_down},
    {"move", move},
    {"two next hops", two_nexthops},
    {"two routes", two_routes},
    {"tentative", tentative},
    {"point to point", point_to_point},
    {"tunnel", tunnel},
    {"noise", noise},
    {"burst", burst},
    {"each notification", each_notification},
    {"overrun", overrun},
    {"spoiled reads", spoiled_reads},
    {"without IPv6", without_ipv6},
    {"idle", idle},
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
    sigset_t child;

    /* sd_event_add_child() wants it blocked. */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);

    if (geteuid() == 0)
        play_unprivileged();
    for (size_t i = 0; i < ELEMENTSOF(scenarios); i++) {
        struct seat seat;

        printf("# %s\n", scenarios[i].name);
        /* A plain user becomes root of a user namespace at the first scenario and stays it. */
        if (!enter_namespace()) {
            skip(scenarios[i].name, "no network namespaces here");
            continue;
        }
        seat_open(&seat);
        scenarios[i].play(&seat);
        seat_close(&seat);
    }
    return tap_done();
}
