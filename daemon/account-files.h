/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* The account files: NAME.account in $XDG_CONFIG_HOME/mailroam/accounts. */

/* One of them, as it stood there; no two versions of it are the same in this. */
struct account_file {
    char *name; /* the account's */
    bool bad;   /* no account can have this name: the file is nobody's */
    bool link;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* In the order of their names. {NULL, 0} are none. */
struct account_files {
    struct account_file *items;
    size_t n;
};

/*
 * Lists them all. Names that are bad are said in the log, but for files that were in `before` (or
 * NULL). 0; -ENOMEM; -ENOENT where neither $XDG_CONFIG_HOME nor $HOME is set; other negative errno,
 * said in the log, where the directory cannot be read. One that is not there has no files.
 */
int account_files_list(struct account_files *ret, const struct account_files *before);
const struct account_file *account_files_find(const struct account_files *files, const char *name);
/* Whether it is the same file, and nobody has touched it. */
bool account_file_same(const struct account_file *a, const struct account_file *b);
void account_files_clear(struct account_files *files);

/* The directory, new; NULL with errno, as path_config(). */
char *account_files_directory(void);

/* The account's file in it, new; NULL without memory. */
char *account_file_path(const char *directory, const char *name);

/* Writes the account's file, and makes the directory where it is missing. 0; -EEXIST; other
 * negative errno, with a sentence in *ret_problem (caller frees) where there is one. */
int account_file_create(const char *name, const char *text, char **ret_problem);

/* Deletes it; one that is not there is no error. 0 or negative errno, as above. */
int account_file_delete(const char *name, char **ret_problem);
