/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * AUTH. One mechanism is chosen and tried once: whatever the server makes of it, there is no second
 * attempt with another one, for each is one of the few that a server allows before it locks an
 * account, and a weaker one is what an impostor would ask for.
 */
#include "probe/login.h"
#include "cleanup.h"
#include "error.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_AUTH  12288 /* RFC 4954 section 4: what a server has to take, with Base64 */
#define LINE_MAX_FIRST 510   /* ... behind AUTH on the command's own line (RFC 5321) */
#define MESSAGE_MAX    9216  /* ... without */
#define CHALLENGES_MAX 8     /* no mechanism has more than three */

enum { CODE_ACCEPTED = 235, CODE_CHALLENGE = 334 };

struct login {
    const struct login_wish *wish;
    const struct binding *binding;
    struct observation *observation;
    enum mechanism mechanism; /* N_MECHANISM: none that may be used */
    enum mechanism expected;  /* the one that would be used on trusted networks */
    struct sasl *sasl;
    struct secret *message, *line;
    unsigned challenges;
    bool begun;     /* the client's first message was sent */
    bool cancelled; /* there is an outcome, only the reply to "*" is missing */
};

DEFINE_CLEANUP(struct login *, login_free)

/* --- outcomes -------------------------------------------------------------------------------- */

static void note(struct login *login, enum evidence_key key, const char *text)
{
    /* Without memory the outcome stands, only less well supported. */
    (void)evidence_set_text(&login->observation->evidence, key, text);
}

static int conclude(struct login *login, enum login_outcome outcome, const char *text)
{
    login->observation->login = outcome;
    note(login, EVIDENCE_LOGIN, login_outcome_to_string(outcome));
    if (text)
        note(login, EVIDENCE_REPLY, text);
    return LOGIN_OVER;
}

/* The server's own words, and what the mechanism has said besides. */
static int conclude_reply(struct login *login, enum login_outcome outcome,
                          const struct smtp_reply *reply)
{
    const char *line = "", *failure = login->sasl ? sasl_failure(login->sasl) : NULL;
    char text[EVIDENCE_TEXT_MAX];
    size_t length = 0;
    int n;

    (void)smtp_reply_line(reply, 0, &line, &length);
    n = snprintf(text, sizeof(text), "%.*s%s%s%s", (int)length, line, failure ? " (" : "",
                 failure ? failure : "", failure ? ")" : "");
    evidence_set_number(&login->observation->evidence, EVIDENCE_CODE, reply->code);
    (void)evidence_set_bytes(&login->observation->evidence, EVIDENCE_REPLY, text,
                             n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
    return conclude(login, outcome, NULL);
}

void login_break_off(struct observation *observation)
{
    observation->login = LOGIN_DEFERRED;
    (void)evidence_set_text(&observation->evidence, EVIDENCE_LOGIN,
                            login_outcome_to_string(LOGIN_DEFERRED));
}

/* --- lines ------------------------------------------------------------------------------------ */

static int say(struct login *login, const struct secret **ret_line)
{
    int r = secret_add(login->line, "\r\n", 2);

    *ret_line = login->line;
    return r < 0 ? r : LOGIN_SAY;
}

static void empty_line(struct login *login)
{
    explicit_bzero(login->line->bytes, login->line->length);
    login->line->length = 0;
}

/* Ends the exchange (RFC 4954 section 4): the server says 501, and the connection can go on. */
static int cancel(struct login *login, const struct secret **ret_line)
{
    login->cancelled = true;
    empty_line(login);
    (void)secret_add(login->line, "*", 1);
    return say(login, ret_line);
}

/* The message in Base64 behind what the line has. False where it is too long. */
static bool add_message(struct login *login)
{
    const struct secret *message = login->message;
    size_t length = (message->length + 2) / 3 * 4;
    struct secret *line = login->line;

    if (length > LINE_MAX_AUTH - 2)
        return false;
    (void)EVP_EncodeBlock((unsigned char *)line->bytes + line->length,
                          (const unsigned char *)message->bytes, (int)message->length);
    line->length += length;
    return true;
}

/* The mechanism cannot go on: why, and the end. */
static int stop(struct login *login, int answer, bool cancels, const struct secret **ret_line)
{
    char text[128];

    if (answer == SASL_UNFIT)
        (void)conclude(login, LOGIN_WITHHELD,
                       "the user name or the secret cannot be said in this mechanism");
    else if (answer == SASL_FORGED)
        (void)conclude(login, LOGIN_FORGED,
                       "the server's proof that it knows the password is wrong");
    else {
        (void)snprintf(text, sizeof(text), "the server's answer is none in %s",
                       mechanism_to_string(login->mechanism));
        (void)conclude(login, LOGIN_DEFERRED, text);
    }
    return cancels ? cancel(login, ret_line) : LOGIN_OVER;
}

/* --- the exchange ----------------------------------------------------------------------------- */

static int withhold(struct login *login)
{
    char text[160];

    if (login->mechanism == N_MECHANISM)
        return conclude(login, LOGIN_WITHHELD,
                        "the server offers no login mechanism that may be used");
    (void)snprintf(text, sizeof(text), "%s is offered elsewhere, and only %s here",
                   mechanism_to_string(login->expected), mechanism_to_string(login->mechanism));
    note(login, EVIDENCE_EXPECTED, mechanism_to_string(login->expected));
    note(login, EVIDENCE_FOUND, mechanism_to_string(login->mechanism));
    return conclude(login, LOGIN_WITHHELD, text);
}

static int begin(struct login *login, const struct secret **ret_line)
{
    const char *name;
    int answer;

    if (login->mechanism == N_MECHANISM || mechanism_is_weaker(login->expected, login->mechanism))
        return withhold(login);
    name = mechanism_to_string(login->mechanism);
    note(login, EVIDENCE_MECHANISM, name);
    if (mechanism_is_bound(login->mechanism)) {
        login->observation->bound = true;
        note(login, EVIDENCE_CHANNEL_BINDING, binding_to_string(login->binding->type));
    }
    (void)secret_add(login->line, "AUTH ", 5);
    (void)secret_add(login->line, name, strlen(name));
    if (!sasl_is_client_first(login->mechanism))
        return say(login, ret_line);
    answer = sasl_step(login->sasl, NULL, 0, login->message);
    if (answer != SASL_SAY)
        return answer < 0 ? answer : stop(login, answer, false, ret_line);
    login->begun = (login->message->length + 2) / 3 * 4 + login->line->length < LINE_MAX_FIRST;
    if (login->begun) {
        (void)secret_add(login->line, " ", 1);
        if (!add_message(login))
            return stop(login, SASL_UNFIT, false, ret_line);
    }
    return say(login, ret_line);
}

/* What the server says behind 334. False where it is no Base64, or too much of it. */
static bool read_challenge(const struct smtp_reply *reply, char *ret, size_t size, size_t *ret_n)
{
    const char *text;
    size_t length;
    int n;

    if (reply->lines != 1 || !smtp_reply_line(reply, 0, &text, &length) || length % 4 != 0 ||
        length / 4 * 3 > size)
        return false;
    n = EVP_DecodeBlock((unsigned char *)ret, (const unsigned char *)text, (int)length);
    if (n < 0)
        return false;
    for (size_t i = 1; i <= 2 && i <= length && text[length - i] == '='; i++)
        n--; /* EVP_DecodeBlock() counts the padding */
    *ret_n = (size_t)n;
    return true;
}

static int answer_challenge(struct login *login, const struct smtp_reply *reply,
                            const struct secret **ret_line)
{
    char challenge[SMTP_LINE_MAX];
    size_t n = 0;
    int answer = SASL_GARBLED;

    empty_line(login);
    if (read_challenge(reply, challenge, sizeof(challenge), &n) &&
        login->challenges++ < CHALLENGES_MAX) {
        if (login->begun || !sasl_is_client_first(login->mechanism))
            answer = sasl_step(login->sasl, challenge, n, login->message);
        else if (n == 0) /* asks for what was too long for the command's line */
            answer = SASL_SAY;
    }
    login->begun = true;
    if (answer < 0)
        return answer;
    if (answer == SASL_SAY && !add_message(login))
        answer = SASL_UNFIT;
    if (answer == SASL_FAILED && !add_message(login))
        answer = SASL_GARBLED;
    return answer == SASL_SAY || answer == SASL_FAILED ? say(login, ret_line)
                                                       : stop(login, answer, true, ret_line);
}

/* Whether the server says that what it was told of the TLS session is not what it knows of it: they
 * are two sessions, and somebody sits between them (RFC 5802 section 7). */
static bool tells_of_interception(const struct login *login)
{
    static const char *const failures[] = {"channel-bindings-dont-match",
                                           "server-does-support-channel-binding"};
    const char *failure = sasl_failure(login->sasl);

    for (size_t i = 0; failure && i < ELEMENTSOF(failures); i++)
        if (strcmp(failure, failures[i]) == 0)
            return true;
    return false;
}

int login_next(struct login *login, const struct smtp_reply *reply, const struct secret **ret_line)
{
    if (!reply)
        return begin(login, ret_line);
    if (login->cancelled)
        return LOGIN_OVER;
    if (reply->code == CODE_CHALLENGE)
        return answer_challenge(login, reply, ret_line);
    if (reply->code == CODE_ACCEPTED && !sasl_is_complete(login->sasl))
        return conclude(login, LOGIN_FORGED,
                        "the server takes the login without what it has to know of the password");
    if (reply->code == CODE_ACCEPTED)
        return conclude(login, LOGIN_ACCEPTED, NULL);
    if (reply->code >= 500 && tells_of_interception(login))
        return conclude_reply(login, LOGIN_FORGED, reply);
    return conclude_reply(login, reply->code >= 500 ? LOGIN_REFUSED : LOGIN_DEFERRED, reply);
}

int login_new(struct login **ret, const struct login_wish *wish, char *const *offered,
              const struct binding *binding, struct observation *observation)
{
    _cleanup_(login_freep) struct login *login = calloc(1, sizeof(*login));
    unsigned usable = wish->mechanisms;
    int r;

    if (!login)
        return -ENOMEM;
    login->wish = wish;
    login->binding = binding;
    login->observation = observation;
    for (int i = 0; i < N_MECHANISM && binding->type == BINDING_NONE; i++)
        if (mechanism_is_bound((enum mechanism)i))
            usable &= ~MECHANISM_BIT(i);
    login->mechanism = mechanisms_best(usable & mechanisms_offered(offered));
    login->expected =
        wish->expected ? mechanisms_best(usable & mechanisms_offered(wish->expected)) : N_MECHANISM;
    if (login->expected == N_MECHANISM)
        login->expected = login->mechanism;
    if (login->mechanism != N_MECHANISM) {
        r = sasl_new(&login->sasl, login->mechanism, &wish->identity, binding);
        if (r == 0)
            r = secret_new(&login->message, MESSAGE_MAX);
        if (r == 0)
            r = secret_new(&login->line, LINE_MAX_AUTH + 64);
        if (r < 0)
            return r;
    }
    *ret = TAKE(login);
    return 0;
}

struct login *login_free(struct login *login)
{
    if (!login)
        return NULL;
    sasl_free(login->sasl);
    secret_free(login->message);
    secret_free(login->line);
    free(login);
    return NULL;
}
