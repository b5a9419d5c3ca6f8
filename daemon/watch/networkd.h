/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "surroundings.h"

#define NETWORKD_LINKS "/run/systemd/netif/links"

/*
 * The captive portal's address that systemd-networkd (254 and later) was given for a link, by DHCP
 * or a router advertisement (RFC 8910), read from its directory of link states. False, and "",
 * where networkd does not manage the link, knows of none, or what it was given does not pass
 * portal_url_set().
 */
bool networkd_portal_url(const char *directory, int ifindex, char ret[static PORTAL_URL_MAX]);
