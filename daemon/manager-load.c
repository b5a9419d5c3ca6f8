/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From files to accounts: the user's own, and those found in other programs where no own file
 * stands before them. What is in line already is left alone; what no file tells of any more goes.
 * A file that cannot be understood changes nothing of what runs.
 */
#include "account-files.h"
#include "cleanup.h"
#include "error.h"
#include "found/adopt.h"
#include "journal.h"
#include "manager-internal.h"
#include <string.h>

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

/* Brings the account of this name into line with its settings, which it may take over. */
static int settle(struct manager *manager, struct account_settings **settings)
{
    struct account *account = manager_find(manager, (*settings)->name);
    int r;

    if (!account) {
        _cleanup_free_ char *name = strdup((*settings)->name);

        if (!name)
            return -ENOMEM;
        r = manager_take_up(manager, settings);
        if (r < 0 && r != -ENOMEM)
            journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.account = name},
                    "cannot be published: %s", strerror(-r));
        return r == -ENOMEM ? r : 0;
    }
    if (account_settings_equal(account_settings(account), *settings)) {
        account_set_sources(account, *settings);
        return 0;
    }
    r = account_set_settings(account, *settings);
    if (r == 0)
        *settings = NULL;
    return r;
}

int manager_load_account(struct manager *manager, const char *directory, const char *name)
{
    _cleanup_(account_settings_freep) struct account_settings *settings = NULL;
    int r = account_settings_read(&settings, directory, name);

    if (r == -ENOMEM)
        return r;
    if (r < 0) { /* said already; what runs of the user's own goes on */
        const struct account *account = manager_find(manager, name);

        return overrides_add(&manager->overrides, name,
                             account ? account_settings(account)->address : NULL);
    }
    r = overrides_add(&manager->overrides, name, settings->address);
    if (r == 0 && !settings->disabled)
        r = settle(manager, &settings);
    else if (r == 0 && manager_find(manager, name))
        manager_drop(manager, manager_place_of(manager, name));
    return r;
}

int manager_load_files(struct manager *manager)
{
    _cleanup_free_ char *directory = account_files_directory();
    _cleanup_(account_names_clear) struct account_names names = {NULL, 0};
    int r = directory ? account_files_list(&names) : -errno;

    if (r < 0)
        return r == -ENOMEM ? r : 0;
    overrides_clear(&manager->overrides);
    for (int i = 0; r == 0 && i < names.n; i++)
        r = manager_load_account(manager, directory, names.items[i]);
    for (size_t at = manager->n_accounts; r == 0 && at-- > 0;)
        if (!manager_has_found(manager, at) &&
            !account_names_have(&names, account_settings(manager->accounts[at])->name))
            manager_drop(manager, at);
    return r;
}

static bool finds(const struct manager *manager, const char *name)
{
    const struct found *found = finder_found(manager->finder);

    for (size_t i = 0; i < found->n_accounts; i++)
        if (strcmp(found->accounts[i].name, name) == 0)
            return !overrides_find(&manager->overrides, &found->accounts[i]);
    return false;
}

int manager_load_found(struct manager *manager)
{
    const struct found *found = finder_found(manager->finder);
    int r = 0;

    for (size_t at = manager->n_accounts; at-- > 0;)
        if (manager_has_found(manager, at) &&
            !finds(manager, account_settings(manager->accounts[at])->name))
            manager_drop(manager, at);
    for (size_t i = 0; r == 0 && i < found->n_accounts; i++) {
        _cleanup_(account_settings_freep) struct account_settings *settings = NULL;

        if (overrides_find(&manager->overrides, &found->accounts[i]))
            continue;
        r = found_adopt(&found->accounts[i], &settings);
        if (r == 0)
            r = settle(manager, &settings);
        else if (r != -ENOMEM)
            r = 0; /* no settings can be made of it: it stays among what was found */
    }
    return r;
}
