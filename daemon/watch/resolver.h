/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/ip.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * Which name servers are asked: follows resolv.conf(5), and where that names nobody but a local
 * server, the file in which systemd-resolved names its own. Compared by what they mean: name
 * servers in their order, and search domains; comments and options are nothing.
 */

#define RESOLVER_SERVERS_MAX 8
#define RESOLVER_SEARCH_MAX  1024 /* with the NUL */

struct resolver_server {
    struct ip address;
    char zone[IF_NAMESIZE]; /* of a link-local address */
};

/* What one file says. All zero where it says nothing. */
struct resolver_config {
    struct resolver_server servers[RESOLVER_SERVERS_MAX]; /* the rest is asked too late to matter */
    size_t n_servers;
    char search[RESOLVER_SEARCH_MAX]; /* lower case, one space between two; safe to show */
};

/* Pure; takes any bytes. */
void resolver_config_parse(const char *text, size_t length, struct resolver_config *ret);
bool resolver_config_equal(const struct resolver_config *a, const struct resolver_config *b);

struct resolver_watch;

/* Other name servers or search domains are in use now. */
typedef void (*resolver_callback)(void *userdata);

/* `path`, `uplink_path`: the two files; NULL stands for /etc/resolv.conf and
 * /run/systemd/resolve/resolv.conf. They need not exist, and one that is missing or empty changes
 * nothing: the last that it said stands. 0 or negative errno. */
int resolver_watch_new(struct resolver_watch **ret, sd_event *event, const char *path,
                       const char *uplink_path, resolver_callback callback, void *userdata);
struct resolver_watch *resolver_watch_free(struct resolver_watch *watch);

/* The first search domain; "" without one. */
const char *resolver_watch_domain(const struct resolver_watch *watch);
