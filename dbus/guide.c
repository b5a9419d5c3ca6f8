/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Finding guides, and filling them in. Values are never looked into for placeholders, and where one
 * goes into another language it is written so that it stays one word of it. An unknown placeholder
 * is a fault of the tables (assert).
 */
#include "guide.h"
#include "cleanup.h"
#include "error.h"
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct guide *const *const lists[] = {guides_windows, guides_files};

const struct guide *guide_at(unsigned n)
{
    for (size_t i = 0; i < ELEMENTSOF(lists); i++)
        for (const struct guide *const *at = lists[i]; *at; at++)
            if (n-- == 0)
                return *at;
    return NULL;
}

const struct guide *guide_find(const char *name)
{
    const struct guide *guide;

    for (unsigned n = 0; (guide = guide_at(n)) && strcmp(guide->name, name) != 0; n++)
        ;
    return guide;
}

/* RFC 3986: all but the unreserved characters as %XX; a literal IPv6 address in brackets. */
static void put_url(FILE *out, const char *text, bool is_host)
{
    if (is_host) {
        fprintf(out, strchr(text, ':') ? "[%s]" : "%s", text);
        return;
    }
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            fputc(*text, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*text);
}

/* Within the single quotes of a shell. */
static void put_shell(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    fputc('\'', out);
}

/* git-config(1): within double quotes these two are escaped. */
static void put_git(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, strchr("\\\"", *text) ? "\\%c" : "%c", *text);
    fputc('"', out);
}

/* GKeyFile: a backslash begins an escape, and spaces at the beginning are lost. */
static void put_ini(FILE *out, const char *text)
{
    for (; *text == ' '; text++)
        fputs("\\s", out);
    for (; *text; text++)
        fprintf(out, *text == '\\' ? "\\\\" : "%c", *text);
}

static bool is(const char *word, size_t length, const char *expected)
{
    return strlen(expected) == length && strncmp(word, expected, length) == 0;
}

/* `at` is what stands between the braces. */
static void put_placeholder(FILE *out, const struct guide *guide, const struct guide_values *values,
                            const char *at, size_t length)
{
    bool tls = strcmp(values->security, "tls") == 0;
    const char *bar = memchr(at, '|', length), *other;

    if (bar) { /* tls|THIS|THAT */
        other = memchr(bar + 1, '|', length - (size_t)(bar + 1 - at));
        assert(other);
        if (tls)
            fprintf(out, "%.*s", (int)(other - bar - 1), bar + 1);
        else
            fprintf(out, "%.*s", (int)(at + length - other - 1), other + 1);
    } else if (is(at, length, "server"))
        fputs(values->server, out);
    else if (is(at, length, "server:url"))
        put_url(out, values->server, true);
    else if (is(at, length, "port"))
        fprintf(out, "%u", values->port);
    else if (is(at, length, "security"))
        fputs(tls ? guide->tls : guide->starttls, out);
    else if (is(at, length, "file"))
        fputs(guide->file, out);
    else if (is(at, length, "address"))
        fputs(values->address, out);
    else if (is(at, length, "user"))
        fputs(values->user, out);
    else if (is(at, length, "user:url"))
        put_url(out, values->user, false);
    else if (is(at, length, "user:shell"))
        put_shell(out, values->user);
    else if (is(at, length, "user:git"))
        put_git(out, values->user);
    else if (is(at, length, "user:ini"))
        put_ini(out, values->user);
    else
        assert(!"a placeholder that there is");
}

char *guide_fill(const struct guide *guide, const struct guide_values *values, const char *text)
{
    char *filled = NULL;
    size_t size;
    FILE *out = open_memstream(&filled, &size);
    bool failed;

    if (!out)
        return NULL;
    while (*text) {
        size_t plain = strcspn(text, "{"), length;

        fprintf(out, "%.*s", (int)plain, text);
        text += plain;
        if (!*text)
            break;
        length = strcspn(++text, "}");
        assert(text[length]);
        put_placeholder(out, guide, values, text, length);
        text += length + 1;
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(filled);
        return NULL;
    }
    return filled;
}
