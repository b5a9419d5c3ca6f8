/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "connection.h"
#include "notify.h"

/*
 * The desktop's notification service, org.freedesktop.Notifications, whichever program that is.
 * What is handed to it stands until it is withdrawn or closed, also over the service's restarts.
 */
struct notify_server;

enum deed { DEED_DETAILS, DEED_CHECK, DEED_MUTE, DEED_LOGIN, N_DEED };

struct notify_server_callbacks {
    void (*ready)(void *userdata); /* it can show something now, which it could not before */
    void (*closed)(enum matter matter, void *userdata); /* by a person or by time */
    void (*invoked)(enum matter matter, enum deed deed, void *userdata);
};

/* The connection as for notify_source_new(). 0 or negative errno. */
int notify_server_new(struct notify_server **ret, struct bus_connection *connection,
                      const struct notify_server_callbacks *callbacks, void *userdata);
struct notify_server *notify_server_free(struct notify_server *server);
DEFINE_CLEANUP(struct notify_server *, notify_server_free)

void notify_server_opened(struct notify_server *server);
void notify_server_closed(struct notify_server *server);
void notify_server_message(struct notify_server *server, DBusMessage *signal);

/* There is one, and nobody wishes not to be disturbed. */
bool notify_server_can_show(const struct notify_server *server);
/* There is something to show: starts one, where the bus knows how. */
void notify_server_wake(struct notify_server *server);

/* Shows it, in the place of what stands of the matter; with a login's button or without. 0 or
 * -ENOMEM. */
int notify_server_show(struct notify_server *server, enum matter matter,
                       const struct notice *notice, bool login);
void notify_server_withdraw(struct notify_server *server, enum matter matter);

/* Is an answer awaited, without which something cannot be withdrawn? */
bool notify_server_busy(const struct notify_server *server);
