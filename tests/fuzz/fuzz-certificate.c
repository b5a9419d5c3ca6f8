/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A server's certificate of any content, and the OCSP response that comes with it: shown and
 * verified. The input is the certificate (DER) and behind it the response.
 */
#include "fuzz.h"
#include "log.h"
#include "probe/certificate.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct trust *trust;

int LLVMFuzzerInitialize(int *argc _unused_, char ***argv _unused_)
{
    char *problem = NULL;

    log_set_level(LOG_EMERG);
    /* No trust anchors: reading the machine's would only take time. */
    CHECK(setenv("SSL_CERT_FILE", "/dev/null", 1) == 0);
    CHECK(setenv("SSL_CERT_DIR", "/dev/null", 1) == 0);
    CHECK(trust_new(&trust, NULL, &problem) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"mail.example.org", "192.0.2.25", "2001:db8::25"};
    const uint8_t *end = data;
    X509 *certificate = d2i_X509(NULL, &end, (long)size);
    struct presented presented = {certificate, NULL, NULL, 0};
    struct evidence evidence = {{{0}}, {0}};
    enum fault fault = N_FAULT;

    if (!certificate)
        return 0;
    presented.chain = sk_X509_new_null();
    CHECK(sk_X509_push(presented.chain, certificate) == 1);
    presented.staple_length = size - (size_t)(end - data);
    if (presented.staple_length > 0)
        presented.staple = end;
    CHECK(certificate_show(certificate, &evidence) == 0);
    for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
        CHECK(certificate_verify(&presented, trust, hosts[i], &fault, &evidence) == 0);
        CHECK(fault != FAULT_NONE); /* nobody vouches for it */
        CHECK(*fault_to_string(fault));
        check_evidence(&evidence);
    }
    evidence_clear(&evidence);
    sk_X509_free(presented.chain);
    X509_free(certificate);
    return 0;
}
