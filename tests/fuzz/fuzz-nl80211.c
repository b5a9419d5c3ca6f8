/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Messages of generic netlink of any bytes but for their length: what is read of them is in bounds,
 * and the network has a name that is safe to show. The first byte chooses who sent it. */
#include "fuzz.h"
#include "watch/identity.h"
#include "watch/nl80211.h"
#include <linux/genetlink.h>
#include <linux/netlink.h>

#define FAMILY 0x1c
#define LINK   3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t salt[IDENTITY_SALT_LENGTH];
    struct nl80211_family family = {.id = FAMILY, .mlme_group = 5};
    struct identity_facts facts = {.interface = "wlan0", .wireless = true};
    char id[IDENTITY_ID_MAX], name[IDENTITY_NAME_MAX];
    _cleanup_free_ struct nlmsghdr *message = NULL;
    enum nl80211_event event;

    if (size < 1)
        return 0;
    message = malloc(NLMSG_HDRLEN + size - 1); /* no longer than it says: beyond it is a fault */
    CHECK(message);
    *message = (struct nlmsghdr){
        .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size - 1),
        .nlmsg_type = data[0] & 1 ? GENL_ID_CTRL : FAMILY,
    };
    memcpy(message + 1, data + 1, size - 1);

    event = nl80211_read_event(message, &family);
    CHECK((event == NL80211_EVENT_FAMILY) == (family.id != FAMILY || family.mlme_group != 5));
    (void)nl80211_read_interface(message, LINK, &facts.wifi);
    (void)nl80211_read_station(message, LINK, &facts.wifi);
    CHECK(facts.wifi.ssid_length <= WIFI_SSID_MAX);
    CHECK(identity_from_facts(&facts, salt, id, name) == 0);
    CHECK(strlen(id) == IDENTITY_ID_MAX - 1 && strlen(name) < IDENTITY_NAME_MAX);
    CHECK(name[0] != '\0' && text_is_safe(name));
    return 0;
}
