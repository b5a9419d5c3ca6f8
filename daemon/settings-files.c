/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mailroam.conf and its drop-ins, in systemd's usual order, for whoever reads a section of them. */
#include "settings-files.h"
#include "cleanup.h"
#include "config-file.h"
#include "error.h"
#include "journal.h"
#include "paths.h"
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define N_DIRECTORIES 3

struct reading {
    settings_entry entry;
    void *userdata;
    const char *path; /* the present file's */
};

static int on_entry(const char *section, const char *key, const char *value, unsigned line,
                    void *userdata)
{
    const struct reading *reading = userdata;

    return reading->entry(&(struct settings_place){reading->path, line}, section, key, value,
                          reading->userdata);
}

/* A missing file is no answer (-ENOENT); everything else wrong with it is logged. */
static int read_file(const char *path, struct reading *reading)
{
    unsigned line = 0;
    int r;

    reading->path = path;
    r = config_file_read(path, on_entry, reading, &line);

    if (r == -EBADMSG)
        journal(EVENT_SETTINGS_FILE, &(struct event_facts){.file = path, .line = line},
                "%s:%u: neither [Section] nor Key=Value", path, line);
    else if (r < 0 && r != -ENOENT && r != -ENOMEM)
        journal(EVENT_SETTINGS_FILE, &(struct event_facts){.file = path}, "%s: cannot be read: %s",
                path, strerror(-r));
    return r == -ENOENT || r == -ENOMEM ? r : 0;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(base_name(*x), base_name(*y));
}

/* All drop-ins of one directory behind those of the more important ones; hidden ones left out. */
static int add_drop_ins(const char *directory, glob_t *all)
{
    _cleanup_free_ char *pattern = NULL;
    glob_t here = {0};
    int r = 0;

    if (asprintf(&pattern, "%smailroam.conf.d/*.conf", directory) < 0)
        return -ENOMEM;
    if (glob(pattern, 0, NULL, &here) == GLOB_NOSPACE)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < here.gl_pathc; i++) {
        bool hidden = false;

        for (size_t j = 0; j < all->gl_pathc; j++)
            hidden |= strcmp(base_name(all->gl_pathv[j]), base_name(here.gl_pathv[i])) == 0;
        if (!hidden && glob(here.gl_pathv[i], GLOB_APPEND | GLOB_NOCHECK, NULL, all) != 0)
            r = -ENOMEM;
    }
    globfree(&here);
    return r;
}

static int read_drop_ins(const char *const *directories, struct reading *reading)
{
    glob_t all = {0};
    int r;

    r = glob("/dev/null/none", 0, NULL, &all) == GLOB_NOSPACE ? -ENOMEM : 0;
    for (size_t i = 0; r == 0 && i < N_DIRECTORIES; i++)
        if (directories[i])
            r = add_drop_ins(directories[i], &all);
    if (r == 0 && all.gl_pathc > 0)
        qsort(all.gl_pathv, all.gl_pathc, sizeof(*all.gl_pathv), by_name);
    for (size_t i = 0; r == 0 && i < all.gl_pathc; i++)
        if (read_file(all.gl_pathv[i], reading) == -ENOMEM)
            r = -ENOMEM;
    globfree(&all);
    return r;
}

static int read_main_file(const char *const *directories, struct reading *reading)
{
    for (size_t i = 0; i < N_DIRECTORIES; i++) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!directories[i])
            continue;
        if (asprintf(&path, "%smailroam.conf", directories[i]) < 0)
            return -ENOMEM;
        r = read_file(path, reading);
        if (r != -ENOENT)
            return r;
    }
    return 0;
}

int settings_files_paths(char ***ret, size_t *ret_n)
{
    static const char *const directories[] = {SYSCONFDIR "/mailroam/", LIBDIR "/mailroam/"};
    _cleanup_free_ char *user = path_config("");
    char **paths = calloc((size_t)2 * N_DIRECTORIES, sizeof(*paths));
    bool fine = paths && (user || errno == ENOENT);
    size_t n = 0;

    for (size_t i = user ? 0 : 1; fine && i < N_DIRECTORIES; i++)
        for (int drop_ins = 0; fine && drop_ins < 2; drop_ins++) {
            fine = asprintf(&paths[n], "%smailroam.conf%s", i == 0 ? user : directories[i - 1],
                            drop_ins ? ".d/" : "") >= 0;
            n += fine;
        }
    if (fine) {
        *ret = paths;
        *ret_n = n;
        return 0;
    }
    while (n > 0)
        free(paths[--n]);
    free(paths);
    return -ENOMEM;
}

int settings_files_read(settings_entry entry, void *userdata)
{
    struct reading reading = {.entry = entry, .userdata = userdata};
    _cleanup_free_ char *user = path_config("");
    const char *const directories[N_DIRECTORIES] = {user, SYSCONFDIR "/mailroam/",
                                                    LIBDIR "/mailroam/"};
    int r;

    if (!user && errno != ENOENT)
        return -ENOMEM;
    r = read_main_file(directories, &reading);
    return r < 0 ? r : read_drop_ins(directories, &reading);
}
