/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Names beyond ASCII. Only here: everywhere else a host is what the user wrote. */
#include "probe/idna.h"
#include "error.h"
#include <idn2.h>
#include <stdbool.h>
#include <string.h>

static bool is_ascii(const char *text)
{
    while (*text && !(*text & 0x80))
        text++;
    return !*text;
}

int host_to_ascii(const char *host, char ret[static HOST_MAX + 1])
{
    char *ascii = NULL;
    size_t length;
    int r = 0;

    if (is_ascii(host)) {
        strcpy(ret, host); /* host_check() bounds it */
        return 0;
    }
    r = idn2_to_ascii_8z(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (r != IDN2_OK)
        return r == IDN2_MALLOC ? -ENOMEM : -EINVAL;
    length = strlen(ascii);
    if (length <= HOST_MAX)
        memcpy(ret, ascii, length + 1);
    idn2_free(ascii);
    return length <= HOST_MAX ? 0 : -EINVAL;
}
