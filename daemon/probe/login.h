/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"
#include "probe/sasl.h"
#include "probe/smtp.h"

/*
 * A login over SMTP (AUTH, RFC 4954) without the connection: fed with the server's replies, it says
 * which line goes next, and in the end the observation has what came of it. Whoever feeds it has
 * verified the server before.
 */

struct login_wish {
    struct identity identity;
    unsigned mechanisms;   /* that may be used */
    char *const *expected; /* names the server offers on trusted networks; NULL: not known */
};

enum login_step {
    LOGIN_SAY = 1, /* *ret_line goes to the server, and its reply to the next call */
    LOGIN_OVER,    /* observation->login says how it went, the evidence why */
};

struct login;

/* `offered` are the names of the server's EHLO reply (NULL-terminated), read here. `wish` and
 * `observation` have to live as long. 0 or -ENOMEM. */
int login_new(struct login **ret, const struct login_wish *wish, char *const *offered,
              const struct binding *binding, struct observation *observation);
struct login *login_free(struct login *login);

/* The server's reply (NULL at the start) and the next step, or -ENOMEM. The line is the login's,
 * good until the next call; it may hold the secret. */
int login_next(struct login *login, const struct smtp_reply *reply, const struct secret **ret_line);

/* The connection or the time has ended in mid-login. */
void login_break_off(struct observation *observation);
