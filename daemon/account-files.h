/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* The account files: NAME.account in $XDG_CONFIG_HOME/mailroam/accounts. */

/* The names of all accounts that have a file. */
struct account_names {
    char **items;
    int n;
};

/*
 * 0; -ENOMEM; -ENOENT where neither $XDG_CONFIG_HOME nor $HOME is set; other negative errno, said
 * in the log, where the directory cannot be read. One that is not there has no files.
 */
int account_files_list(struct account_names *ret);
bool account_names_have(const struct account_names *names, const char *name);
void account_names_clear(struct account_names *names);

/* The directory, new; NULL with errno, as path_config(). */
char *account_files_directory(void);

/* Writes the account's file, and makes the directory where it is missing. 0; -EEXIST; other
 * negative errno, with a sentence in *ret_problem (caller frees) where there is one. */
int account_file_create(const char *name, const char *text, char **ret_problem);

/* Deletes it; one that is not there is no error. 0 or negative errno, as above. */
int account_file_delete(const char *name, char **ret_problem);
