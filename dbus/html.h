/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdio.h>

/*
 * What the pages of mailroam(1) share. They run no script and load nothing, and their policy says
 * so to the browser; every text that is not the program's own passes html_put().
 */

/* Head and heading; the rest is to follow. */
void html_begin(FILE *file, const char *title);
void html_end(FILE *file);

/* At most `max` characters of the text, which is UTF-8, as content of an element or an attribute.
 */
void html_put(FILE *file, const char *text, size_t max);

/* "2026-11-24 14:02 CET", now; "" where the clock is out of its mind. */
#define HTML_MOMENT_MAX 64
const char *html_moment(char buffer[static HTML_MOMENT_MAX]);

/* Where --html FILE goes ("-": standard output). NULL after saying why not. */
FILE *html_open(const char *name);
/* 0, or -EIO after saying why; standard output stays open, and main() looks at it. */
int html_close(FILE *file, const char *name);
