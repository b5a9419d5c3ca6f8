/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * What other programs of this machine say about its surroundings, as plain data:
 * dbus/surroundings-monitor.c hears it, the manager acts on it, and neither has to know the other.
 */

enum connectivity {
    CONNECTIVITY_UNKNOWN, /* nobody says, or nobody who says it knows */
    CONNECTIVITY_NONE,
    CONNECTIVITY_PORTAL, /* a captive portal stands before the Internet */
    CONNECTIVITY_LIMITED,
    CONNECTIVITY_FULL,
};

const char *connectivity_to_string(enum connectivity connectivity);

#define PORTAL_URL_MAX 2048 /* bytes with the NUL */

struct surroundings {
    enum connectivity connectivity;
    bool sleeping;                   /* suspend is about to come: no check is to be started */
    bool metered;                    /* traffic costs, or probably does */
    bool on_battery;                 /* false where nobody says */
    char portal_url[PORTAL_URL_MAX]; /* by RFC 8910, as portal_url_set() takes it; else "" */
};

/* What has changed; combined. */
enum surroundings_change {
    SURROUNDINGS_SLEEPING = 1 << 0,     /* sleeping is true now */
    SURROUNDINGS_RESUMED = 1 << 1,      /* ... and false again */
    SURROUNDINGS_CONNECTIVITY = 1 << 2, /* connectivity */
    SURROUNDINGS_RESOLVER = 1 << 3,     /* name servers or search domains are other ones */
    SURROUNDINGS_COST = 1 << 4,         /* metered, on_battery */
    SURROUNDINGS_PORTAL_URL = 1 << 5,
};

/*
 * Takes the address that a network has given for its portal: http or https, with a host, without a
 * user's name before it, of nothing but the characters of RFC 3986; so it is safe to show and to
 * hand to a browser. Anything else, such as the "urn:" that says there is no portal, leaves "" and
 * returns false.
 */
bool portal_url_set(char ret[static PORTAL_URL_MAX], const char *text);
