/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/remark.h"
#include "judge/endpoint.h"
#include <stdbool.h>
#include <stddef.h>

struct evolution_sources; /* found/evolution.h */

/*
 * Mail accounts that are set up in other programs: read from their files, and from what Evolution's
 * registry has said. Nothing is executed, written or asked for, and what a password stands in is
 * not looked at.
 */

/* In the order in which they are believed: of two that say different things of an account, the
 * first is right. */
enum mail_client {
    MAIL_CLIENT_THUNDERBIRD,
    MAIL_CLIENT_EVOLUTION,
    MAIL_CLIENT_GNOME,
    MAIL_CLIENT_KMAIL,
    MAIL_CLIENT_GEARY,
    MAIL_CLIENT_CLAWS,
    MAIL_CLIENT_MSMTP,
    MAIL_CLIENT_NEOMUTT,
    MAIL_CLIENT_MUTT,
    MAIL_CLIENT_AERC,
    MAIL_CLIENT_HIMALAYA,
    MAIL_CLIENT_GIT,
    N_MAIL_CLIENT,
};

const char *mail_client_to_string(enum mail_client client);
int mail_client_from_string(const char *text, enum mail_client *ret); /* 0 or -EINVAL */
/* As a person writes it: "Claws Mail". */
const char *mail_client_title(enum mail_client client);

/* Which clients to look into: a bit each. */
#define MAIL_CLIENT_BIT(client) (1U << (client))
#define MAIL_CLIENTS_ALL        (MAIL_CLIENT_BIT(N_MAIL_CLIENT) - 1)

#define FOUND_ACCOUNTS_MAX 64
#define FOUND_REMARKS_MAX  256

struct found_source {
    enum mail_client client;
    char *file; /* "D-Bus NAME UID": said by the owner of NAME on the session bus */
};

/* All texts are safe to show. */
struct found_account {
    char *name;               /* for struct account_settings; the same whenever the same is found */
    char *address, *username; /* "" where nobody says */
    struct endpoint preferred;    /* port 0: the client leaves it to the default ones */
    struct found_source *sources; /* at least one, the most believed first */
    size_t n_sources;
};

struct found_remark {
    enum mail_client client;
    enum remark remark;
    char *file;
    unsigned line; /* 0: the file as such */
    char *detail;  /* what the remark is about, safe to show; "" */
};

struct found {
    struct found_account *accounts; /* in the order of the clients */
    size_t n_accounts;
    struct found_remark *remarks;
    size_t n_remarks;
    bool incomplete; /* more remarks were dropped */
    /* Whatever was looked at, there or not; a directory that was listed ends with a slash. What is
     * found may be different once one of them is. */
    char **paths;
    size_t n_paths;
};

/* Where the clients' files are. */
struct found_places {
    const char *home;   /* NULL: nowhere */
    const char *config; /* $XDG_CONFIG_HOME, or .config in the home directory; NULL */
    const char *etc;    /* "/etc" */
    const struct evolution_sources *evolution; /* its registry's; NULL: there is none */
};

/*
 * Looks into these clients. What is wrong with a file is a remark and disturbs nothing else; at
 * most FOUND_ACCOUNTS_MAX accounts are taken. 0 or -ENOMEM. found_clear() in either case.
 */
int found_look(struct found *ret, const struct found_places *places, unsigned clients);
/* Likewise, for this user: $HOME, $XDG_CONFIG_HOME, /etc; with what Evolution's registry has said,
 * or NULL. */
int found_look_here(struct found *ret, const struct evolution_sources *evolution, unsigned clients);
void found_clear(struct found *found);
