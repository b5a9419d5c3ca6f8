/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

/* Whom we trust to say who a server is: the system's trust anchors, and the user's own. */

struct trust {
    X509_STORE *anchors;
    char *bundle;  /* the rest of the system's, not read yet; NULL: all is */
    time_t newest; /* when the newest of these files was written: no right clock says less */
};

/*
 * The system's anchors are where OpenSSL looks for them ($SSL_CERT_FILE, $SSL_CERT_DIR, or its own
 * places); none at all is no error. `ca_file` (PEM, may be NULL) is read beside them: any
 * certificate in it is trusted, it need not be a root. 0; -EINVAL with a sentence in *ret_problem
 * (caller frees); -ENOMEM.
 */
int trust_new(struct trust **ret, const char *ca_file, char **ret_problem);
struct trust *trust_free(struct trust *trust);

/* Reads what was left for later. False where nothing was, so that asking again makes no sense. */
bool trust_load_rest(struct trust *trust);
