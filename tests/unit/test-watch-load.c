/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The watch under load, over errors, and while nothing happens (seat.h). */
#include "cleanup.h"
#include "error.h"
#include "seat.h"

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int interruptions, interrupted;

int __real_nl_recvmsgs_default(struct nl_sock *socket);
int __wrap_nl_recvmsgs_default(struct nl_sock *socket);

int __wrap_nl_recvmsgs_default(struct nl_sock *socket)
{
    int r = __real_nl_recvmsgs_default(socket);

    if (interruptions == 0)
        return r;
    interruptions--;
    interrupted++;
    return -NLE_DUMP_INTR;
}

static void burst(struct seat *seat)
{
    run(LINKS);
    settle(seat);
    run(HOME " && " HOTEL " && ip addr add 10.40.0.1/24 dev eth0");
    ok(wait_for(seat, is_at(seat, AT_HOTEL)), "a burst");
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
    ok(wait_for(seat, is_at(seat, "")), "an IPv6 route by itself");
    settle(seat);
    run("ip addr change 2001:db8::77/64 dev wlan0 preferred_lft 0 valid_lft 1000");
    ok(wait_for(seat, reads > 0), "an IPv6 address by itself");
    run("for i in wlan0 ap eth0 lan; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
    settle(seat);
    run(HOME_ADDRESS);
    ok(wait_for(seat, reads > 0), "an IPv4 address");
    settle(seat);
    run("ip rule add to 192.0.2.0/24 lookup 77");
    ok(wait_for(seat, reads > 0), "an IPv4 rule");
    settle(seat);
    run("ip -6 rule add to 2001:db8:1::/48 lookup 77");
    ok(wait_for(seat, reads > 0), "an IPv6 rule");
    settle(seat);
    run(HOME_ROUTE);
    ok(wait_for(seat, is_at(seat, AT_HOME)), "an IPv4 route by itself");
    settle(seat);
    run("ip link set wlan0 down");
    ok(wait_for(seat, is_at(seat, "")), "a link by itself, its route gone without a word");
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
    wait_for(seat, is_at(seat, AT_HOME));
    fd = find_notification_socket(&inode);
    ok(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)) == 0,
       "the queue made tiny");
    run(NOISE(50));
    run(HOTEL);
    ok(count_drops(inode) > 0, "the kernel dropped messages");
    ok(wait_for(seat, is_at(seat, AT_HOTEL)), "the right state all the same");
    run("ip addr flush dev wlan0 && " HOME);
    ok(wait_for(seat, is_at(seat, AT_HOME)), "the watch goes on afterwards");
}

static void spoiled_reads(struct seat *seat)
{
    struct seat second;

    run(LINKS " && " HOME);
    wait_for(seat, is_at(seat, AT_HOME));
    run(HOTEL);
    spoiled_result = KERNEL_CHANGING;
    reads_to_spoil = 3;
    ok(wait_for(seat, is_at(seat, AT_HOTEL)), "a table that keeps changing is read again");
    run("ip addr flush dev wlan0 && " HOME);
    spoiled_result = -ENOMEM;
    reads_to_spoil = 1;
    ok(wait_for(seat, is_at(seat, AT_HOME)), "a read that fails is done again");

    reads_to_spoil = 1;
    is_number(seat_try_open(&second), -ENOMEM, "a watch that cannot read at first is none");
    seat_close(&second);
    spoiled_result = KERNEL_CHANGING;
    reads_to_spoil = 1;
    is_number(seat_try_open(&second), 0, "one that is interrupted at first is one");
    ok(wait_for(&second, is_at(&second, AT_HOME)), "... and soon knows");
    seat_close(&second);
}

/* Tables that change under each dump: the read gives up after a few, and is asked for again. */
static void interrupted_dumps(struct seat *seat)
{
    struct kernel_state kernel;

    run(LINKS " && " HOME);
    interruptions = 1000;
    is_number(kernel_read(NULL, 0, &kernel), KERNEL_CHANGING, "interrupted each time");
    ok(interrupted > 1 && interrupted < 10, "... it gives up after %d attempts", interrupted);
    interruptions = 1;
    is_number(kernel_read(NULL, 0, &kernel), 0, "interrupted once");
    ok(kernel.n_links == 2 && kernel.n_routes == 1, "... it is right, and nothing is there twice");
    kernel_state_clear(&kernel);
    interruptions = 20;
    ok(wait_for(seat, is_at(seat, AT_HOME)), "the watch comes to the truth all the same");
    is_number(interruptions, 0, "... after all interruptions");
}

/* Nothing happens: no source of the loop becomes ready, and none has a timeout. */
static void idle(struct seat *seat)
{
    run(LINKS " && " GATEWAY " && " HOME " && " IPV6);
    wait_for(seat, is_at(seat, AT_HOME) && seen(seat)->ipv6.ifindex != 0);
    settle(seat);
    struct pollfd poll_event = {.fd = sd_event_get_fd(seat->event), .events = POLLIN};
    is_number(sd_event_prepare(seat->event), 0, "nothing is pending");
    is_number(poll(&poll_event, 1, 1500), 0, "nothing wakes the loop");
    sd_event_wait(seat->event, 0);
    is_number(reads, 0, "nothing is read");
}

static const struct scenario scenarios[] = {
    {"burst", burst},
    {"each notification", each_notification},
    {"overrun", overrun},
    {"spoiled reads", spoiled_reads},
    {"interrupted dumps", interrupted_dumps},
    {"idle", idle},
};

int main(void)
{
    return play(scenarios, ELEMENTSOF(scenarios));
}
