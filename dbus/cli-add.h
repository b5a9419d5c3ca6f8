/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cli.h"
#include "judge/endpoint.h"

/* What the parts of `mailroam add` share: what is known of the new account so far. */

#define ADD_SERVERS_MAX 16

/* A server that a source names. Every text is safe to show. */
struct named_server {
    struct endpoint endpoint;
    char *by;         /* who names it */
    char *username;   /* "": nothing is said of it */
    char *mechanisms; /* as in Mechanisms=; "": any */
    bool foreign;     /* of another domain than the address */
};

struct addition {
    const struct options *options;
    struct screen screen;
    int stop_fd;
    bool can_ask;  /* there is somebody who can answer */
    bool progress; /* a line that is to be taken back stands on the terminal */

    /* cli-add-search.c */
    const char *source; /* which source named the servers */
    size_t next_source; /* from which on nobody was asked yet */
    bool failed;        /* what a source before that named does not work here */
    struct named_server named[ADD_SERVERS_MAX];
    size_t n_named;
    bool not_offered;   /* the domain says that it has no such service */
    bool unanswered;    /* somebody could not be asked */
    bool ispdb_allowed; /* the user lets us tell Mozilla the domain */

    /* cli-add-check.c; what stands here is complete and may be added */
    const char **servers;
    char **endpoints; /* PORT/SECURITY */
    size_t n_servers, n_endpoints;
    bool works; /* one of them works here */
};

enum { ADD_NOTHING = 1, ADD_STOP };

/* A line on a terminal that says what is being waited for, and its end. */
void progress_show(struct addition *addition, const char *text);
void progress_take_back(struct addition *addition);

/* Whether the person says yes; an empty answer is `by_default`, the end of the input is no. Asks
 * nobody where nobody can be asked, and then says no. 0 for no, 1 for yes, -EINTR when stopped. */
int ask_yes(struct addition *addition, const char *question, bool by_default);

/*
 * cli-add-search.c: asks one source after the other until one names servers, and shows what each
 * says; called again it goes on behind that one. `named` has to be empty. 0; ADD_NOTHING; ADD_STOP;
 * negative errno.
 */
int addition_search(struct addition *addition);
/* Whether a source that nobody can forge in DNS names the servers, or they are the domain's own. */
bool addition_is_vouched(const struct addition *addition);

/*
 * cli-add-check.c: has mailroam-probe try the named servers and shows each verdict; then `servers`
 * and `endpoints` are what is worth adding. 0; ADD_NOTHING where none is; ADD_STOP; EXIT_USAGE of
 * enum exit_status as -EINVAL where a --set is wrong, which was said; negative errno.
 */
int addition_check(struct addition *addition);

void addition_clear(struct addition *addition);
