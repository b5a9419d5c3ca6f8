/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Facts in, id and name out: what makes two networks one, what makes them two, what each is called.
 */
#include "cleanup.h"
#include "tap.h"
#include "text.h"
#include "watch/identity.h"

static const uint8_t salt[IDENTITY_SALT_LENGTH] = "0123456789abcde";

struct identity {
    char id[IDENTITY_ID_MAX], name[IDENTITY_NAME_MAX];
};

static struct identity identify_salted(const struct identity_facts *facts, const uint8_t *with)
{
    struct identity identity = {0};

    if (identity_from_facts(facts, with, identity.id, identity.name) < 0)
        strcpy(identity.id, "no memory");
    return identity;
}

static struct identity identify(const struct identity_facts *facts)
{
    return identify_salted(facts, salt);
}

static struct ip ip(const char *text)
{
    struct ip ip = {0};

    if (!ip_parse(text, &ip)) {
        printf("Bail out! no address: %s\n", text);
        exit(1);
    }
    return ip;
}

static void set_ssid(struct identity_facts *facts, const char *ssid)
{
    facts->wifi.ssid_length = strlen(ssid);
    memcpy(facts->wifi.ssid, ssid, facts->wifi.ssid_length);
}

static void set_link_address(struct identity_facts *facts, const char *bytes)
{
    facts->link_address_length = 6;
    memcpy(facts->link_address, bytes, 6);
}

/* --- networks to start from ----------------------------------------------------------------------
 */

static struct identity_facts wired(void)
{
    struct identity_facts facts = {
        .interface = "eth0",
        .gateway = ip("10.1.0.1"),
        .source = ip("10.1.0.77"),
        .prefix_length = 24,
        .domain = "example.org",
    };

    set_link_address(&facts, "\x00\x11\x22\x33\x44\x55");
    return facts;
}

static struct identity_facts hotel(void)
{
    struct identity_facts facts = wired();

    strcpy(facts.interface, "wlan0");
    facts.wireless = true;
    set_ssid(&facts, "Hotel_Guest");
    facts.wifi.has_bssid = true;
    memcpy(facts.wifi.bssid, "\x02\xaa\xbb\xcc\xdd\x01", 6);
    return facts;
}

static struct identity_facts virtual_router(void)
{
    struct identity_facts facts = hotel();

    set_link_address(&facts, "\x00\x00\x5e\x00\x01\x07");
    return facts;
}

static struct identity_facts silent(void)
{
    struct identity_facts facts = hotel();

    facts.link_address_length = 0;
    return facts;
}

static struct identity_facts ppp(void)
{
    return (struct identity_facts){
        .interface = "ppp0",
        .point_to_point = true,
        .source = ip("100.64.3.7"),
        .prefix_length = 32,
        .domain = "provider.example",
    };
}

static struct identity_facts vpn(void)
{
    return (struct identity_facts){
        .interface = "work0",
        .tunnel = true,
        .kind = "wireguard",
        .source = ip("10.8.0.6"),
        .prefix_length = 24,
    };
}

static struct identity_facts ipv6(void)
{
    struct identity_facts facts = hotel();

    facts.gateway = ip("fe80::1");
    facts.source = ip("2001:db8:1:2::77");
    facts.prefix_length = 64;
    return facts;
}

/* --- one or two ----------------------------------------------------------------------------------
 */

/* Changes one fact of a network and compares. */
#define COMPARE(expected, network, change)                                                         \
    do {                                                                                           \
        struct identity_facts before = network(), facts = before;                                  \
        struct identity a = identify(&before), b;                                                  \
        change;                                                                                    \
        b = identify(&facts);                                                                      \
        ok((strcmp(a.id, b.id) == 0) == (expected), "%s: %s with %s", #network,                    \
           (expected) ? "the same" : "another", #change);                                          \
    } while (0)
#define SAME(network, change)    COMPARE(true, network, change)
#define ANOTHER(network, change) COMPARE(false, network, change)

static void test_neighbour(void)
{
    SAME(wired, facts.source = ip("10.1.0.200"));
    SAME(wired, strcpy(facts.interface, "enx001122"));
    SAME(wired, facts.domain = "elsewhere.example");
    SAME(wired, facts.gateway = ip("10.1.0.254"));
    SAME(wired, facts.link_address[31] = 1);
    ANOTHER(wired, facts.link_address[5] = 1);
    ANOTHER(wired, facts.link_address_length = 5);
    ANOTHER(wired, facts.link_address_length = 0);
    ANOTHER(wired, facts.source = ip("10.2.0.77"));
    ANOTHER(wired, facts.prefix_length = 23);
    ANOTHER(wired, set_ssid(&facts, "Hotel_Guest"));
    SAME(wired, (facts.source = ip("10.1.0.77"), facts.prefix_length = 24));

    SAME(hotel, facts.wifi.bssid[5] = 2);
    SAME(hotel, facts.wifi.has_bssid = false);
    SAME(hotel, facts.source = ip("10.1.0.200"));
    ANOTHER(hotel, facts.link_address[0] = 1);
    ANOTHER(hotel, set_ssid(&facts, "Hotel_Gues"));
    ANOTHER(hotel, set_ssid(&facts, "hotel_guest"));
    ANOTHER(hotel, facts.wifi.ssid_length++); /* a NUL at its end */

    SAME(ipv6, facts.source = ip("2001:db8:7:7::77")); /* today's prefix */
    SAME(ipv6, facts.gateway = ip("fe80::2"));
    ANOTHER(ipv6, facts.link_address[0] = 1);
}

static void test_lease_of_one_address(void)
{
    struct identity_facts a = hotel(), b;

    a.prefix_length = 32;
    b = a;
    b.source = ip("10.1.0.200");
    is_string(identify(&a).id, identify(&b).id, "a /32 is our address, not the network's");
}

static void test_virtual_router(void)
{
    static const char shared[][7] = {
        "\x00\x00\x5e\x00\x01\x07", "\x00\x00\x5e\x00\x02\x07", "\x00\x00\x0c\x07\xac\x01",
        "\x00\x00\x0c\x9f\xf3\x01", "\x00\x05\x73\xa0\x01\x01", "\x00\x07\xb4\x03\x01\x01",
    };
    static const char own[][7] = {
        "\x00\x00\x5e\x00\x53\x07", "\x00\x00\x0c\x07\xad\x01", "\x00\x00\x0c\x9f\xe3\x01",
        "\x00\x05\x73\xa0\x11\x01", "\x00\x07\xb5\x03\x01\x01",
    };

    ANOTHER(virtual_router, facts.gateway = ip("10.1.0.254"));
    ANOTHER(virtual_router, facts.source = ip("10.2.0.77"));
    ANOTHER(virtual_router, set_ssid(&facts, "eduroam"));
    SAME(virtual_router, facts.domain = "vpn.example");
    SAME(virtual_router, facts.wifi.bssid[5] = 2);

    for (size_t i = 0; i < ELEMENTSOF(shared) + ELEMENTSOF(own); i++) {
        bool is_shared = i < ELEMENTSOF(shared);
        const char *bytes = is_shared ? shared[i] : own[i - ELEMENTSOF(shared)];
        struct identity_facts a = ipv6(), b;

        set_link_address(&a, bytes);
        b = a;
        b.gateway = ip("fe80::2");
        ok((strcmp(identify(&a).id, identify(&b).id) != 0) == is_shared, "..:%02x:%02x is %s",
           (unsigned char)bytes[3], (unsigned char)bytes[4],
           is_shared ? "shared by routers" : "one router's own");
    }
}

static void test_link(void)
{
    SAME(silent, facts.source = ip("10.1.0.200"));
    ANOTHER(silent, strcpy(facts.interface, "wlan1"));
    ANOTHER(silent, facts.gateway = ip("10.1.0.254"));
    ANOTHER(silent, facts.source = ip("10.2.0.77"));
    ANOTHER(silent, facts.domain = "elsewhere.example");
    ANOTHER(silent, facts.domain = NULL);
    ANOTHER(silent, set_ssid(&facts, "Hotel"));
    ANOTHER(silent, facts.wifi.bssid[5] = 2);
    ANOTHER(silent, set_link_address(&facts, "\x00\x11\x22\x33\x44\x55"));

    SAME(ppp, facts.source = ip("100.64.9.9"));
    SAME(ppp, (facts.gateway = ip("100.64.9.1"), facts.prefix_length = 30)); /* as modems do */
    ANOTHER(ppp, strcpy(facts.interface, "ppp1"));
    ANOTHER(ppp, facts.domain = "roaming.example");
    ANOTHER(ppp, facts.domain = "");

    SAME(vpn, facts.source = ip("10.9.0.6"));
    SAME(vpn, facts.domain = "corp.example");
    SAME(vpn, set_link_address(&facts, "\x00\x11\x22\x33\x44\x55")); /* a bridged VPN */
    ANOTHER(vpn, strcpy(facts.interface, "work1"));
    ANOTHER(vpn, strcpy(facts.kind, "tun"));
    ANOTHER(vpn, strcpy(facts.kind, ""));
    ANOTHER(vpn, (facts.tunnel = false, strcpy(facts.kind, "")));
}

/* What stands beside each other must not flow together. */
static void test_unambiguous(void)
{
    struct identity_facts a = silent(), b = silent();

    strcpy(a.interface, "wl");
    set_ssid(&a, "an0");
    strcpy(b.interface, "wla");
    set_ssid(&b, "n0");
    ok(strcmp(identify(&a).id, identify(&b).id) != 0, "\"wl\" + \"an0\" is not \"wla\" + \"n0\"");

    a = b = silent();
    a.wifi = b.wifi = (struct wifi_network){0};
    a.gateway = ip("10.1.0.1");
    a.source = (struct ip){0};
    a.prefix_length = 0;
    b.gateway = (struct ip){0};
    b.source = ip("10.1.0.1");
    b.prefix_length = 31;
    b.source.bytes[3] = 0;
    a.gateway.bytes[3] = 0;
    ok(strcmp(identify(&a).id, identify(&b).id) != 0, "a gateway is no prefix");
}

static void test_salt(void)
{
    const uint8_t other[IDENTITY_SALT_LENGTH] = "0123456789abcdf";
    struct identity_facts facts = wired();
    struct identity mine = identify(&facts);

    ok(strcmp(mine.id, identify_salted(&facts, other).id) != 0, "another salt, another id");
    ok(strlen(mine.id) == IDENTITY_ID_MAX - 1 &&
           strspn(mine.id, "0123456789abcdef") == strlen(mine.id),
       "hex digits");
}

/* Ids are kept in files: a change of these is a new version of the file, or a mistake. Made with
 * Python's hmac from the tags and lengths, not with this code. */
static void test_stable(void)
{
    struct identity_facts facts = hotel();

    is_string(identify(&facts).id, "30403636bb97047a1f07cbdee2c4fffc", "the id of a Wi-Fi network");
    facts = ppp();
    is_string(identify(&facts).id, "65c955285c3703c2f9571dceef261722", "the id of a link");
    facts = vpn();
    is_string(identify(&facts).id, "3a1c791c9f50f54106ad842ca9e37aba", "the id of a VPN");
}

/* --- names ---------------------------------------------------------------------------------------
 */

static void check_name(const struct identity_facts *facts, const char *expected)
{
    struct identity identity = identify(facts);

    is_string(identity.name, expected, "called \"%s\"", expected);
    ok(text_is_safe(identity.name), "which is safe to show");
}

static void test_names(void)
{
    struct identity_facts facts = hotel();

    check_name(&facts, "Hotel_Guest");
    set_ssid(&facts, "Caf\xc3\xa9 \xe2\x98\x95");
    check_name(&facts, "Caf\xc3\xa9 \xe2\x98\x95");
    set_ssid(&facts, "\x1b]0;owned\x07");
    check_name(&facts, "\\x1b]0;owned\\x07");
    set_ssid(&facts, "\xe2\x80\xaegnirts"); /* right to left */
    check_name(&facts, "\\xe2\\x80\\xaegnirts");
    set_ssid(&facts, "latin\xe9");
    check_name(&facts, "latin\\xe9");
    facts.wifi.ssid_length = 3;
    memcpy(facts.wifi.ssid, "a\0b", 3);
    check_name(&facts, "a\\x00b");
    set_ssid(&facts, "   ");
    check_name(&facts, "Wi-Fi at 10.1.0.1");
    facts.wifi.ssid_length = 0;
    check_name(&facts, "Wi-Fi at 10.1.0.1");

    facts = wired();
    check_name(&facts, "wired at 10.1.0.1");
    facts.gateway = ip("fe80::1");
    check_name(&facts, "wired at fe80::1");
    facts.gateway = (struct ip){0};
    check_name(&facts, "link eth0");
    facts = ppp();
    check_name(&facts, "link ppp0");
    facts.gateway = ip("100.64.9.1"); /* another one each time */
    check_name(&facts, "link ppp0");
    facts = vpn();
    check_name(&facts, "VPN work0");
    facts = (struct identity_facts){0};
    check_name(&facts, "link ");
}

/* The longest: 32 bytes that are all shown as four. */
static void test_long_names(void)
{
    struct identity_facts facts = hotel();
    struct identity identity;

    facts.wifi.ssid_length = WIFI_SSID_MAX;
    memset(facts.wifi.ssid, 0xff, WIFI_SSID_MAX);
    identity = identify(&facts);
    is_number((long long)strlen(identity.name), 31LL * 4, "a name is cut between two characters");
    ok(text_is_safe(identity.name), "and safe to show");

    memset(facts.wifi.ssid, 0x01, WIFI_SSID_MAX);
    memcpy(facts.wifi.ssid + WIFI_SSID_MAX - 2, "\xc3\xa9", 2);
    identity = identify(&facts);
    is_number((long long)strlen(identity.name), 30LL * 4 + 2, "what fits is not cut");
    ok(text_is_safe(identity.name), "and safe to show");

    memset(facts.wifi.ssid, 'x', WIFI_SSID_MAX);
    identity = identify(&facts);
    is_number((long long)strlen(identity.name), WIFI_SSID_MAX, "a whole SSID");
}

int main(void)
{
    test_neighbour();
    test_lease_of_one_address();
    test_virtual_router();
    test_link();
    test_unambiguous();
    test_salt();
    test_stable();
    test_names();
    test_long_names();
    return tap_done();
}
