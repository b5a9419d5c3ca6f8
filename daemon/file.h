/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>

/* Whole files, read and written at once. */

/*
 * Writes the file so that any crash, also of the machine, leaves the old one or the new one; what
 * is there when this returns 0 stays. Mode 0600. 0 or negative errno; which of them is there is
 * open then.
 */
int file_write(const char *path, const char *text, size_t length);

/*
 * Reads a regular file of at most `max` bytes into new memory, with a NUL behind them. 0; -EFBIG;
 * -EBADMSG for what is no regular file; other negative errno.
 */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_length);
