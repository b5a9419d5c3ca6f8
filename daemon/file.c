/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Whole files. What is written goes beside the old file first and takes its place by rename():
 * there is no moment at which half of it is there. */
#include "file.h"
#include "cleanup.h"
#include "error.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            length -= (size_t)n;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* The name is on the disk, too, not only what it names. */
static int sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *directory =
        slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    _cleanup_close_ int fd = -1;

    if (!directory)
        return -ENOMEM;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, const char *text, size_t length)
{
    _cleanup_free_ char *temporary = NULL;
    _cleanup_close_ int fd = -1;
    int r;

    if (asprintf(&temporary, "%s.new", path) < 0)
        return -ENOMEM;
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    r = write_all(fd, text, length);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlink(temporary);
        return r;
    }
    return sync_directory(path);
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_length)
{
    /* Not to wait for whoever should write into a FIFO. */
    _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    _cleanup_free_ char *text = NULL;
    struct stat status;
    size_t length = 0;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EBADMSG;
    if ((uint64_t)status.st_size > max)
        return -EFBIG;
    text = malloc((size_t)status.st_size + 1);
    if (!text)
        return -ENOMEM;
    while (length < (size_t)status.st_size) {
        ssize_t n = read(fd, text + length, (size_t)status.st_size - length);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        if (n > 0)
            length += (size_t)n;
    }
    text[length] = '\0';
    *ret_text = TAKE(text);
    *ret_length = length;
    return 0;
}
