/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Reading single messages of generic netlink: the controller's about families, nl80211's about
 * wireless links.
 *
 * Always: nothing is believed of a message but what its lengths allow; a message of a newer kernel
 * is read as far as it is known.
 *
 * Refused: links that are no client (access point, monitor, mesh point): what they say of SSIDs and
 * stations is about others' way to us, not about ours.
 */
#include "watch/nl80211.h"

#include "cleanup.h"

#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

/* The header behind which the attributes are; NULL where the message is too short for one. */
static const struct genlmsghdr *read_header(const struct nlmsghdr *message)
{
    return genlmsg_valid_hdr((struct nlmsghdr *)message, 0) ? nlmsg_data(message) : NULL;
}

/* libnl takes no const, and writes nothing. */
static int parse(const struct nlmsghdr *message, struct nlattr **attributes, int max)
{
    return genlmsg_parse((struct nlmsghdr *)message, 0, attributes, max, NULL);
}

/* A number that no attribute of another length passes for. */
static bool get_u32(const struct nlattr *attribute, uint32_t *ret)
{
    if (!attribute || nla_len(attribute) != sizeof(*ret))
        return false;
    *ret = nla_get_u32(attribute);
    return true;
}

/* Whether the attribute is this text, with its NUL. */
static bool is_text(const struct nlattr *attribute, const char *text)
{
    size_t length = strlen(text) + 1;

    return attribute && nla_len(attribute) == (int)length &&
           memcmp(nla_data(attribute), text, length) == 0;
}

/* The group of this name among a family's; 0: there is none. */
static uint32_t find_group(struct nlattr *groups, const char *name)
{
    struct nlattr *group;
    int left;

    if (!groups)
        return 0;
    nla_for_each_nested(group, groups, left)
    {
        struct nlattr *attributes[CTRL_ATTR_MCAST_GRP_MAX + 1];
        uint32_t id;

        if (nla_parse_nested(attributes, CTRL_ATTR_MCAST_GRP_MAX, group, NULL) >= 0 &&
            is_text(attributes[CTRL_ATTR_MCAST_GRP_NAME], name) &&
            get_u32(attributes[CTRL_ATTR_MCAST_GRP_ID], &id))
            return id;
    }
    return 0;
}

static enum nl80211_event read_family(const struct nlmsghdr *message, uint8_t command,
                                      struct nl80211_family *family)
{
    struct nlattr *attributes[CTRL_ATTR_MAX + 1];
    struct nl80211_family now = {0};

    if ((command != CTRL_CMD_NEWFAMILY && command != CTRL_CMD_DELFAMILY) ||
        parse(message, attributes, CTRL_ATTR_MAX) < 0 ||
        !is_text(attributes[CTRL_ATTR_FAMILY_NAME], NL80211_GENL_NAME))
        return NL80211_EVENT_NONE;

    if (command == CTRL_CMD_NEWFAMILY) {
        if (!attributes[CTRL_ATTR_FAMILY_ID] ||
            nla_len(attributes[CTRL_ATTR_FAMILY_ID]) != sizeof(now.id))
            return NL80211_EVENT_NONE;
        now.id = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
        now.mlme_group =
            find_group(attributes[CTRL_ATTR_MCAST_GROUPS], NL80211_MULTICAST_GROUP_MLME);
    }
    if (now.id == family->id && now.mlme_group == family->mlme_group)
        return NL80211_EVENT_NONE;
    *family = now;
    return NL80211_EVENT_FAMILY;
}

enum nl80211_event nl80211_read_event(const struct nlmsghdr *message, struct nl80211_family *family)
{
    const struct genlmsghdr *header = read_header(message);

    if (!header)
        return NL80211_EVENT_NONE;
    if (message->nlmsg_type == GENL_ID_CTRL)
        return read_family(message, header->cmd, family);
    if (family->id == 0 || message->nlmsg_type != family->id)
        return NL80211_EVENT_NONE;
    /* The group carries each frame of the handshakes, too, and reports of signal strength. */
    switch (header->cmd) {
    case NL80211_CMD_CONNECT:
    case NL80211_CMD_ROAM:
    case NL80211_CMD_DISCONNECT:
        return NL80211_EVENT_ASSOCIATION;
    default: /* of more than a hundred that are no enum in C */
        return NL80211_EVENT_NONE;
    }
}

/* The attributes of an answer about this link. */
static bool read_answer(const struct nlmsghdr *message, uint8_t command, int ifindex,
                        struct nlattr *attributes[static NL80211_ATTR_MAX + 1])
{
    const struct genlmsghdr *header = read_header(message);
    uint32_t index;

    return header && header->cmd == command && parse(message, attributes, NL80211_ATTR_MAX) >= 0 &&
           get_u32(attributes[NL80211_ATTR_IFINDEX], &index) && index == (uint32_t)ifindex;
}

bool nl80211_read_interface(const struct nlmsghdr *message, int ifindex, struct wifi_network *ret)
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    const struct nlattr *ssid;
    uint32_t type;

    if (!read_answer(message, NL80211_CMD_NEW_INTERFACE, ifindex, attributes) ||
        !get_u32(attributes[NL80211_ATTR_IFTYPE], &type) ||
        (type != NL80211_IFTYPE_STATION && type != NL80211_IFTYPE_P2P_CLIENT))
        return false;
    ssid = attributes[NL80211_ATTR_SSID];
    if (ssid && nla_len(ssid) > 0 && nla_len(ssid) <= WIFI_SSID_MAX) {
        ret->ssid_length = (size_t)nla_len(ssid);
        memcpy(ret->ssid, nla_data(ssid), ret->ssid_length);
    }
    return true;
}

/* A client's stations are its access point and the clients that it talks to without one (TDLS). */
static bool is_peer(struct nlattr *station)
{
    struct nlattr *attributes[NL80211_STA_INFO_MAX + 1];
    struct nl80211_sta_flag_update flags;

    if (!station || nla_parse_nested(attributes, NL80211_STA_INFO_MAX, station, NULL) < 0 ||
        !attributes[NL80211_STA_INFO_STA_FLAGS] ||
        nla_len(attributes[NL80211_STA_INFO_STA_FLAGS]) < (int)sizeof(flags))
        return false;
    memcpy(&flags, nla_data(attributes[NL80211_STA_INFO_STA_FLAGS]), sizeof(flags));
    return flags.set & (1U << NL80211_STA_FLAG_TDLS_PEER);
}

bool nl80211_read_station(const struct nlmsghdr *message, int ifindex, struct wifi_network *ret)
{
    struct nlattr *attributes[NL80211_ATTR_MAX + 1];
    const struct nlattr *address;

    if (!read_answer(message, NL80211_CMD_NEW_STATION, ifindex, attributes))
        return false;
    address = attributes[NL80211_ATTR_MAC];
    if (!address || nla_len(address) != WIFI_BSSID_LENGTH ||
        is_peer(attributes[NL80211_ATTR_STA_INFO]))
        return false;
    memcpy(ret->bssid, nla_data(address), WIFI_BSSID_LENGTH);
    ret->has_bssid = true;
    return true;
}
