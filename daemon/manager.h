/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account.h"
#include "found/found.h"
#include "found/registry.h"
#include "settings.h"
#include "surroundings.h"
#include "watch/clock.h"

/*
 * All accounts on the present network: reads them from their files, tells them of the network,
 * names the default one; keeps the memory of networks. Says what changes to one listener and knows
 * nothing of the bus.
 */
struct manager;

enum manager_change {
    MANAGER_NETWORK = 1 << 0,
    MANAGER_ACCOUNTS = 1 << 1,
    MANAGER_DEFAULT = 1 << 2, /* another default account */
    MANAGER_PORTAL = 1 << 3,  /* another portal's address */
};

struct manager_listener {
    void (*changed)(struct manager *manager, unsigned changes, void *userdata);
    /* An account has come (0, or negative errno to refuse it), or is about to go. */
    int (*added)(struct account *account, void *userdata);
    void (*removed)(struct account *account, void *userdata);
    struct account_listener account;
};

/* Follows the network from now on; accounts come with manager_load(). 0 or negative errno. */
int manager_new(struct manager **ret, sd_event *event, const struct manager_listener *listener,
                void *userdata);
struct manager *manager_free(struct manager *manager);

/* Before the first manager_load(): where sources of Evolution are also told. */
void manager_set_registry(struct manager *manager, const struct registry *registry);

/*
 * Reads settings and account files (again): accounts come, go and change accordingly, the others
 * stay as they are. Problems in files are logged, and their accounts keep what they had before. 0
 * or -ENOMEM.
 */
int manager_load(struct manager *manager);

/* The surroundings are these now; `changes` (surroundings_change) to what they were. */
void manager_surroundings(struct manager *manager, const struct surroundings *surroundings,
                          unsigned changes);

/* The clock was set, or the machine has slept. */
void manager_clock(struct manager *manager, const struct clock_news *news);

/* For the login at this network's portal (RFC 8910), safe to show; "" where none is known. */
const char *manager_portal_url(const struct manager *manager);

const struct network *manager_network(const struct manager *manager);
/* Whether the network was known before this visit. */
bool manager_network_known(const struct manager *manager);
/* `struct memory_trip`, the most recent first. */
const struct memory_list *manager_trips(const struct manager *manager);
/* As memory_forget(). */
int manager_forget(struct manager *manager, const char *network_id);
/* Sorted by name; NULL at the end. */
struct account *const *manager_accounts(const struct manager *manager);
struct account *manager_find(const struct manager *manager, const char *name); /* or NULL */
struct account *manager_default(const struct manager *manager);                /* or NULL */

/* Who logs in for the accounts. */
struct logins *manager_logins(const struct manager *manager);

/* Of the default account; unconfigured without one. */
enum state manager_state(const struct manager *manager);

/*
 * Writes the account's file from complete settings given as `text` (whole file) and takes the
 * account up. 0; -EEXIST; other negative errno, with a sentence in *ret_problem (caller frees)
 * where there is one.
 */
int manager_add(struct manager *manager, const char *name, const char *text, char **ret_problem);

/* Deletes the account's file and lets the account go. 0; -EPERM for one that is set up in another
 * program; other negative errno; as above. */
int manager_remove(struct manager *manager, struct account *account, char **ret_problem);

/* What was found in other programs, whether it was taken up or not. */
const struct found *manager_found(const struct manager *manager);

/* The name of the user's own account file that stands in place of this one, or NULL. */
const char *manager_override(const struct manager *manager, const struct found_account *account);
