/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * TLS policy and sessions. The handshake is always completed, so that a certificate that does not
 * verify can be shown; whether it verifies is asked afterwards, and nothing is sent over a session
 * that did not.
 */
#include "probe/tls.h"
#include "cleanup.h"
#include "error.h"
#include "probe/certificate.h"
#include "probe/idna.h"
#include "probe/trust.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <string.h>

#define ALPN_PORT 443 /* where mail shares a port with the web, and has to be asked for */

struct tls_policy {
    SSL_CTX *context;
    struct trust *trust;
    char *pin;
};

DEFINE_CLEANUP(struct tls_policy *, tls_policy_free)
DEFINE_CLEANUP(SSL *, SSL_free)
DEFINE_CLEANUP(X509 *, X509_free)

/* In the handshake every certificate is taken: tls_session_read() asks. */
static int take_all(X509_STORE_CTX *verification _unused_, void *userdata _unused_)
{
    return 1;
}

int tls_policy_new(struct tls_policy **ret, const char *ca_file, const char *pin,
                   char **ret_problem)
{
    _cleanup_(tls_policy_freep) struct tls_policy *policy = calloc(1, sizeof(*policy));
    int r;

    /* openssl.cnf, which holds the machine's own policy: later on it may be out of reach. */
    if (!policy || OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1)
        return -ENOMEM;
    r = trust_new(&policy->trust, ca_file, ret_problem);
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

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

/* The first ClientHello looks up its algorithms, the others find them: this one goes nowhere. */
static void rehearse(SSL_CTX *context)
{
    _cleanup_(SSL_freep) SSL *session = SSL_new(context);
    BIO *nowhere = BIO_new(BIO_s_mem());

    if (session && nowhere) {
        SSL_set_bio(session, nowhere, nowhere);
        nowhere = NULL;
        (void)SSL_connect(session);
    }
    BIO_free(nowhere);
    ERR_clear_error();
}

int tls_policy_prepare(struct tls_policy *policy)
{
    _cleanup_(SSL_CTX_freep) SSL_CTX *context = NULL;

    if (policy->context)
        return 0;
    context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp) != 1)
        return -ENOMEM;
    /* The machine's own policy may ask for more, never for less. */
    if (SSL_CTX_get_security_level(context) < CERTIFICATE_LEVEL)
        SSL_CTX_set_security_level(context, CERTIFICATE_LEVEL);
    SSL_CTX_set_cert_verify_callback(context, take_all, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    rehearse(context);
    policy->context = TAKE(context);
    return 0;
}

struct tls_policy *tls_policy_free(struct tls_policy *policy)
{
    if (!policy)
        return NULL;
    SSL_CTX_free(policy->context);
    trust_free(policy->trust);
    free(policy->pin);
    free(policy);
    return NULL;
}

/* RFC 6066 section 3: no SNI for address literals, and no dot at a name's end. */
static bool set_server_name(SSL *session, const char *host)
{
    char name[HOST_MAX + 1];
    struct in6_addr address;

    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1)
        return true;
    if (host_to_ascii(host, name) < 0)
        return false;
    if (*name && name[strlen(name) - 1] == '.')
        name[strlen(name) - 1] = '\0';
    return SSL_set_tlsext_host_name(session, name) == 1;
}

SSL *tls_session_new(struct tls_policy *policy, const struct endpoint *endpoint)
{
    static const unsigned char smtp[] = "\4smtp";
    _cleanup_(SSL_freep) SSL *session = NULL;

    if (tls_policy_prepare(policy) < 0)
        return NULL;
    session = SSL_new(policy->context);
    if (!session || !set_server_name(session, endpoint->host))
        return NULL;
    if (endpoint->port == ALPN_PORT && SSL_set_alpn_protos(session, smtp, sizeof(smtp) - 1) != 0)
        return NULL;
    return TAKE(session);
}

/* Whether the certificate verifies for the host; else the evidence says why not. */
static int verify(const struct tls_policy *policy, SSL *session, X509 *certificate,
                  const char *host, struct evidence *evidence)
{
    struct presented presented = {certificate, SSL_get_peer_cert_chain(session)};
    long staple_length = SSL_get_tlsext_status_ocsp_resp(session, &presented.staple);
    char name[HOST_MAX + 1];
    enum fault fault = FAULT_NAME; /* of a name that IDNA refuses */
    int r = host_to_ascii(host, name);

    presented.staple_length = staple_length > 0 ? (size_t)staple_length : 0;
    if (r == 0)
        r = certificate_verify(&presented, policy->trust, name, &fault, evidence);
    if (r < 0)
        return r;
    if (fault == FAULT_NONE)
        return 1;
    return evidence_set_text(evidence, EVIDENCE_CERTIFICATE,
                             policy->pin ? "pin" : fault_to_string(fault));
}

int tls_session_read(const struct tls_policy *policy, SSL *session, const struct endpoint *endpoint,
                     struct evidence *evidence)
{
    _cleanup_(X509_freep) X509 *certificate = SSL_get1_peer_certificate(session);
    char pin[PIN_MAX];
    int r;

    r = evidence_set_text(evidence, EVIDENCE_TLS, SSL_get_version(session));
    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_CIPHER, SSL_get_cipher_name(session));
    if (r < 0)
        return r;
    if (!certificate) /* an anonymous session proves nothing about anybody */
        return evidence_set_text(evidence, EVIDENCE_CERTIFICATE, "unknown-issuer");
    r = certificate_pin(certificate, pin);
    if (r == 0)
        r = certificate_show(certificate, evidence);
    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_PIN, pin);
    if (r < 0)
        return r;
    if (policy->pin && strcmp(policy->pin, pin) == 0)
        return 1;
    return verify(policy, session, certificate, endpoint->host, evidence);
}

void tls_session_bind(SSL *session, struct binding *ret)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    static const unsigned char context[1];

    *ret = (struct binding){.type = BINDING_NONE};
    if (SSL_version(session) >= TLS1_3_VERSION) {
        if (SSL_export_keying_material(session, ret->data, 32, label, sizeof(label) - 1, context, 0,
                                       1) == 1) {
            ret->type = BINDING_TLS_EXPORTER;
            ret->length = 32;
        }
    } else if (SSL_get_extms_support(session) == 1 && !SSL_session_reused(session)) {
        /* The first Finished message of a full handshake is the client's (RFC 5929 section 3). */
        ret->length = SSL_get_finished(session, ret->data, sizeof(ret->data));
        if (ret->length > 0 && ret->length <= sizeof(ret->data))
            ret->type = BINDING_TLS_UNIQUE;
    }
}

/* What went wrong in a handshake, in words of ours where OpenSSL's would not be understood. */
static const struct {
    int reason;
    bool foreign; /* this is no mail server's TLS, or none at all */
    const char *words;
} failures[] = {
    {SSL_R_WRONG_VERSION_NUMBER, true, "what answers does not speak TLS"},
    {SSL_R_HTTP_REQUEST, true, "what answers does not speak TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, true, "what answers does not speak TLS"},
    {SSL_R_RECORD_LENGTH_MISMATCH, true, "what answers does not speak TLS"},
    {SSL_R_BAD_RECORD_TYPE, true, "what answers does not speak TLS"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, true, "there is no mail behind this port"},
    /* weak */
    {SSL_R_UNSUPPORTED_PROTOCOL, false, "the server knows no TLS newer than 1.1"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, false, "the server knows no TLS newer than 1.1"},
    {SSL_R_DH_KEY_TOO_SMALL, false, "the server's Diffie-Hellman parameters are too small"},
    {SSL_R_WRONG_SIGNATURE_TYPE, false, "the server knows only outdated signatures"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, false, "the server's TLS renegotiates insecurely"},
};

bool tls_failure_read(struct evidence *evidence)
{
    unsigned long error = ERR_peek_error();
    const char *words = ERR_reason_error_string(error), *fault = "handshake";
    bool foreign = false;

    ERR_clear_error();
    for (size_t i = 0; ERR_GET_LIB(error) == ERR_LIB_SSL && i < ELEMENTSOF(failures); i++)
        if (ERR_GET_REASON(error) == failures[i].reason) {
            words = failures[i].words;
            foreign = failures[i].foreign;
            fault = "weak";
        }
    /* Without memory the text is missing, the verdict is not. */
    (void)evidence_set_text(evidence, EVIDENCE_REPLY, words ? words : "the TLS handshake failed");
    if (!foreign)
        (void)evidence_set_text(evidence, EVIDENCE_CERTIFICATE, fault);
    return foreign;
}
