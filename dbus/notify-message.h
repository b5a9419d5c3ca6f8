/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "notify-server.h"

/* The Desktop Notifications Specification's names. */
#define SERVER      "org.freedesktop.Notifications"
#define SERVER_PATH "/org/freedesktop/Notifications"

/* Of the capabilities that a server has, those that matter here. */
struct notify_abilities {
    bool body, markup, actions;
};

/* The call that has the server `owner` show the notice in the place of number `replaces` (0: of
 * none), with a login's button or without. NULL without memory. */
DBusMessage *notify_message_new(const char *owner, const struct notify_abilities *abilities,
                                dbus_uint32_t replaces, enum matter matter,
                                const struct notice *notice, bool login);

/* What a button of it asks for, by the key that the server gives; N_DEED: none of ours. */
enum deed notify_deed_from_key(const char *key);
