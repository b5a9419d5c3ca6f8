/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a program: from SIGUSR1 to the next one, one allocation in sixty-four fails, in an
 * order that is the same in every run.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t size);

static volatile sig_atomic_t hungry;

static void on_signal(int signal)
{
    hungry = !hungry;
}

__attribute__((constructor)) static void start(void)
{
    signal(SIGUSR1, on_signal);
}

static int starve(void)
{
    static uint32_t state = 1;

    if (!hungry)
        return 0;
    state = state * 1664525 + 1013904223;
    if (state >> 26)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return starve() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return starve() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return starve() ? NULL : __libc_realloc(old, size);
}
