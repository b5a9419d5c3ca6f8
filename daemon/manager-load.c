/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From files to accounts: the user's own, and those found in other programs where no own file
 * stands before them. What is in line already is left alone; what no file tells of any more goes.
 * A file that cannot be understood changes nothing of what runs.
 *
 * Own files are followed, as everybody expects who has changed one, and loaded as soon as nobody is
 * at work on them any more. What is wrong with a file is told when that file has changed, and not
 * when another one has.
 */
#include "account-files.h"
#include "cleanup.h"
#include "error.h"
#include "found/adopt.h"
#include "journal.h"
#include "log.h"
#include "manager-internal.h"
#include "paths.h"
#include "settings-files.h"
#include "text.h"
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

        overrides_remove(&manager->overrides, name);
        return overrides_add(&manager->overrides, name,
                             account ? account_settings(account)->address : NULL);
    }
    overrides_remove(&manager->overrides, name);
    r = overrides_add(&manager->overrides, name, settings->address);
    if (r == 0 && !settings->disabled)
        r = settle(manager, &settings);
    else if (r == 0 && manager_find(manager, name))
        manager_drop(manager, manager_place_of(manager, name));
    return r;
}

/* Follows these, which it frees, `n` of them or fewer: then there was no memory. */
static int follow_paths(struct follow *follow, char **paths, size_t n)
{
    size_t there = 0;
    int r;

    while (paths && there < n && paths[there])
        there++;
    r = paths && there == n ? follow_set_paths(follow, (const char *const *)paths, n) : -ENOMEM;
    while (there > 0)
        free(paths[--there]);
    free(paths);
    return r;
}

/* The directory, and the files that are links: those change elsewhere. */
static int follow_files(struct manager *manager, const char *directory,
                        const struct account_files *files)
{
    char **paths = calloc(files->n + 1, sizeof(*paths));
    size_t n = 0;

    if (paths)
        paths[n++] = path_config("accounts/");
    for (size_t i = 0; paths && i < files->n; i++)
        if (files->items[i].link)
            paths[n++] = account_file_path(directory, files->items[i].name);
    return follow_paths(manager->follow_files, paths, n);
}

/* An editor may be about to put a file in the place of the one that it has just moved away: so,
 * unless it is to be at once, the first look at what is gone only leads to a second one. */
static void drop_missing(struct manager *manager, const struct account_files *files, bool at_once)
{
    bool missing = false;

    for (size_t i = manager->overrides.n; i-- > 0;) {
        const char *name = overrides_name(&manager->overrides, i);
        size_t at = manager_place_of(manager, name);

        if (account_files_find(files, name))
            continue;
        missing |= !at_once;
        if (!at_once)
            continue;
        if (manager_find(manager, name) && !manager_has_found(manager, at))
            manager_drop(manager, at);
        overrides_remove(&manager->overrides, name);
    }
    if (missing)
        follow_again(manager->follow_files);
    manager->missed = missing;
}

/*
 * Loads all files, or those that are others than when they were read last, and lets the accounts go
 * that have none any more. A directory that cannot be read says nothing. 0 or -ENOMEM.
 */
static int load_files(struct manager *manager, bool all)
{
    _cleanup_free_ char *directory = account_files_directory();
    _cleanup_(account_files_clear) struct account_files files = {NULL, 0};
    int r = directory ? account_files_list(&files, all ? NULL : &manager->files) : -errno;

    if (r < 0)
        return r == -ENOMEM ? r : 0;
    r = follow_files(manager, directory, &files);
    for (size_t i = 0; r == 0 && i < files.n; i++) {
        const struct account_file *file = &files.items[i];
        const struct account_file *last = account_files_find(&manager->files, file->name);

        /* An empty one is about to be written, and then it is another one. */
        if (!file->bad && (all || (file->size > 0 && !(last && account_file_same(file, last)))))
            r = manager_load_account(manager, directory, file->name);
    }
    if (r < 0)
        return r;
    drop_missing(manager, &files, all || manager->missed);
    account_files_clear(&manager->files);
    manager->files = files;
    files = (struct account_files){NULL, 0};
    return 0;
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

static int load_settings(struct manager *manager)
{
    struct settings settings;
    int r = settings_read(&settings);

    if (r < 0)
        return r;
    settings_clear(&manager->settings);
    manager->settings = settings;
    log_set_level(settings.log_level);
    manager->circumstances.cost.confirm_us = settings.confirm_us;
    for (size_t i = 0; i < manager->n_accounts; i++)
        account_set_circumstances(manager->accounts[i], &manager->circumstances);
    return 0;
}

static void log_unknown_default(const char *name)
{
    _cleanup_free_ char *safe = text_safe(name, strlen(name), 80);

    journal(EVENT_UNKNOWN_SETTING, NULL,
            "mailroam.conf: DefaultAccount=%s: there is no such account", safe ? safe : "");
}

/* Takes up what is found; also where an own file stands, or no longer, in place of it. */
static void take_up_found(struct manager *manager, bool own)
{
    _cleanup_free_ char *before = strdup(manager_default_name(manager));
    int r = before ? 0 : -ENOMEM;

    if (r == 0 && own)
        r = load_files(manager, false);
    if (r == 0)
        r = manager_load_found(manager);
    if (r < 0)
        log_error("Cannot take up changed accounts: %s", strerror(-r));
    manager_announce(manager, before ? before : "");
}

/* Other programs' files have changed. */
static void on_found(void *userdata)
{
    take_up_found(userdata, false);
}

static void on_files(void *userdata)
{
    take_up_found(userdata, true);
}

static int load(struct manager *manager, bool all)
{
    _cleanup_free_ char *before = strdup(manager_default_name(manager));
    const char *wanted;
    int r;

    if (!before)
        return -ENOMEM;
    r = load_settings(manager);
    if (r == 0)
        r = load_files(manager, all);
    if (r == 0)
        r = finder_look(manager->finder, manager->settings.clients);
    if (r == 0)
        r = manager_load_found(manager);
    wanted = manager->settings.default_account;
    if (wanted && !manager_find(manager, wanted))
        log_unknown_default(wanted);
    manager->loaded = true;
    manager_announce(manager, before);
    return r;
}

int manager_load(struct manager *manager)
{
    return load(manager, true);
}

static void on_settings(void *userdata)
{
    int r = load(userdata, false);

    if (r < 0)
        log_error("not all files could be read again: %s", strerror(-r));
}

int manager_follow(struct manager *manager)
{
    static const struct account_files none = {NULL, 0};
    _cleanup_free_ char *directory = account_files_directory();
    char **paths = NULL;
    size_t n = 0;
    int r = finder_new(&manager->finder, manager->event, on_found, manager);

    if (r == 0)
        r = follow_new_settling(&manager->follow_files, manager->event, "account files", on_files,
                                manager);
    if (r == 0)
        r = follow_new_settling(&manager->follow_settings, manager->event, "mailroam.conf",
                                on_settings, manager);
    if (r == 0)
        r = settings_files_paths(&paths, &n);
    if (r == 0)
        r = follow_paths(manager->follow_settings, paths, n);
    if (r == 0 && directory)
        r = follow_files(manager, directory, &none);
    return r;
}
