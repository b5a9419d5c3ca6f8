/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

/* An address of either family as a plain value: what is not used of `bytes` is zero. */
struct ip {
    unsigned char family; /* AF_INET, AF_INET6; 0: none */
    unsigned char bytes[16];
};

bool ip_equal(const struct ip *a, const struct ip *b);
unsigned ip_bits(const struct ip *ip); /* 32, 128; 0: none */

/* The first `prefix_length` bits; the others zero. */
struct ip ip_mask(const struct ip *ip, unsigned prefix_length);

/* "" for none. */
void ip_format(const struct ip *ip, char text[static INET6_ADDRSTRLEN]);
bool ip_parse(const char *text, struct ip *ret);
