/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What ICMP codes mean; that they arrive is the lab's to show. */
#include "cleanup.h"
#include "probe/errqueue.h"
#include "tap.h"

static const struct {
    int family;
    unsigned type, code;
    enum how how;
} cases[] = {
    {AF_INET, 3, 0, HOW_NET_UNREACHABLE},   {AF_INET, 3, 1, HOW_HOST_UNREACHABLE},
    {AF_INET, 3, 2, HOW_PORT_UNREACHABLE},  {AF_INET, 3, 3, HOW_PORT_UNREACHABLE},
    {AF_INET, 3, 6, HOW_NET_UNREACHABLE},   {AF_INET, 3, 9, HOW_ADMIN_PROHIBITED},
    {AF_INET, 3, 10, HOW_ADMIN_PROHIBITED}, {AF_INET, 3, 13, HOW_ADMIN_PROHIBITED},
    {AF_INET, 11, 0, HOW_TTL_EXCEEDED},             {AF_INET, 5, 1, HOW_NONE},
    {AF_INET6, 1, 0, HOW_NET_UNREACHABLE},  {AF_INET6, 1, 1, HOW_ADMIN_PROHIBITED},
    {AF_INET6, 1, 3, HOW_HOST_UNREACHABLE}, {AF_INET6, 1, 4, HOW_PORT_UNREACHABLE},
    {AF_INET6, 1, 5, HOW_ADMIN_PROHIBITED}, {AF_INET6, 1, 6, HOW_ADMIN_PROHIBITED},
    {AF_INET6, 3, 0, HOW_TTL_EXCEEDED},
};

int main(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        is_string(how_to_string(icmp_meaning(cases[i].family, cases[i].type, cases[i].code)),
                  how_to_string(cases[i].how), "%s type %u code %u",
                  cases[i].family == AF_INET ? "ICMP" : "ICMPv6", cases[i].type, cases[i].code);
    return tap_done();
}
