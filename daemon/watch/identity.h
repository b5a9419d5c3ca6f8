/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "watch/ip.h"
#include "watch/nl80211.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which network is it: from what is known of the way out to an id by which the network is known
 * again, and to a name that a person recognises. A pure function.
 */

#define IDENTITY_SALT_LENGTH      16
#define IDENTITY_LINK_ADDRESS_MAX 32  /* bytes: the kernel's MAX_ADDR_LEN */
#define IDENTITY_KIND_MAX         16  /* with the NUL */
#define IDENTITY_ID_MAX           33  /* with the NUL: 32 hex digits */
#define IDENTITY_NAME_MAX         128 /* with the NUL */

/* Of the primary way out. Zero or empty is unknown, everywhere. */
struct identity_facts {
    char interface[IF_NAMESIZE];  /* safe to show */
    bool tunnel;                  /* it carries packets inside others: a VPN */
    char kind[IDENTITY_KIND_MAX]; /* of the tunnel: "wireguard" (IFLA_INFO_KIND) */
    bool wireless;
    bool point_to_point; /* IFF_POINTOPOINT or IFF_NOARP: nobody has a link address there */

    struct ip gateway;
    unsigned char link_address[IDENTITY_LINK_ADDRESS_MAX]; /* the gateway's */
    size_t link_address_length;
    struct ip source; /* our address; of it counts no more than the prefix */
    unsigned char prefix_length;

    struct wifi_network wifi;
    const char *domain; /* the resolver's (resolver_config_domain()); NULL or "" */
};

/*
 * `id`: the same facts and salt give the same, on any machine and in any release that speaks the
 * same version of the state file; without the salt it tells nothing of the place. `name`: safe to
 * show. 0 or -ENOMEM.
 */
int identity_from_facts(const struct identity_facts *facts,
                        const uint8_t salt[static IDENTITY_SALT_LENGTH],
                        char id[static IDENTITY_ID_MAX], char name[static IDENTITY_NAME_MAX]);
