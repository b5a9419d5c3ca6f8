/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "secret.h"
#include <systemd/sd-event.h>

/* Where an account's password or token comes from: PasswordCommand=, else the systemd credential
 * mailroam.NAME. */
struct credentials;

/* Answers of credentials_new(). */
enum { CREDENTIALS_NONE = 1 };

/* It is there, and the receiver's; or `problem` says why not (safe to show). Once; the credentials
 * may not be freed in it. */
typedef void (*credentials_callback)(struct secret *secret, const char *problem, void *userdata);

/*
 * Asks; the answer comes from the loop. 0; CREDENTIALS_NONE where nothing says where to ask;
 * negative errno. `settings` have to live as long.
 */
int credentials_new(struct credentials **ret, sd_event *event,
                    const struct account_settings *settings, credentials_callback callback,
                    void *userdata);
struct credentials *credentials_free(struct credentials *credentials);
