/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Parts of a text. Nothing here reads beyond a slice, or needs a NUL behind it. */
#include "found/slice.h"
#include "cleanup.h"
#include <string.h>
#include <strings.h>

#define NUMBER_MAX 100000000

bool slice_is(struct slice slice, const char *text)
{
    return slice.n == strlen(text) && memcmp(slice.at, text, slice.n) == 0;
}

bool slice_is_word(struct slice slice, const char *text)
{
    return slice.n == strlen(text) && strncasecmp(slice.at, text, slice.n) == 0;
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

bool slice_begins(struct slice slice, const char *text)
{
    size_t n = strlen(text);

    return slice.n >= n && memcmp(slice.at, text, n) == 0;
}

bool slice_has(struct slice slice, char c)
{
    return slice.n > 0 && memchr(slice.at, c, slice.n);
}

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice slice)
{
    while (slice.n > 0 && is_white(*slice.at)) {
        slice.at++;
        slice.n--;
    }
    while (slice.n > 0 && is_white(slice.at[slice.n - 1]))
        slice.n--;
    return slice;
}

struct slice slice_unquote(struct slice slice)
{
    if (slice.n >= 2 && (*slice.at == '"' || *slice.at == '\'') &&
        slice.at[slice.n - 1] == *slice.at)
        return (struct slice){slice.at + 1, slice.n - 2};
    return slice;
}

struct slice slice_cut(struct slice slice, char c, struct slice *rest)
{
    const char *end = slice.at + slice.n, *at = slice.n > 0 ? memchr(slice.at, c, slice.n) : NULL;

    *rest = at ? slice_between(at + 1, end) : (struct slice){end, 0};
    return slice_between(slice.at, at ? at : end);
}

bool slice_next_line(struct slice *rest, struct slice *ret)
{
    if (rest->n == 0)
        return false;
    *ret = slice_cut(*rest, '\n', rest);
    if (ret->n > 0 && ret->at[ret->n - 1] == '\r')
        ret->n--;
    return true;
}

bool slice_next_item(struct slice *rest, char c, struct slice *ret)
{
    while (rest->n > 0) {
        *ret = slice_trim(slice_cut(*rest, c, rest));
        if (ret->n > 0)
            return true;
    }
    return false;
}

bool slice_copy(struct slice slice, char *buffer, size_t size)
{
    *buffer = '\0';
    if (slice.n >= size || slice_has(slice, '\0'))
        return false;
    if (slice.n > 0)
        memcpy(buffer, slice.at, slice.n);
    buffer[slice.n] = '\0';
    return true;
}

long slice_number(struct slice slice)
{
    long number = 0;

    if (slice.n == 0)
        return -1;
    for (size_t i = 0; i < slice.n; i++) {
        if (slice.at[i] < '0' || slice.at[i] > '9' || number > NUMBER_MAX)
            return -1;
        number = number * 10 + (slice.at[i] - '0');
    }
    return number;
}

bool slice_is_true(struct slice slice)
{
    return slice_is_word(slice, "true") || slice_is_word(slice, "yes") ||
           slice_is_word(slice, "on") || slice_is(slice, "1");
}

void text_lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}
