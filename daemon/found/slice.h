/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A part of a text that somebody else owns. Files are looked at through these, so that nothing of
 * them is copied but what is wanted: a password is passed over where it stands.
 */
struct slice {
    const char *at;
    size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_between(const char *at, const char *end)
{
    return (struct slice){at, (size_t)(end - at)};
}

bool slice_is(struct slice slice, const char *text);
bool slice_is_word(struct slice slice, const char *text); /* whatever the case of ASCII letters */
bool slice_equal(struct slice a, struct slice b);
bool slice_begins(struct slice slice, const char *text);
bool slice_has(struct slice slice, char c);

/* Without white space at both ends. */
struct slice slice_trim(struct slice slice);
/* Without the double or single quotes around it, if both are there. */
struct slice slice_unquote(struct slice slice);
/* What stands before the first `c`, or all; *rest gets what stands behind it. `rest` may be where
 * `slice` comes from. */
struct slice slice_cut(struct slice slice, char c, struct slice *rest);
/* The next line without its end; false after the last. */
bool slice_next_line(struct slice *rest, struct slice *ret);
/* The next piece between `c`s, trimmed and not empty; false after the last. */
bool slice_next_item(struct slice *rest, char c, struct slice *ret);

/* Copies it with a NUL behind. False, and an empty buffer, where it is too long or has a NUL. */
bool slice_copy(struct slice slice, char *buffer, size_t size);

/* ASCII's capitals become small. */
void text_lower(char *text);

/* The number; -1 where it is none, or beyond what a port could ever be taken for. */
long slice_number(struct slice slice);
/* "true", "yes", "on", "1": true. */
bool slice_is_true(struct slice slice);
