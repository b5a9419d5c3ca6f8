/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A question on the terminal, whatever the standard descriptors are connected to. What is typed
 * goes from the kernel into the secret: stdio, which keeps buffers of its own, is not used.
 */
#include "prompt.h"
#include "cleanup.h"
#include "error.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

static void write_all(int fd, const char *text)
{
    (void)!write(fd, text, strlen(text));
}

static void on_signal(int number _unused_)
{
    /* It is there to end read(). */
}

/* One line. -EINTR after a signal. */
static int read_line(struct secret *secret, int fd)
{
    for (;;) {
        char *at = secret->bytes + secret->length;
        ssize_t n;

        if (secret->length == secret->size)
            return -EFBIG;
        n = read(fd, at, secret->size - secret->length);
        if (n < 0)
            return -errno;
        secret->length += (size_t)n;
        if (n == 0 || memchr(at, '\n', (size_t)n))
            return 0;
    }
}

int prompt_secret(struct secret *secret, const char *question)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    const struct sigaction catching = {.sa_handler = on_signal}; /* without SA_RESTART */
    _cleanup_close_ int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct sigaction before[ELEMENTSOF(signals)];
    struct termios shown, hidden;
    int r;

    if (fd < 0 || tcgetattr(fd, &shown) < 0)
        return -ENXIO;
    for (size_t i = 0; i < ELEMENTSOF(signals); i++)
        (void)sigaction(signals[i], &catching, &before[i]);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    hidden.c_lflag |= ICANON | ISIG;
    r = tcsetattr(fd, TCSAFLUSH, &hidden) < 0 ? -errno : 0;
    if (r == 0) {
        write_all(fd, question);
        r = read_line(secret, fd);
        write_all(fd, "\n");
        (void)tcsetattr(fd, TCSAFLUSH, &shown);
    }
    for (size_t i = 0; i < ELEMENTSOF(signals); i++)
        (void)sigaction(signals[i], &before[i], NULL);
    return r;
}
