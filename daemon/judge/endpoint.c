/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Endpoints as text and back. Refuses what could never be looked up or dialled. */
#include "judge/endpoint.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct endpoint endpoint_defaults[3] = {
    {.port = 465, .security = SECURITY_TLS},
    {.port = 587, .security = SECURITY_STARTTLS},
    {.port = 25, .security = SECURITY_STARTTLS},
};

static const char *const security_words[N_SECURITY] = {
    [SECURITY_TLS] = "tls",
    [SECURITY_STARTTLS] = "starttls",
    [SECURITY_NONE] = "none",
};

const char *security_to_string(enum security security)
{
    return security_words[security];
}

int security_from_string(const char *text, enum security *ret)
{
    for (int i = 0; i < N_SECURITY; i++)
        if (strcmp(text, security_words[i]) == 0) {
            *ret = (enum security)i;
            return 0;
        }
    return -EINVAL;
}

static bool is_address(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/*
 * Letters, digits, hyphens and underscores in labels of 1 to 63 (RFC 1123 section 2.1; underscores
 * because resolvers take them and people have them). Of labels beyond ASCII only that they can be
 * any: whether IDNA has such a name is found where it is looked up, so that the daemon needs none
 * of its tables. In DNS no label is shorter than in characters, so these are counted, not bytes.
 */
int host_check(const char *host)
{
    size_t label = 0, length = strlen(host);

    if (is_address(host))
        return 0;
    if (length == 0 || length > HOST_MAX || !text_is_safe(host))
        return -EINVAL;
    for (const char *c = host; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || (*c & 0x80);

        if ((*c & 0xC0) == 0x80) /* a character's further bytes */
            continue;
        if (*c == '.' ? label == 0 : !plain || (*c == '-' && label == 0) || label == 63)
            return -EINVAL;
        label = *c == '.' ? 0 : label + 1;
    }
    return 0;
}

/* PORT[/SECURITY] into *endpoint; `whole` is what messages quote. */
static int parse_port(const char *text, const char *whole, struct endpoint *endpoint,
                      char **ret_problem)
{
    const char *slash = strchrnul(text, '/');
    unsigned long port = 0;

    for (const char *c = text; c < slash && port <= UINT16_MAX; c++)
        port = *c >= '0' && *c <= '9' ? port * 10 + (unsigned long)(*c - '0') : UINT16_MAX + 1UL;
    if (port < 1 || port > UINT16_MAX)
        return problem(ret_problem, "'%s' has no valid port: expected a number from 1 to 65535",
                       whole);
    endpoint->port = (uint16_t)port;
    endpoint->security = port == 465 || port == 443 ? SECURITY_TLS : SECURITY_STARTTLS;
    if (*slash && security_from_string(slash + 1, &endpoint->security) < 0)
        return problem(ret_problem, "'%s' names no security: expected tls, starttls or none",
                       whole);
    return 0;
}

int endpoint_parse_port(const char *text, struct endpoint *ret, char **ret_problem)
{
    _cleanup_free_ char *whole = text_safe(text, strlen(text), 80);
    struct endpoint endpoint = {0};
    int r;

    if (!whole)
        return -ENOMEM;
    r = parse_port(text, whole, &endpoint, ret_problem);
    if (r < 0)
        return r;
    *ret = endpoint;
    return 0;
}

int endpoint_parse(const char *text, struct endpoint *ret, char **ret_problem)
{
    _cleanup_free_ char *whole = text_safe(text, strlen(text), HOST_MAX + 20);
    struct endpoint endpoint = {0};
    const char *host = text, *end, *port = NULL;
    int r;

    if (!whole)
        return -ENOMEM;
    if (*text == '[') {
        host++;
        end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return problem(ret_problem, "'%s' has no matching ']' before the port", whole);
        port = end[1] ? end + 2 : NULL;
    } else if (is_address(text)) {
        end = text + strlen(text); /* an IPv6 literal alone: its colons are no port's */
    } else {
        end = strchrnul(text, ':');
        port = *end ? end + 1 : NULL;
    }
    if ((size_t)(end - host) > HOST_MAX)
        return problem(ret_problem, "'%s' is too long for a host name: at most %d characters",
                       whole, HOST_MAX);
    memcpy(endpoint.host, host, (size_t)(end - host));
    if (host_check(endpoint.host) < 0)
        return problem(ret_problem, "'%s' names no host: expected HOST[:PORT[/SECURITY]]", whole);
    if (port) {
        r = parse_port(port, whole, &endpoint, ret_problem);
        if (r < 0)
            return r;
    }
    *ret = endpoint;
    return 0;
}

int pin_check(const char *pin)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char prefix[] = "sha256//";
    const char *digest = pin + strlen(prefix);

    if (strncmp(pin, prefix, strlen(prefix)) != 0 || strspn(digest, base64) != 43 ||
        strcmp(digest + 43, "=") != 0)
        return -EINVAL;
    /* Of the last of 43 characters four bits are the digest's. */
    return (strchr(base64, digest[42]) - base64) % 4 == 0 ? 0 : -EINVAL;
}

char *endpoint_format(const struct endpoint *endpoint, char buffer[static ENDPOINT_STRING_MAX])
{
    bool literal = strchr(endpoint->host, ':');

    (void)snprintf(buffer, ENDPOINT_STRING_MAX, "%s%s%s:%u/%s", literal ? "[" : "", endpoint->host,
                   literal ? "]" : "", endpoint->port, security_to_string(endpoint->security));
    return buffer;
}

int endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && a->security == b->security && strcasecmp(a->host, b->host) == 0;
}
