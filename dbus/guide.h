/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * How mail clients are set up to submit mail: data, and filling it in.
 *
 *   guide-windows.c   clients with windows: where to click
 *   guide-files.c     clients with files: what to write
 */

/* One client. What people read is translated where it is shown; placeholders are guide_fill()'s. */
struct guide {
    const char *name;           /* on the command line */
    const char *title;          /* its name for people */
    const char *tls, *starttls; /* what it calls the two kinds of security */
    const char *const *steps;   /* sentences, ended by NULL */
    const char *file;           /* which file `snippet` is for; NULL: there is neither */
    const char *snippet;        /* lines of that file */
    const char *danger;         /* what one must not do, though one may read it elsewhere */
};

extern const struct guide *const guides_windows[], *const guides_files[]; /* ended by NULL */

const struct guide *guide_find(const char *name); /* NULL: there is none */
/* The n-th, or NULL behind the last. */
const struct guide *guide_at(unsigned n);

/* What is filled in. */
struct guide_values {
    const char *server, *address, *user;
    uint16_t port;
    const char *security; /* "tls" or "starttls"; no guide is for anything else */
};

/*
 * The text with its placeholders filled in: {server}, {port}, {user}, {address}, {file}, {security}
 * (what the client calls it), {tls|THIS|THAT} (THIS for TLS from the first byte, THAT for
 * STARTTLS). Behind a colon stands where the value goes, so that it cannot end there: {user:url},
 * {server:url}, {user:shell}, {user:git}, {user:ini}. New, NULL without memory.
 */
char *guide_fill(const struct guide *guide, const struct guide_values *values, const char *text);
