/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The SMTP conversation (RFC 5321, RFC 3207, RFC 8314). Each stage sends its command once, in one
 * segment, and reads one whole reply before the next: servers cut off who speaks first. What was
 * learnt before TLS is forgotten after it. Nothing is sent over TLS that did not verify. A login
 * comes last of all: whatever becomes of it, the endpoint was found to work before.
 */
#include "probe/conversation.h"
#include "cleanup.h"
#include "error.h"
#include "probe/address.h"
#include "probe/smtp.h"
#include "probe/stream.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define QUIT_TIME_US                                                                               \
    2000000 /* how long the reply to QUIT is waited for; only manners depend on it */

struct conversation {
    sd_event *event;
    const struct endpoint *endpoint;
    struct tls_policy *policy;
    struct observation *observation;
    const struct conversation_callbacks *callbacks;
    void *userdata;

    struct stream *stream;
    sd_event_source *io, *quit_timer;
    bool said;    /* this stage's command was sent */
    bool leaving; /* QUIT was answered */
    bool astray;  /* the reply was one, only none that answers the command */
    bool quiting; /* the observation is final, only QUIT is left */
    struct smtp_reply reply;
    char input[4096];
    size_t n_input;

    const struct login_wish *wish; /* NULL: none */
    struct binding binding;
    struct login *login;
    const struct secret *line; /* of the login; the first `n_written` bytes are written */
    size_t n_written;
};

DEFINE_CLEANUP(struct conversation *, conversation_free)

/* Notes evidence; without memory the verdict stands all the same, only less well supported. */
static void note(struct conversation *conversation, enum evidence_key key, const char *text,
                 size_t length)
{
    (void)evidence_set_bytes(&conversation->observation->evidence, key, text, length);
}

/* The first line of what was read and cannot be used. */
static void note_input(struct conversation *conversation)
{
    size_t length = 0;

    while (length < conversation->n_input && !strchr("\r\n", conversation->input[length]))
        length++;
    note(conversation, EVIDENCE_REPLY, conversation->input, length);
}

static void enter(struct conversation *conversation, enum stage stage)
{
    conversation->observation->stage = stage;
    conversation->said = false;
    smtp_reply_reset(&conversation->reply);
}

static void close_connection(struct conversation *conversation)
{
    conversation->io = sd_event_source_disable_unref(conversation->io);
    conversation->quit_timer = sd_event_source_disable_unref(conversation->quit_timer);
    conversation->stream = stream_free(conversation->stream);
    conversation->callbacks->closed(conversation->userdata);
}

static int on_quit_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    close_connection(userdata);
    return 0;
}

#define CODE_CLOSING 421 /* RFC 5321 section 3.8: may come at any time, and is the end */

/* Whether the server still expects an SMTP command, so that QUIT is due. */
static bool may_quit(const struct conversation *conversation, enum halt halt)
{
    return conversation->reply.code != CODE_CLOSING &&
           (halt == HALT_NONE || halt == HALT_NO_STARTTLS || halt == HALT_REPLY ||
            conversation->astray);
}

/* The observation is final. Afterwards either QUIT is under way or the connection is closed. */
static void end(struct conversation *conversation, enum halt halt)
{
    bool quit = may_quit(conversation, halt);

    if (conversation->observation->stage == STAGE_LOGIN) {
        if (halt != HALT_NONE)
            login_break_off(conversation->observation);
        conversation->observation->stage = STAGE_COMPLETE;
        conversation->login = login_free(conversation->login);
        conversation->line = NULL;
        halt = HALT_NONE;
    }
    conversation->observation->halt = halt;
    conversation->quiting = true;
    conversation->said = false;
    conversation->n_input = 0;
    smtp_reply_reset(&conversation->reply);
    conversation->callbacks->ended(conversation->userdata);
    if (!quit ||
        sd_event_add_time_relative(conversation->event, &conversation->quit_timer, CLOCK_MONOTONIC,
                                   QUIT_TIME_US, 0, on_quit_timer, conversation) < 0)
        close_connection(conversation);
}

/* Whether the input begins with the code of a server that is about to hang up. */
static bool is_closing(const struct conversation *conversation)
{
    return conversation->n_input >= 3 && memcmp(conversation->input, "421", 3) == 0;
}

/*
 * Sends a command once a stage. Whoever has answered already, before the question, is not to be
 * trusted with it: in clear anybody may have put that there, to be taken for the server's answer.
 * Then STREAM_FAILED; only a 421 is read in place of the answer.
 */
static enum stream_answer say(struct conversation *conversation, const char *command)
{
    size_t n = conversation->said ? 0 : strlen(command);

    if (n > 0 && conversation->n_input > 0) {
        n = 0;
        if (!is_closing(conversation)) {
            note_input(conversation);
            return STREAM_FAILED;
        }
    }
    conversation->said = true;
    return stream_write(conversation->stream, command, n);
}

/* EHLO with an address literal (RFC 5321 section 4.1.3): it names no host of the user. */
static enum stream_answer say_ehlo(struct conversation *conversation)
{
    char command[80], text[INET6_ADDRSTRLEN];
    union address self = {0};
    socklen_t size = sizeof(self);
    bool ipv6;

    if (getsockname(stream_fd(conversation->stream), &self.any, &size) < 0 ||
        !*address_format(&self, text))
        strcpy(text, "127.0.0.1");
    ipv6 = address_is_ipv6(&self);
    if (ipv6 && IN6_IS_ADDR_V4MAPPED(&self.ipv6.sin6_addr)) { /* on the wire it is IPv4 */
        ipv6 = false;
        (void)inet_ntop(AF_INET, &self.ipv6.sin6_addr.s6_addr[12], text, sizeof(text));
    }
    (void)snprintf(command, sizeof(command), "EHLO [%s%s]\r\n", ipv6 ? "IPv6:" : "", text);
    return say(conversation, command);
}

/*
 * Reads on until the reply is complete (STREAM_OK) or proves to be none; what was read behind it
 * stays in the input. STREAM_FAILED: this is not SMTP.
 */
static enum stream_answer read_reply(struct conversation *conversation)
{
    for (;;) {
        enum smtp_answer reply;
        enum stream_answer answer;
        size_t used = 0;

        reply = smtp_reply_feed(&conversation->reply, conversation->input, conversation->n_input,
                                &used);
        if (reply == SMTP_INVALID) {
            note_input(conversation);
            return STREAM_FAILED;
        }
        conversation->n_input -= used;
        memmove(conversation->input, conversation->input + used, conversation->n_input);
        if (reply == SMTP_DONE)
            return STREAM_OK;
        answer = stream_read(conversation->stream, conversation->input, sizeof(conversation->input),
                             &conversation->n_input);
        if (answer != STREAM_OK)
            return answer;
    }
}

/* The reply's first line, for evidence. */
static void note_first_line(struct conversation *conversation, enum evidence_key key)
{
    const char *line;
    size_t length;

    if (smtp_reply_line(&conversation->reply, 0, &line, &length))
        note(conversation, key, line, length);
}

/* Whether the reply is the one that lets the conversation go on; else it has ended here. */
static bool expect(struct conversation *conversation, unsigned code)
{
    unsigned got = conversation->reply.code;

    if (got == code)
        return true;
    evidence_set_number(&conversation->observation->evidence, EVIDENCE_CODE, got);
    note_first_line(conversation, EVIDENCE_REPLY);
    conversation->astray = got < 400;
    end(conversation, conversation->astray ? HALT_NOT_SMTP : HALT_REPLY);
    return false;
}

static void note_auth(struct conversation *conversation, char *mechanisms)
{
    char *items[EVIDENCE_LIST_MAX + 1] = {0}, *rest;
    size_t n = 0;

    for (char *item = strtok_r(mechanisms, " ", &rest); item && n < EVIDENCE_LIST_MAX;
         item = strtok_r(NULL, " ", &rest))
        items[n++] = item;
    conversation->observation->auth = n > 0;
    if (n > 0)
        (void)evidence_set_list(&conversation->observation->evidence, EVIDENCE_AUTH, items);
}

static void note_extensions(struct conversation *conversation, unsigned long offered)
{
    char *items[EVIDENCE_LIST_MAX + 1] = {0};
    size_t n = 0;

    for (unsigned i = 0; smtp_extensions[i] && n < EVIDENCE_LIST_MAX; i++)
        if (offered & (1UL << i))
            items[n++] = (char *)smtp_extensions[i]; /* only read */
    if (n > 0)
        (void)evidence_set_list(&conversation->observation->evidence, EVIDENCE_EXTENSIONS, items);
}

static void note_ehlo(struct conversation *conversation, struct smtp_ehlo *ehlo)
{
    note_auth(conversation, ehlo->auth);
    note_extensions(conversation, ehlo->extensions);
    if (ehlo->has_size)
        evidence_set_number(&conversation->observation->evidence, EVIDENCE_SIZE, ehlo->size);
}

/* Takes the login's next step: afterwards there is a line to write, or the conversation is over. */
static enum stream_answer step_login(struct conversation *conversation,
                                     const struct smtp_reply *reply)
{
    int step = login_next(conversation->login, reply, &conversation->line);

    conversation->n_written = 0;
    smtp_reply_reset(&conversation->reply);
    if (step == LOGIN_OVER)
        end(conversation, HALT_NONE);
    return step < 0 ? STREAM_FAILED : STREAM_OK;
}

/* AUTH is offered over TLS that has verified. */
static enum stream_answer begin_login(struct conversation *conversation)
{
    char *const *offered = evidence_list(&conversation->observation->evidence, EVIDENCE_AUTH);
    int r = offered ? 0 : -ENOMEM;

    enter(conversation, STAGE_LOGIN);
    stream_bind(conversation->stream, &conversation->binding);
    if (r == 0)
        r = login_new(&conversation->login, conversation->wish, offered, &conversation->binding,
                      conversation->observation);
    return r < 0 ? STREAM_FAILED : step_login(conversation, NULL);
}

static enum stream_answer login(struct conversation *conversation)
{
    const struct secret *line = conversation->line;
    enum stream_answer answer = STREAM_OK;

    if (conversation->n_written == 0 && conversation->n_input > 0 && !is_closing(conversation)) {
        note_input(conversation); /* an answer to what was not said yet */
        return STREAM_FAILED;
    }
    while (answer == STREAM_OK && conversation->n_written < line->length) {
        size_t n = 0;

        answer = stream_write_some(conversation->stream, line->bytes + conversation->n_written,
                                   line->length - conversation->n_written, &n);
        conversation->n_written += n;
    }
    if (answer == STREAM_OK)
        answer = read_reply(conversation);
    return answer == STREAM_OK ? step_login(conversation, &conversation->reply) : answer;
}

static enum stream_answer greeting(struct conversation *conversation)
{
    enum stream_answer answer = read_reply(conversation);
    bool implicit = conversation->endpoint->security == SECURITY_TLS;

    if (answer != STREAM_OK)
        return answer;
    note_first_line(conversation, EVIDENCE_GREETING);
    conversation->observation->garbled |= smtp_greeting_is_garbled(&conversation->reply);
    if (expect(conversation, 220))
        enter(conversation, implicit ? STAGE_EHLO_TLS : STAGE_EHLO);
    return STREAM_OK;
}

/* In clear, before STARTTLS, or over TLS: what counts is said last. */
static enum stream_answer ehlo(struct conversation *conversation)
{
    bool clear = conversation->observation->stage == STAGE_EHLO;
    enum stream_answer answer = say_ehlo(conversation);
    struct smtp_ehlo ehlo;

    if (answer == STREAM_OK)
        answer = read_reply(conversation);
    if (answer != STREAM_OK || !expect(conversation, 250))
        return answer;
    smtp_ehlo_read(&conversation->reply, &ehlo);
    conversation->observation->garbled |= clear && ehlo.garbled;
    if (!clear || conversation->endpoint->security == SECURITY_NONE) {
        note_ehlo(conversation, &ehlo);
        if (!clear && conversation->wish && conversation->observation->auth)
            return begin_login(conversation);
        conversation->observation->stage = STAGE_COMPLETE;
        end(conversation, HALT_NONE);
    } else if (!ehlo.starttls) {
        note_extensions(conversation, ehlo.extensions);
        end(conversation, HALT_NO_STARTTLS);
    } else {
        enter(conversation, STAGE_STARTTLS);
    }
    return STREAM_OK;
}

static enum stream_answer starttls(struct conversation *conversation)
{
    enum stream_answer answer = say(conversation, "STARTTLS\r\n");

    if (answer == STREAM_OK)
        answer = read_reply(conversation);
    if (answer != STREAM_OK || !expect(conversation, 220))
        return answer;
    if (conversation->n_input > 0) { /* RFC 3207 section 6; somebody wants to be heard after TLS */
        note_input(conversation);
        end(conversation, HALT_INJECTED);
        return STREAM_OK;
    }
    enter(conversation, STAGE_TLS);
    return STREAM_OK;
}

/* Whether what came in place of TLS is a positive reply: not the server, which has just agreed to
 * TLS, but somebody who wants to be taken for it. (Servers whose TLS is broken say 4xx there.) */
static bool is_injected(struct conversation *conversation)
{
    const char *text = evidence_text(&conversation->observation->evidence, EVIDENCE_REPLY);

    return text && strspn(text, "0123456789") == 3 && *text < '4' && strchr(" -", text[3]);
}

static enum stream_answer handshake(struct conversation *conversation)
{
    bool implicit = conversation->endpoint->security == SECURITY_TLS, verified = false;
    enum stream_answer answer =
        stream_handshake(conversation->stream, conversation->policy, conversation->endpoint,
                         &conversation->observation->evidence, &verified);

    if (answer == STREAM_NOT_TLS && !implicit && is_injected(conversation)) {
        end(conversation, HALT_INJECTED);
        return STREAM_OK;
    }
    if (answer != STREAM_OK)
        return answer;
    if (verified)
        enter(conversation, implicit ? STAGE_GREETING : STAGE_EHLO_TLS);
    else
        end(conversation, HALT_CERTIFICATE);
    return STREAM_OK;
}

/* What the reply to QUIT says is of no interest, only that the server had its turn. */
static enum stream_answer quit(struct conversation *conversation)
{
    enum stream_answer answer = STREAM_OK;

    if (!conversation->leaving) {
        answer = say(conversation, "QUIT\r\n");
        if (answer == STREAM_OK)
            answer = read_reply(conversation);
        conversation->leaving = answer == STREAM_OK;
    }
    return answer == STREAM_OK ? stream_leave(conversation->stream) : answer;
}

static enum stream_answer step(struct conversation *conversation)
{
    if (conversation->quiting)
        return quit(conversation);
    switch (conversation->observation->stage) {
    case STAGE_GREETING:
        return greeting(conversation);
    case STAGE_EHLO:
    case STAGE_EHLO_TLS:
        return ehlo(conversation);
    case STAGE_STARTTLS:
        return starttls(conversation);
    case STAGE_TLS:
        return handshake(conversation);
    case STAGE_LOGIN:
        return login(conversation);
    case STAGE_RESOLVE:
    case STAGE_CONNECT:
    case STAGE_COMPLETE:
        break;
    }
    return STREAM_FAILED;
}

static enum halt halt_of(enum stage stage, enum stream_answer answer)
{
    switch (answer) {
    case STREAM_CLOSED:
        return HALT_CLOSED;
    case STREAM_RESET:
        return HALT_RESET;
    case STREAM_STOPPED:
        return HALT_STOPPED;
    case STREAM_NOT_TLS:
        return HALT_NOT_TLS;
    case STREAM_FAILED:
    case STREAM_OK:
    case STREAM_WANT_READ:
    case STREAM_WANT_WRITE:
        break;
    }
    return stage == STAGE_TLS ? HALT_HANDSHAKE : HALT_NOT_SMTP;
}

static const char *when(enum stage stage)
{
    switch (stage) {
    case STAGE_GREETING:
        return " before a greeting";
    case STAGE_TLS:
        return " during the TLS handshake";
    case STAGE_EHLO:
    case STAGE_EHLO_TLS:
        return " after EHLO";
    case STAGE_STARTTLS:
        return " after STARTTLS";
    case STAGE_LOGIN:
        return " during the login";
    case STAGE_RESOLVE:
    case STAGE_CONNECT:
    case STAGE_COMPLETE:
        break;
    }
    return "";
}

/* How the connection has ended, where it was not the conversation that ended it. */
static void note_end(struct conversation *conversation, enum stream_answer answer, enum stage stage)
{
    char text[80];
    const char *how = answer == STREAM_CLOSED    ? "closed"
                      : answer == STREAM_RESET   ? "reset"
                      : answer == STREAM_STOPPED ? "stopped by the network"
                                                 : NULL;

    if (how)
        note(conversation, EVIDENCE_REPLY, text,
             (size_t)snprintf(text, sizeof(text), "the connection was %s%s", how, when(stage)));
}

/* Goes on until something has to be waited for, or the connection is closed. */
static void run(struct conversation *conversation)
{
    while (conversation->stream) {
        enum stage stage = conversation->observation->stage;
        bool quiting = conversation->quiting;
        enum stream_answer answer = step(conversation);

        if (answer == STREAM_OK)
            continue;
        if (answer == STREAM_WANT_READ || answer == STREAM_WANT_WRITE) {
            (void)sd_event_source_set_io_events(conversation->io,
                                                answer == STREAM_WANT_READ ? EPOLLIN : EPOLLOUT);
            return;
        }
        if (quiting) {
            close_connection(conversation);
            return;
        }
        note_end(conversation, answer, stage);
        end(conversation, halt_of(stage, answer));
    }
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                 void *userdata)
{
    run(userdata);
    return 0;
}

void conversation_time_out(struct conversation *conversation)
{
    if (!conversation->quiting)
        end(conversation, HALT_TIMEOUT);
}

int conversation_new(struct conversation **ret, sd_event *event, int fd,
                     const struct endpoint *endpoint, struct tls_policy *policy,
                     struct observation *observation,
                     const struct conversation_callbacks *callbacks, void *userdata)
{
    _cleanup_(conversation_freep) struct conversation *conversation =
        calloc(1, sizeof(*conversation));
    int r;

    if (conversation)
        conversation->stream = stream_new(fd);
    if (!conversation || !conversation->stream) {
        close(fd);
        return -ENOMEM;
    }
    conversation->event = sd_event_ref(event);
    conversation->endpoint = endpoint;
    conversation->policy = policy;
    conversation->observation = observation;
    conversation->callbacks = callbacks;
    conversation->userdata = userdata;
    /* Writable at once: the first turn of the loop begins the conversation. */
    r = sd_event_add_io(event, &conversation->io, fd, EPOLLOUT, on_io, conversation);
    if (r < 0)
        return r;
    enter(conversation, endpoint->security == SECURITY_TLS ? STAGE_TLS : STAGE_GREETING);
    *ret = TAKE(conversation);
    return 0;
}

void conversation_log_in(struct conversation *conversation, const struct login_wish *wish)
{
    conversation->wish = wish;
}

struct conversation *conversation_free(struct conversation *conversation)
{
    if (!conversation)
        return NULL;
    login_free(conversation->login);
    sd_event_source_disable_unref(conversation->io);
    sd_event_source_disable_unref(conversation->quit_timer);
    stream_free(conversation->stream);
    sd_event_unref(conversation->event);
    free(conversation);
    return NULL;
}
