/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-files.h"
#include "found/finder.h"
#include "found/overrides.h"
#include "logins.h"
#include "manager.h"
#include "targets.h"
#include "watch/follow.h"

/* What manager.c, which has the accounts, and manager-load.c, which loads them, share. */

struct manager {
    sd_event *event;
    const struct manager_listener *listener;
    void *userdata;
    struct memory *memory;
    struct logins *logins;
    struct watch *watch;
    struct asker *asker;             /* for the watch */
    struct way_out last_way;         /* of the network we are on, or were on last */
    char network_id[NETWORK_ID_MAX]; /* that was told last */
    struct settings settings;
    struct circumstances circumstances;
    struct surroundings surroundings;
    char portal_url[PORTAL_URL_MAX];
    uint64_t woken_at;         /* µs of CLOCK_BOOTTIME: when logind last said so */
    bool loaded;               /* the files have been read once */
    struct account **accounts; /* NULL-terminated */
    size_t n_accounts;
    struct finder *finder;                         /* accounts of other programs */
    struct overrides overrides;                    /* own files before them */
    struct account_files files;                    /* as they were read last */
    struct follow *follow_files, *follow_settings; /* NULL: no means to */
    bool missed;                                   /* some file was not there when last looked */
    unsigned changes;                              /* not announced yet */
    struct targets targets;
    struct turns *turns; /* of the accounts, to check */
};

/* The place of the account of this name, or where it would stand. */
size_t manager_place_of(const struct manager *manager, const char *name);

/* Whether the account at this place comes from another program. */
bool manager_has_found(const struct manager *manager, size_t at);

/* A new account from its settings, which it takes over on success. 0 or negative errno. */
int manager_take_up(struct manager *manager, struct account_settings **settings);

/* Lets the account at this place go; those behind it move up. */
void manager_drop(struct manager *manager, size_t at);

/* Brings the account of this name into line with its file. 0 or -ENOMEM. */
int manager_load_account(struct manager *manager, const char *directory, const char *name);

/* Takes up what is found, as far as no file of the user's own stands in its place, and lets go what
 * is found no more. 0 or -ENOMEM. */
int manager_load_found(struct manager *manager);

/* Follows all files, own and others, from now on: what changes is loaded. 0 or negative errno. */
int manager_follow(struct manager *manager);

/* Tells the listener what a change of the accounts came to; `before` named the default one. */
const char *manager_default_name(const struct manager *manager); /* "" without accounts */
void manager_announce(struct manager *manager, const char *before);
