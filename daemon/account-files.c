/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which accounts there are, as files; what is in them is account-settings.c's. */
#include "account-files.h"
#include "account-settings.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "journal.h"
#include "paths.h"
#include "text.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".account"

char *account_files_directory(void)
{
    return path_config("accounts");
}

static char *path_of(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s" SUFFIX, directory, name) < 0 ? NULL : path;
}

/* The account's name from the name of its file, new, in *ret; NULL where it is no account's. */
static int name_of_file(const char *file, char **ret)
{
    size_t length = strlen(file), suffix = strlen(SUFFIX);

    *ret = NULL;
    if (length <= suffix || strcmp(file + length - suffix, SUFFIX) != 0 || *file == '.')
        return 0;
    *ret = strndup(file, length - suffix);
    if (!*ret)
        return -ENOMEM;
    if (account_name_check(*ret) < 0) {
        _cleanup_free_ char *safe = text_safe(file, length, 120);

        journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.file = safe},
                "%s: an account's name is 1 to %d characters of plain text: skipped",
                safe ? safe : "", ACCOUNT_NAME_MAX);
        free(*ret);
        *ret = NULL;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static void closedirp(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

int account_files_list(struct account_names *ret)
{
    _cleanup_free_ char *path = account_files_directory();
    _cleanup_(account_names_clear) struct account_names names = {NULL, 0};
    _cleanup_(closedirp) DIR *directory = path ? opendir(path) : NULL;
    struct dirent *entry;
    int r = 0;

    if (!path)
        return -errno;
    if (!directory && errno != ENOENT) {
        r = -errno;
        journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.file = path}, "%s: cannot be read: %s",
                path, strerror(-r));
        return r;
    }
    while (directory && r == 0 && (entry = readdir(directory))) {
        char *name, **items;

        r = name_of_file(entry->d_name, &name);
        if (r < 0 || !name)
            continue;
        items = reallocarray(names.items, (size_t)names.n + 1, sizeof(*items));
        if (!items) {
            free(name);
            return -ENOMEM;
        }
        names.items = items;
        names.items[names.n++] = name;
    }
    if (r < 0)
        return r;
    if (names.n > 0) /* so that the log is the same each time */
        qsort(names.items, (size_t)names.n, sizeof(*names.items), compare);
    ret->n = names.n;
    ret->items = TAKE(names.items);
    return 0;
}

bool account_names_have(const struct account_names *names, const char *name)
{
    for (int i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

void account_names_clear(struct account_names *names)
{
    for (int i = 0; names->items && i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct account_names){NULL, 0};
}

int account_file_create(const char *name, const char *text, char **ret_problem)
{
    _cleanup_free_ char *directory = account_files_directory(), *path = NULL;
    int r;

    if (!directory)
        return errno == ENOENT ? problem(ret_problem, "neither $XDG_CONFIG_HOME nor $HOME is set")
                               : -ENOMEM;
    path = path_of(directory, name);
    if (!path)
        return -ENOMEM;
    if (access(path, F_OK) == 0)
        return -EEXIST;
    r = path_make_directories(directory);
    if (r == 0)
        r = file_write(path, text, strlen(text));
    if (r < 0)
        (void)problem(ret_problem, "%s: cannot be written: %s", path, strerror(-r));
    return r;
}

int account_file_delete(const char *name, char **ret_problem)
{
    _cleanup_free_ char *directory = account_files_directory(), *path = NULL;

    if (directory)
        path = path_of(directory, name);
    if (!path)
        return -ENOMEM;
    if (unlink(path) < 0 && errno != ENOENT) {
        int r = -errno;

        (void)problem(ret_problem, "%s: cannot be deleted: %s", path, strerror(-r));
        return r;
    }
    return 0;
}
