/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/nl80211.h"

#include <systemd/sd-event.h>

/*
 * Which Wi-Fi network a link is on, from nl80211, without privileges. A machine without Wi-Fi has
 * no such family: it is waited for, not asked for, so that nothing loads a module or retries.
 */

struct wifi;

/* Some link has joined, left or changed its access point, or may have: read again what matters. */
typedef void (*wifi_callback)(void *userdata);

enum wifi_answer {
    WIFI_WIRED = 1, /* the link is not wireless, or nothing here knows of Wi-Fi */
};

/* 0 or negative errno. */
int wifi_new(struct wifi **ret, sd_event *event, wifi_callback callback, void *userdata);
struct wifi *wifi_free(struct wifi *wifi);

/* Asks the kernel now, without waiting for anything. A link that is wireless and on no network (or
 * is an access point itself) gives an all-zero *ret. 0, WIFI_WIRED or negative errno. */
int wifi_read(struct wifi *wifi, int ifindex, struct wifi_network *ret);
