/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The words of surroundings.h, and the gate for a portal's address: anybody who answers DHCP can
 * name one.
 */
#include "surroundings.h"
#include "cleanup.h"
#include <string.h>
#include <strings.h>

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define SUB_DELIMS "!$&'()*+,;="

const char *connectivity_to_string(enum connectivity connectivity)
{
    switch (connectivity) {
    case CONNECTIVITY_UNKNOWN:
        return "unknown";
    case CONNECTIVITY_NONE:
        return "none";
    case CONNECTIVITY_PORTAL:
        return "portal";
    case CONNECTIVITY_LIMITED:
        return "limited";
    case CONNECTIVITY_FULL:
        return "full";
    }
    return NULL;
}

static bool is_portal_url(const char *text)
{
    static const char *const schemes[] = {"https://", "http://"};
    const char *host = NULL;
    size_t length;

    for (size_t i = 0; i < ELEMENTSOF(schemes) && !host; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
            host = text + strlen(schemes[i]);
    if (!host)
        return false;
    /* No '@': "http://bank.example@elsewhere" shows one name and leads to another. */
    length = strspn(host, UNRESERVED SUB_DELIMS "%:[]");
    return length > 0 && host[0] != ':' && (host[length] == '\0' || strchr("/?#", host[length])) &&
           host[strspn(host, UNRESERVED SUB_DELIMS "%:[]@/?#")] == '\0';
}

bool portal_url_set(char ret[static PORTAL_URL_MAX], const char *text)
{
    size_t length = strnlen(text, PORTAL_URL_MAX);
    bool good = length < PORTAL_URL_MAX && is_portal_url(text);

    if (good)
        memcpy(ret, text, length + 1);
    else
        ret[0] = '\0';
    return good;
}
