/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include <stdbool.h>

/* A mail address and the domains around it. Pure: nothing is looked up. */

#define ADDRESS_MAX 254 /* bytes; RFC 5321 section 4.5.3.1.3, without the angle brackets */

struct mail_address {
    char full[ADDRESS_MAX + 1]; /* as it was given */
    char local[ADDRESS_MAX + 1];
    char domain[HOST_MAX + 1]; /* as it was given */
    char
        ascii[HOST_MAX + 1]; /* the domain as DNS has it: A-labels, lower case, no dot at the end */
};

/* Takes LOCAL@DOMAIN apart. 0; -EINVAL with what is wrong in *ret_problem (caller frees); -ENOMEM.
 */
int mail_address_parse(const char *text, struct mail_address *ret, char **ret_problem);

/*
 * The text with %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN% replaced; what else is between
 * percent signs stays. New; NULL without memory.
 */
char *mail_address_expand(const struct mail_address *address, const char *text);

/* The domain of whom the host belongs to, by the Public Suffix List: "example.co.uk" of
 * "mx.eu.example.co.uk". The host itself where there is none. `host` is ASCII in lower case. */
void domain_base(const char *host, char ret[static HOST_MAX + 1]);

/* Whether the host, in any form, belongs to another domain than the address. */
bool host_is_foreign(const struct mail_address *address, const char *host);

/* 0, or -EINVAL where the host is no full name in DNS: an address, a name without a dot. */
int host_name_check(const char *host);
