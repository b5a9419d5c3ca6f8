/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/evidence.h"
#include "probe/trust.h"
#include <stddef.h>

/* Whether a server's certificate is right for it, and what is wrong with it where it is not. */

/*
 * What can be wrong, in the order in which it is told where several things are: first that nobody
 * we trust vouches for the certificate, for then nothing else in it means anything; then whether
 * it is for this server at all, whether it was taken back, whether this is its time, and last how
 * strong it is.
 */
enum fault {
    FAULT_SELF_SIGNED,
    FAULT_UNKNOWN_ISSUER, /* also: not fit to be a mail server's, for a reason in the text */
    FAULT_NAME,
    FAULT_REVOKED,
    FAULT_NOT_YET_VALID,
    FAULT_EXPIRED,
    FAULT_WEAK,
    N_FAULT,
    FAULT_NONE = N_FAULT,
};

const char *fault_to_string(enum fault fault); /* the words of the evidence `certificate` */

/* Keys and signatures: RSA of 2048 bits or what is worth as much, SHA-224 and better (OpenSSL's
 * security level 2, RFC 9325 section 4). */
#define CERTIFICATE_LEVEL 2

#define PIN_PREFIX "sha256//"
#define PIN_MAX    (sizeof(PIN_PREFIX) + 44)

/* What a server sends to prove who it is. */
struct presented {
    X509 *certificate;
    STACK_OF(X509) * chain;      /* the certificate and those it sends along; may be NULL */
    const unsigned char *staple; /* an OCSP response (RFC 6066 section 8), or NULL */
    size_t staple_length;
};

/* Writes sha256//BASE64 of the certificate's SubjectPublicKeyInfo (as curl and RFC 7469 have it).
 * 0 or -ENOMEM. */
int certificate_pin(X509 *certificate, char ret[static PIN_MAX]);

/* Subject, issuer and expiry go to the evidence. 0 or -ENOMEM. */
int certificate_show(X509 *certificate, struct evidence *evidence);

/*
 * Verifies it for `host`, an address literal or a name as host_to_ascii() makes it (RFC 6125: only
 * subjectAltName counts, a wildcard stands for one whole label, an address has to be one of the
 * certificate's addresses). Where it does not verify, `text` in the evidence says more about it.
 * 0, or -ENOMEM.
 */
int certificate_verify(const struct presented *presented, struct trust *trust, const char *host,
                       enum fault *ret, struct evidence *evidence);
