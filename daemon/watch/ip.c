/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Addresses as plain values; no input and no output. */
#include "watch/ip.h"

#include <arpa/inet.h>
#include <string.h>

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

unsigned ip_bits(const struct ip *ip)
{
    return ip->family == AF_INET ? 32 : ip->family == AF_INET6 ? 128 : 0;
}

struct ip ip_mask(const struct ip *ip, unsigned prefix_length)
{
    struct ip masked = *ip;

    for (unsigned i = 0; i < sizeof(masked.bytes); i++) {
        unsigned kept = prefix_length > i * 8 ? prefix_length - i * 8 : 0;
        if (kept < 8)
            masked.bytes[i] &= (unsigned char)(0xff00 >> kept);
    }
    return masked;
}

void ip_format(const struct ip *ip, char text[static INET6_ADDRSTRLEN])
{
    if (ip->family == 0 || !inet_ntop(ip->family, ip->bytes, text, INET6_ADDRSTRLEN))
        text[0] = '\0';
}

bool ip_parse(const char *text, struct ip *ret)
{
    static const unsigned char families[] = {AF_INET, AF_INET6};

    for (unsigned i = 0; i < 2; i++) {
        struct ip ip = {.family = families[i]};

        if (inet_pton(ip.family, text, ip.bytes) == 1) {
            *ret = ip;
            return true;
        }
    }
    return false;
}
