/* SPDX-License-Identifier: GPL-3.0-or-later */

/* TOML in memory. A recursive descent whose depth is bound by the length of a path. */
#include "found/toml.h"
#include "error.h"
#include <string.h>

struct parser {
    const char *at, *end;
    unsigned line;
    toml_entry entry;
    void *userdata;
    struct slice path[TOML_PATH_MAX];
};

static bool at_end(const struct parser *parser)
{
    return parser->at >= parser->end;
}

static bool sees(const struct parser *parser, const char *text)
{
    return slice_begins(slice_between(parser->at, parser->end), text);
}

static void skip_blank(struct parser *parser)
{
    while (!at_end(parser) && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\r'))
        parser->at++;
}

static void skip_comment(struct parser *parser)
{
    if (!at_end(parser) && *parser->at == '#')
        while (!at_end(parser) && *parser->at != '\n')
            parser->at++;
}

/* White space, ends of lines and comments. */
static void skip_all(struct parser *parser)
{
    for (skip_blank(parser); !at_end(parser) && (*parser->at == '\n' || *parser->at == '#');
         skip_blank(parser)) {
        skip_comment(parser);
        if (!at_end(parser)) {
            parser->line++;
            parser->at++;
        }
    }
}

/* A string of one line or of several; the latter's contents are not told. */
static int read_string(struct parser *parser, struct slice *ret)
{
    char quote = *parser->at;
    const char triple[] = {quote, quote, quote, '\0'};
    bool several = sees(parser, triple);
    const char *start = parser->at + (several ? 3 : 1);

    for (parser->at = start; !at_end(parser); parser->at++) {
        if (*parser->at == '\\' && quote == '"')
            parser->at++;
        else if (several && sees(parser, triple)) {
            parser->at += 3;
            *ret = (struct slice){start, 0};
            return 0;
        } else if (!several && *parser->at == quote) {
            *ret = slice_between(start, parser->at++);
            return 0;
        }
        if (!at_end(parser) && *parser->at == '\n') {
            if (!several)
                return -EBADMSG;
            parser->line++;
        }
    }
    return -EBADMSG;
}

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* A dotted key behind the first *n keys of the path. */
static int read_key(struct parser *parser, size_t *n)
{
    for (;;) {
        struct slice key;
        const char *start;

        skip_blank(parser);
        if (at_end(parser) || *n == TOML_PATH_MAX)
            return -EBADMSG;
        start = parser->at;
        if (*start == '"' || *start == '\'') {
            if (read_string(parser, &key) < 0)
                return -EBADMSG;
        } else {
            while (!at_end(parser) && is_bare(*parser->at))
                parser->at++;
            key = slice_between(start, parser->at);
            if (key.n == 0)
                return -EBADMSG;
        }
        parser->path[(*n)++] = key;
        skip_blank(parser);
        if (at_end(parser) || *parser->at != '.')
            return 0;
        parser->at++;
    }
}

/* An array, whatever is in it. */
static int skip_array(struct parser *parser)
{
    size_t depth = 0;
    struct slice unused;

    do {
        skip_all(parser);
        if (at_end(parser))
            return -EBADMSG;
        if (*parser->at == '"' || *parser->at == '\'') {
            if (read_string(parser, &unused) < 0)
                return -EBADMSG;
            continue;
        }
        if (*parser->at == '[' || *parser->at == '{')
            depth++;
        else if (*parser->at == ']' || *parser->at == '}')
            depth--;
        parser->at++;
    } while (depth > 0);
    return 0;
}

static int read_pair(struct parser *parser, size_t n);

static int read_inline_table(struct parser *parser, size_t n)
{
    int r = 0;

    parser->at++;
    for (;;) {
        skip_all(parser);
        if (at_end(parser))
            return -EBADMSG;
        if (*parser->at == '}') {
            parser->at++;
            return 0;
        }
        r = read_pair(parser, n);
        if (r < 0)
            return r;
        skip_all(parser);
        if (!at_end(parser) && *parser->at == ',')
            parser->at++;
        else if (at_end(parser) || *parser->at != '}')
            return -EBADMSG;
    }
}

static int read_value(struct parser *parser, size_t n)
{
    const char *start = parser->at;
    unsigned line = parser->line;
    struct slice value;

    if (at_end(parser))
        return -EBADMSG;
    if (*start == '[')
        return skip_array(parser);
    if (*start == '{')
        return read_inline_table(parser, n);
    if (*start == '"' || *start == '\'') {
        if (read_string(parser, &value) < 0)
            return -EBADMSG;
    } else {
        while (!at_end(parser) && !strchr(",}#\r\n", *parser->at))
            parser->at++;
        value = slice_trim(slice_between(start, parser->at));
    }
    return parser->entry(parser->path, n, value, line, parser->userdata);
}

/* KEY = VALUE below the first `n` keys of the path. */
static int read_pair(struct parser *parser, size_t n)
{
    int r = read_key(parser, &n);

    if (r < 0 || at_end(parser) || *parser->at != '=')
        return -EBADMSG;
    parser->at++;
    skip_blank(parser);
    return read_value(parser, n);
}

/* [table] or [[table]]; *n is how many keys lead to what stands in it. */
static int read_header(struct parser *parser, size_t *n)
{
    bool array = sees(parser, "[[");
    const char *end = array ? "]]" : "]";

    parser->at += array ? 2 : 1;
    *n = 0;
    if (read_key(parser, n) < 0 || !sees(parser, end))
        return -EBADMSG;
    parser->at += strlen(end);
    return 0;
}

int toml_read(struct slice text, toml_entry entry, void *userdata, unsigned *ret_line)
{
    struct parser parser = {
        .at = text.at, .end = text.at + text.n, .line = 1, .entry = entry, .userdata = userdata};
    size_t n = 0;
    int r = 0;

    for (skip_all(&parser); r == 0 && !at_end(&parser); skip_all(&parser)) {
        r = *parser.at == '[' ? read_header(&parser, &n) : read_pair(&parser, n);
        skip_blank(&parser);
        if (r == 0 && !at_end(&parser) && *parser.at != '\n' && *parser.at != '#')
            r = -EBADMSG;
    }
    *ret_line = parser.line;
    return r;
}
