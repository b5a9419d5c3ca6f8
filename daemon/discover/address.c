/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Mail addresses and domains. Whose a domain is, only the Public Suffix List can tell: under
 * example.co.uk everything is one owner's, under co.uk nothing is.
 */
#include "discover/address.h"
#include "cleanup.h"
#include "error.h"
#include "probe/idna.h"
#include "text.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

/* As DNS has it: A-labels in lower case, no dot at the end. 0, -EINVAL or -ENOMEM. */
static int to_ascii(const char *host, char ret[static HOST_MAX + 1])
{
    size_t length;
    int r = host_check(host) < 0 ? -EINVAL : host_to_ascii(host, ret);

    if (r < 0)
        return r;
    for (char *c = ret; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    length = strlen(ret);
    if (length > 0 && ret[length - 1] == '.')
        ret[length - 1] = '\0';
    return 0;
}

int host_name_check(const char *host)
{
    struct in6_addr any;
    const char *dot = strchr(host, '.');

    return host_check(host) < 0 || inet_pton(AF_INET, host, &any) == 1 ||
                   inet_pton(AF_INET6, host, &any) == 1 || !dot || !dot[1]
               ? -EINVAL
               : 0;
}

int mail_address_parse(const char *text, struct mail_address *ret, char **ret_problem)
{
    const char *at = strrchr(text, '@'); /* a local part in quotes may hold more of them */
    struct mail_address address = {0};
    int r;

    if (strlen(text) > ADDRESS_MAX)
        return problem(ret_problem, "it is longer than %d bytes", ADDRESS_MAX);
    if (!at || at == text || !text_is_safe(text))
        return problem(ret_problem, "expected a mail address, as in me@example.org");
    if (host_name_check(at + 1) < 0)
        return problem(ret_problem, "what follows the @ is no domain");
    strcpy(address.full, text);
    memcpy(address.local, text, (size_t)(at - text));
    strcpy(address.domain, at + 1); /* host_check() bounds it */
    r = to_ascii(address.domain, address.ascii);
    if (r == -EINVAL)
        return problem(ret_problem, "what follows the @ is no domain");
    if (r == 0)
        *ret = address;
    return r;
}

char *mail_address_expand(const struct mail_address *address, const char *text)
{
    const struct {
        const char *name, *value;
    } placeholders[] = {
        {"%EMAILADDRESS%", address->full},
        {"%EMAILLOCALPART%", address->local},
        {"%EMAILDOMAIN%", address->domain},
    };
    _cleanup_free_ char *expanded = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&expanded, &size);
    int bad;

    if (!stream)
        return NULL;
    while (*text) {
        size_t taken = 0;

        for (size_t i = 0; taken == 0 && i < ELEMENTSOF(placeholders); i++)
            if (strncmp(text, placeholders[i].name, strlen(placeholders[i].name)) == 0) {
                fputs(placeholders[i].value, stream);
                taken = strlen(placeholders[i].name);
            }
        if (taken == 0)
            fputc(*text, stream);
        text += taken ? taken : 1;
    }
    bad = ferror(stream);
    return fclose(stream) == 0 && !bad ? TAKE(expanded) : NULL;
}

void domain_base(const char *host, char ret[static HOST_MAX + 1])
{
    const char *base = psl_registrable_domain(psl_builtin(), host);

    strcpy(ret, base ? base : host);
}

bool host_is_foreign(const struct mail_address *address, const char *host)
{
    char ascii[HOST_MAX + 1], base[HOST_MAX + 1], own[HOST_MAX + 1];

    if (to_ascii(host, ascii) < 0)
        return true;
    domain_base(ascii, base);
    domain_base(address->ascii, own);
    return strcmp(base, own) != 0;
}
