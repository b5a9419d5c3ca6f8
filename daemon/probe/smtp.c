/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The SMTP reply parser. Everything is bounded, nothing is allocated, and bytes that cannot belong
 * to a reply are refused at the first of them, not at a line end that may never come.
 */
#include "probe/smtp.h"
#include "cleanup.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void smtp_reply_reset(struct smtp_reply *reply)
{
    reply->code = 0;
    reply->lines = 0;
    reply->length = 0;
    reply->line_length = 0;
}

/* Whether byte `at` of a line may be `c`: three digits of a reply code, then space or hyphen. */
static bool fits(size_t at, char c)
{
    switch (at) {
    case 0:
        return c >= '2' && c <= '5';
    case 1:
    case 2:
        return c >= '0' && c <= '9';
    case 3:
        return c == ' ' || c == '-' || c == '\r';
    default:
        return true;
    }
}

/* The line in reply->line is complete, its line end removed. */
static enum smtp_answer end_line(struct smtp_reply *reply)
{
    const char *line = reply->line;
    size_t length = reply->line_length, skip = length > 3 ? 4 : 3;
    unsigned code;

    if (length < 3 || (length > 3 && line[3] != ' ' && line[3] != '-'))
        return SMTP_INVALID;
    code = (unsigned)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
    if (reply->lines > 0 && code != reply->code)
        return SMTP_INVALID; /* RFC 5321 section 4.2.1: one code on all lines */
    if (reply->lines == SMTP_LINES_MAX || reply->length + length - skip + 1 > SMTP_REPLY_MAX)
        return SMTP_INVALID;
    reply->code = code;
    reply->lines++;
    memcpy(reply->text + reply->length, line + skip, length - skip);
    reply->length += length - skip;
    reply->text[reply->length++] = '\n';
    reply->line_length = 0;
    return length > 3 && line[3] == '-' ? SMTP_MORE : SMTP_DONE;
}

enum smtp_answer smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t n,
                                 size_t *ret_used)
{
    for (size_t i = 0; i < n; i++) {
        enum smtp_answer answer;

        *ret_used = i + 1;
        if (bytes[i] != '\n') {
            if (!fits(reply->line_length, bytes[i]) || reply->line_length == SMTP_LINE_MAX)
                return SMTP_INVALID;
            reply->line[reply->line_length++] = bytes[i];
            continue;
        }
        if (reply->line_length > 0 && reply->line[reply->line_length - 1] == '\r')
            reply->line_length--;
        answer = end_line(reply);
        if (answer != SMTP_MORE)
            return answer;
    }
    *ret_used = n;
    return SMTP_MORE;
}

bool smtp_reply_line(const struct smtp_reply *reply, unsigned index, const char **ret,
                     size_t *ret_length)
{
    const char *line = reply->text, *end = reply->text + reply->length;

    /* A text may hold anything but '\n', so these are the line ends and no others. */
    for (; line < end; index--) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        if (index == 0) {
            *ret = line;
            *ret_length = (size_t)(stop - line);
            return true;
        }
        line = stop + 1;
    }
    return false;
}

/* Whether `line` is the keyword, ignoring case, ended by its end, a space or '='. What follows that
 * goes to *ret_rest. */
static bool is_keyword(const char *line, const char *keyword, const char **ret_rest)
{
    size_t length = strlen(keyword);

    if (strncasecmp(line, keyword, length) != 0 || !strchr(" =", line[length]))
        return false;
    *ret_rest = line[length] ? line + length + 1 : line + length;
    return true;
}

/* A keyword of four X and more, as boxes write over what they want nobody to see; a well-known one
 * puts a letter behind them: XXXXXXXA. */
static bool is_overwritten(const char *line)
{
    size_t x = strspn(line, "Xx");

    if (x >= 4 && line[x] >= 'A' && line[x] <= 'Z')
        x++;
    return x >= 4 && (line[x] == '\0' || line[x] == ' ');
}

const char *const smtp_extensions[] = {
    "8BITMIME",    "AUTH",     "BINARYMIME", "BURL",       "CHUNKING", "DELIVERBY",
    "DSN",         "ETRN",     "EXPN",       "HELP",       "LIMITS",   "ENHANCEDSTATUSCODES",
    "MT-PRIORITY", "MTRK",     "PIPELINING", "REQUIRETLS", "RRVS",     "FUTURERELEASE",
    "SIZE",        "SMTPUTF8", "STARTTLS",   "VRFY",       NULL,
};

static unsigned long read_extension(const char *line)
{
    const char *rest;

    for (unsigned i = 0; smtp_extensions[i]; i++)
        if (is_keyword(line, smtp_extensions[i], &rest))
            return 1UL << i;
    return 0;
}

/* RFC 1870 section 4: digits, or nothing; what is neither says nothing, like 0. */
static unsigned long read_size(const char *text)
{
    return strspn(text, "0123456789") == strcspn(text, " ") ? strtoul(text, NULL, 10) : 0;
}

static void read_auth(const char *mechanisms, struct smtp_ehlo *ehlo)
{
    size_t length = strlen(ehlo->auth);

    (void)snprintf(ehlo->auth + length, sizeof(ehlo->auth) - length, "%s%s", length ? " " : "",
                   mechanisms);
}

void smtp_ehlo_read(const struct smtp_reply *reply, struct smtp_ehlo *ret)
{
    const char *text, *rest;
    size_t length;

    *ret = (struct smtp_ehlo){0};
    /* Line 0 is the server's name and greeting. */
    for (unsigned i = 1; smtp_reply_line(reply, i, &text, &length); i++) {
        char line[SMTP_LINE_MAX + 1];

        memcpy(line, text, length);
        line[length] = '\0'; /* a NUL inside ends the keyword early: it is no keyword then */
        ret->extensions |= read_extension(line);
        if (is_keyword(line, "STARTTLS", &rest))
            ret->starttls = true;
        else if (is_keyword(line, "AUTH", &rest) && *rest)
            read_auth(rest, ret);
        else if (is_keyword(line, "SIZE", &rest)) {
            ret->has_size = true;
            ret->size = read_size(rest);
        } else if (is_overwritten(line))
            ret->garbled = true;
    }
}

bool smtp_greeting_is_garbled(const struct smtp_reply *reply)
{
    const char *line;
    size_t length;

    return smtp_reply_line(reply, 0, &line, &length) && length >= 4 && memcmp(line, "****", 4) == 0;
}
