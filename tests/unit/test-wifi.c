/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Wi-Fi without any: messages made by hand, and a family that the test makes known to all who
 * listen to the controller, as a module would. The kernel lets root in a namespace of his own send
 * to such groups; what it answers about links is its own.
 */
#include "cleanup.h"
#include "netns.h"
#include "tap.h"
#include "watch/wifi.h"

#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <time.h>

#define DEADLINE 30000000 /* µs that anything may take */
#define FAMILY   0x7ffe   /* no module has got so far */
#define LINK     3

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)
DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)

/* --- messages ------------------------------------------------------------------------------------
 */

static struct nl_msg *make_message(int type, uint8_t command)
{
    struct nl_msg *message = nlmsg_alloc();

    if (!message || !genlmsg_put(message, 0, 0, type, 0, 0, command, 1)) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    return message;
}

static struct nl_msg *make_family(uint8_t command, const char *name, uint16_t id, uint32_t group)
{
    struct nl_msg *message = make_message(GENL_ID_CTRL, command);
    struct nlattr *groups, *item;

    nla_put_u16(message, CTRL_ATTR_FAMILY_ID, id);
    nla_put_string(message, CTRL_ATTR_FAMILY_NAME, name);
    groups = nla_nest_start(message, CTRL_ATTR_MCAST_GROUPS);
    item = nla_nest_start(message, 1);
    nla_put_u32(message, CTRL_ATTR_MCAST_GRP_ID, group + 1);
    nla_put_string(message, CTRL_ATTR_MCAST_GRP_NAME, "scan");
    nla_nest_end(message, item);
    item = nla_nest_start(message, 2);
    nla_put_u32(message, CTRL_ATTR_MCAST_GRP_ID, group);
    nla_put_string(message, CTRL_ATTR_MCAST_GRP_NAME, "mlme");
    nla_nest_end(message, item);
    nla_nest_end(message, groups);
    return message;
}

/* `ssid` NULL: the link is on no network. */
static struct nl_msg *make_interface(uint32_t ifindex, uint32_t type, const void *ssid, int length)
{
    struct nl_msg *message = make_message(FAMILY, NL80211_CMD_NEW_INTERFACE);

    nla_put_u32(message, NL80211_ATTR_IFINDEX, ifindex);
    nla_put_string(message, NL80211_ATTR_IFNAME, "wlan0");
    nla_put_u32(message, NL80211_ATTR_IFTYPE, type);
    if (ssid)
        nla_put(message, NL80211_ATTR_SSID, length, ssid);
    return message;
}

static struct nl_msg *make_station(uint32_t ifindex, const void *address, int length, uint32_t flag)
{
    struct nl80211_sta_flag_update flags = {.mask = ~0U, .set = 1U << flag};
    struct nl_msg *message = make_message(FAMILY, NL80211_CMD_NEW_STATION);
    struct nlattr *station;

    nla_put_u32(message, NL80211_ATTR_IFINDEX, ifindex);
    nla_put(message, NL80211_ATTR_MAC, length, address);
    station = nla_nest_start(message, NL80211_ATTR_STA_INFO);
    nla_put_u8(message, NL80211_STA_INFO_SIGNAL, 200);
    nla_put(message, NL80211_STA_INFO_STA_FLAGS, sizeof(flags), &flags);
    nla_nest_end(message, station);
    return message;
}

/* --- reading them --------------------------------------------------------------------------------
 */

static void test_ssids(void)
{
    static const struct {
        const char *name, *ssid;
        int length;
        size_t expected;
    } cases[] = {
        {"the usual", "Hotel_Guest", 11, 11},
        {"a NUL in the middle", "a\0b", 3, 3},
        {"nothing but NULs", "\0\0\0\0", 4, 4},
        {"not UTF-8", "caf\xe9", 4, 4},
        {"32 bytes", "0123456789abcdef0123456789abcdef", 32, 32},
        {"33 bytes: no SSID", "0123456789abcdef0123456789abcdef0", 33, 0},
        {"hidden", "", 0, 0},
        {"on no network", NULL, 0, 0},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
            make_interface(LINK, NL80211_IFTYPE_STATION, cases[i].ssid, cases[i].length);
        struct wifi_network network = {0};

        ok(nl80211_read_interface(nlmsg_hdr(message), LINK, &network), "%s: read", cases[i].name);
        is_number((long long)network.ssid_length, (long long)cases[i].expected, "%s: length",
                  cases[i].name);
        ok(cases[i].expected == 0 || memcmp(network.ssid, cases[i].ssid, cases[i].expected) == 0,
           "%s: bytes", cases[i].name);
    }
}

static void check_interface(struct nl_msg *made, bool expected, const char *name)
{
    _cleanup_(nlmsg_freep) struct nl_msg *message = made;
    struct wifi_network network = {0};

    ok(nl80211_read_interface(nlmsg_hdr(message), LINK, &network) == expected, "%s: %s", name,
       expected ? "read" : "refused");
    ok(expected || network.ssid_length == 0, "%s: nothing taken from it", name);
}

static void test_interfaces(void)
{
    struct nl_msg *message;

    check_interface(make_interface(LINK, NL80211_IFTYPE_STATION, "x", 1), true, "a client");
    check_interface(make_interface(LINK, NL80211_IFTYPE_P2P_CLIENT, "x", 1), true,
                    "a client of Wi-Fi Direct");
    check_interface(make_interface(LINK, NL80211_IFTYPE_AP, "x", 1), false, "an access point");
    check_interface(make_interface(LINK, NL80211_IFTYPE_MONITOR, "x", 1), false, "a monitor");
    check_interface(make_interface(LINK + 1, NL80211_IFTYPE_STATION, "x", 1), false,
                    "another link");
    check_interface(make_station(LINK, "\2\0\0\0\0\1", 6, NL80211_STA_FLAG_AUTHENTICATED), false,
                    "a station");
    check_interface(make_message(FAMILY, NL80211_CMD_NEW_INTERFACE), false, "no attributes");

    message = make_message(FAMILY, NL80211_CMD_NEW_INTERFACE);
    nla_put_u8(message, NL80211_ATTR_IFINDEX, LINK);
    nla_put_u8(message, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_STATION);
    check_interface(message, false, "numbers of another length");

    message = make_interface(LINK, NL80211_IFTYPE_STATION, "x", 1);
    nla_put_u32(message, NL80211_ATTR_MAX + 7, 1);
    check_interface(message, true, "an attribute of a newer kernel");

    message = make_message(FAMILY, NL80211_CMD_NEW_INTERFACE);
    nlmsg_hdr(message)->nlmsg_len = NLMSG_HDRLEN + 2;
    check_interface(message, false, "shorter than its header");
}

/* Any end that a message may have: the bytes behind it are not ours. */
static void test_truncated(void)
{
    _cleanup_(nlmsg_freep) struct nl_msg *whole =
        make_interface(LINK, NL80211_IFTYPE_STATION, "Hotel_Guest", 11);
    size_t length = nlmsg_hdr(whole)->nlmsg_len;
    bool refused = true;

    for (size_t n = NLMSG_HDRLEN; n < length - 1; n++) { /* the last one pads */
        _cleanup_free_ struct nlmsghdr *part = malloc(n);
        struct wifi_network network = {0};

        memcpy(part, nlmsg_hdr(whole), n);
        part->nlmsg_len = (uint32_t)n;
        refused =
            refused && (!nl80211_read_interface(part, LINK, &network) || network.ssid_length == 0);
    }
    ok(refused, "a message that is cut off names no network");
}

static void check_station(struct nl_msg *made, bool expected, const char *name)
{
    _cleanup_(nlmsg_freep) struct nl_msg *message = made;
    struct wifi_network network = {0};

    ok(nl80211_read_station(nlmsg_hdr(message), LINK, &network) == expected &&
           network.has_bssid == expected,
       "%s: %s", name, expected ? "read" : "refused");
    if (expected)
        ok(memcmp(network.bssid, "\2\0\0\0\0\1", 6) == 0, "%s: its address", name);
}

static void test_stations(void)
{
    struct nl_msg *message = make_message(FAMILY, NL80211_CMD_NEW_STATION);

    nla_put_u32(message, NL80211_ATTR_IFINDEX, LINK);
    nla_put(message, NL80211_ATTR_MAC, 6, "\2\0\0\0\0\1");
    check_station(message, true, "an access point and no more of it");
    check_station(make_station(LINK, "\2\0\0\0\0\1", 6, NL80211_STA_FLAG_AUTHENTICATED), true,
                  "an access point");
    check_station(make_station(LINK, "\2\0\0\0\0\1", 6, NL80211_STA_FLAG_TDLS_PEER), false,
                  "another client");
    check_station(make_station(LINK, "\2\0\0\0\0\1\1", 7, NL80211_STA_FLAG_AUTHENTICATED), false,
                  "an address that is too long");
    check_station(make_station(LINK, "\2\0\0", 3, NL80211_STA_FLAG_AUTHENTICATED), false,
                  "an address that is too short");
    check_station(make_station(LINK + 1, "\2\0\0\0\0\1", 6, NL80211_STA_FLAG_AUTHENTICATED), false,
                  "another link's");
}

static enum nl80211_event read_event(struct nl_msg *made, struct nl80211_family *family)
{
    _cleanup_(nlmsg_freep) struct nl_msg *message = made;

    return nl80211_read_event(nlmsg_hdr(message), family);
}

static void test_events(void)
{
    struct nl80211_family family = {0};
    struct nl_msg *message;

    ok(read_event(make_message(FAMILY, NL80211_CMD_CONNECT), &family) == NL80211_EVENT_NONE,
       "no family yet: its messages are somebody else's");
    ok(read_event(make_family(CTRL_CMD_NEWFAMILY, "nl80212", 5, 6), &family) ==
               NL80211_EVENT_NONE &&
           family.id == 0,
       "another family");
    message = make_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    nla_put(message, CTRL_ATTR_FAMILY_NAME, 7, "nl80211"); /* no NUL */
    nla_put_u16(message, CTRL_ATTR_FAMILY_ID, FAMILY);
    ok(read_event(message, &family) == NL80211_EVENT_NONE, "a name that does not end");
    message = make_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "nl80211");
    nla_put_u32(message, CTRL_ATTR_FAMILY_ID, FAMILY);
    ok(read_event(message, &family) == NL80211_EVENT_NONE, "an id of another length");

    ok(read_event(make_family(CTRL_CMD_NEWFAMILY, "nl80211", FAMILY, 6), &family) ==
           NL80211_EVENT_FAMILY,
       "the family comes");
    ok(family.id == FAMILY && family.mlme_group == 6, "its numbers");
    ok(read_event(make_family(CTRL_CMD_NEWFAMILY, "nl80211", FAMILY, 6), &family) ==
           NL80211_EVENT_NONE,
       "it comes again");
    ok(read_event(make_message(FAMILY, NL80211_CMD_CONNECT), &family) == NL80211_EVENT_ASSOCIATION,
       "connected");
    ok(read_event(make_message(FAMILY, NL80211_CMD_ROAM), &family) == NL80211_EVENT_ASSOCIATION,
       "roamed");
    ok(read_event(make_message(FAMILY, NL80211_CMD_DISCONNECT), &family) ==
           NL80211_EVENT_ASSOCIATION,
       "disconnected");
    ok(read_event(make_message(FAMILY, NL80211_CMD_NOTIFY_CQM), &family) == NL80211_EVENT_NONE,
       "the signal is weaker");
    ok(read_event(make_message(FAMILY + 1, NL80211_CMD_CONNECT), &family) == NL80211_EVENT_NONE,
       "another family's");
    ok(read_event(make_family(CTRL_CMD_DELFAMILY, "nl80211", FAMILY, 6), &family) ==
               NL80211_EVENT_FAMILY &&
           family.id == 0 && family.mlme_group == 0,
       "the family goes");
    message = make_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "nl80211");
    nla_put_u16(message, CTRL_ATTR_FAMILY_ID, FAMILY);
    ok(read_event(message, &family) == NL80211_EVENT_FAMILY && family.mlme_group == 0,
       "a family without groups");
}

/* --- on the event loop ---------------------------------------------------------------------------
 */

struct seat {
    sd_event *event;
    struct wifi *wifi;
    int rings;
    bool free_in_callback;
};

static void on_change(void *userdata)
{
    struct seat *seat = userdata;

    seat->rings++;
    if (seat->free_in_callback)
        seat->wifi = wifi_free(seat->wifi);
}

/* To everybody in this namespace who has joined the group. */
static bool announce(uint32_t group, struct nl_msg *made)
{
    _cleanup_(nlmsg_freep) struct nl_msg *message = made;
    _cleanup_(nl_socket_freep) struct nl_sock *socket = nl_socket_alloc();

    if (!socket || nl_connect(socket, NETLINK_GENERIC) < 0)
        return false;
    nl_socket_set_peer_groups(socket, 1U << (group - 1));
    nl_complete_msg(socket, message);
    return nl_send(socket, message) >= 0;
}

static void expect_rings(struct seat *seat, int expected, const char *name)
{
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        sd_event_run(seat->event, seat->rings < expected ? DEADLINE : 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (seat->rings < expected && now.tv_sec - start.tv_sec < DEADLINE / 1000000);
    is_number(seat->rings, expected, "%s", name);
}

static void test_loop(void)
{
    struct wifi_network network = {.ssid_length = 7};
    struct seat seat = {0};
    const uint32_t group = 1; /* of those that the kernel keeps for itself: nobody sends to it */

    if (sd_event_new(&seat.event) < 0 || wifi_new(&seat.wifi, seat.event, on_change, &seat) < 0) {
        ok(false, "no error without Wi-Fi");
        return;
    }
    is_number(wifi_read(seat.wifi, 1, &network), WIFI_WIRED, "the loopback is no Wi-Fi");
    is_number((long long)network.ssid_length, 7, "and nothing is said of it");
    is_number(sd_event_run(seat.event, 0), 0, "nothing to do for a wired machine");

    ok(announce(GENL_ID_CTRL, make_family(CTRL_CMD_NEWFAMILY, "nl80211", FAMILY, group)),
       "a module is loaded");
    expect_rings(&seat, 1, "which rings");
    is_number(wifi_read(seat.wifi, 1, &network), WIFI_WIRED, "the kernel is asked, and knows none");
    ok(announce(GENL_ID_CTRL, make_family(CTRL_CMD_NEWFAMILY, "elsewhere", 9, group)) &&
           announce(group, make_message(FAMILY, NL80211_CMD_NOTIFY_CQM)) &&
           announce(group, make_message(FAMILY, NL80211_CMD_ROAM)),
       "other messages, then one access point instead of another");
    expect_rings(&seat, 2, "which rings once");
    for (int i = 0; i < 20000; i++) /* more than the queue takes */
        announce(group, make_message(FAMILY, NL80211_CMD_NOTIFY_CQM));
    expect_rings(&seat, 3, "lost messages ring");
    is_number(wifi_read(seat.wifi, 1, &network), WIFI_WIRED, "still none");
    seat.free_in_callback = true;
    ok(announce(group, make_message(FAMILY, NL80211_CMD_DISCONNECT)), "disconnected");
    expect_rings(&seat, 4, "freed in its callback");
    ok(!seat.wifi, "and gone");

    wifi_free(seat.wifi);
    sd_event_unref(seat.event);
}

int main(void)
{
    test_ssids();
    test_interfaces();
    test_truncated();
    test_stations();
    test_events();
    if (enter_namespace())
        test_loop();
    else
        skip("on the event loop", "network namespaces are not allowed here");
    return tap_done();
}
