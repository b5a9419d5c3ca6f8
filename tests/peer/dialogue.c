/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What smtp-peer says: one conversation after its script.
 *
 * The server's side of RFC 5321 as far as somebody needs it who looks at a submission port (EHLO,
 * STARTTLS, AUTH, QUIT), and at each step the ways in which real servers, middleboxes and attackers
 * depart from it. It takes no mail.
 */
#include "peer.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define NAME_DEFAULT "mail.example.org"

struct talk {
    const struct script *script;
    SSL_CTX *context;
    struct wire *wire;
    bool hello; /* EHLO was said since the connection, or TLS, began */
};

static const char *name_of(const struct talk *talk)
{
    return talk->script->name ? talk->script->name : NAME_DEFAULT;
}

static void send_noise(struct wire *wire)
{
    unsigned char noise[256];

    /* Fixed, for tests that repeat, with every byte value in it: 167 is odd. */
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char)(i * 167 + 1);
    wire_send(wire, noise, sizeof(noise));
}

/* A reply without an end: one line, or line after line. About 1 MB/s: enough to hurt a client that
 * keeps all of it, and gentle to the machine of one that does not. */
static _Noreturn void flood(struct wire *wire, const char *code, bool lines)
{
    char chunk[1000];

    wire->owes_quit = false; /* there is no moment at which to say it */
    memset(chunk, 'a', sizeof(chunk));
    if (lines)
        for (size_t i = 0; i + 50 <= sizeof(chunk); i += 50) {
            memcpy(chunk + i, code, 3);
            chunk[i + 3] = '-';
            memcpy(chunk + i + 48, "\r\n", 2);
        }
    else
        wire_send(wire, code, strlen(code));
    for (;;) {
        wire_send(wire, chunk, sizeof(chunk));
        if (wire_spoke_within(wire, 1))
            wire_discard(wire);
    }
}

static _Noreturn void reset(struct wire *wire)
{
    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
               sizeof(struct linger));
    wire_log(wire, "RESET");
    _exit(0);
}

static bool is_step(const char *scripted, const char *step)
{
    return scripted && strcmp(scripted, step) == 0;
}

/* Ends the conversation here where the script says so. */
static void stage(const struct talk *talk, const char *name)
{
    const struct script *script = talk->script;

    if (is_step(script->close_at, name))
        wire_close(talk->wire);
    if (is_step(script->reset_at, name))
        reset(talk->wire);
    if (is_step(script->mute_at, name))
        wire_discard(talk->wire);
    if (is_step(script->busy_at, name)) {
        talk->wire->owes_quit = false;
        wire_say(talk->wire, "421 4.3.2 %s is shutting down", name_of(talk));
        wire_close(talk->wire);
    }
}

/* What a reply is followed by in the same segment: nothing, or an answer to what nobody asked. */
static const char *surplus(const struct talk *talk, const char *step)
{
    if (!is_step(talk->script->surplus_at, step))
        return "";
    talk->wire->owes_quit = false; /* who notices has good reason to run */
    return talk->script->busy ? "\r\n421 4.3.2 Shutting down" : "\r\n250 2.0.0 Nobody asked";
}

/* What stands in for SMTP altogether. Where the listener talks TLS the client speaks first, and
 * is heard out before it gets an answer in clear. */
static void play_stunts(const struct talk *talk)
{
    const struct script *script = talk->script;
    struct wire *wire = talk->wire;

    if (script->reset)
        reset(wire);
    if (script->close) {
        wire_log(wire, "CLOSE");
        _exit(0);
    }
    if (script->mute)
        wire_discard(wire);
    if (!script->http && !script->noise)
        return;
    if (script->security == PEER_TLS)
        while (!wire_spoke_within(wire, 60000))
            ;
    if (script->noise) {
        send_noise(wire);
        wire_discard(wire);
    }
    wire_say(wire, "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\n"
                   "Content-Type: text/html\r\nConnection: close\r\n\r\n"
                   "<html><body><a href=\"http://portal.example/login\">Log in</a></body></html>");
    wire_close(wire);
}

static void start_tls(const struct talk *talk)
{
    struct wire *wire = talk->wire;
    const unsigned char *alpn;
    unsigned alpn_length;

    if (talk->script->tls_garbage || talk->script->tls_close) {
        wire->owes_quit = false;
        while (!wire_spoke_within(wire, 60000))
            ;
        if (talk->script->tls_garbage) {
            send_noise(wire);
            wire_discard(wire);
        }
        wire_close(wire);
    }
    if (!wire_start_tls(wire, talk->context))
        wire_close(wire);
    stage(talk, "tls");
    if (!talk->script->alpn)
        return;
    /* A client that asks for no protocol on a shared port gets the one that was there before. */
    SSL_get0_alpn_selected(wire->tls, &alpn, &alpn_length);
    if (alpn_length == 0) {
        wire_say(wire, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
        wire_close(wire);
    }
}

static void greet(const struct talk *talk)
{
    const struct script *script = talk->script;
    struct wire *wire = talk->wire;
    char text[512];
    bool early;

    if (script->greet)
        snprintf(text, sizeof(text), "%s", script->greet);
    else if (script->reject)
        snprintf(text, sizeof(text), "554 5.7.1 %s does not take mail from you", name_of(talk));
    else if (script->busy && !script->surplus_at)
        snprintf(text, sizeof(text), "421 4.3.2 %s is busy, try again later", name_of(talk));
    else if (script->garbled)
        snprintf(text, sizeof(text), "220 ************************************");
    else
        snprintf(text, sizeof(text), "220 %s ESMTP", name_of(talk));

    early = wire_spoke_within(wire, script->slow_greet_ms);
    if (!early && script->teaser_ms) {
        wire_say(wire, "%.3s-%s ESMTP, one moment", text, name_of(talk));
        early = wire_spoke_within(wire, script->teaser_ms);
    }
    if (early) {
        /* As postscreen does it: who cannot wait is cut off. */
        wire_violation(wire, "talking before the greeting ended");
        wire_say(wire, "521 5.5.1 Protocol error");
        wire_close(wire);
    }
    if (script->long_line || script->many_lines)
        flood(wire, "220", script->many_lines);
    wire_say(wire, "%s%s", text, surplus(talk, "greeting"));
    if (strncmp(text, "421", 3) == 0)
        wire_close(wire);
    if (text[0] == '2')
        return;
    /* RFC 5321 section 3.1: after a 554 the server still waits for QUIT. */
    wire->owes_quit = true;
    while (strcasecmp(wire_command(wire), "QUIT") != 0)
        wire_say(wire, "503 5.5.1 No mail service here");
    wire->owes_quit = false;
    wire_say(wire, "221 2.0.0 Bye");
    wire_close(wire);
}

static bool offers_auth(const struct talk *talk)
{
    bool tls = talk->wire->tls;

    return !talk->script->no_auth &&
           (tls ? !talk->script->auth_early : talk->script->auth_clear || talk->script->auth_early);
}

static void answer_ehlo(struct talk *talk)
{
    const struct script *script = talk->script;
    bool tls = talk->wire->tls;
    char auth_line[256];
    const char *lines[] = {
        name_of(talk),
        "SIZE 10240000",
        script->security == PEER_STARTTLS && !tls && !script->strip ? "STARTTLS" : NULL,
        offers_auth(talk) ? auth_line : NULL,
        script->extra,
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
    };
    char text[1500], *last = text;
    int n = 0;

    snprintf(auth_line, sizeof(auth_line), "AUTH %s", script->auth ? script->auth : "PLAIN LOGIN");
    if (script->long_ehlo || script->many_ehlo)
        flood(talk->wire, "250", script->many_ehlo);
    if (script->ehlo_reject) {
        wire_say(talk->wire, "502 5.5.1 EHLO is not known here");
        return;
    }
    talk->hello = true;
    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        if (!lines[i])
            continue;
        last = text + n + (n > 0 ? 2 : 0);
        n +=
            snprintf(text + n, sizeof(text) - (size_t)n, "%s250-%s", n > 0 ? "\r\n" : "", lines[i]);
        if (script->garbled && i > 0)
            memset(text + n - strlen(lines[i]), 'X', strlen(lines[i]));
        if (script->mixed_codes && i == 1)
            n += sprintf(text + n, "\r\n500-5.5.2 What?");
    }
    last[3] = ' ';
    wire_say(talk->wire, "%s%s", text, surplus(talk, "ehlo"));
}

static void answer_starttls(struct talk *talk)
{
    const struct script *script = talk->script;
    struct wire *wire = talk->wire;

    if (script->security != PEER_STARTTLS || wire->tls || script->strip || script->garbled) {
        wire_say(wire, "502 5.5.1 STARTTLS is not known here");
        return;
    }
    if (script->starttls_refused) {
        wire_say(wire, "454 4.7.0 TLS is not available at the moment");
        return;
    }
    wire->length = 0; /* RFC 3207 section 4.2: nothing said in clear survives */
    talk->hello = false;
    wire_say(wire, "220 2.0.0 Go ahead%s", script->inject ? "\r\n250 2.0.0 Injected" : "");
    if (script->inject_late) {
        (void)wire_spoke_within(wire, 50);
        wire_say(wire, "250 2.0.0 Injected");
    }
    if (script->inject || script->inject_late)
        wire->owes_quit = false; /* who notices has good reason to run */
    start_tls(talk);
}

/* The credentials are user:secret, in PLAIN's form (RFC 4616) and in the two answers of LOGIN. */
static bool decodes_to(const char *base64, const char *expected, size_t n)
{
    unsigned char decoded[64];
    size_t length = strlen(base64);
    int got;

    if (length == 0 || length > 80)
        return false;
    got = EVP_DecodeBlock(decoded, (const unsigned char *)base64, (int)length);
    for (; length > 0 && base64[length - 1] == '='; length--)
        got--; /* EVP_DecodeBlock() counts the padding */
    return got == (int)n && memcmp(decoded, expected, n) == 0;
}

static void answer_auth(const struct talk *talk, const char *arguments)
{
    static const char plain[] = "\0user\0secret";
    struct wire *wire = talk->wire;
    char mechanism[32];
    bool good;

    if (!wire->tls)
        wire_violation(wire, "AUTH before TLS");
    stage(talk, "auth");
    if (!talk->hello) {
        wire_violation(wire, "AUTH without EHLO%s", wire->tls ? " after STARTTLS" : "");
        wire_say(wire, "503 5.5.1 EHLO first");
        return;
    }
    if (!offers_auth(talk)) {
        wire_say(wire, "530 5.7.0 There is no AUTH here");
        return;
    }
    if (talk->script->auth_reply) {
        wire_say(wire, "%s", talk->script->auth_reply);
        if (strncmp(talk->script->auth_reply, "421", 3) == 0) {
            wire->owes_quit = false;
            wire_close(wire);
        }
        return;
    }
    if (talk->script->auth) {
        snprintf(mechanism, sizeof(mechanism), "%.*s", (int)strcspn(arguments, " "), arguments);
        arguments += strcspn(arguments, " ");
        auth(talk->script, wire, mechanism, *arguments ? (char *)arguments + 1 : NULL);
        return;
    }
    if (strncasecmp(arguments, "PLAIN", 5) == 0) {
        if (arguments[5] == '\0')
            wire_say(wire, "334 ");
        arguments = arguments[5] == '\0' ? wire_command(wire) : arguments + 6;
        good = decodes_to(arguments, plain, sizeof(plain) - 1);
    } else if (strncasecmp(arguments, "LOGIN", 5) == 0) {
        if (arguments[5] == '\0')
            wire_say(wire, "334 VXNlcm5hbWU6");
        good = decodes_to(arguments[5] == '\0' ? wire_command(wire) : arguments + 6, "user", 4);
        wire_say(wire, "334 UGFzc3dvcmQ6");
        good = decodes_to(wire_command(wire), "secret", 6) && good;
    } else {
        wire_say(wire, "504 5.5.4 No such mechanism");
        return;
    }
    if (good)
        wire_say(wire, "235 2.7.0 Welcome");
    else
        wire_say(wire, "535 5.7.8 Wrong user or password");
}

/* True where `line` is `verb` with nothing or a space behind it; *ret_arguments is what follows. */
static bool is_command(const char *line, const char *verb, const char **ret_arguments)
{
    size_t n = strlen(verb);

    if (strncasecmp(line, verb, n) != 0 || (line[n] != '\0' && line[n] != ' '))
        return false;
    *ret_arguments = line + n + (line[n] == ' ');
    return true;
}

static void answer(struct talk *talk, const char *line)
{
    struct wire *wire = talk->wire;
    const char *arguments;

    wire->owes_quit = true;
    if (is_command(line, "EHLO", &arguments)) {
        stage(talk, "ehlo");
        if (*arguments == '\0')
            wire_violation(wire, "EHLO without a name");
        answer_ehlo(talk);
        if (talk->script->mixed_codes)
            wire->owes_quit = false; /* nobody can say which reply comes next */
    } else if (is_command(line, "HELO", &arguments)) {
        wire_say(wire, "250 %s", name_of(talk));
    } else if (is_command(line, "STARTTLS", &arguments)) {
        stage(talk, "starttls");
        answer_starttls(talk);
    } else if (is_command(line, "AUTH", &arguments)) {
        answer_auth(talk, arguments);
    } else if (is_command(line, "NOOP", &arguments) || is_command(line, "RSET", &arguments)) {
        wire_say(wire, "250 2.0.0 OK");
    } else if (is_command(line, "QUIT", &arguments)) {
        wire->owes_quit = false;
        stage(talk, "quit");
        wire_say(wire, "221 2.0.0 Bye");
        wire_close(wire);
    } else {
        wire_say(wire, "502 5.5.1 Not known here");
    }
}

void dialogue(const struct script *script, SSL_CTX *context, struct wire *wire)
{
    struct talk talk = {.script = script, .context = context, .wire = wire};

    play_stunts(&talk);
    if (script->security == PEER_TLS)
        start_tls(&talk);
    greet(&talk);
    for (;;)
        answer(&talk, wire_command(wire));
}
