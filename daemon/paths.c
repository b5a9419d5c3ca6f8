/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The user's directories. Relative paths in the variables are ignored, as the specification says.
 */
#include "paths.h"
#include "cleanup.h"
#include "error.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *path_config(const char *name)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path;
    int length;

    if (base && *base == '/')
        length = asprintf(&path, "%s/mailroam/%s", base, name);
    else if (home && *home == '/')
        length = asprintf(&path, "%s/.config/mailroam/%s", home, name);
    else {
        errno = ENOENT;
        return NULL;
    }
    return length < 0 ? NULL : path;
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
