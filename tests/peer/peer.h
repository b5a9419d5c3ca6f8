/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cleanup.h"
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* smtp-peer: a mail server for tests that does what it is told, also what no server should do. */

enum peer_security { PEER_TLS, PEER_STARTTLS, PEER_PLAIN };

/* What one listener does, read from its argument (smtp-peer --help lists the options). */
struct script {
    enum peer_security security;
    bool no_auth, auth_clear, auth_early;                  /* which AUTH is offered */
    bool reject, busy, mute, close, reset, http, noise;    /* instead of a greeting */
    bool garbled, strip, inject, inject_late;              /* what a box on the way does */
    bool starttls_refused, tls_garbage, tls_close;         /* instead of a handshake */
    bool old_tls, tls12, small_dh;                         /* TLS that nobody should take */
    bool long_line, many_lines, long_ehlo, many_ehlo;      /* replies without an end */
    bool mixed_codes, ehlo_reject;                         /* replies to EHLO */
    unsigned teaser_ms, slow_greet_ms, drip_ms;            /* 0: not at all */
    const char *greet, *alpn, *cert, *key, *staple, *name; /* NULL: not given */
    const char *close_at, *mute_at, *reset_at, *busy_at,
        *surplus_at;            /* steps of the conversation */
    bool auth_forge, auth_skip; /* a wrong proof of the server; none at all */
    const char *auth;           /* the mechanisms on offer; NULL: PLAIN LOGIN */
    const char *auth_reply;     /* what AUTH is answered with, whatever it says */
    const char *auth_say;       /* the first challenge, in Base64 */
    const char *extra;          /* one more line of the EHLO reply */
};

/* A connection: its bytes with or without TLS, one byte in drip_ms where that is not 0. */
struct wire {
    int fd;
    int log_fd; /* -1: nothing is logged */
    SSL *tls;   /* NULL before TLS */
    unsigned drip_ms;
    const char *label; /* "PORT PEER-ADDRESS", the beginning of each line of the log */
    bool owes_quit;    /* closing now would be impolite of the client */
    char input[2048];
    size_t length;
};

/*
 * A connection has a process of its own, which these functions end (with status 0, and a line in
 * the log) as soon as there is nobody left to talk to; so none of them has an error to return.
 */
_Noreturn void wire_close(struct wire *wire);                 /* orderly, the last bytes arrive */
_Noreturn void wire_lost(struct wire *wire, const char *how); /* the client has gone */

void wire_send(struct wire *wire, const void *bytes, size_t n);
void wire_say(struct wire *wire, const char *format, ...) _printf_(2, 3); /* and CRLF */

/* The next command, NUL-terminated without its line end, valid until the next call. */
char *wire_command(struct wire *wire);

/* Lets time pass; true as soon as the client says something (which stays unread). */
bool wire_spoke_within(struct wire *wire, unsigned ms);

void wire_discard(struct wire *wire); /* reads until the client closes; does not return */

/* TLS from here on. False, and logged, where the handshake failed. */
bool wire_start_tls(struct wire *wire, SSL_CTX *context);

/* One line of the log: a fact, or something a polite client does not do. */
void wire_log(const struct wire *wire, const char *format, ...) _printf_(2, 3);
#define wire_violation(wire, ...) wire_log((wire), "VIOLATION " __VA_ARGS__)

/* A login, for a listener with auth=. `first` may be NULL: it was not sent yet. */
void auth(const struct script *script, struct wire *wire, const char *mechanism, char *first);

/* Plays `script` on a new connection to its end. `context` may be NULL for PEER_PLAIN. */
_Noreturn void dialogue(const struct script *script, SSL_CTX *context, struct wire *wire);
