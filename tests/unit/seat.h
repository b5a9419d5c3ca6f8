/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * A seat from which the watch is watched, on the real kernel: each scenario has a network namespace
 * of its own, changes it with ip(8) and waits on the event loop for what the watch says.
 *
 * "No callback" is checked without waiting for nothing: after the noise comes a real change, and
 * when that one has arrived, exactly one callback has been counted. The reads of the kernel's
 * tables pass through __wrap_kernel_read(), which counts them and can make them fail.
 */
#include "netns.h"
#include "tap.h"
#include "watch/kernel.h"
#include "watch/watch.h"

#include <signal.h>
#include <systemd/sd-event.h>

#define DEADLINE 30000000 /* µs that anything may take */

extern int reads, reads_to_spoil, spoiled_result;

struct seat {
    sd_event *event;
    struct watch *watch;
    int changes, moves,
        paths; /* callbacks; those that say moved; of the others, those with a path */
    char reason[WATCH_REASON_MAX]; /* of the last move or path */
    bool free_in_callback;
};

struct scenario {
    const char *name;
    void (*play)(struct seat *seat);
};

void seat_open(struct seat *seat);    /* or bails out */
int seat_try_open(struct seat *seat); /* what watch_new() returns */
void seat_close(struct seat *seat);
void forget(struct seat *seat);

/* Runs the loop until `condition` holds, an expression that looks at `seat`. False at the deadline.
 */
#define wait_for(seat, condition)                                                                  \
    ({                                                                                             \
        uint64_t _end = monotonic() + DEADLINE;                                                    \
        while (!(condition) && monotonic() < _end)                                                 \
            sd_event_run((seat)->event, 100000);                                                   \
        (condition);                                                                               \
    })

uint64_t monotonic(void);
const struct network *seen(const struct seat *seat);

/* "INTERFACE/GATEWAY/PREFIX" of the primary way out; "" without one. */
bool is_at(const struct seat *seat, const char *place);

/* host0, host1, ... at these addresses; NULL at the end. */
void set_targets(struct seat *seat, const char *const addresses[]);
#define TARGETS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Until the kernel has nothing more to say about what was done: link-local addresses pass their
 * detection of duplicates some seconds after their link came up. */
void settle(struct seat *seat);

bool attempt(const char *command);                       /* true: it succeeded */
bool run_beside(struct seat *seat, const char *command); /* the watch runs meanwhile */

/* wlan0 and eth0 are up, each with its other end (ap and lan) up in the same namespace. */
#define LINKS                                                                                      \
    "ip link add wlan0 type veth peer name ap && ip link add eth0 type veth peer name lan && "     \
    "for i in wlan0 ap eth0 lan; do ip link set $i up || exit; done"

#define HOME_ADDRESS "ip addr add 10.20.0.77/24 dev wlan0"
#define HOME_ROUTE   "ip route add default via 10.20.0.1 dev wlan0 metric 600"
#define HOME         HOME_ADDRESS " && " HOME_ROUTE
#define GATEWAY      "ip neigh add 10.20.0.1 lladdr 02:00:00:00:00:01 dev wlan0"
#define AT_HOME      "wlan0/10.20.0.1/10.20.0.0"
#define HOTEL                                                                                      \
    "ip addr flush dev wlan0 && ip addr add 172.16.5.9/22 dev wlan0 && "                           \
    "ip route replace default via 172.16.4.1 dev wlan0 metric 600"
#define AT_HOTEL     "wlan0/172.16.4.1/172.16.4.0"
#define IPV6_ADDRESS "ip addr add 2001:db8::77/64 dev wlan0"
#define IPV6_ROUTE   "ip -6 route add default via fe80::1 dev wlan0"
#define IPV6         IPV6_ADDRESS " nodad && " IPV6_ROUTE
#define AT_IPV6      "wlan0/fe80::1/2001:db8::"

/* `n` veth pairs come, and go all at once: one by one takes the kernel 20 ms each. */
#define NOISE(n)                                                                                   \
    "{ for i in $(seq " #n "); do echo link add n$i group 9 type veth peer name m$i; done; "       \
    "  for i in $(seq " #n "); do echo link set n$i up; echo link set m$i up; done; "              \
    "  for i in $(seq " #n "); do echo addr add 192.168.$i.1/24 dev n$i; done; "                   \
    "  echo link del group 9; } | ip -batch -"

/* Plays each in a namespace of its own; the program's exit status. */
__attribute__((unused)) static int play(const struct scenario *scenarios, size_t n)
{
    sigset_t child;

    /* sd_event_add_child() wants it blocked. */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);

    for (size_t i = 0; i < n; i++) {
        struct seat seat;

        printf("# %s\n", scenarios[i].name);
        /* A plain user becomes root of a user namespace at the first scenario and stays it. */
        if (!enter_namespace()) {
            skip(scenarios[i].name, "no network namespaces here");
            continue;
        }
        /* Addresses are usable at once: searching for duplicates takes a second or two. */
        (void)write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
        (void)write_file("/proc/sys/net/ipv6/conf/default/dad_transmits", "0");
        seat_open(&seat);
        scenarios[i].play(&seat);
        seat_close(&seat);
    }
    return tap_done();
}
