/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* Login mechanisms (SASL, RFC 4422): which are known, which may be used, and which is used. */

/* Best first: those that tie the login to this TLS session before those that do not, and those that
 * never show the secret to the server before those that do. */
enum mechanism {
    MECHANISM_SCRAM_SHA_256_PLUS,
    MECHANISM_SCRAM_SHA_1_PLUS,
    MECHANISM_SCRAM_SHA_256,
    MECHANISM_SCRAM_SHA_1,
    MECHANISM_OAUTHBEARER,
    MECHANISM_XOAUTH2,
    MECHANISM_PLAIN,
    MECHANISM_LOGIN,
    MECHANISM_CRAM_MD5,
    N_MECHANISM,
};

/* What a mechanism is used with, and what it keeps from whoever is at the other end. */
bool mechanism_is_scram(enum mechanism mechanism); /* also proves the server */
bool mechanism_is_bound(enum mechanism mechanism); /* -PLUS: channel binding */
bool mechanism_takes_token(enum mechanism mechanism);

const char *mechanism_to_string(enum mechanism mechanism); /* "SCRAM-SHA-256-PLUS" */

/* A set of mechanisms: bit `mechanism` each. */
#define MECHANISM_BIT(mechanism) (1U << (mechanism))

/*
 * Reads names, separated by spaces. None at all is the default: all that take a password, but for
 * CRAM-MD5, which asks the server to keep the password in clear and is used on request alone. 0;
 * -EINVAL with what was expected in *ret_problem (caller frees): a name that is not known, or
 * mechanisms for a password beside those for a token, as one secret cannot be both; -ENOMEM.
 */
int mechanisms_parse(const char *text, unsigned *ret, char **ret_problem);

unsigned mechanisms_usual(void); /* the default */

/* Of the names that a server offers (NULL-terminated) those that are known. */
unsigned mechanisms_offered(char *const *names);

/* The best one in the set, or N_MECHANISM. */
enum mechanism mechanisms_best(unsigned set);

/* Whether the second gives away what the first does not: the tie to the TLS session, the proof of
 * the server, or the secret itself. */
bool mechanism_is_weaker(enum mechanism than, enum mechanism mechanism);
