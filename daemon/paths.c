/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The user's directories. Relative paths in the variables are ignored, as the specification says.
 */
#include "paths.h"
#include "cleanup.h"
#include "error.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char *path_below(const char *variable, const char *beneath_home, const char *name)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    char *path;
    int length;

    if (base && *base == '/')
        length = asprintf(&path, "%s/mailroam/%s", base, name);
    else if (beneath_home && home && *home == '/')
        length = asprintf(&path, "%s/%s/mailroam/%s", home, beneath_home, name);
    else {
        errno = ENOENT;
        return NULL;
    }
    return length < 0 ? NULL : path;
}

char *path_config(const char *name)
{
    return path_below("XDG_CONFIG_HOME", ".config", name);
}

char *path_state(const char *name)
{
    return path_below("XDG_STATE_HOME", ".local/state", name);
}

char *path_runtime(const char *name)
{
    return path_below("XDG_RUNTIME_DIR", NULL, name);
}

int path_make_directories(const char *path)
{
    _cleanup_free_ char *copy = strdup(path);

    if (!copy)
        return -ENOMEM;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

char *path_program(const char *name, const char *variable)
{
    const char *told = getenv(variable);
    char here[PATH_MAX], *slash, *path = NULL;
    ssize_t length = readlink("/proc/self/exe", here, sizeof(here) - 1);

    if (told && *told)
        return strdup(told);
    here[length > 0 ? length : 0] = '\0';
    slash = strrchr(here, '/');
    if (slash) {
        if (asprintf(&path, "%.*s/%s", (int)(slash - here), here, name) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return asprintf(&path, "%s/%s", BINDIR, name) < 0 ? NULL : path;
}
