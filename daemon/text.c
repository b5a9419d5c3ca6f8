/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The one gate between text from outside and anything that shows it. What passes is valid UTF-8
 * without characters that act instead of being read; the rest is shown as \xNN, never dropped, so
 * that an attempt stays visible.
 */
#include "text.h"
#include "cleanup.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * Decodes the UTF-8 character at `text` (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF). Returns its length, or 0 where there is none.
 */
static size_t decode(const unsigned char *text, size_t length, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text[0] < 0x80   ? 1
                  : text[0] < 0xC0 ? 0
                  : text[0] < 0xE0 ? 2
                  : text[0] < 0xF0 ? 3
                  : text[0] < 0xF8 ? 4
                                   : 0;
    uint32_t value;

    if (size == 0 || size > length)
        return 0;
    value = size == 1 ? text[0] : text[0] & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3F);
    }
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *ret = value;
    return size;
}

/* Controls, and the format characters that reorder, hide or break what stands around them. */
static bool acts(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } acting[] = {
        {0x00, 0x1F},       {0x7F, 0x9F},     {0xAD, 0xAD},     {0x061C, 0x061C},
        {0x180E, 0x180E},   {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
        {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0x1D173, 0x1D17A},
        {0xE0000, 0xE0FFF},
    };

    if ((c & 0xFFFE) == 0xFFFE)
        return true;
    for (size_t i = 0; i < ELEMENTSOF(acting); i++)
        if (c >= acting[i].first && c <= acting[i].last)
            return true;
    return false;
}

char *text_safe(const void *text, size_t length, size_t max)
{
    const unsigned char *in = text;
    size_t end = length < max ? length : max;
    char *out = malloc(end * 4 + 1), *to = out;

    if (!out)
        return NULL;
    for (size_t at = 0, size; at < end; at += size) {
        uint32_t c;

        size = decode(in + at, length - at, &c);
        if (size > end - at)
            break; /* cut before a character that does not fit whole */
        if (size > 0 && !acts(c)) {
            memcpy(to, in + at, size);
            to += size;
            continue;
        }
        if (size == 0)
            size = 1;
        for (size_t i = 0; i < size; i++)
            to += sprintf(to, "\\x%02x", in[at + i]);
    }
    *to = '\0';
    return out;
}

bool text_is_safe(const char *text)
{
    const unsigned char *in = (const unsigned char *)text;
    size_t length = strlen(text);

    for (size_t at = 0, size; at < length; at += size) {
        uint32_t c;

        size = decode(in + at, length - at, &c);
        if (size == 0 || acts(c))
            return false;
    }
    return true;
}
