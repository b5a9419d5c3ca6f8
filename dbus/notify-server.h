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

/* What it shows of a matter: the service's number, and a name for this very service on this very
 * bus. */
struct notify_shown {
    const struct notice *notice; /* NULL: nothing */
    dbus_uint32_t id;
    bool login;
};
struct notify_shown notify_server_shown(const struct notify_server *server, enum matter matter);
const char *notify_server_identity(const struct notify_server *server); /* "": there is none */
/* Has any of that changed since this was last asked? */
bool notify_server_changed(struct notify_server *server);

/* Before the bus is there: an earlier process of ours has had this shown by that service. If it is
 * still the one, it stays as it is; another one is to show it. 0 or -ENOMEM. */
int notify_server_adopt(struct notify_server *server, const char *identity, enum matter matter,
                        const struct notify_shown *shown);

/* Is an answer awaited, without which something cannot be withdrawn? */
bool notify_server_busy(const struct notify_server *server);
