/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "memory/content.h"

/* The memory as text: JSON, one network and one trip a line. */

#define MEMORY_FILE_MAX (8 << 20) /* bytes; a longer one is not ours */

/* Answers of memory_file_read(). */
enum {
    MEMORY_FILE_DROPPED = 1, /* some entries were no good and left out */
    MEMORY_FILE_BROKEN,      /* nothing in it can be used */
};

/*
 * Reads what memory_file_write() has written, or anybody. What is wrong is said in the log, with
 * `path` as its name. 0 or MEMORY_FILE_DROPPED, and *ret is set; MEMORY_FILE_BROKEN; -ENOMEM.
 */
int memory_file_read(const char *path, const char *text, size_t length, struct memory_content *ret);

/* New text, never longer than MEMORY_FILE_MAX: the networks that were not visited for the longest
 * time are left out where they do not fit. 0 or -ENOMEM. */
int memory_file_write(const struct memory_content *content, char **ret_text, size_t *ret_length);
