/* SPDX-License-Identifier: GPL-3.0-or-later */

/* See seat.h. */
#include "seat.h"

#include "cleanup.h"
#include "error.h"
#include "watch/network.h"

#include <signal.h>
#include <time.h>

int reads, reads_to_spoil, spoiled_result;

int __real_kernel_read(const struct ip *destinations, size_t n, struct kernel_state *ret);
int __wrap_kernel_read(const struct ip *destinations, size_t n, struct kernel_state *ret);

int __wrap_kernel_read(const struct ip *destinations, size_t n, struct kernel_state *ret)
{
    reads++;
    if (reads_to_spoil > 0) {
        reads_to_spoil--;
        return spoiled_result;
    }
    return __real_kernel_read(destinations, n, ret);
}

static void on_change(const struct network *network, unsigned changes, const char *reason,
                      void *userdata)
{
    struct seat *seat = userdata;

    seat->changes++;
    seat->moves += !!(changes & WATCH_MOVED);
    seat->paths += !(changes & WATCH_MOVED) && (changes & WATCH_PATH);
    if (changes & (WATCH_MOVED | WATCH_PATH))
        (void)snprintf(seat->reason, sizeof(seat->reason), "%s", reason);
    if (seat->free_in_callback)
        seat->watch = watch_free(seat->watch);
}

int seat_try_open(struct seat *seat)
{
    static const uint8_t salt[WATCH_SALT_SIZE] = "the tests' salt";

    *seat = (struct seat){0};
    return sd_event_new(&seat->event) < 0
               ? -ENOMEM
               : watch_new(&seat->watch, seat->event, salt, on_change, seat);
}

void seat_open(struct seat *seat)
{
    if (seat_try_open(seat) < 0) {
        printf("Bail out! cannot watch\n");
        exit(1);
    }
}

void seat_close(struct seat *seat)
{
    seat->watch = watch_free(seat->watch);
    seat->event = sd_event_unref(seat->event);
}

void forget(struct seat *seat)
{
    seat->changes = seat->moves = seat->paths = 0;
    seat->reason[0] = '\0';
}

uint64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

const struct network *seen(const struct seat *seat)
{
    return watch_network(seat->watch);
}

bool is_at(const struct seat *seat, const char *place)
{
    const struct way_out *way = network_primary(seen(seat));
    char text[128] = "", prefix[INET6_ADDRSTRLEN];

    if (way) {
        struct ip network = network_prefix(way);

        ip_format(&network, prefix);
        (void)snprintf(text, sizeof(text), "%s/%s/%s", way->interface, way->gateway, prefix);
    }
    return strcmp(text, place) == 0;
}

void set_targets(struct seat *seat, const char *const addresses[])
{
    struct watch_target targets[8] = {0};
    size_t n = 0;

    for (; addresses[n]; n++) {
        (void)snprintf(targets[n].host, sizeof(targets[n].host), "host%zu", n);
        if (!ip_parse(addresses[n], &targets[n].address))
            exit(1);
    }
    if (watch_set_targets(seat->watch, targets, n) < 0)
        exit(1);
}

static pid_t start(const char *command)
{
    const char *const arguments[] = {"sh", "-c", command, NULL};
    pid_t pid;

    return posix_spawnp(&pid, "sh", NULL, NULL, (char *const *)arguments, environ) == 0 ? pid : -1;
}

bool attempt(const char *command)
{
    int status = -1;
    pid_t pid = start(command);

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
    *(int *)userdata = si->si_code == CLD_EXITED ? si->si_status : 255;
    return 0;
}

bool run_beside(struct seat *seat, const char *command)
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

void settle(struct seat *seat)
{
    wait_for(seat, attempt("! ip -6 addr show tentative | grep -q inet6"));
    wait_for(seat, seen(seat)->identified);
    wait_for(seat, sd_event_run(seat->event, 100000) == 0);
    reads = 0;
    forget(seat);
}
