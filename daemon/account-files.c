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
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".account"

char *account_files_directory(void)
{
    return path_config("accounts");
}

char *account_file_path(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s" SUFFIX, directory, name) < 0 ? NULL : path;
}

/* What editors put beside a file has another ending, or begins with a dot. */
static bool is_account_file(const char *file)
{
    size_t length = strlen(file), suffix = strlen(SUFFIX);

    return length > suffix && strcmp(file + length - suffix, SUFFIX) == 0 && *file != '.';
}

static void tell_bad_name(const char *file)
{
    _cleanup_free_ char *safe = text_safe(file, strlen(file), 120);

    journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.file = safe},
            "%s: an account's name is 1 to %d characters of plain text: skipped", safe ? safe : "",
            ACCOUNT_NAME_MAX);
}

/* A file that is gone by now, or leads nowhere, is like no other. */
static int add_file(struct account_files *files, int directory, const char *file)
{
    struct account_file *items = reallocarray(files->items, files->n + 1, sizeof(*items)), *item;
    struct stat link = {0}, status = {0};

    if (!items)
        return -ENOMEM;
    files->items = items;
    item = &items[files->n];
    (void)fstatat(directory, file, &link, AT_SYMLINK_NOFOLLOW);
    (void)fstatat(directory, file, &status, 0);
    *item = (struct account_file){.name = strndup(file, strlen(file) - strlen(SUFFIX)),
                                  .link = S_ISLNK(link.st_mode),
                                  .device = status.st_dev,
                                  .inode = status.st_ino,
                                  .size = status.st_size,
                                  .changed = status.st_ctim};
    if (!item->name)
        return -ENOMEM;
    item->bad = account_name_check(item->name) < 0;
    files->n++;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct account_file *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static void closedirp(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

int account_files_list(struct account_files *ret, const struct account_files *before)
{
    _cleanup_free_ char *path = account_files_directory();
    _cleanup_(account_files_clear) struct account_files files = {NULL, 0};
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
    while (directory && r == 0 && (entry = readdir(directory)))
        if (is_account_file(entry->d_name)) {
            r = add_file(&files, dirfd(directory), entry->d_name);
            if (r == 0 && files.items[files.n - 1].bad &&
                !(before && account_files_find(before, files.items[files.n - 1].name)))
                tell_bad_name(entry->d_name);
        }
    if (r < 0)
        return r;
    if (files.n > 0) /* so that the log is the same each time */
        qsort(files.items, files.n, sizeof(*files.items), compare);
    *ret = files;
    files = (struct account_files){NULL, 0};
    return 0;
}

const struct account_file *account_files_find(const struct account_files *files, const char *name)
{
    const struct account_file key = {.name = (char *)name};

    return files->n > 0 ? bsearch(&key, files->items, files->n, sizeof(key), compare) : NULL;
}

bool account_file_same(const struct account_file *a, const struct account_file *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->inode != 0;
}

void account_files_clear(struct account_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct account_files){NULL, 0};
}

int account_file_create(const char *name, const char *text, char **ret_problem)
{
    _cleanup_free_ char *directory = account_files_directory(), *path = NULL;
    int r;

    if (!directory)
        return errno == ENOENT ? problem(ret_problem, "neither $XDG_CONFIG_HOME nor $HOME is set")
                               : -ENOMEM;
    path = account_file_path(directory, name);
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
        path = account_file_path(directory, name);
    if (!path)
        return -ENOMEM;
    if (unlink(path) < 0 && errno != ENOENT) {
        int r = -errno;

        (void)problem(ret_problem, "%s: cannot be deleted: %s", path, strerror(-r));
        return r;
    }
    return 0;
}
