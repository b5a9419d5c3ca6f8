/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Certificates. OpenSSL stops at the first fault it meets, in an order that follows from how it
 * works; here it is made to go on, all faults are collected, and the most telling is told. Any
 * complaint of OpenSSL's is a fault: what it has no better word for is an unknown issuer.
 */
#include "probe/certificate.h"
#include "cleanup.h"
#include "error.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define STAPLE_SKEW_S                                                                              \
    300             /* how much clocks may differ where an OCSP response's time is checked         \
                     */
#define NAMES_MAX 8 /* of a certificate that are shown */

DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
DEFINE_CLEANUP(OCSP_RESPONSE *, OCSP_RESPONSE_free)
DEFINE_CLEANUP(OCSP_BASICRESP *, OCSP_BASICRESP_free)
DEFINE_CLEANUP(OCSP_CERTID *, OCSP_CERTID_free)
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
DEFINE_CLEANUP(BIO *, BIO_free)

/* What one verification found: of each fault OpenSSL's word for it, and how far from the server's
 * own certificate it met it first. */
struct findings {
    struct {
        int error; /* 0: not found */
        int depth;
    } faults[N_FAULT];
};

const char *fault_to_string(enum fault fault)
{
    static const char *const words[] = {
        [FAULT_SELF_SIGNED] = "self-signed",
        [FAULT_UNKNOWN_ISSUER] = "unknown-issuer",
        [FAULT_NAME] = "name",
        [FAULT_REVOKED] = "revoked",
        [FAULT_NOT_YET_VALID] = "not-yet-valid",
        [FAULT_EXPIRED] = "expired",
        [FAULT_WEAK] = "weak",
        [FAULT_NONE] = "",
    };

    return words[fault];
}

static enum fault fault_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return FAULT_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return FAULT_NOT_YET_VALID;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return FAULT_NAME;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return FAULT_SELF_SIGNED;
    case X509_V_ERR_CERT_REVOKED:
        return FAULT_REVOKED;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return FAULT_WEAK;
    default:
        return FAULT_UNKNOWN_ISSUER;
    }
}

static void note_fault(struct findings *findings, int error, int depth)
{
    enum fault fault = fault_of(error);

    if (findings->faults[fault].error == 0) {
        findings->faults[fault].error = error;
        findings->faults[fault].depth = depth;
    }
}

/* OpenSSL asks whether to go on: always. */
static int on_verified(int fine, X509_STORE_CTX *verification)
{
    if (!fine)
        note_fault(X509_STORE_CTX_get_app_data(verification),
                   X509_STORE_CTX_get_error(verification),
                   X509_STORE_CTX_get_error_depth(verification));
    return 1;
}

static enum fault most_telling(const struct findings *findings)
{
    enum fault fault = 0;

    while (fault < N_FAULT && findings->faults[fault].error == 0)
        fault++;
    return fault;
}

/* --- revocation ---------------------------------------------------------------------------------
 */

/* What the response says of the certificate; a response that says nothing of it, or is not of now,
 * says V_OCSP_CERTSTATUS_UNKNOWN. */
static int status_in(OCSP_BASICRESP *response, X509 *certificate, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(response); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(response, i);
        OCSP_CERTID *about = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
        _cleanup_(OCSP_CERTID_freep) OCSP_CERTID *wanted = NULL;
        ASN1_GENERALIZEDTIME *from, *until;
        ASN1_OBJECT *hash = NULL;
        int status;

        (void)OCSP_id_get0_info(NULL, &hash, NULL, NULL, about);
        wanted = OCSP_cert_to_id(EVP_get_digestbyobj(hash), certificate, issuer);
        if (!wanted || OCSP_id_cmp(wanted, about) != 0)
            continue;
        status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
        if (OCSP_check_validity(from, until, STAPLE_SKEW_S, -1) == 1)
            return status;
    }
    return V_OCSP_CERTSTATUS_UNKNOWN;
}

/* Whether the stapled response proves that the certificate was revoked. Anything short of a proof
 * changes nothing: without a staple there would be none either. */
static bool is_revoked(const struct presented *presented, X509_STORE *anchors,
                       STACK_OF(X509) * chain)
{
    const unsigned char *at = presented->staple;
    _cleanup_(OCSP_RESPONSE_freep) OCSP_RESPONSE *response = NULL;
    _cleanup_(OCSP_BASICRESP_freep) OCSP_BASICRESP *basic = NULL;

    if (!presented->staple || sk_X509_num(chain) < 2)
        return false;
    response = d2i_OCSP_RESPONSE(NULL, &at, (long)presented->staple_length);
    if (!response || OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return false;
    basic = OCSP_response_get1_basic(response);
    return basic && OCSP_basic_verify(basic, chain, anchors, 0) == 1 &&
           status_in(basic, presented->certificate, sk_X509_value(chain, 1)) ==
               V_OCSP_CERTSTATUS_REVOKED;
}

/* --- in words -----------------------------------------------------------------------------------
 */

static int set_text(struct evidence *evidence, enum evidence_key key, BIO *text)
{
    char *bytes;
    long length = BIO_get_mem_data(text, &bytes);

    return evidence_set_bytes(evidence, key, bytes, length > 0 ? (size_t)length : 0);
}

static void print_name(BIO *out, const X509_NAME *name)
{
    (void)X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
}

static void print_time(BIO *out, time_t when)
{
    char text[sizeof("YYYYYY-MM-DD hh:mm")] = "";
    struct tm fields;

    if (gmtime_r(&when, &fields) && strftime(text, sizeof(text), "%F %R", &fields) > 0)
        BIO_printf(out, "%s UTC", text);
}

static void print_alternative(BIO *out, const GENERAL_NAME *alternative)
{
    const ASN1_OCTET_STRING *address = alternative->d.iPAddress;
    char text[INET6_ADDRSTRLEN];

    if (alternative->type == GEN_DNS)
        (void)BIO_write(out, ASN1_STRING_get0_data(alternative->d.dNSName),
                        ASN1_STRING_length(alternative->d.dNSName));
    else if (inet_ntop(ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6,
                       ASN1_STRING_get0_data(address), text, sizeof(text)))
        BIO_puts(out, text);
}

/* The names a certificate is for. */
static void print_alternatives(BIO *out, X509 *certificate)
{
    _cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int shown = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown <= NAMES_MAX; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        bool address = name->type == GEN_IPADD && (ASN1_STRING_length(name->d.iPAddress) == 4 ||
                                                   ASN1_STRING_length(name->d.iPAddress) == 16);

        if (name->type != GEN_DNS && !address)
            continue;
        BIO_puts(out, shown == 0 ? "it is for " : ", ");
        if (shown++ == NAMES_MAX)
            BIO_puts(out, "...");
        else
            print_alternative(out, name);
    }
    if (shown == 0)
        BIO_puts(out, "it names no host");
}

static void print_issuer_fault(BIO *out, int error, STACK_OF(X509) * chain,
                               const struct presented *presented)
{
    X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);

    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        if (sk_X509_num(presented->chain) <= 1) {
            BIO_puts(out, "the server sends no certificate of its issuer, an intermediate one may "
                          "be missing: ");
            print_name(out, X509_get_issuer_name(presented->certificate));
            break;
        }
        BIO_puts(out, "the chain of certificates leads to an issuer that is not known here: ");
        print_name(out, X509_get_issuer_name(last));
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        BIO_puts(out, "the chain of certificates ends at a root that is not trusted here: ");
        print_name(out, X509_get_subject_name(last));
        break;
    default:
        BIO_puts(out, X509_verify_cert_error_string(error));
    }
}

static void print_weakness(BIO *out, int error, int depth, X509 *certificate)
{
    BIO_puts(out, depth == 0 ? "the certificate" : "an issuer's certificate");
    if (error == X509_V_ERR_CA_MD_TOO_WEAK)
        BIO_printf(out, " is signed with %s", OBJ_nid2ln(X509_get_signature_nid(certificate)));
    else
        BIO_printf(out, " has a key of %d bits", EVP_PKEY_get_bits(X509_get0_pubkey(certificate)));
}

static void print_early(BIO *out, int depth, X509 *certificate, time_t newest)
{
    time_t now = time(NULL);
    struct tm begins;

    /* Nothing that lies on this machine was written in the future. */
    if (now < newest) {
        BIO_puts(out, "the clock of this machine is wrong, it says ");
        print_time(out, now);
        return;
    }
    if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &begins) != 1)
        return;
    BIO_puts(out, depth == 0 ? "it is valid from " : "an issuer's certificate is valid from ");
    print_time(out, timegm(&begins));
}

static int explain(const struct presented *presented, const struct trust *trust,
                   const struct findings *findings, enum fault fault, STACK_OF(X509) * chain,
                   struct evidence *evidence)
{
    _cleanup_(BIO_freep) BIO *out = BIO_new(BIO_s_mem());
    int error = findings->faults[fault].error, depth = findings->faults[fault].depth;
    X509 *culprit = sk_X509_value(chain, depth);

    if (!out)
        return -ENOMEM;
    if (!culprit)
        culprit = presented->certificate;
    switch (fault) {
    case FAULT_UNKNOWN_ISSUER:
        print_issuer_fault(out, error, chain, presented);
        break;
    case FAULT_NAME:
        print_alternatives(out, presented->certificate);
        break;
    case FAULT_NOT_YET_VALID:
        print_early(out, depth, culprit, trust->newest);
        break;
    case FAULT_EXPIRED:
        if (depth > 0)
            BIO_puts(out, "an issuer's certificate has expired");
        break;
    case FAULT_WEAK:
        print_weakness(out, error, depth, culprit);
        break;
    case FAULT_REVOKED:
    case FAULT_SELF_SIGNED:
    case FAULT_NONE:
        break;
    }
    return BIO_pending(out) > 0 ? set_text(evidence, EVIDENCE_REPLY, out) : 0;
}

/* --- the certificate ----------------------------------------------------------------------------
 */

int certificate_pin(X509 *certificate, char ret[static PIN_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    unsigned int size = 0;
    int fine;

    if (length < 0)
        return -ENOMEM;
    fine = EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL);
    OPENSSL_free(der);
    if (fine != 1)
        return -ENOMEM;
    strcpy(ret, PIN_PREFIX);
    EVP_EncodeBlock((unsigned char *)ret + strlen(PIN_PREFIX), digest, (int)size);
    return 0;
}

static int show_name(struct evidence *evidence, enum evidence_key key, const X509_NAME *name)
{
    _cleanup_(BIO_freep) BIO *out = BIO_new(BIO_s_mem());

    if (!out)
        return -ENOMEM;
    print_name(out, name);
    return set_text(evidence, key, out);
}

int certificate_show(X509 *certificate, struct evidence *evidence)
{
    struct tm expires;
    int r;

    r = show_name(evidence, EVIDENCE_SUBJECT, X509_get_subject_name(certificate));
    if (r == 0)
        r = show_name(evidence, EVIDENCE_ISSUER, X509_get_issuer_name(certificate));
    if (r == 0 && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires) == 1) {
        time_t when = timegm(&expires);

        if (when > 0)
            evidence_set_number(evidence, EVIDENCE_EXPIRES, (uint64_t)when);
    }
    return r;
}

static int set_conditions(X509_STORE_CTX *verification, const char *host)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(verification);
    size_t length = strlen(host);
    struct in6_addr address;

    if (X509_STORE_CTX_set_default(verification, "ssl_server") != 1)
        return -ENOMEM;
    X509_VERIFY_PARAM_set_auth_level(param, CERTIFICATE_LEVEL);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : -ENOMEM;
    if (length > 0 && host[length - 1] == '.') /* of the notation, not of the name */
        length--;
    return X509_VERIFY_PARAM_set1_host(param, host, length) == 1 ? 0 : -ENOMEM;
}

int certificate_verify(const struct presented *presented, struct trust *trust, const char *host,
                       enum fault *ret, struct evidence *evidence)
{
    _cleanup_(X509_STORE_CTX_freep) X509_STORE_CTX *verification = X509_STORE_CTX_new();
    struct findings findings = {0};
    STACK_OF(X509) * chain;
    enum fault fault;
    int r;

    if (!verification || X509_STORE_CTX_init(verification, trust->anchors, presented->certificate,
                                             presented->chain) != 1)
        return -ENOMEM;
    r = set_conditions(verification, host);
    if (r < 0)
        return r;
    (void)X509_STORE_CTX_set_app_data(verification, &findings);
    X509_STORE_CTX_set_verify_cb(verification, on_verified);
    if (X509_verify_cert(verification) != 1) /* it gave up without asking */
        note_fault(&findings, X509_V_ERR_UNSPECIFIED, 0);
    chain = X509_STORE_CTX_get0_chain(verification);
    if (is_revoked(presented, trust->anchors, chain))
        note_fault(&findings, X509_V_ERR_CERT_REVOKED, 0);
    ERR_clear_error();
    fault = most_telling(&findings);
    if ((fault == FAULT_SELF_SIGNED || fault == FAULT_UNKNOWN_ISSUER) && trust_load_rest(trust))
        return certificate_verify(presented, trust, host, ret, evidence);
    if (fault != FAULT_NONE)
        r = explain(presented, trust, &findings, fault, chain, evidence);
    if (r == 0)
        *ret = fault;
    return r;
}
