/* SPDX-License-Identifier: GPL-3.0-or-later */

/* text_safe() on any bytes: what comes out is safe, and what was safe comes out as it was. */
#include "fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *safe = NULL, *again = NULL, *text = NULL;
    size_t max;

    if (size < 1)
        return 0;
    max = data[0];
    data++;
    size--;
    safe = text_safe(data, size, max);
    text = strndup((const char *)data, size < max ? size : max);
    CHECK(safe && text && text_is_safe(safe));
    CHECK(strlen(safe) <= 4 * max);
    again = text_safe(safe, strlen(safe), SIZE_MAX);
    CHECK(again && strcmp(again, safe) == 0);
    if (size <= max && strlen(text) == size && text_is_safe(text))
        CHECK(strcmp(safe, text) == 0);
    return 0;
}
