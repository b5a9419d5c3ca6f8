/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/choose.h"
#include "judge/endpoint.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * What the user has said of one mail account: mailroam.account(5). The same keys come from a file
 * and from AddAccount() on the bus, through one function.
 */

enum login_check { LOGIN_CHECK_NO, LOGIN_CHECK_ONCE_PER_NETWORK };

/* Where an account is set up. */
struct account_source {
    char *client; /* ACCOUNT_FILE, or another program's word (found/found.h) */
    char *file;
};

#define ACCOUNT_FILE "account-file"

struct account_settings {
    char *name;             /* the file's, without .account */
    bool disabled;          /* Enabled=no: there is no such account, nor one that is found */
    char *address;          /* never NULL once complete */
    char *username;         /* default: the address */
    char *password_command; /* NULL: none */
    char *mechanisms;       /* NULL: the best offered */
    char *ca_file, *pin;    /* NULL: none */
    enum login_check login_check;
    enum minimum_security minimum;
    char **servers;         /* NULL-terminated, in order of preference */
    struct endpoint *ports; /* as in Endpoints=, hosts empty; NULL: the default ones */
    size_t n_ports;
    struct endpoint *endpoints; /* once complete: every server with every port */
    size_t n_endpoints;
    struct account_source *sources; /* none: it is not set up yet */
    size_t n_sources;
};

#define ACCOUNT_ENDPOINTS_MAX 64
#define ACCOUNT_NAME_MAX      64

enum { ACCOUNT_UNKNOWN_KEY = 1 };

/* 0; -EINVAL where no account can have this name: 1 to 64 bytes of text without '/', not beginning
 * with a dot. */
int account_name_check(const char *name);

/* For an account of this name, empty. NULL without memory. */
struct account_settings *account_settings_new(const char *name);
struct account_settings *account_settings_free(struct account_settings *settings);

/*
 * Takes one key. 0; ACCOUNT_UNKNOWN_KEY; -EINVAL with what was expected in *ret_problem ("expected
 * a number ..."; caller frees); -ENOMEM.
 */
int account_settings_set(struct account_settings *settings, const char *key, const char *value,
                         char **ret_problem);

/* All keys are in: fills defaults and endpoints. 0; -EINVAL as above; -ENOMEM. */
int account_settings_complete(struct account_settings *settings, char **ret_problem);

/* One more place where it is set up. 0 or -ENOMEM. */
int account_settings_add_source(struct account_settings *settings, const char *client,
                                const char *file);

/* Whether it is set up in other programs only. */
bool account_settings_are_found(const struct account_settings *settings);

/* Whatever their sources. */
bool account_settings_equal(const struct account_settings *a, const struct account_settings *b);

/*
 * Reads NAME.account in `directory`. Unknown keys are logged and skipped; bad values are logged
 * with file, line, key and what was expected. 0; -EINVAL where the account cannot be used (said in
 * the log); other negative errno where the file cannot be read (said too).
 */
int account_settings_read(struct account_settings **ret, const char *directory, const char *name);
