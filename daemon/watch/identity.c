/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From facts to the id and the name of a network.
 *
 * Always: what is hashed is a list of (tag, length, bytes) in one order, unknown facts left out, so
 * that no two sets of facts look alike; and only facts that stay while the network stays.
 *
 * What that is depends on who can vouch for it:
 * - A VPN is the same network wherever it is dialled from: the name and kind of its link.
 * - A gateway whose link address is known: that address, the SSID, the IPv4 prefix. Cables, docks
 *   and cards differ in the link's name and are one network; VLANs and guest networks behind one
 *   router differ in prefix or SSID. An IPv6 prefix does not count: many providers change it daily.
 * - Such an address that routers share by protocol (VRRP and its kin; the same in thousands of
 *   networks, and it stays when they take turns): the gateway's own address and the prefix too.
 * - Nobody to ask, or no answer: the link's name, gateway, prefix and search domain, and the Wi-Fi
 *   network down to its access point: without the gateway, two hotels of one SSID and one
 *   numbering differ in nothing else, and to take one for the other is worse than not to know one
 *   again.
 *
 * Refused: the BSSID while the gateway's link address is known. A mesh has many, some access points
 * draw a new one each day, and the gateway behind them stays. A phone's hotspot that draws its
 * gateway's address anew each time wants to be no one's acquaintance, and is none. A repeater
 * that puts its own address in the gateway's place makes another network of it.
 */
#include "watch/identity.h"

#include "cleanup.h"
#include "error.h"
#include "text.h"

#include <nettle/hmac.h>
#include <nettle/version.h>
#include <stdio.h>
#include <string.h>

#define VERSION             "mailroam network 1" /* another list of facts is another version */
#define IPV4_LENGTH         32
#define IPV6_NETWORK_LENGTH 64 /* RFC 7421; DHCPv6 hands out /128 */

/* The tags: they are in every stored id, so their values stay. */
enum fact {
    FACT_VERSION = 1,
    FACT_INTERFACE = 2,
    FACT_TUNNEL_KIND = 3,
    FACT_LINK_ADDRESS = 4,
    FACT_SSID = 5,
    FACT_BSSID = 6,
    FACT_GATEWAY = 7,
    FACT_PREFIX = 8,
    FACT_PREFIX_LENGTH = 9,
    FACT_DOMAIN = 10,
};

static void add(struct hmac_sha256_ctx *hash, enum fact fact, const void *bytes, size_t length)
{
    const uint8_t header[] = {(uint8_t)fact, (uint8_t)(length >> 8), (uint8_t)length};

    if (length == 0)
        return;
    hmac_sha256_update(hash, sizeof(header), header);
    hmac_sha256_update(hash, length, bytes);
}

static void add_text(struct hmac_sha256_ctx *hash, enum fact fact, const char *text)
{
    add(hash, fact, text, text ? strlen(text) : 0);
}

static void add_ip(struct hmac_sha256_ctx *hash, enum fact fact, const struct ip *ip)
{
    add(hash, fact, ip->bytes, ip_bits(ip) / 8);
}

/* Not where it is our address and no network's: the next lease may be another one. */
static void add_prefix(struct hmac_sha256_ctx *hash, const struct identity_facts *facts)
{
    uint8_t length = facts->prefix_length;
    struct ip prefix;

    if (facts->source.family == 0 || (facts->source.family == AF_INET && length >= IPV4_LENGTH))
        return;
    if (facts->source.family == AF_INET6 && length > IPV6_NETWORK_LENGTH)
        length = IPV6_NETWORK_LENGTH;
    prefix = ip_mask(&facts->source, length);
    add_ip(hash, FACT_PREFIX, &prefix);
    add(hash, FACT_PREFIX_LENGTH, &length, sizeof(length));
}

/* Of VRRP and CARP (RFC 9568 section 7.3), HSRP 1, HSRP 2, HSRP for IPv6, GLBP: the group's number
 * is in the last `bits`. */
static bool is_shared_by_routers(const struct identity_facts *facts)
{
    static const struct {
        uint64_t first;
        unsigned bits;
    } shared[] = {
        {0x00005e000100, 8},  {0x00005e000200, 8},  {0x00000c07ac00, 8},
        {0x00000c9ff000, 12}, {0x000573a00000, 12}, {0x0007b4000000, 18},
    };
    uint64_t address = 0;

    if (facts->link_address_length != 6)
        return false;
    for (size_t i = 0; i < 6; i++)
        address = address << 8 | facts->link_address[i];
    for (size_t i = 0; i < ELEMENTSOF(shared); i++)
        if (address >> shared[i].bits == shared[i].first >> shared[i].bits)
            return true;
    return false;
}

static void add_neighbour(struct hmac_sha256_ctx *hash, const struct identity_facts *facts)
{
    bool shared = is_shared_by_routers(facts);

    add(hash, FACT_LINK_ADDRESS, facts->link_address, facts->link_address_length);
    add(hash, FACT_SSID, facts->wifi.ssid, facts->wifi.ssid_length);
    if (shared)
        add_ip(hash, FACT_GATEWAY, &facts->gateway);
    if (shared || facts->source.family == AF_INET)
        add_prefix(hash, facts);
}

static void add_link(struct hmac_sha256_ctx *hash, const struct identity_facts *facts)
{
    add_text(hash, FACT_INTERFACE, facts->interface);
    add(hash, FACT_SSID, facts->wifi.ssid, facts->wifi.ssid_length);
    if (facts->wifi.has_bssid)
        add(hash, FACT_BSSID, facts->wifi.bssid, sizeof(facts->wifi.bssid));
    if (!facts->point_to_point) { /* there, each dial-in numbers both ends anew */
        add_ip(hash, FACT_GATEWAY, &facts->gateway);
        add_prefix(hash, facts);
    }
    add_text(hash, FACT_DOMAIN, facts->domain);
}

static void make_id(const struct identity_facts *facts, const uint8_t *salt,
                    char id[static IDENTITY_ID_MAX])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx hash;

    hmac_sha256_set_key(&hash, IDENTITY_SALT_LENGTH, salt);
    add_text(&hash, FACT_VERSION, VERSION);
    if (facts->tunnel) {
        add_text(&hash, FACT_INTERFACE, facts->interface);
        /* Hashed though empty: no other kind of network has this tag. */
        add(&hash, FACT_TUNNEL_KIND, facts->kind, strlen(facts->kind) + 1);
    } else if (facts->link_address_length > 0)
        add_neighbour(&hash, facts);
    else
        add_link(&hash, facts);

#if NETTLE_VERSION_MAJOR >= 4 /* which takes no length any more */
    hmac_sha256_digest(&hash, digest);
#else
    hmac_sha256_digest(&hash, sizeof(digest), digest);
#endif
    for (size_t i = 0; i < (IDENTITY_ID_MAX - 1) / 2; i++) /* half of it tells enough */
        snprintf(id + i * 2, 3, "%02x", digest[i]);
}

/* The SSID made safe, NULL-terminated and short enough, at the cost of its end; "" where it shows
 * nothing (hidden, or nothing but blanks). */
static int name_ssid(const struct wifi_network *wifi, char name[static IDENTITY_NAME_MAX])
{
    for (size_t max = wifi->ssid_length; max > 0; max--) {
        _cleanup_free_ char *safe = text_safe(wifi->ssid, wifi->ssid_length, max);

        if (!safe)
            return -ENOMEM;
        if (strlen(safe) >= IDENTITY_NAME_MAX)
            continue;
        strcpy(name, safe[strspn(safe, " ")] != '\0' ? safe : "");
        return 0;
    }
    name[0] = '\0';
    return 0;
}

int identity_from_facts(const struct identity_facts *facts,
                        const uint8_t salt[static IDENTITY_SALT_LENGTH],
                        char id[static IDENTITY_ID_MAX], char name[static IDENTITY_NAME_MAX])
{
    char gateway[INET6_ADDRSTRLEN], ssid[IDENTITY_NAME_MAX];
    int r = name_ssid(&facts->wifi, ssid);

    if (r < 0)
        return r;
    make_id(facts, salt, id);
    ip_format(&facts->gateway, gateway);
    if (facts->tunnel)
        snprintf(name, IDENTITY_NAME_MAX, "VPN %s", facts->interface);
    else if (ssid[0] != '\0')
        snprintf(name, IDENTITY_NAME_MAX, "%s", ssid);
    else if (gateway[0] == '\0' || facts->point_to_point)
        snprintf(name, IDENTITY_NAME_MAX, "link %s", facts->interface);
    else
        snprintf(name, IDENTITY_NAME_MAX, "%s at %s", facts->wireless ? "Wi-Fi" : "wired", gateway);
    return 0;
}
