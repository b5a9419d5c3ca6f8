/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * TLS policy and certificates. The handshake is always completed, so that a certificate that does
 * not verify can be shown; whether it verifies is asked afterwards, and nothing is sent over a
 * session that did not.
 */
#include "probe/tls.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define PIN_PREFIX "sha256//"
#define PIN_MAX    (sizeof(PIN_PREFIX) + 44)

struct tls_policy {
    SSL_CTX *context;
    char *pin;
};

DEFINE_CLEANUP(struct tls_policy *, tls_policy_free)
DEFINE_CLEANUP(X509 *, X509_free)

/* A directory of hashed links is read one certificate a look-up; the bundle costs 20 ms to parse.
 */
static bool is_hash_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool found = false;

    while (directory && !found && (entry = readdir(directory)))
        found = strlen(entry->d_name) == strlen("01234567.0") && entry->d_name[8] == '.';
    if (directory)
        closedir(directory);
    return found;
}

static int load_system_anchors(SSL_CTX *context)
{
    const char *directory = getenv(X509_get_default_cert_dir_env());

    if (!directory)
        directory = X509_get_default_cert_dir();
    if (!getenv(X509_get_default_cert_file_env()) && is_hash_directory(directory))
        return SSL_CTX_load_verify_dir(context, directory) == 1 ? 0 : -ENOMEM;
    return SSL_CTX_set_default_verify_paths(context) == 1 ? 0 : -ENOMEM;
}

static int load_ca_file(SSL_CTX *context, const char *ca_file, char **ret_problem)
{
    if (SSL_CTX_load_verify_file(context, ca_file) == 1)
        return 0;
    ERR_clear_error();
    return problem(ret_problem, "'%s' cannot be read as certificates in PEM form", ca_file);
}

int tls_policy_new(struct tls_policy **ret, const char *ca_file, const char *pin,
                   char **ret_problem)
{
    _cleanup_(tls_policy_freep) struct tls_policy *policy = calloc(1, sizeof(*policy));
    int r;

    if (!policy)
        return -ENOMEM;
    policy->context = SSL_CTX_new(TLS_client_method());
    if (!policy->context || SSL_CTX_set_min_proto_version(policy->context, TLS1_2_VERSION) != 1)
        return -ENOMEM;
    SSL_CTX_set_verify(policy->context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(policy->context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    r = load_system_anchors(policy->context);
    if (r == 0 && ca_file)
        r = load_ca_file(policy->context, ca_file, ret_problem);
    if (r < 0)
        return r;
    if (pin) {
        policy->pin = strdup(pin);
        if (!policy->pin)
            return -ENOMEM;
    }
    *ret = TAKE(policy);
    return 0;
}

struct tls_policy *tls_policy_free(struct tls_policy *policy)
{
    if (!policy)
        return NULL;
    SSL_CTX_free(policy->context);
    free(policy->pin);
    free(policy);
    return NULL;
}

SSL *tls_session_new(const struct tls_policy *policy, const char *host)
{
    SSL *session = SSL_new(policy->context);
    struct in6_addr address;
    bool literal, fine;

    if (!session)
        return NULL;
    literal = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (literal) /* RFC 6066 section 3: no SNI for literals */
        fine = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1;
    else
        fine = SSL_set1_host(session, host) == 1 && SSL_set_tlsext_host_name(session, host) == 1;
    if (!fine) {
        SSL_free(session);
        return NULL;
    }
    return session;
}

/* One line of text for a distinguished name. */
static int add_name(struct evidence *evidence, enum evidence_key key, const X509_NAME *name)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    long length;
    int r = -ENOMEM;

    if (!out)
        return -ENOMEM;
    if (X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >=
        0) {
        length = BIO_get_mem_data(out, &text);
        r = evidence_set_bytes(evidence, key, text, (size_t)length);
    }
    BIO_free(out);
    return r;
}

/* sha256//BASE64 of the certificate's SubjectPublicKeyInfo, as curl and RFC 7469 have it. */
static int pin_of(X509 *certificate, char pin[static PIN_MAX])
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
    strcpy(pin, PIN_PREFIX);
    EVP_EncodeBlock((unsigned char *)pin + strlen(PIN_PREFIX), digest, (int)size);
    return 0;
}

static int add_certificate(struct evidence *evidence, X509 *certificate, const char *pin)
{
    struct tm expires;
    int r;

    r = add_name(evidence, EVIDENCE_SUBJECT, X509_get_subject_name(certificate));
    if (r == 0)
        r = add_name(evidence, EVIDENCE_ISSUER, X509_get_issuer_name(certificate));
    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_PIN, pin);
    if (r == 0 && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires) == 1) {
        time_t when = timegm(&expires);

        if (when > 0)
            evidence_set_number(evidence, EVIDENCE_EXPIRES, (uint64_t)when);
    }
    return r;
}

/* OpenSSL's reasons in the words of the contract. */
static const char *fault_of(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "not-yet-valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "self-signed";
    case X509_V_ERR_CERT_REVOKED:
        return "revoked";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return "weak";
    default:
        return "unknown-issuer";
    }
}

int tls_session_read(const struct tls_policy *policy, SSL *session, struct evidence *evidence)
{
    _cleanup_(X509_freep) X509 *certificate = SSL_get1_peer_certificate(session);
    long result = SSL_get_verify_result(session);
    char pin[PIN_MAX];
    int r;

    r = evidence_set_text(evidence, EVIDENCE_TLS, SSL_get_version(session));
    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_CIPHER, SSL_get_cipher_name(session));
    if (r < 0)
        return r;
    if (!certificate) /* an anonymous session proves nothing about anybody */
        return evidence_set_text(evidence, EVIDENCE_CERTIFICATE, "unknown-issuer");
    r = pin_of(certificate, pin);
    if (r == 0)
        r = add_certificate(evidence, certificate, pin);
    if (r < 0)
        return r;
    if (policy->pin && strcmp(policy->pin, pin) == 0)
        return 1;
    if (result == X509_V_OK)
        return 1;
    r = evidence_set_text(evidence, EVIDENCE_CERTIFICATE, policy->pin ? "pin" : fault_of(result));
    return r;
}

bool tls_failure_read(struct evidence *evidence)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);
    bool foreign = ERR_GET_LIB(error) == ERR_LIB_SSL &&
                   (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
                    reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
                    reason == SSL_R_RECORD_LENGTH_MISMATCH || reason == SSL_R_BAD_RECORD_TYPE);
    bool weak = ERR_GET_LIB(error) == ERR_LIB_SSL &&
                (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_DH_KEY_TOO_SMALL ||
                 reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_MD_TOO_WEAK ||
                 reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);

    ERR_clear_error();
    /* Without memory the text is missing, the verdict is not. */
    (void)evidence_set_text(evidence, EVIDENCE_REPLY,
                            foreign ? "what answers does not speak TLS"
                            : text  ? text
                                    : "the TLS handshake failed");
    if (!foreign)
        (void)evidence_set_text(evidence, EVIDENCE_CERTIFICATE, weak ? "weak" : "handshake");
    return foreign;
}
