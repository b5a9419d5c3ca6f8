/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Scope-bound ownership: `_cleanup_(x_freep) struct x *x = NULL;` frees on every way out of the
 * block, and TAKE() hands the value on instead. This replaces goto ladders everywhere.
 */
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)        __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_            __attribute__((unused))

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

/* The pointer's value, leaving NULL behind: ownership moves to the receiver. */
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) _taken = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        _taken;                                                                                    \
    })

/* Likewise of a descriptor, leaving -1. */
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int _taken = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        _taken;                                                                                    \
    })

/* Declares x_freep() for use with _cleanup_ from an x_free() that takes NULL. */
#define DEFINE_CLEANUP(type, free_function)                                                        \
    static inline void free_function##p(type *p)                                                   \
    {                                                                                              \
        if (*p)                                                                                    \
            free_function(*p);                                                                     \
    }

static inline void freep(void *p)
{
    free(*(void **)p);
}

static inline void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
