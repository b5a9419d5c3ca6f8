/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* SMTP replies (RFC 5321 section 4.2) from hostile bytes: a pure parser, fed as bytes arrive. */

#define SMTP_LINE_MAX  1000 /* bytes of one line; RFC 5321 section 4.5.3.1.5 asks for 512 */
#define SMTP_REPLY_MAX 8192 /* bytes of text kept of one reply, and the most it may have */
#define SMTP_LINES_MAX 128

struct smtp_reply {
    unsigned code;
    unsigned lines; /* complete ones */
    char
        text[SMTP_REPLY_MAX]; /* the lines' texts without code, each ended by '\n'; may hold NULs */
    size_t length;
    char line[SMTP_LINE_MAX]; /* the line being read */
    size_t line_length;
};

enum smtp_answer {
    SMTP_MORE = 1, /* all bytes used, the reply is not complete */
    SMTP_DONE,     /* the reply is complete; what follows it was not used */
    SMTP_INVALID,  /* this is no SMTP reply, or one beyond the bounds */
};

void smtp_reply_reset(struct smtp_reply *reply);

/* Takes bytes; *ret_used says how many belong to this reply. Lines may end in a bare LF. */
enum smtp_answer smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t n,
                                 size_t *ret_used);

/* Whether line `index` (from 0) exists; then its text in *ret and its length in *ret_length. */
bool smtp_reply_line(const struct smtp_reply *reply, unsigned index, const char **ret,
                     size_t *ret_length);

/*
 * What an EHLO reply says of itself (RFC 5321 section 4.1.1.1, RFC 4954, RFC 1870). `auth` holds
 * the mechanisms as one text, separated by spaces, from `AUTH ` and the old `AUTH=`; empty: no
 * AUTH. `extensions` has the keywords of smtp_extensions[] that are offered, as one bit each.
 */
struct smtp_ehlo {
    bool starttls;
    bool garbled; /* a keyword was overwritten with X: what a box leaves behind */
    bool has_size;
    unsigned long size; /* ULONG_MAX for all that is larger; 0: no fixed limit */
    char auth[SMTP_LINE_MAX];
    unsigned long extensions;
};

/* The keywords that are registered with IANA, as far as servers offer them; NULL-terminated. */
extern const char *const smtp_extensions[];

void smtp_ehlo_read(const struct smtp_reply *reply, struct smtp_ehlo *ret);

/* True for a greeting in a box's handwriting: `220 ****...`. */
bool smtp_greeting_is_garbled(const struct smtp_reply *reply);
