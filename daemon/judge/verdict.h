/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The words in which a check ends and an account is described: the vocabulary of the interface. */

enum verdict {
    VERDICT_UNKNOWN, /* not checked yet on this network; never the end of a check */
    VERDICT_WORKS,
    VERDICT_NO_AUTH,
    VERDICT_CLEARTEXT,
    VERDICT_BLOCKED,
    VERDICT_REFUSED,
    VERDICT_INTERCEPTED,
    VERDICT_STRIPPED,
    VERDICT_BAD_CERTIFICATE,
    VERDICT_PORTAL,
    VERDICT_REJECTED,
    VERDICT_LOGIN_REFUSED,
    VERDICT_NOT_SMTP,
    VERDICT_SLOW,
    VERDICT_UNRESOLVED,
    VERDICT_UNREACHABLE,
    N_VERDICT,
};

/* "works", "no-auth", ...: static text, the words of the bus and of JSON. */
const char *verdict_to_string(enum verdict verdict);

/* 0, or -EINVAL for a word that is no verdict. */
int verdict_from_string(const char *text, enum verdict *ret);

/* What is to be said of an endpoint while a captive portal is known to stand in front of the
 * network: nobody gets through before the login, so it is the portal that failed, not the port. */
enum verdict verdict_behind_portal(enum verdict verdict);

/* What a check of one account has come to; also the manager's state. */
enum state {
    STATE_UNCONFIGURED,
    STATE_OFFLINE,
    STATE_CHECKING,
    STATE_READY,
    STATE_DEGRADED,
    STATE_PORTAL,
    STATE_BLOCKED,
    N_STATE,
};

const char *state_to_string(enum state state);
int state_from_string(const char *text, enum state *ret);
