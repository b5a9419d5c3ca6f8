/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The settings files, in systemd's usual order. */
#include "settings.h"
#include "cleanup.h"
#include "config-file.h"
#include "error.h"
#include "log.h"
#include "paths.h"
#include "text.h"
#include <glob.h>
#include <stdio.h>
#include <string.h>

#define N_DIRECTORIES 3

#define CONFIRM_DEFAULT_S  (6 * 3600)
#define CONFIRM_SHORTEST_S 60 /* servers are not to be bothered more often */
#define CONFIRM_LONGEST_S  (365 * 86400)

struct file {
    const char *path;
    struct settings *settings;
};

static int log_level_from_string(const char *text)
{
    static const char *const words[] = {
        [LOG_ERR] = "err",   [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
    };

    for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
        if (strcmp(text, words[level]) == 0)
            return level;
    return -EINVAL;
}

/* "6h", "90min", "no": µs. */
static int time_span_from_string(const char *text, uint64_t *ret)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    uint64_t number, seconds;
    char *end;

    if (strcmp(text, "no") == 0 || strcmp(text, "0") == 0) {
        *ret = 0;
        return 0;
    }
    if (*text < '0' || *text > '9')
        return -EINVAL;
    number = strtoull(text, &end, 10);
    for (size_t i = 0; i < ELEMENTSOF(units); i++) {
        seconds = units[i].seconds;
        if (strcmp(end, units[i].unit) != 0 || number > CONFIRM_LONGEST_S / seconds ||
            number * seconds < CONFIRM_SHORTEST_S)
            continue;
        *ret = number * seconds * 1000000;
        return 0;
    }
    return -EINVAL;
}

static int on_entry(const char *section, const char *key, const char *value, unsigned line,
                    void *userdata)
{
    const struct file *file = userdata;
    _cleanup_free_ char *safe_key = text_safe(key, strlen(key), 80);
    _cleanup_free_ char *safe_value = text_safe(value, strlen(value), 80);

    if (!safe_key || !safe_value)
        return -ENOMEM;
    if (strcmp(section, "Mailroam") == 0 && strcmp(key, "DefaultAccount") == 0) {
        char *account = *value ? strdup(value) : NULL;

        if (*value && !account)
            return -ENOMEM;
        free(file->settings->default_account);
        file->settings->default_account = account;
    } else if (strcmp(section, "Mailroam") == 0 && strcmp(key, "LogLevel") == 0) {
        int level = log_level_from_string(value);

        if (level < 0)
            log_error("%s:%u: LogLevel=%s: expected err, warning, notice, info or debug",
                      file->path, line, safe_value);
        else
            file->settings->log_level = level;
    } else if (strcmp(section, "Mailroam") == 0 && strcmp(key, "ConfirmAfter") == 0) {
        if (time_span_from_string(value, &file->settings->confirm_us) < 0)
            log_error("%s:%u: ConfirmAfter=%s: expected no, or a time from 1min to 365d such as "
                      "90min, 6h or 2d",
                      file->path, line, safe_value);
    } else {
        log_warning("%s:%u: unknown key %s, or not in section [Mailroam]: ignored", file->path,
                    line, safe_key);
    }
    return 0;
}

/* A missing file is no answer (-ENOENT); everything else wrong with it is logged. */
static int read_file(const char *path, struct settings *settings)
{
    struct file file = {path, settings};
    unsigned line = 0;
    int r = config_file_read(path, on_entry, &file, &line);

    if (r == -EBADMSG)
        log_error("%s:%u: neither [Section] nor Key=Value", path, line);
    else if (r < 0 && r != -ENOENT && r != -ENOMEM)
        log_error("%s: cannot be read: %s", path, strerror(-r));
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

static int read_drop_ins(const char *const *directories, struct settings *settings)
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
        if (read_file(all.gl_pathv[i], settings) == -ENOMEM)
            r = -ENOMEM;
    globfree(&all);
    return r;
}

static int read_main_file(const char *const *directories, struct settings *settings)
{
    for (size_t i = 0; i < N_DIRECTORIES; i++) {
        _cleanup_free_ char *path = NULL;
        int r;

        if (!directories[i])
            continue;
        if (asprintf(&path, "%smailroam.conf", directories[i]) < 0)
            return -ENOMEM;
        r = read_file(path, settings);
        if (r != -ENOENT)
            return r;
    }
    return 0;
}

int settings_read(struct settings *ret)
{
    struct settings settings = {.log_level = LOG_INFO,
                                .confirm_us = CONFIRM_DEFAULT_S * UINT64_C(1000000)};
    _cleanup_free_ char *user = path_config("");
    const char *const directories[N_DIRECTORIES] = {user, SYSCONFDIR "/mailroam/",
                                                    LIBDIR "/mailroam/"};
    int r;

    if (!user && errno != ENOENT)
        return -ENOMEM;
    r = read_main_file(directories, &settings);
    if (r == 0)
        r = read_drop_ins(directories, &settings);
    if (r < 0) {
        settings_clear(&settings);
        return r;
    }
    *ret = settings;
    return 0;
}

void settings_clear(struct settings *settings)
{
    free(settings->default_account);
    settings->default_account = NULL;
}
