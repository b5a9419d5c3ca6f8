/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * nl80211 on the event loop: notifications that say when to ask, and asking.
 *
 * Always: a notification is only a bell, and what is lost rings it; each question has a new socket
 * that does not block (the kernel has answered when it has taken the question, so there is nothing
 * to wait for).
 *
 * Refused: to look the family up by its name. Where it is absent the kernel loads the module for
 * whoever asks, and a wired machine has no use for it. A dump of all families loads nothing, and
 * the controller says when one comes.
 */
#include "watch/wifi.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/kernel.h"

#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/errno.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/epoll.h>

#define DRAIN_MAX     256 /* messages a turn; the loop has other work, too */
#define DUMP_ATTEMPTS 5   /* of a list of stations that changes meanwhile */

struct wifi {
    struct nl_sock *notifications;
    sd_event_source *readable;
    struct nl80211_family family;
    bool rang; /* since the callback was called last */
    wifi_callback callback;
    void *userdata;
};

/* What one link is asked about itself. */
struct question {
    int ifindex;
    bool client; /* of an access point, or ready to be one */
    struct wifi_network network;
};

DEFINE_CLEANUP(struct wifi *, wifi_free)
DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

/* Sends one request over a socket of its own and hands each answer to `callback`. 0 or a negative
 * NLE_*. */
static int ask(uint16_t family, uint8_t command, int flags, int ifindex,
               nl_recvmsg_msg_cb_t callback, void *userdata)
{
    _cleanup_(nl_socket_freep) struct nl_sock *socket = nl_socket_alloc();
    _cleanup_(nlmsg_freep) struct nl_msg *message = nlmsg_alloc();
    int r;

    if (!socket || !message ||
        !genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command, 1))
        return -NLE_NOMEM;
    r = ifindex > 0 ? nla_put_u32(message, NL80211_ATTR_IFINDEX, (uint32_t)ifindex) : 0;
    if (r >= 0)
        r = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, callback, userdata);
    if (r >= 0)
        r = nl_connect(socket, NETLINK_GENERIC);
    if (r >= 0)
        r = nl_socket_set_nonblocking(socket);
    if (r >= 0)
        r = nl_send_auto(socket, message);
    if (r >= 0)
        r = nl_recvmsgs_default(socket);
    return r < 0 ? r : 0;
}

/* --- links ---------------------------------------------------------------------------------------
 */

static int on_interface(struct nl_msg *message, void *userdata)
{
    struct question *question = userdata;

    question->client =
        nl80211_read_interface(nlmsg_hdr(message), question->ifindex, &question->network);
    return NL_OK;
}

static int on_station(struct nl_msg *message, void *userdata)
{
    struct question *question = userdata;

    (void)nl80211_read_station(nlmsg_hdr(message), question->ifindex, &question->network);
    return NL_OK;
}

/* Not every driver tells whom it talks to: then there is no BSSID. 0 or -ENOMEM. */
static int read_bssid(const struct wifi *wifi, struct question *question)
{
    int r = -NLE_DUMP_INTR;

    for (int i = 0; i < DUMP_ATTEMPTS && r == -NLE_DUMP_INTR; i++) {
        question->network.has_bssid = false;
        r = ask(wifi->family.id, NL80211_CMD_GET_STATION, NLM_F_DUMP, question->ifindex, on_station,
                question);
    }
    return r == -NLE_NOMEM ? -ENOMEM : 0;
}

int wifi_read(struct wifi *wifi, int ifindex, struct wifi_network *ret)
{
    struct question question = {.ifindex = ifindex};
    int r;

    if (wifi->family.id == 0)
        return WIFI_WIRED;
    r = ask(wifi->family.id, NL80211_CMD_GET_INTERFACE, 0, ifindex, on_interface, &question);
    switch (-r) {
    case NLE_NODEV:
    case NLE_INVAL:
    case NLE_OPNOTSUPP:
    case NLE_OBJ_NOTFOUND: /* the family has gone */
        return WIFI_WIRED;
    default:
        break;
    }
    if (r < 0)
        return kernel_errno(r);
    if (question.client && question.network.ssid_length > 0) {
        r = read_bssid(wifi, &question);
        if (r < 0)
            return r;
    }
    *ret = question.network;
    return 0;
}

/* --- notifications -------------------------------------------------------------------------------
 */

/* In the answers to the dump of families as well as in notifications. */
static int on_message(struct nl_msg *message, void *userdata)
{
    struct wifi *wifi = userdata;
    int r;

    switch (nl80211_read_event(nlmsg_hdr(message), &wifi->family)) {
    case NL80211_EVENT_NONE:
        break;
    case NL80211_EVENT_FAMILY:
        /* When a family goes, the kernel leaves its groups for us. */
        r = wifi->family.mlme_group > 0
                ? nl_socket_add_membership(wifi->notifications, (int)wifi->family.mlme_group)
                : 0;
        if (r < 0)
            log_debug("Cannot follow Wi-Fi: %s", nl_geterror(r));
        wifi->rang = true;
        break;
    case NL80211_EVENT_ASSOCIATION:
        wifi->rang = true;
        break;
    }
    return NL_OK;
}

/* Which families there are. One that has gone is heard of, or answers no question any more. */
static int read_families(struct wifi *wifi)
{
    int r = -NLE_DUMP_INTR;

    for (int i = 0; i < DUMP_ATTEMPTS && r == -NLE_DUMP_INTR; i++)
        r = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_DUMP, 0, on_message, wifi);
    return kernel_errno(r);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct wifi *wifi = userdata;
    bool lost = false;
    int r = 0;

    for (int i = 0; i < DRAIN_MAX && r != -NLE_AGAIN; i++) {
        r = nl_recvmsgs_default(wifi->notifications);
        lost |= r < 0 && r != -NLE_AGAIN; /* -NLE_NOMEM: ENOBUFS, the queue was full */
    }
    if (lost) {
        r = read_families(wifi);
        if (r < 0)
            log_debug("Cannot read which netlink families there are: %s", strerror(-r));
        wifi->rang = true;
    }
    if (wifi->rang) {
        wifi->rang = false;
        wifi->callback(wifi->userdata); /* last: it may free this */
    }
    return 0;
}

static int subscribe(struct wifi *wifi)
{
    int r;

    wifi->notifications = nl_socket_alloc();
    if (!wifi->notifications)
        return -ENOMEM;
    nl_socket_disable_seq_check(wifi->notifications); /* what nobody asked for has no number */
    r = nl_socket_modify_cb(wifi->notifications, NL_CB_VALID, NL_CB_CUSTOM, on_message, wifi);
    if (r >= 0)
        r = nl_connect(wifi->notifications, NETLINK_GENERIC);
    if (r >= 0)
        r = nl_socket_set_nonblocking(wifi->notifications);
    if (r >= 0) /* the controller's group "notify" has its family's number (genetlink.c) */
        r = nl_socket_add_membership(wifi->notifications, GENL_ID_CTRL);
    return kernel_errno(r);
}

int wifi_new(struct wifi **ret, sd_event *event, wifi_callback callback, void *userdata)
{
    _cleanup_(wifi_freep) struct wifi *wifi = calloc(1, sizeof(*wifi));
    int r;

    if (!wifi)
        return -ENOMEM;
    wifi->callback = callback;
    wifi->userdata = userdata;
    r = subscribe(wifi);
    if (r < 0)
        return r;
    r = sd_event_add_io(event, &wifi->readable, nl_socket_get_fd(wifi->notifications), EPOLLIN,
                        on_readable, wifi);
    if (r < 0)
        return r;
    r = read_families(wifi); /* after joining: nothing falls between the two */
    if (r < 0)
        return r;
    wifi->rang = false;
    *ret = TAKE(wifi);
    return 0;
}

struct wifi *wifi_free(struct wifi *wifi)
{
    if (!wifi)
        return NULL;
    sd_event_source_disable_unref(wifi->readable);
    nl_socket_free(wifi->notifications);
    free(wifi);
    return NULL;
}
