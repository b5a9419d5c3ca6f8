/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A password or a token, or what is made of one: in pages of its own that are never swapped, are
 * left out of core dumps and children, and are wiped when they are given back.
 */

#define SECRET_MAX 8192 /* bytes of one that is read; tokens of a few thousand bytes exist */

struct secret {
    size_t size;   /* bytes there is room for */
    size_t length; /* bytes in use; a NUL stands behind them */
    char bytes[];
};

/* Room for `size` bytes. 0; -ENOMEM also where the system does not lock so much memory. */
int secret_new(struct secret **ret, size_t size);
struct secret *secret_free(struct secret *secret);

/* Adds bytes at the end. 0 or -EFBIG. */
int secret_add(struct secret *secret, const void *bytes, size_t n);

enum { SECRET_MORE = 1 }; /* nothing is there to be read now */

/* Reads from the descriptor until its end, straight into the secret: no copy is left anywhere. 0;
 * SECRET_MORE; -EFBIG; other negative errno. */
int secret_read(struct secret *secret, int fd);

/* Cuts the secret at the end of its first line, as programs that print one end it. 0; -EBADMSG
 * where that leaves nothing, or it holds a NUL. */
int secret_cut(struct secret *secret);
