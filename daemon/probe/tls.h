/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "judge/evidence.h"
#include "probe/sasl.h"
#include <openssl/ssl.h>
#include <stdbool.h>

/* What TLS connections have to hold to: versions, trust anchors, an optional pinned key. */

struct tls_policy;

/*
 * TLS 1.2 and later (RFC 9325), trust anchors as trust.h has them. `pin` (may be NULL) is
 * sha256//BASE64 of a SubjectPublicKeyInfo: that key is accepted whatever its chain says.
 * 0; -EINVAL with a sentence in *ret_problem (caller frees); -ENOMEM.
 */
int tls_policy_new(struct tls_policy **ret, const char *ca_file, const char *pin,
                   char **ret_problem);
struct tls_policy *tls_policy_free(struct tls_policy *policy);

/* Makes what all sessions share, which takes about a millisecond: to be called where there is
 * nothing to do but wait. The first session does it otherwise. 0 or -ENOMEM. */
int tls_policy_prepare(struct tls_policy *policy);

/* A client session for the endpoint: SNI, and at port 443 the protocol "smtp" (ALPN). NULL without
 * memory. */
SSL *tls_session_new(struct tls_policy *policy, const struct endpoint *endpoint);

/*
 * Reads a session whose handshake is complete: version, cipher, the certificate's subject, issuer,
 * expiry and pin go to the evidence, and `certificate` (and `text`, where there is more to say)
 * where it does not verify for the endpoint's host. 1 verified, 0 not, negative errno.
 */
int tls_session_read(const struct tls_policy *policy, SSL *session, const struct endpoint *endpoint,
                     struct evidence *evidence);

/* What ties a login to this session, whose handshake is complete: tls-exporter for TLS 1.3 (RFC
 * 9266), tls-unique for TLS 1.2 with the extended master secret; without that nothing does. */
void tls_session_bind(SSL *session, struct binding *ret);

/* After a failed handshake: what OpenSSL's error queue says goes to the evidence, and the queue is
 * emptied. True where it says that this is no mail server's TLS, or none at all. */
bool tls_failure_read(struct evidence *evidence);
