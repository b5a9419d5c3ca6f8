/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "discover/address.h"
#include <stddef.h>

/*
 * The provider's clientConfig (draft-ietf-mailmaint-autoconfig, and the 1.1 that it grew out of):
 * of it, where mail is submitted. Pure; the text may come from anybody.
 */

#define AUTOCONFIG_BYTES_MAX                                                                       \
    65536                        /* of a document; the largest in Mozilla's database has 6 KiB     \
                                  */
#define AUTOCONFIG_SERVERS_MAX 8 /* more are left out */
#define USERNAME_MAX           254

struct found_server {
    struct endpoint endpoint;
    char username[USERNAME_MAX + 1]; /* "": nothing is said of it */
    bool oauth_only;                 /* takes no password, only tokens */
};

struct autoconfig {
    struct found_server servers[AUTOCONFIG_SERVERS_MAX]; /* in the provider's order */
    size_t n_servers;
    char *left_out; /* sentences on what it offers and is not taken; NULL: there is none */
};

/*
 * Reads a document. 0, also where no server is left; -EINVAL where it is none, with why in
 * *ret_problem (safe to show; caller frees); -ENOMEM.
 *
 * Taken are outgoing servers of type smtp over TLS or STARTTLS, with a full host name, and with a
 * password or OAuth2 as authentication. Refused are a document type, and with it all entities that
 * a document could declare, whatever is not well-formed, and what nests deeper than 32 elements.
 */
int autoconfig_parse(const char *text, size_t length, const struct mail_address *address,
                     struct autoconfig *ret, char **ret_problem);
void autoconfig_clear(struct autoconfig *config);
