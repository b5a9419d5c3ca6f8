/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/observation.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Which logins were made, so that no server ever sees three failures in a row: pure, the time (µs
 * since 1970) comes from the caller, and so does the file. Nothing in it is secret or made of a
 * secret. A credential is a user name at a server, whichever accounts and ports it serves.
 */
struct login_book;

enum login_leave {
    LEAVE_GIVEN,
    LEAVE_REFUSED, /* it was refused, and nobody has changed anything since */
    LEAVE_DONE,    /* on this network it was made */
    LEAVE_LATER,   /* the server asked for patience */
};

/* A login, before it is made. */
struct login_intent {
    const struct account_settings *settings;
    const char *server;
    const char *network; /* its id; "": not known */
    uint64_t changed;    /* when what the password comes from was changed last, by its own account,
                          * in units of its own; 0: it does not say */
};

#define LOGIN_BOOK_MAX 200                       /* credentials; of more the oldest are forgotten */
#define LOGIN_LATER_US (UINT64_C(15) * 60000000) /* how long "later" is */
#define LOGIN_FAILURES 2                         /* that somebody who asks may bring about */

/* Empty, or from what login_book_write() has written, or anybody: what makes no sense is left out.
 * NULL without memory or random numbers. */
struct login_book *login_book_new(const char *text, size_t length);
struct login_book *login_book_free(struct login_book *book);

/* New text; NULL without memory. */
char *login_book_write(const struct login_book *book);

/*
 * Whether this may be done now. `asked`: somebody wants to know. Then it is not once on a network,
 * and a refusal is no bar until there were LOGIN_FAILURES of them. A refusal is forgotten when the
 * account that met with it has other settings, or what the password came from has another
 * `changed`.
 */
enum login_leave login_book_ask(const struct login_book *book, const struct login_intent *intent,
                                bool asked, uint64_t now);

/* The `changed` of the login that was refused last there; 0 where none was, or none is known: then
 * no other one can lift the bar. */
uint64_t login_book_refused(const struct login_book *book, const struct login_intent *intent);

/* It begins. It counts as refused until its outcome is noted: who is killed in between has perhaps
 * failed. 0 or -ENOMEM. */
int login_book_begin(struct login_book *book, const struct login_intent *intent);

/* How it came out; LOGIN_NONE: it did not come to it. */
void login_book_note(struct login_book *book, const struct login_intent *intent,
                     enum login_outcome outcome, uint64_t now);
