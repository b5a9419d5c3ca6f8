/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "client.h"

/*
 * mailroam-notify: what is published now and what was told before become notifications.
 *
 *   notify-source.c    what mailroamd publishes, read whole
 *   notify-claims.c    what of it is worth telling (pure)
 *   notify-words.c     in words for a person (pure)
 *   notify-ledger.c    what was told, on which network; its file as text (pure)
 *   notify-matters.c   which notifications are to stand (pure)
 *   notify-server.c    the desktop's notification service, which shows them
 *   notify-deeds.c     what its buttons do outside
 */

/* What a notification can be about. At most one of each stands at a time. */
enum matter {
    MATTER_PORTAL,       /* the network wants a login first */
    MATTER_MAIL_BLOCKED, /* no endpoint of an account works */
    MATTER_TAMPERING,    /* something else answers, or STARTTLS is removed */
    MATTER_PORT_BLOCKED, /* a port that is wanted, while another one works */
    MATTER_PORT_CHANGED, /* mail leaves through another port than it did last */
    N_MATTER,
};

/* The words of the ledger's file, and the keys of [Notify] in mailroam.conf(5). */
const char *matter_to_string(enum matter matter);
int matter_from_string(const char *text, enum matter *ret); /* 0 or -EINVAL */

#define WANTED_PORTS_MAX 16

struct notify_settings {
    bool kinds[N_MATTER]; /* which to tell of */
    uint16_t wanted[WANTED_PORTS_MAX];
    size_t n_wanted;
};

/* Reads mailroam.conf(5); what is wrong there is logged and skipped. 0 or -ENOMEM. */
int notify_settings_read(struct notify_settings *ret);
bool notify_settings_wants_port(const struct notify_settings *settings, uint16_t port);

/* What mailroamd publishes at one moment; the default account is the first. */
struct published {
    struct client_manager manager;
    struct client_account **accounts;
    size_t n_accounts;
};

/* How the network is called in a sentence. */
const char *network_called(const struct published *published);

/* --- notify-claims.c ---------------------------------------------------------------------------
 */

enum outlook {
    OUTLOOK_NOTHING,   /* there is nothing to be said: no network, no account */
    OUTLOOK_UNDECIDED, /* a check is under way */
    OUTLOOK_DECIDED,
};

enum outlook outlook_of(const struct published *published);

/* One thing that holds on this network. Equal details are the same thing on the same network. */
struct claim {
    enum matter matter;
    char *detail;
    const struct client_account *account;
};

struct claims {
    struct claim *items;
    size_t n;
};

/* Only for a decided outlook. The accounts are lent. 0 or -ENOMEM. */
int claims_make(const struct published *published, const struct notify_settings *settings,
                struct claims *ret);
void claims_clear(struct claims *claims);
bool claims_have(const struct claims *claims, enum matter matter, const char *detail);

/* Does the endpoint's verdict say that somebody is in between? */
bool endpoint_tampered(const struct client_endpoint *endpoint);
bool endpoint_blocked(const struct client_endpoint *endpoint);

/* --- notify-words.c ----------------------------------------------------------------------------
 */

/* What a person reads, plain text; both new. */
struct notice {
    char *summary;
    char *body;
};

/* About a matter that is claimed. 0 or -ENOMEM. */
int notice_write(const struct published *published, const struct notify_settings *settings,
                 enum matter matter, struct notice *ret);
void notice_clear(struct notice *notice);
