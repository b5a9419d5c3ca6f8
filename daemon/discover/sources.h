/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "discover/autoconfig.h"

/*
 * Where a provider's submission servers can be found out. Each is asked by itself, in an order that
 * is the caller's business, and tells what it asked, what came of it, and the servers it names.
 */

enum source {
    SOURCE_AUTOCONFIG, /* the provider's own documents */
    SOURCE_ISPDB,      /* Mozilla's database: it learns the domain */
    SOURCE_SRV,        /* RFC 6186, RFC 8314 */
    SOURCE_MX,         /* the documents of whoever takes the domain's mail */
    SOURCE_GUESS,      /* names that many have */
    N_SOURCE,
};

const char *source_to_string(enum source source);
int source_from_string(const char *text, enum source *ret); /* 0 or -EINVAL */

enum step_result {
    STEP_FOUND,
    STEP_NOTHING,     /* there is none, or it is of no use */
    STEP_NOT_OFFERED, /* the domain says that it has no such service */
    STEP_FAILED,      /* nobody could tell */
    STEP_REFUSED,     /* by us: what came is not safe */
    N_STEP_RESULT,
};

const char *step_result_to_string(enum step_result result);

struct listener {
    /* One question is settled; `text` says what came of it, safe to show. */
    void (*step)(const char *question, enum step_result result, const char *text, void *userdata);
    /* A server was named, by `by`; the preferred ones first. */
    void (*server)(const struct found_server *server, const char *by, void *userdata);
    void *userdata;
};

/* Asks one source. With `ispdb`, SOURCE_MX asks Mozilla's database as well. 0 or negative errno. */
int source_ask(enum source source, const struct mail_address *address, bool ispdb,
               const struct listener *listener);
