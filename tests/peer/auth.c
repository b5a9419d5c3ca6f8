/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp-peer's logins with the server's side of GNU SASL: SCRAM, also with channel binding, which no
 * mail server in a distribution offers over SMTP (2026), and the ways in which an impostor departs
 * from it. The user is "user", the password "secret".
 */
#include "peer.h"
#include <gsasl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int on_property(Gsasl *library _unused_, Gsasl_session *session, Gsasl_property property)
{
    SSL *tls = gsasl_session_hook_get(session);
    unsigned char binding[64];
    char text[100];
    size_t n = 0;

    switch ((int)property) {
    case GSASL_PASSWORD:
        return strcmp(gsasl_property_fast(session, GSASL_AUTHID), "user") == 0
                   ? gsasl_property_set(session, property, "secret")
                   : GSASL_NO_PASSWORD;
    case GSASL_SCRAM_ITER:
        return gsasl_property_set(session, property, "4096");
    case GSASL_SERVICE:
        return gsasl_property_set(session, property, "smtp");
    case GSASL_HOSTNAME:
        return gsasl_property_set(session, property, "mail.example.org");
    case GSASL_CB_TLS_UNIQUE:
        if (SSL_version(tls) < TLS1_3_VERSION) /* what the client sent, as the server heard it */
            n = SSL_get_peer_finished(tls, binding, sizeof(binding));
        break;
    case GSASL_CB_TLS_EXPORTER:
        if (SSL_export_keying_material(tls, binding, 32, "EXPORTER-Channel-Binding", 24,
                                       (const unsigned char *)"", 0, 1) == 1)
            n = 32;
        break;
    default:
        return GSASL_NO_CALLBACK;
    }
    if (n == 0)
        return GSASL_NO_CALLBACK;
    (void)EVP_EncodeBlock((unsigned char *)text, binding, (int)n);
    return gsasl_property_set(session, property, text);
}

/* The client's next message: behind the command, or in answer to 334. */
static char *hear(struct wire *wire, const char *challenge)
{
    wire_say(wire, "334 %s", challenge);
    return wire_command(wire);
}

static void forge(const struct script *script, struct wire *wire)
{
    static const char proof[] = "v=Zm9yZ2VkIGZvcmdlZCBmb3JnZWQgZm9yZ2VkIDE=";
    char text[sizeof(proof) * 2];

    if (script->auth_forge) {
        (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)proof,
                              sizeof(proof) - 1);
        if (strcmp(hear(wire, text), "*") == 0) {
            wire_log(wire, "CANCELLED");
            wire_say(wire, "501 5.7.0 Authentication cancelled");
            return;
        }
    }
    wire_say(wire, "235 2.7.0 Come in");
}

/* Goes on until there is a result, or the script had another idea. */
static int exchange(const struct script *script, struct wire *wire, Gsasl_session *session,
                    char *message)
{
    char *output = NULL;
    int result = GSASL_NEEDS_MORE;

    if (script->auth_say) {
        wire_log(wire, "HEARD %s", hear(wire, script->auth_say));
        wire_say(wire, "535 5.7.8 Whatever you said");
        return result;
    }
    while ((result = gsasl_step64(session, message, &output)) == GSASL_NEEDS_MORE) {
        message = hear(wire, output);
        gsasl_free(output);
        if (strcmp(message, "*") == 0) {
            wire_log(wire, "CANCELLED");
            wire_say(wire, "501 5.7.0 Authentication cancelled");
            return result;
        }
        if (script->auth_forge || script->auth_skip) {
            forge(script, wire);
            return result;
        }
    }
    if (result == GSASL_OK && *output) /* SCRAM's proof of the server goes before the end */
        (void)hear(wire, output);
    if (result == GSASL_OK)
        gsasl_free(output);
    return result;
}

void auth(const struct script *script, struct wire *wire, const char *mechanism, char *first)
{
    Gsasl *library;
    Gsasl_session *session;
    int result;

    if (gsasl_init(&library) != GSASL_OK)
        _exit(1);
    gsasl_callback_set(library, on_property);
    if (gsasl_server_start(library, mechanism, &session) != GSASL_OK) {
        wire_say(wire, "504 5.5.4 No such mechanism");
        gsasl_done(library);
        return;
    }
    gsasl_session_hook_set(session, wire->tls);
    result = exchange(script, wire, session, first ? first : (char *)"");
    if (result == GSASL_OK) {
        wire_log(wire, "LOGIN accepted: %s", mechanism);
        wire_say(wire, "235 2.7.0 Welcome");
    } else if (result != GSASL_NEEDS_MORE) {
        wire_log(wire, "LOGIN refused: %s", gsasl_strerror_name(result));
        wire_say(wire, "535 5.7.8 Wrong user or password");
    }
    gsasl_finish(session);
    gsasl_done(library);
}
