/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Secrets in memory. Each has pages of its own, so that what is said of them to the kernel is said
 * of nothing else, and no neighbour's overflow reads them. It never moves: there is no copy to
 * forget.
 */
#include "secret.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>
#include <sys/mman.h>

static size_t pages_for(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (sizeof(struct secret) + size + 1 + page - 1) / page * page;
}

int secret_new(struct secret **ret, size_t size)
{
    size_t length = pages_for(size);
    struct secret *secret =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (secret == MAP_FAILED)
        return -ENOMEM;
    /* A process that may lock less than this has no place for secrets. */
    if (mlock(secret, length) < 0 || madvise(secret, length, MADV_DONTDUMP) < 0 ||
        madvise(secret, length, MADV_DONTFORK) < 0) {
        (void)munmap(secret, length);
        return -ENOMEM;
    }
    secret->size = size;
    *ret = secret;
    return 0;
}

struct secret *secret_free(struct secret *secret)
{
    if (secret) {
        size_t length = pages_for(secret->size);

        explicit_bzero(secret, length);
        (void)munmap(secret, length);
    }
    return NULL;
}

int secret_add(struct secret *secret, const void *bytes, size_t n)
{
    if (n > secret->size - secret->length)
        return -EFBIG;
    if (n > 0)
        memcpy(secret->bytes + secret->length, bytes, n);
    secret->length += n;
    secret->bytes[secret->length] = '\0';
    return 0;
}

int secret_read(struct secret *secret, int fd)
{
    for (;;) {
        size_t room = secret->size - secret->length;
        ssize_t n;

        /* With no room left one byte more would be too much; its place is the NUL's. */
        n = read(fd, secret->bytes + secret->length, room > 0 ? room : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? SECRET_MORE : -errno;
        if (n > 0 && room == 0) {
            secret->bytes[secret->length] = '\0';
            return -EFBIG;
        }
        secret->length += (size_t)n;
        secret->bytes[secret->length] = '\0';
        if (n == 0)
            return 0;
    }
}

int secret_cut(struct secret *secret)
{
    size_t length = 0;

    while (length < secret->length && secret->bytes[length] != '\n')
        length++;
    if (length > 0 && secret->bytes[length - 1] == '\r')
        length--;
    if (length == 0 || memchr(secret->bytes, '\0', length))
        return -EBADMSG;
    explicit_bzero(secret->bytes + length, secret->length - length);
    secret->length = length;
    secret->bytes[length] = '\0';
    return 0;
}
