/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What generic netlink and nl80211 say, read from single messages. Pure functions: every message is
 * checked, whatever sent it. */

#define WIFI_SSID_MAX     32
#define WIFI_BSSID_LENGTH 6

/* The network that a wireless link is on. */
struct wifi_network {
    unsigned char ssid[WIFI_SSID_MAX]; /* any bytes, NULs among them */
    size_t ssid_length;                /* 0: on none, or it is not known */
    unsigned char bssid[WIFI_BSSID_LENGTH];
    bool has_bssid;
};

/* The family as the kernel has numbered it; all zero while no module has registered it. */
struct nl80211_family {
    uint16_t id;
    uint32_t mlme_group;
};

enum nl80211_event {
    NL80211_EVENT_NONE,        /* nothing that matters here */
    NL80211_EVENT_FAMILY,      /* the family has come or gone: *family says which */
    NL80211_EVENT_ASSOCIATION, /* some link has joined, left or changed its access point */
};

struct nlmsghdr;

/* A notification of the generic netlink controller or of nl80211, or an answer of the controller's
 * dump. *family is what is known so far, and is kept up to date. */
enum nl80211_event nl80211_read_event(const struct nlmsghdr *message,
                                      struct nl80211_family *family);

/* Answers to NL80211_CMD_GET_INTERFACE and NL80211_CMD_GET_STATION, which fill in what they say.
 * False: not such an answer, or not of a link that is somebody's client. */
bool nl80211_read_interface(const struct nlmsghdr *message, int ifindex, struct wifi_network *ret);
bool nl80211_read_station(const struct nlmsghdr *message, int ifindex, struct wifi_network *ret);
