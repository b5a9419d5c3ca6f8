/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "judge/evidence.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * A connection to a server, plain or under TLS: a small machine with a contract that knows no
 * library. Nothing blocks; each call says what it is waiting for.
 */

enum stream_answer {
    STREAM_OK,         /* done; for reads and writes: at least one byte */
    STREAM_WANT_READ,  /* call again when the descriptor is readable */
    STREAM_WANT_WRITE, /* ... writable */
    STREAM_CLOSED,     /* the other side ended the connection */
    STREAM_RESET,      /* ... by a reset */
    STREAM_STOPPED,    /* the network did, in mid-stream, by an ICMP error */
    STREAM_NOT_TLS,    /* handshake: what came is no TLS; `text` in the evidence has it, where it is
                          text */
    STREAM_FAILED,     /* TLS failed; the reason is in the evidence where it is the handshake's */
};

struct stream;

/* Takes the connected, non-blocking descriptor over. NULL without memory (the caller keeps fd). */
struct stream *stream_new(int fd);
struct stream *stream_free(struct stream *stream); /* closes, with TLS close_notify */

/* Ends the sending side, and waits for the other side to end (STREAM_CLOSED): a socket closed with
 * something unread would reset the connection. What still comes is thrown away. */
enum stream_answer stream_leave(struct stream *stream);
int stream_fd(const struct stream *stream);

enum stream_answer stream_read(struct stream *stream, void *buffer, size_t size, size_t *ret_n);

/* Writes all of it in one segment where the peer's window allows (middleboxes garble split
 * commands); a rest that did not fit is kept and goes first at the next call with n = 0. */
enum stream_answer stream_write(struct stream *stream, const void *bytes, size_t n);

/* Writes as much as goes at once, straight from the caller's memory, which stays where it is until
 * all is written: what is secret is copied nowhere. */
enum stream_answer stream_write_some(struct stream *stream, const void *bytes, size_t n,
                                     size_t *ret_n);

struct binding;

/* What ties a login to the TLS session, whose handshake is complete; see tls.h. */
void stream_bind(const struct stream *stream, struct binding *ret);

/* What TLS has to hold to; see tls.h. */
struct tls_policy;

/*
 * One step of the TLS handshake with the endpoint. The first call makes the TLS session. At
 * STREAM_OK the evidence holds version, cipher and certificate, and *ret_verified says whether the
 * certificate is right for the host under the policy; if not, evidence `certificate` says why not.
 */
enum stream_answer stream_handshake(struct stream *stream, struct tls_policy *policy,
                                    const struct endpoint *endpoint, struct evidence *evidence,
                                    bool *ret_verified);
