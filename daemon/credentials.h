/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "secret.h"
#include <systemd/sd-event.h>

/* Positive where there is no secret: what credentials_new() and keyring.search() answer, too. */
enum credentials_answer {
    CREDENTIALS_FOUND,
    CREDENTIALS_NONE,      /* there is none, or nobody to ask */
    CREDENTIALS_UNCHANGED, /* there is none that was wanted: see `unless` */
    CREDENTIALS_FAILED, /* there may be one; a `problem` (safe to show) says why it is not here */
};

/*
 * When what a secret comes from was changed last, by its own account, in units of its own; 0: it
 * does not say. As `unless`, which may be 0: a secret that was changed then, or of which nobody
 * knows, is not wanted, and not touched.
 */
typedef uint64_t credentials_time;

/* A search in a keyring has ended, once. The password is in the secret only where it was found. The
 * search may not be freed in it. */
typedef void (*keyring_callback)(enum credentials_answer answer, credentials_time changed,
                                 const char *problem, void *userdata);

/* A keyring, by whoever knows one: this knows no bus. */
struct keyring_search;
struct keyring {
    /* Looks for the user's password at the mail server, for `secret`, which is empty and has to
     * live as long; the callback comes from the loop. 0 or negative errno. */
    int (*search)(struct keyring_search **ret, sd_event *event, const char *server,
                  const char *user, credentials_time unless, struct secret *secret,
                  keyring_callback callback, void *userdata);
    struct keyring_search *(*free)(struct keyring_search *search); /* takes NULL, returns NULL */
};

/* Where an account's password or token comes from: PasswordCommand=, else the systemd credential
 * mailroam.NAME, else the keyring. */
struct credentials;

/* Once: the secret, which is the receiver's, or NULL. The credentials may not be freed in it. */
typedef void (*credentials_callback)(enum credentials_answer answer, struct secret *secret,
                                     credentials_time changed, const char *problem, void *userdata);

/*
 * Asks; the answer comes from the loop. 0; CREDENTIALS_NONE; CREDENTIALS_UNCHANGED; negative errno.
 * `keyring` (or NULL) is asked for a password at `server`. `settings` have to live as long.
 */
int credentials_new(struct credentials **ret, sd_event *event,
                    const struct account_settings *settings, const char *server,
                    credentials_time unless, const struct keyring *keyring,
                    credentials_callback callback, void *userdata);
struct credentials *credentials_free(struct credentials *credentials);
