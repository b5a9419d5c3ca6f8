/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * SASL, with GNU SASL. For SCRAM the library never sees the password: what it needs is derived from
 * it here, by OpenSSL, after the server's parameters were looked at (a server that asks for a
 * billion rounds would be the end of the check). What the library is told all the same is wiped
 * before it gives it back. Messages are made in memory that is wiped, too.
 */
#include "probe/sasl.h"
#include "cleanup.h"
#include "error.h"
#include <gsasl.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* RFC 7677 section 4 has 4096 as the least; who asks for less wants the password guessed. More than
 * the most would take longer than a second. */
#define ROUNDS_MIN 4096
#define ROUNDS_MAX 2000000

#define FAILURE_MAX 64 /* bytes kept of what the server says of a failure */
#define JSON_MAX    2048

struct sasl {
    enum mechanism mechanism;
    const struct identity *identity;
    const struct binding *binding;
    Gsasl *library;
    Gsasl_session *session; /* NULL for OAuth */
    unsigned step;
    bool silent; /* our binding is not told: the library cannot */
    bool unfit;  /* the callback could not do with user or secret */
    bool greedy; /* ... or with the server's parameters */
    bool complete;
    char failure[FAILURE_MAX + 1];
};

DEFINE_CLEANUP(struct sasl *, sasl_free)

const char *binding_to_string(enum binding_type type)
{
    switch (type) {
    case BINDING_TLS_UNIQUE:
        return "tls-unique";
    case BINDING_TLS_EXPORTER:
        return "tls-exporter";
    case BINDING_NONE:
        break;
    }
    return NULL;
}

/* --- what the library asks for --------------------------------------------------------------- */

static int say_binding(const struct sasl *sasl, Gsasl_session *session, Gsasl_property property)
{
    enum binding_type wanted =
        property == GSASL_CB_TLS_UNIQUE ? BINDING_TLS_UNIQUE : BINDING_TLS_EXPORTER;
    char text[(BINDING_MAX + 2) / 3 * 4 + 1];

    if (sasl->silent || sasl->binding->type != wanted)
        return GSASL_NO_CALLBACK;
    (void)EVP_EncodeBlock((unsigned char *)text, sasl->binding->data, (int)sasl->binding->length);
    return gsasl_property_set(session, property, text);
}

static bool is_ascii(const struct secret *secret)
{
    for (size_t i = 0; i < secret->length; i++)
        if (secret->bytes[i] < ' ' || secret->bytes[i] > '~')
            return false;
    return true;
}

/* SaltedPassword of RFC 5802 section 3. Printable ASCII is its own SASLprep. */
static bool salt_password(const struct sasl *sasl, const char *salt, size_t n, int rounds,
                          unsigned char *ret, int size)
{
    const struct secret *secret = sasl->identity->secret;
    const EVP_MD *hash = size == GSASL_HASH_SHA1_SIZE ? EVP_sha1() : EVP_sha256();
    const char *password = secret->bytes;
    char *prepared = NULL;
    bool fine;

    if (!is_ascii(secret)) {
        if (gsasl_saslprep(secret->bytes, 0, &prepared, NULL) != GSASL_OK)
            return false;
        password = prepared;
    }
    fine = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt, (int)n,
                             rounds, hash, size, ret) == 1;
    if (prepared) {
        explicit_bzero(prepared, strlen(prepared));
        gsasl_free(prepared);
    }
    return fine;
}

/* The server's parameters are known by now. */
static int say_salted_password(struct sasl *sasl, Gsasl_session *session)
{
    bool sha1 =
        sasl->mechanism == MECHANISM_SCRAM_SHA_1 || sasl->mechanism == MECHANISM_SCRAM_SHA_1_PLUS;
    const char *rounds_text = gsasl_property_fast(session, GSASL_SCRAM_ITER);
    const char *salt_text = gsasl_property_fast(session, GSASL_SCRAM_SALT);
    unsigned long rounds = rounds_text ? strtoul(rounds_text, NULL, 10) : 0;
    size_t size = sha1 ? GSASL_HASH_SHA1_SIZE : GSASL_HASH_SHA256_SIZE, salt_length;
    unsigned char salted[GSASL_HASH_MAX_SIZE];
    char hex[2 * GSASL_HASH_MAX_SIZE + 1], *salt;
    int r = GSASL_NO_PASSWORD;

    sasl->greedy = rounds < ROUNDS_MIN || rounds > ROUNDS_MAX;
    if (sasl->greedy || !salt_text ||
        gsasl_base64_from(salt_text, strlen(salt_text), &salt, &salt_length) != GSASL_OK)
        return GSASL_NO_PASSWORD;
    sasl->unfit = !salt_password(sasl, salt, salt_length, (int)rounds, salted, (int)size);
    gsasl_free(salt);
    if (!sasl->unfit) {
        for (size_t i = 0; i < size; i++)
            (void)sprintf(hex + 2 * i, "%02x", salted[i]);
        r = gsasl_property_set(session, GSASL_SCRAM_SALTED_PASSWORD, hex);
    }
    explicit_bzero(salted, sizeof(salted));
    explicit_bzero(hex, sizeof(hex));
    return r;
}

static int on_property(Gsasl *library _unused_, Gsasl_session *session, Gsasl_property property)
{
    struct sasl *sasl = gsasl_session_hook_get(session);

    switch ((int)property) {
    case GSASL_AUTHID:
        return gsasl_property_set(session, property, sasl->identity->user);
    case GSASL_PASSWORD:
        return mechanism_is_scram(sasl->mechanism)
                   ? GSASL_NO_PASSWORD
                   : gsasl_property_set(session, property, sasl->identity->secret->bytes);
    case GSASL_SCRAM_SALTED_PASSWORD:
        return say_salted_password(sasl, session);
    case GSASL_CB_TLS_UNIQUE:
    case GSASL_CB_TLS_EXPORTER:
        return say_binding(sasl, session, property);
    default:
        return GSASL_NO_CALLBACK;
    }
}

/* --- the library's mechanisms ---------------------------------------------------------------- */

static void wipe_property(Gsasl_session *session, Gsasl_property property)
{
    /* It is the session's own copy; that it is handed out as const protects it from accidents. */
    char *value = (char *)gsasl_property_fast(session, property);

    if (value)
        explicit_bzero(value, strlen(value));
}

static void end_session(struct sasl *sasl)
{
    if (!sasl->session)
        return;
    wipe_property(sasl->session, GSASL_PASSWORD);
    wipe_property(sasl->session, GSASL_SCRAM_SALTED_PASSWORD);
    gsasl_finish(TAKE(sasl->session));
}

static int start_session(struct sasl *sasl)
{
    end_session(sasl);
    if (gsasl_client_start(sasl->library, mechanism_to_string(sasl->mechanism), &sasl->session) !=
        GSASL_OK)
        return -ENOMEM;
    gsasl_session_hook_set(sasl->session, sasl);
    return 0;
}

/* What the server says in place of its proof (RFC 5802 section 7): "e=invalid-proof". */
static bool take_scram_failure(struct sasl *sasl, const char *challenge, size_t n)
{
    if (!mechanism_is_scram(sasl->mechanism) || sasl->step == 0 || n < 2 ||
        memcmp(challenge, "e=", 2) != 0)
        return false;
    (void)snprintf(sasl->failure, sizeof(sasl->failure), "%.*s", (int)(n - 2), challenge + 2);
    return true;
}

static enum sasl_answer why_not(const struct sasl *sasl, int result, bool begun)
{
    if (sasl->unfit || result == GSASL_SASLPREP_ERROR || !begun)
        return SASL_UNFIT;
    return result == GSASL_AUTHENTICATION_ERROR && !sasl->greedy && sasl->step > 1 ? SASL_FORGED
                                                                                   : SASL_GARBLED;
}

static int step_library(struct sasl *sasl, const char *challenge, size_t n, struct secret *message)
{
    bool begun = n > 0 || sasl->step > 0;
    char *output = NULL;
    size_t length = 0;
    int result, r;

    if (take_scram_failure(sasl, challenge, n))
        return SASL_FAILED;
    if (sasl->complete) /* there is nothing left to say */
        return SASL_GARBLED;
    result = gsasl_step(sasl->session, challenge, n, &output, &length);
    if (result == GSASL_AUTHENTICATION_ERROR && !begun && !sasl->silent) {
        /* Up to 2.2.0 it cannot say "I could bind, and think that you cannot". */
        sasl->silent = true;
        r = start_session(sasl);
        return r < 0 ? r : step_library(sasl, challenge, n, message);
    }
    if (result == GSASL_MALLOC_ERROR)
        return -ENOMEM;
    if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
        return why_not(sasl, result, begun);
    sasl->step++;
    sasl->complete = result == GSASL_OK;
    r = secret_add(message, output, length);
    if (output) {
        explicit_bzero(output, length);
        gsasl_free(output);
    }
    return r < 0 ? SASL_UNFIT : SASL_SAY;
}

/* --- OAuth ----------------------------------------------------------------------------------- */

/* In the name ',' and '=' would end it (RFC 5801 section 4). */
static int add_name(struct secret *message, const char *name)
{
    int r = 0;

    for (; r == 0 && *name; name++)
        r = *name == ','   ? secret_add(message, "=2C", 3)
            : *name == '=' ? secret_add(message, "=3D", 3)
                           : secret_add(message, name, 1);
    return r;
}

/* RFC 7628 section 3.1, and what Google and Microsoft had before it. */
static int say_token(const struct sasl *sasl, struct secret *message)
{
    const struct identity *identity = sasl->identity;
    bool standard = sasl->mechanism == MECHANISM_OAUTHBEARER;
    char where[512];
    int r, n;

    /* Nothing in the token may end it (RFC 6750 section 2.1). */
    if (!is_ascii(identity->secret) || strchr(identity->secret->bytes, ' ') ||
        strlen(identity->host) > 255)
        return SASL_UNFIT;
    n = standard ? snprintf(where, sizeof(where), ",\1host=%s\1port=%u\1auth=Bearer ",
                            identity->host, (unsigned)identity->port)
                 : snprintf(where, sizeof(where), "\1auth=Bearer ");
    r = standard ? secret_add(message, "n,a=", 4) : secret_add(message, "user=", 5);
    if (r == 0)
        r = standard ? add_name(message, identity->user)
                     : secret_add(message, identity->user, strlen(identity->user));
    if (r == 0)
        r = secret_add(message, where, (size_t)n);
    if (r == 0)
        r = secret_add(message, identity->secret->bytes, identity->secret->length);
    if (r == 0)
        r = secret_add(message, "\1\1", 2);
    return r < 0 ? SASL_UNFIT : SASL_SAY;
}

/* RFC 7628 section 3.2.2: {"status": "invalid_token", ...}. False where it is no object. */
static bool take_oauth_failure(struct sasl *sasl, const char *challenge, size_t n)
{
    json_tokener *tokener = n <= JSON_MAX ? json_tokener_new_ex(4) : NULL;
    json_object *object, *status;
    bool fine;

    if (!tokener)
        return false;
    object = json_tokener_parse_ex(tokener, challenge, (int)n);
    fine = json_object_is_type(object, json_type_object);
    if (fine && json_object_object_get_ex(object, "status", &status) &&
        json_object_is_type(status, json_type_string))
        (void)snprintf(sasl->failure, sizeof(sasl->failure), "%s", json_object_get_string(status));
    json_object_put(object);
    json_tokener_free(tokener);
    return fine;
}

static int step_oauth(struct sasl *sasl, const char *challenge, size_t n, struct secret *message)
{
    int r;

    switch (sasl->step++) {
    case 0:
        sasl->complete = true;
        return n > 0 ? SASL_GARBLED : say_token(sasl, message);
    case 1: /* whoever is content says 235: this is a failure, and wants an answer that says nothing
             */
        sasl->complete = false;
        if (!take_oauth_failure(sasl, challenge, n))
            return SASL_GARBLED;
        r = sasl->mechanism == MECHANISM_OAUTHBEARER ? secret_add(message, "\1", 1) : 0;
        return r < 0 ? r : SASL_FAILED;
    default:
        return SASL_GARBLED;
    }
}

/* --- the contract ----------------------------------------------------------------------------- */

bool sasl_is_client_first(enum mechanism mechanism)
{
    return mechanism != MECHANISM_LOGIN && mechanism != MECHANISM_CRAM_MD5;
}

int sasl_step(struct sasl *sasl, const char *challenge, size_t n, struct secret *message)
{
    explicit_bzero(message->bytes, message->length);
    message->length = 0;
    return mechanism_takes_token(sasl->mechanism) ? step_oauth(sasl, challenge, n, message)
                                                  : step_library(sasl, challenge, n, message);
}

bool sasl_is_complete(const struct sasl *sasl)
{
    return sasl->complete;
}

const char *sasl_failure(const struct sasl *sasl)
{
    return *sasl->failure ? sasl->failure : NULL;
}

int sasl_new(struct sasl **ret, enum mechanism mechanism, const struct identity *identity,
             const struct binding *binding)
{
    _cleanup_(sasl_freep) struct sasl *sasl = calloc(1, sizeof(*sasl));
    int r = 0;

    if (!sasl)
        return -ENOMEM;
    sasl->mechanism = mechanism;
    sasl->identity = identity;
    sasl->binding = binding;
    if (!mechanism_takes_token(mechanism)) {
        if (gsasl_init(&sasl->library) != GSASL_OK)
            return -ENOMEM;
        gsasl_callback_set(sasl->library, on_property);
        r = start_session(sasl);
    }
    if (r < 0)
        return r;
    *ret = TAKE(sasl);
    return 0;
}

struct sasl *sasl_free(struct sasl *sasl)
{
    if (!sasl)
        return NULL;
    end_session(sasl);
    if (sasl->library)
        gsasl_done(sasl->library);
    free(sasl);
    return NULL;
}
