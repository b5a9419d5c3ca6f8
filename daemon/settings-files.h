/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * The files of mailroam.conf(5), which several programs have sections in. The main file is the
 * first of $XDG_CONFIG_HOME/mailroam, /etc/mailroam and the vendor's directory that has one; the
 * drop-ins of all three mailroam.conf.d/ directories follow in the order of their names, a file
 * hiding those of the same name in a later directory.
 */

#include <stddef.h>

/* Where something stands in the files, for messages. */
struct settings_place {
    const char *path;
    unsigned line;
};

/* One `key=value` of `section`; what is wrong it says itself. Returns 0, or -ENOMEM to stop. */
typedef int (*settings_entry)(const struct settings_place *place, const char *section,
                              const char *key, const char *value, void *userdata);

/* Where they stand or would stand, new, both files and directories (as follow.h wants them). 0 or
 * -ENOMEM. */
int settings_files_paths(char ***ret, size_t *ret_n);

/* Reads them all. What is wrong with a file as such is logged, and the rest counts. 0 or -ENOMEM.
 */
int settings_files_read(settings_entry entry, void *userdata);
