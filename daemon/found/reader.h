/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cleanup.h"
#include "found/found.h"
#include "found/slice.h"

/*
 * What the readers share, each of which knows the files of one client (readers.h). A reader returns
 * 0 or -ENOMEM; whatever is wrong with a file is a remark.
 */
struct reader {
    struct found *found;
    const struct found_places *places;
    enum mail_client client;
    const char *file; /* the one that is being read, for remarks */
    size_t *budget;   /* bytes that may still be read by all readers */
    int depth;        /* of files that include files */
};

#define READER_DEPTH_MAX 8

/* A file's contents, with a NUL behind them; wiped when they are cleared. */
struct reader_text {
    struct slice all;
    char *memory;
};

enum { READER_NOTHING = 1 };

/* Reads the file. READER_NOTHING where it is not there, or cannot be read (then with a remark). 0
 * or -ENOMEM. */
int reader_open(struct reader *reader, const char *path, struct reader_text *ret);
void reader_text_clear(struct reader_text *text);

/* The names in the directory that end with `suffix`, sorted, as a NULL-terminated array to be given
 * to reader_names_free(); none where it cannot be read. 0 or -ENOMEM. */
int reader_list(struct reader *reader, const char *directory, const char *suffix, char ***ret);
void reader_names_free(char ***names);

/* `base` and `rest` as one path, new. NULL without memory, or where `base` is NULL. */
char *reader_path(const char *base, const char *rest);

/*
 * The path that a file means by `name`: "~/" is the home directory; what is relative is so to
 * `directory`. New; NULL without memory or where it is no path (errno tells).
 */
char *reader_expand(const struct reader *reader, struct slice name, const char *directory);

int reader_remark(struct reader *reader, enum remark remark, unsigned line, struct slice detail);

/* How a client is told to encrypt. */
enum draft_security {
    DRAFT_UNSAID, /* what the port says */
    DRAFT_TLS,
    DRAFT_STARTTLS,
    DRAFT_OPPORTUNISTIC, /* STARTTLS where it is offered */
    DRAFT_NONE,
};

#define DRAFT_TEXT_MAX 254 /* bytes of an address (RFC 5321), and of a name to log in with */

/* An account as a client's file has it. {0} is empty. */
struct draft {
    char address[DRAFT_TEXT_MAX + 1]; /* also "Name <address>" on its way in */
    char host[HOST_MAX + 1];
    char username[DRAFT_TEXT_MAX + 1];
    long port; /* 0: not said; as slice_number() */
    enum draft_security security;
    unsigned line; /* for remarks; 0: none */
};

/* Sets one of the texts; one that is too long is no text, and the draft is not taken for it. */
void draft_set_address(struct draft *draft, struct slice value);
void draft_set_host(struct draft *draft, struct slice value);
void draft_set_username(struct draft *draft, struct slice value);

/*
 * Takes smtp://USER:PASSWORD@HOST:PORT/ apart, without looking at the password; %XX in the user's
 * name is decoded. The scheme is returned, empty where it is no URL.
 */
struct slice draft_set_url(struct draft *draft, struct slice url);

/* Where a host is written with its port, as in "[::1]:587". */
void draft_set_host_and_port(struct draft *draft, struct slice value);

/* The draft is complete: an account is found, or a remark says why not. 0 or -ENOMEM. */
int reader_take(struct reader *reader, const struct draft *draft);
