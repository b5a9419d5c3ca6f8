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
    char pending[PENDING_MAX];
    size_t n_pending;
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

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    if (stream->tls) {
        ERR_clear_error();
        if (SSL_is_init_finished(stream->tls))
            (void)SSL_shutdown(stream->tls);
        SSL_free(stream->tls);
        ERR_clear_error();
    }
    close(stream->fd);
    free(stream);
    return NULL;
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

static enum stream_answer from_errno(enum stream_answer want)
{
    if (errno == EAGAIN || errno == EINTR)
        return want;
    return STREAM_RESET;
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
        return saved == 0 ? STREAM_CLOSED : STREAM_RESET;
    default:
        /* An end of file in mid-record is an error of its own since OpenSSL 3. */
        return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                   ? STREAM_CLOSED
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
        answer = n > 0 ? STREAM_OK : n == 0 ? STREAM_CLOSED : from_errno(STREAM_WANT_READ);
    }
    return answer;
}

static enum stream_answer write_some(struct stream *stream, size_t *ret_n)
{
    ssize_t n;

    if (stream->tls) {
        int result;

        ERR_clear_error();
        errno = 0;
        result = SSL_write_ex(stream->tls, stream->pending, stream->n_pending, ret_n);
        return result == 1 ? STREAM_OK : from_tls(stream, result);
    }
    n = send(stream->fd, stream->pending, stream->n_pending, MSG_NOSIGNAL);
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
        enum stream_answer answer = write_some(stream, &written);

        if (answer != STREAM_OK)
            return answer;
        stream->n_pending -= written;
        memmove(stream->pending, stream->pending + written, stream->n_pending);
    }
    return STREAM_OK;
}

enum stream_answer stream_handshake(struct stream *stream, const struct tls_policy *policy,
                                    const char *host, struct evidence *evidence, bool *ret_verified)
{
    enum stream_answer answer;
    int result;

    if (!stream->tls) {
        stream->tls = tls_session_new(policy, host);
        if (!stream->tls || SSL_set_fd(stream->tls, stream->fd) != 1)
            return STREAM_FAILED;
    }
    acknowledge_now(stream);
    ERR_clear_error();
    errno = 0;
    result = SSL_connect(stream->tls);
    if (result == 1) {
        result = tls_session_read(policy, stream->tls, evidence);
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
