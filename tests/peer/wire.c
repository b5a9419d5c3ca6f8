/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of one connection of smtp-peer, and the log of what the client did with it.
 *
 * Everything blocks: the process belongs to this connection alone, and it ends where the
 * connection ends. A line of the log is one write(2) to a file opened for appending, so that the
 * lines of several connections never mix. What the client sent reaches the log only in printable
 * ASCII. This file judges how the client uses a stream (line ends, segments, order); what the
 * commands mean is the dialogue's.
 */
#include "peer.h"
#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

void wire_log(const struct wire *wire, const char *format, ...)
{
    char text[sizeof(wire->input) + 128], line[4 * sizeof(text) + 128];
    va_list arguments;
    size_t n;

    if (wire->log_fd < 0)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    n = (size_t)snprintf(line, sizeof(line) / 8, "%s: ", wire->label);
    for (const char *c = text; *c; c++)
        if (*c >= ' ' && *c <= '~')
            line[n++] = *c;
        else
            n += (size_t)sprintf(line + n, "\\x%02x", (unsigned char)*c);
    line[n++] = '\n';
    if (write(wire->log_fd, line, n) < 0)
        _exit(1); /* a test that reads the log would wait for what never comes */
}

static void pause_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

void wire_lost(struct wire *wire, const char *how)
{
    if (wire->owes_quit)
        wire_violation(wire, "closed without QUIT");
    wire_log(wire, "CLOSE by the client%s", how);
    _exit(0);
}

void wire_close(struct wire *wire)
{
    char rest[512];

    /* Closing with unread input sends a reset, which can overtake what was said last. */
    if (wire->tls)
        SSL_shutdown(wire->tls);
    shutdown(wire->fd, SHUT_WR);
    while (poll(&(struct pollfd){.fd = wire->fd, .events = POLLIN}, 1, 1000) > 0 &&
           read(wire->fd, rest, sizeof(rest)) > 0)
        ;
    wire_log(wire, "CLOSE");
    _exit(0);
}

static void send_now(struct wire *wire, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = wire->tls ? SSL_write(wire->tls, bytes, (int)n)
                                 : send(wire->fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0) {
            wire->owes_quit = false; /* in the middle of a reply it is no time for a command */
            wire_lost(wire, " during a reply");
        }
        bytes += sent;
        n -= (size_t)sent;
    }
}

void wire_send(struct wire *wire, const void *bytes, size_t n)
{
    if (wire->drip_ms == 0) {
        send_now(wire, bytes, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        send_now(wire, (const char *)bytes + i, 1);
        pause_ms(wire->drip_ms);
    }
}

void wire_say(struct wire *wire, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text, sizeof(text) - 2, format, arguments);
    va_end(arguments);
    if (n > (int)sizeof(text) - 3)
        n = sizeof(text) - 3;
    memcpy(text + n, "\r\n", 2);
    wire_send(wire, text, (size_t)n + 2);
}

/* Appends what the next segment (the next TLS record) brings. */
static void receive(struct wire *wire)
{
    size_t room = sizeof(wire->input) - wire->length;
    ssize_t n;

    if (room == 0) {
        wire_violation(wire, "a line of more than %zu bytes", sizeof(wire->input));
        wire_close(wire);
    }
    n = wire->tls ? SSL_read(wire->tls, wire->input + wire->length, (int)room)
                  : read(wire->fd, wire->input + wire->length, room);
    if (n <= 0)
        wire_lost(wire, n == 0 || wire->tls ? "" : " by reset");
    wire->length += (size_t)n;
}

char *wire_command(struct wire *wire)
{
    static char line[sizeof(wire->input)];
    char *end;
    size_t n;

    while (!(end = memchr(wire->input, '\n', wire->length))) {
        if (wire->length > 0)
            wire_violation(wire, "a command in several segments");
        receive(wire);
    }
    n = (size_t)(end - wire->input) + 1;
    memcpy(line, wire->input, n);
    wire->length -= n;
    memmove(wire->input, end + 1, wire->length);

    if (n < 2 || line[n - 2] != '\r')
        wire_violation(wire, "a line that ends in a bare LF");
    else
        n--;
    line[n - 1] = '\0';
    if (strlen(line) != n - 1)
        wire_violation(wire, "a NUL in a command");
    wire_log(wire, "%s", line);
    if (wire->length > 0)
        wire_violation(wire, "more sent without waiting for the reply");
    return line;
}

bool wire_spoke_within(struct wire *wire, unsigned ms)
{
    char byte;

    if (wire->tls && SSL_pending(wire->tls) > 0)
        return true;
    if (poll(&(struct pollfd){.fd = wire->fd, .events = POLLIN}, 1, (int)ms) <= 0)
        return false;
    if (recv(wire->fd, &byte, 1, MSG_PEEK) <= 0)
        wire_lost(wire, "");
    return true;
}

void wire_discard(struct wire *wire)
{
    for (;;) {
        wire->length = 0;
        receive(wire);
    }
}

bool wire_start_tls(struct wire *wire, SSL_CTX *context)
{
    const unsigned char *alpn = NULL;
    const char *name;
    unsigned alpn_length = 0;

    wire->tls = SSL_new(context);
    if (!wire->tls || !SSL_set_fd(wire->tls, wire->fd))
        _exit(1);
    if (SSL_accept(wire->tls) != 1) {
        const char *reason = ERR_reason_error_string(ERR_peek_error());

        wire_log(wire, "TLS failed: %s", reason ? reason : "the client closed");
        wire->tls = NULL;
        wire->owes_quit = false; /* there is no channel left to say it on */
        return false;
    }
    name = SSL_get_servername(wire->tls, TLSEXT_NAMETYPE_host_name);
    SSL_get0_alpn_selected(wire->tls, &alpn, &alpn_length);
    wire_log(wire, "TLS %s SNI=%s ALPN=%.*s", SSL_get_version(wire->tls), name ? name : "",
             (int)alpn_length, (const char *)alpn);
    return true;
}
