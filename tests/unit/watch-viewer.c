/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * watch-viewer TARGET...: for each line on its standard input, prints what the watch sees at that
 * moment of the ways out and of the ways to these addresses, and how often it has called back since
 * the line before; ends with its input.
 */
#include "cleanup.h"
#include "error.h"
#include "watch/network.h"
#include "watch/route.h"
#include "watch/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define TARGETS_MAX 16

struct viewer {
    struct watch *watch;
    size_t n_targets;
    unsigned callbacks, moves, paths;
};

static void on_change(const struct network *network _unused_, unsigned changes,
                      const char *reason _unused_, void *userdata)
{
    struct viewer *viewer = userdata;

    viewer->callbacks++;
    viewer->moves += !!(changes & WATCH_MOVED);
    viewer->paths += !!(changes & WATCH_PATH);
}

static void print_way(const char *name, const struct way_out *way)
{
    struct ip prefix = network_prefix(way);
    char text[INET6_ADDRSTRLEN];

    ip_format(&prefix, text);
    printf("\"%s\": [\"%s\", \"%s\", \"%s\"], ", name, way->interface, way->gateway, text);
}

static void print_route(const struct route *route)
{
    char gateway[INET6_ADDRSTRLEN], network[INET6_ADDRSTRLEN];

    ip_format(&route->gateway, gateway);
    ip_format(&route->network, network);
    printf("[\"%s\", \"%s\", \"%s\"]", route->interface, gateway, network);
}

static void print_view(struct viewer *viewer)
{
    const struct network *network = watch_network(viewer->watch);

    printf("{");
    print_way("ipv4", &network->ipv4);
    print_way("ipv6", &network->ipv6);
    printf("\"routes\": [");
    for (size_t i = 0; i < viewer->n_targets; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_route(watch_route(viewer->watch, i));
    }
    printf("], \"callbacks\": %u, \"moves\": %u, \"paths\": %u}\n", viewer->callbacks,
           viewer->moves, viewer->paths);
    fflush(stdout);
    viewer->callbacks = viewer->moves = viewer->paths = 0;
}

static int on_input(sd_event_source *source, int fd, uint32_t events _unused_, void *userdata)
{
    char bytes[256];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    if (n <= 0)
        return sd_event_exit(sd_event_source_get_event(source), 0);
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] == '\n')
            print_view(userdata);
    return 0;
}

int main(int argc, char *argv[])
{
    static const uint8_t salt[WATCH_SALT_SIZE];
    _cleanup_(sd_event_unrefp) sd_event *event = NULL;
    struct watch_target targets[TARGETS_MAX] = {0};
    struct viewer viewer = {0};
    int r;

    for (int i = 1; i < argc && i <= TARGETS_MAX; i++) {
        (void)snprintf(targets[viewer.n_targets].host, sizeof(targets[0].host), "%s", argv[i]);
        if (!ip_parse(argv[i], &targets[viewer.n_targets++].address))
            return 2;
    }
    r = sd_event_new(&event);
    if (r >= 0)
        r = watch_new(&viewer.watch, event, salt, on_change, &viewer);
    if (r >= 0)
        r = watch_set_targets(viewer.watch, targets, viewer.n_targets);
    if (r >= 0)
        r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, &viewer);
    if (r >= 0)
        r = sd_event_loop(event);
    watch_free(viewer.watch);
    return r < 0;
}
