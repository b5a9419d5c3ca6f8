/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/mechanism.h"
#include "secret.h"
#include <stdint.h>

/*
 * One SASL exchange from the client's side, as raw messages: it knows nothing of SMTP. GNU SASL
 * does PLAIN, LOGIN, CRAM-MD5 and SCRAM; OAUTHBEARER (RFC 7628) and XOAUTH2, which it lacks, are
 * written here.
 */

/* Who logs in where. `secret` holds a password, or a token for mechanisms that take one. */
struct identity {
    const char *user;
    const struct secret *secret;
    const char *host;
    uint16_t port;
};

/* What ties a login to a TLS session (RFC 5929, RFC 9266). */
enum binding_type { BINDING_NONE, BINDING_TLS_UNIQUE, BINDING_TLS_EXPORTER };
#define BINDING_MAX 64

struct binding {
    enum binding_type type;
    unsigned char data[BINDING_MAX];
    size_t length;
};

const char *binding_to_string(enum binding_type type); /* "tls-exporter"; NULL for none */

enum sasl_answer {
    SASL_SAY = 1, /* *message is to be sent */
    SASL_FAILED,  /* the server says so in its own way; *message is to be sent all the same, and its
                     answer tells the rest */
    SASL_GARBLED, /* what the server has sent is no message of this mechanism */
    SASL_FORGED,  /* ... and proves that the server does not know the password */
    SASL_UNFIT,   /* user or secret cannot be said in this mechanism */
};

struct sasl;

/*
 * `binding` is used by the mechanisms that need one, and by the others to say that the server
 * seems to have none. `identity` has to live as long. 0; -ENOMEM.
 */
int sasl_new(struct sasl **ret, enum mechanism mechanism, const struct identity *identity,
             const struct binding *binding);
struct sasl *sasl_free(struct sasl *sasl); /* wipes what it knows of the secret */

/* Whether the client speaks first. */
bool sasl_is_client_first(enum mechanism mechanism);

/*
 * The next message, to the server's (n = 0 at the start where the client speaks first), into
 * `message`, which is emptied first. An answer, or -ENOMEM.
 */
int sasl_step(struct sasl *sasl, const char *challenge, size_t n, struct secret *message);

/* Whether the exchange has come to its end as the mechanism has it: where the mechanism proves the
 * server, the server has. */
bool sasl_is_complete(const struct sasl *sasl);

/* What the server has said of a failure, in the mechanism's own words; NULL: nothing. As it came:
 * not safe to show. */
const char *sasl_failure(const struct sasl *sasl);
