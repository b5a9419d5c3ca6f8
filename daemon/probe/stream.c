/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Plain sockets and OpenSSL behind one contract. Owns the descriptor. After TLS has begun no byte
 * goes around it in either direction.
 */
#include "probe/stream.h"
#include "cleanup.h"
#include "error.h"
#include "probe/tls.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#define PENDING_MAX 512 /* a command line, RFC 5321 section 4.5.3.1.4 */

struct stream {
    int fd;
    SSL *tls;
    bool heard; /* something came in the handshake, and OpenSSL may read it */
    char pending[PENDING_MAX];
    size_t n_pending;
    bool left; /* nothing is sent any more */
};

struct stream *stream_new(int fd)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    int on = 1;

    if (!stream)
        return NULL;
    stream->fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return stream;
}

static enum stream_answer from_errno(enum stream_answer want)
{
    switch (errno) {
    case EAGAIN:
    case EINTR:
        return want;
    /* What the kernel makes of ICMP errors; with IP_RECVERR they end an established connection. */
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNREFUSED:
    case EACCES:
        return STREAM_STOPPED;
    default:
        return STREAM_RESET;
    }
}

/* Nothing more is to be read. Who ends in order leaves this side open (CLOSE-WAIT); of a reset,
 * which the kernel tells of once, there may be no other sign. */
static enum stream_answer ended(const struct stream *stream)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);

    return getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                   info.tcpi_state == TCP_CLOSE
               ? STREAM_RESET
               : STREAM_CLOSED;
}

/* Says that nothing more is sent, in TLS and in TCP. */
static void end_writing(struct stream *stream)
{
    if (stream->left)
        return;
    stream->left = true;
    ERR_clear_error();
    if (stream->tls && SSL_is_init_finished(stream->tls))
        (void)SSL_shutdown(stream->tls);
    ERR_clear_error();
    (void)shutdown(stream->fd, SHUT_WR);
}

enum stream_answer stream_leave(struct stream *stream)
{
    char ignored[1024];
    ssize_t n;

    end_writing(stream);
    do
        n = recv(stream->fd, ignored, sizeof(ignored), 0);
    while (n > 0);
    return n == 0 ? STREAM_CLOSED : from_errno(STREAM_WANT_READ);
}

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    end_writing(stream);
    SSL_free(stream->tls);
    close(stream->fd);
    free(stream);
    return NULL;
}

void stream_bind(const struct stream *stream, struct binding *ret)
{
    tls_session_bind(stream->tls, ret);
}

int stream_fd(const struct stream *stream)
{
    return stream->fd;
}

/* The kernel may hold an ACK back for 40 ms, and a server that waits for it sits still as long; the
 * setting wears off, so it is renewed with each wait. */
static void acknowledge_now(struct stream *stream)
{
    int on = 1;

    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static enum stream_answer from_tls(struct stream *stream, int result)
{
    int saved = errno;

    switch (SSL_get_error(stream->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_CLOSED;
    case SSL_ERROR_SYSCALL:
        errno = saved;
        return saved == 0 ? ended(stream) : from_errno(STREAM_RESET);
    default:
        /* An end of file in mid-record is an error of its own since OpenSSL 3. */
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? ended(stream)
                   : STREAM_FAILED;
    }
}

enum stream_answer stream_read(struct stream *stream, void *buffer, size_t size, size_t *ret_n)
{
    enum stream_answer answer;

    acknowledge_now(stream);
    if (stream->tls) {
        int result;

        ERR_clear_error();
        errno = 0;
        result = SSL_read_ex(stream->tls, buffer, size, ret_n);
        answer = result == 1 ? STREAM_OK : from_tls(stream, result);
    } else {
        ssize_t n = recv(stream->fd, buffer, size, 0);

        if (n > 0)
            *ret_n = (size_t)n;
        answer = n > 0 ? STREAM_OK : n == 0 ? ended(stream) : from_errno(STREAM_WANT_READ);
    }
    return answer;
}

enum stream_answer stream_write_some(struct stream *stream, const void *bytes, size_t n_bytes,
                                     size_t *ret_n)
{
    ssize_t n;

    if (stream->tls) {
        int result;

        ERR_clear_error();
        errno = 0;
        result = SSL_write_ex(stream->tls, bytes, n_bytes, ret_n);
        return result == 1 ? STREAM_OK : from_tls(stream, result);
    }
    n = send(stream->fd, bytes, n_bytes, MSG_NOSIGNAL);
    if (n < 0)
        return from_errno(STREAM_WANT_WRITE);
    *ret_n = (size_t)n;
    return STREAM_OK;
}

enum stream_answer stream_write(struct stream *stream, const void *bytes, size_t n)
{
    if (n > PENDING_MAX - stream->n_pending)
        return STREAM_FAILED;
    memcpy(stream->pending + stream->n_pending, bytes, n);
    stream->n_pending += n;
    while (stream->n_pending > 0) {
        size_t written = 0;
        enum stream_answer answer =
            stream_write_some(stream, stream->pending, stream->n_pending, &written);

        if (answer != STREAM_OK)
            return answer;
        stream->n_pending -= written;
        memmove(stream->pending, stream->pending + written, stream->n_pending);
    }
    return STREAM_OK;
}

/* A session that writes to the connection, and reads nothing before it was looked at. */
static enum stream_answer start_tls(struct stream *stream, struct tls_policy *policy,
                                    const struct endpoint *endpoint)
{
    BIO *nothing = BIO_new(BIO_s_mem());

    stream->tls = tls_session_new(policy, endpoint);
    if (!nothing || !stream->tls || SSL_set_wfd(stream->tls, stream->fd) != 1) {
        BIO_free(nothing);
        return STREAM_FAILED;
    }
    SSL_set0_rbio(stream->tls, nothing);
    return STREAM_OK;
}

/*
 * Looks at what comes first, before OpenSSL takes it: a record of the handshake or an alert (RFC
 * 8446 section 5.1) begins with a byte that no text begins with. STREAM_NOT_TLS where it is
 * neither; its first line goes to the evidence. STREAM_OK: OpenSSL may have it.
 */
static enum stream_answer look_at_first(struct stream *stream, struct evidence *evidence)
{
    unsigned char first[EVIDENCE_TEXT_MAX];
    ssize_t n = recv(stream->fd, first, sizeof(first), MSG_PEEK);
    size_t line = 0;

    if (n < 0) /* looking takes a reset away from whoever reads next */
        return from_errno(STREAM_OK);
    stream->heard = true;
    if (n == 0 || first[0] == SSL3_RT_HANDSHAKE || first[0] == SSL3_RT_ALERT)
        return STREAM_OK;
    while (line < (size_t)n && first[line] != '\r' && first[line] != '\n')
        line++;
    if (first[0] >= ' ' && first[0] <= '~')
        (void)evidence_set_bytes(evidence, EVIDENCE_REPLY, first, line);
    else
        (void)evidence_set_text(evidence, EVIDENCE_REPLY, "what answers does not speak TLS");
    return STREAM_NOT_TLS;
}

enum stream_answer stream_handshake(struct stream *stream, struct tls_policy *policy,
                                    const struct endpoint *endpoint, struct evidence *evidence,
                                    bool *ret_verified)
{
    enum stream_answer answer = STREAM_OK;
    int result;

    if (!stream->tls)
        answer = start_tls(stream, policy, endpoint);
    acknowledge_now(stream);
    if (answer == STREAM_OK && !stream->heard) {
        answer = look_at_first(stream, evidence);
        if (answer == STREAM_OK && stream->heard && SSL_set_rfd(stream->tls, stream->fd) != 1)
            answer = STREAM_FAILED;
    }
    if (answer != STREAM_OK)
        return answer;
    ERR_clear_error();
    errno = 0;
    result = SSL_connect(stream->tls);
    if (result == 1) {
        result = tls_session_read(policy, stream->tls, endpoint, evidence);
        if (result < 0)
            return STREAM_FAILED;
        *ret_verified = result > 0;
        return STREAM_OK;
    }
    answer = from_tls(stream, result);
    if (answer == STREAM_FAILED && tls_failure_read(evidence))
        return STREAM_NOT_TLS;
    return answer;
}
