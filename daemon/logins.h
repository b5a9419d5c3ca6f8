/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account.h"
#include "credentials.h"

/*
 * Logs in for accounts: fetches the secret, has a probe use it at the endpoint that works, and
 * keeps the book (login-book.h) that says whether it may. The secret is in locked memory, goes to
 * the probe alone, and is wiped as soon as that has it or is gone.
 */
struct logins;

enum logins_answer {
    LOGINS_BUSY = 1,    /* a login of this account is under way */
    LOGINS_NO_ENDPOINT, /* none works now */
    LOGINS_INSECURE,    /* the one that is used does not verify, or has no TLS */
    LOGINS_NO_SECRET,   /* the account has none */
    LOGINS_REFUSED,     /* it was refused, and nothing has changed since */
    LOGINS_NOT_NOW,     /* it was made here, or is to be made later; only where nobody asked */
};

/* It is over, once: what it found of the endpoint (its own); or `problem` says why there is
 * nothing; or neither, and the answer is LOGINS_NO_SECRET or LOGINS_REFUSED. */
typedef void (*logins_callback)(const struct finding *finding, const char *problem,
                                enum logins_answer answer, void *userdata);

/* Reads the book from the file (an absolute path; NULL: it lasts as long as this). 0 or -ENOMEM. */
int logins_new(struct logins **ret, sd_event *event, struct memory *memory, const char *path);
struct logins *logins_free(struct logins *logins);

/* Where to look for secrets that no account names; has to stay. */
void logins_set_keyring(struct logins *logins, const struct keyring *keyring);

/*
 * Logs in at the endpoint that the account uses. `asked`: somebody wants to know; `callback` may be
 * NULL. What is found is the account's before the callback (account_note_login()). 0; an answer;
 * negative errno.
 */
int logins_begin(struct logins *logins, struct account *account, bool asked,
                 logins_callback callback, void *userdata);

/* The account goes, or is another by now: what is under way for it ends with this problem. */
void logins_end(struct logins *logins, const struct account *account, const char *problem);
