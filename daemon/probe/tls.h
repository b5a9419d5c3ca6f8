/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/evidence.h"
#include <openssl/ssl.h>
#include <stdbool.h>

/* What TLS connections have to hold to: versions, trust anchors, an optional pinned key. */

struct tls_policy;

/*
 * TLS 1.2 and later (RFC 9325), the system's trust anchors ($SSL_CERT_FILE and $SSL_CERT_DIR as
 * OpenSSL has them) plus those of `ca_file` (PEM, may be NULL). `pin` (may be NULL) is
 * sha256//BASE64 of a SubjectPublicKeyInfo: that key is accepted whatever its chain says.
 * 0; -EINVAL with a sentence in *ret_problem (caller frees); -ENOMEM.
 */
int tls_policy_new(struct tls_policy **ret, const char *ca_file, const char *pin,
                   char **ret_problem);
struct tls_policy *tls_policy_free(struct tls_policy *policy);

/* A client session for `host` (SNI and name check, RFC 6125; an address literal is checked against
 * the certificate's addresses). NULL without memory. */
SSL *tls_session_new(const struct tls_policy *policy, const char *host);

/*
 * Reads a session whose handshake is complete: version, cipher, the certificate's subject, issuer,
 * expiry and pin go to the evidence, and `certificate` where it does not verify for the host.
 * 1 verified, 0 not, negative errno.
 */
int tls_session_read(const struct tls_policy *policy, SSL *session, struct evidence *evidence);

/* After a failed handshake: what OpenSSL's error queue says goes to the evidence, and the queue is
 * emptied. True where the other side does not speak TLS at all. */
bool tls_failure_read(struct evidence *evidence);
