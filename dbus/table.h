/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Text for people on standard output: columns, colours, wrapping. Every text given must be safe to
 * show already (text_safe()). Where the locale has no UTF-8, what is not ASCII is shown as `?`.
 */

enum tone { TONE_PLAIN, TONE_STRONG, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_FAINT };

struct screen {
    bool terminal; /* standard output is one, and can do more than print lines */
    bool colour;   /* it is one, and neither $NO_COLOR nor TERM=dumb forbid colours */
    bool utf8;
    size_t height; /* lines; SIZE_MAX where it is no terminal, or one that does not say */
    size_t width; /* columns; SIZE_MAX where it is no terminal: lines are for other programs then */
};

/* Looks at standard output, the environment and the locale (setlocale() was called). */
void screen_init(struct screen *screen);

/* How many columns the text takes. */
size_t text_columns(const struct screen *screen, const char *text);

/* Prints the text in a tone, and spaces up to `columns` behind it. */
void print_text(const struct screen *screen, enum tone tone, const char *text, size_t columns);

/* Prints what fits of the text into `columns`. */
void print_cut(const struct screen *screen, enum tone tone, const char *text, size_t columns);

/*
 * Prints the text in a tone from the present column `at` on and ends the line; what does not fit
 * continues on further lines that start at column `indent`. Breaks at spaces, and inside a word
 * only where the word is longer than a line.
 */
void print_wrapped(const struct screen *screen, enum tone tone, const char *text, size_t at,
                   size_t indent);
