/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "secret.h"
#include <systemd/sd-event.h>

/* A search in a keyring has ended, once: the password is in the secret; or `problem` says why not
 * (safe to show); or neither, as there is none. The search may not be freed in it. */
typedef void (*keyring_callback)(bool found, const char *problem, void *userdata);

/* A keyring, by whoever knows one: this knows no bus. */
struct keyring_search;
struct keyring {
    /* Looks for the user's password at the mail server, for `secret`, which is empty and has to
     * live as long; the callback comes from the loop. 0 or negative errno. */
    int (*search)(struct keyring_search **ret, sd_event *event, const char *server,
                  const char *user, struct secret *secret, keyring_callback callback,
                  void *userdata);
    struct keyring_search *(*free)(struct keyring_search *search); /* takes NULL, returns NULL */
};

/* Where an account's password or token comes from: PasswordCommand=, else the systemd credential
 * mailroam.NAME, else the keyring. */
struct credentials;

/* Answers of credentials_new(). */
enum { CREDENTIALS_NONE = 1 };

/* It is there, and the receiver's; or `problem` says why not (safe to show); or neither, as the
 * keyring has none. Once; the credentials may not be freed in it. */
typedef void (*credentials_callback)(struct secret *secret, const char *problem, void *userdata);

/*
 * Asks; the answer comes from the loop. 0; CREDENTIALS_NONE where there is nobody to ask;
 * negative errno. `keyring` (or NULL) is asked for a password at `server`. `settings` have to live
 * as long.
 */
int credentials_new(struct credentials **ret, sd_event *event,
                    const struct account_settings *settings, const char *server,
                    const struct keyring *keyring, credentials_callback callback, void *userdata);
struct credentials *credentials_free(struct credentials *credentials);
