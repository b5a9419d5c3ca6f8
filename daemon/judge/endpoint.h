/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Where mail may be submitted: HOST, PORT, SECURITY. */

enum security {
    SECURITY_TLS,      /* implicit TLS (RFC 8314 section 3.3) */
    SECURITY_STARTTLS, /* upgrade by STARTTLS (RFC 3207) */
    SECURITY_NONE,     /* no TLS at all */
    N_SECURITY,
};

const char *security_to_string(enum security security);
int security_from_string(const char *text, enum security *ret); /* 0 or -EINVAL */

#define HOST_MAX 253 /* RFC 1035 section 2.3.4, in presentation form without the last dot */

struct endpoint {
    char host[HOST_MAX + 1]; /* a name, or an address literal without brackets */
    uint16_t port;
    enum security security;
};

/* "[HOST]:PORT/SECURITY" at its longest, with the NUL. */
#define ENDPOINT_STRING_MAX (HOST_MAX + sizeof("[]:65535/starttls"))

/* What is tried where nobody says otherwise, in order of preference (RFC 8314): 465/tls,
 * 587/starttls, 25/starttls. The hosts are empty. */
extern const struct endpoint endpoint_defaults[3];

/*
 * Reads HOST[:PORT[/SECURITY]]; an IPv6 literal stands in brackets when a port follows. Without a
 * security the port's own is meant (465 and 443: tls, others: starttls); without a port,
 * ret->port is 0. Returns 0 or -EINVAL and then what is wrong in *ret_problem (caller frees;
 * -ENOMEM possible).
 */
int endpoint_parse(const char *text, struct endpoint *ret, char **ret_problem);

/* Reads PORT[/SECURITY] as an account file has it; the host stays empty. Errors as above. */
int endpoint_parse_port(const char *text, struct endpoint *ret, char **ret_problem);

/* 0, or -EINVAL where `host` can be neither a host name nor an address. */
int host_check(const char *host);

/* 0, or -EINVAL where `pin` is not sha256// and 32 bytes in Base64. */
int pin_check(const char *pin);

/* Writes HOST:PORT/SECURITY, IPv6 literals in brackets, and returns `buffer`. */
char *endpoint_format(const struct endpoint *endpoint, char buffer[static ENDPOINT_STRING_MAX]);

int endpoint_equal(const struct endpoint *a, const struct endpoint *b);
