/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Columns on a terminal. Counts what a character takes there, not bytes, and never writes beyond
 * the right edge where it knows it. Makes nothing safe: what comes in was made safe when it was
 * read.
 */
#include "table.h"
#include <langinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   20 /* narrower than this is no terminal that anybody reads */

static size_t terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    unsigned long width = 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width == 0 && columns)
        width = strtoul(columns, NULL, 10);
    if (width == 0)
        width = WIDTH_DEFAULT;
    return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

void screen_init(struct screen *screen)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool tty = isatty(STDOUT_FILENO);
    struct winsize size;

    screen->terminal = tty && term && *term && strcmp(term, "dumb") != 0;
    screen->colour = screen->terminal && !(no_color && *no_color); /* https://no-color.org */
    screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen->width = tty ? terminal_width() : SIZE_MAX;
    screen->height = screen->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row
                         ? size.ws_row
                         : SIZE_MAX;
}

/* The bytes and the columns of the character at `text`, which is not the end. */
static size_t character(const struct screen *screen, const char *text, size_t *ret_columns)
{
    unsigned char first = (unsigned char)*text;
    size_t n = 1;
    wchar_t wide;
    mbstate_t state = {0};
    int columns = 1;

    while (first >= 0xC0 && ((unsigned char)text[n] & 0xC0) == 0x80)
        n++;
    if (screen->utf8 && first >= 0x80 && mbrtowc(&wide, text, n, &state) == n)
        columns = wcwidth(wide);
    *ret_columns = columns < 0 ? 1 : (size_t)columns;
    return n;
}

size_t text_columns(const struct screen *screen, const char *text)
{
    size_t sum = 0, columns;

    for (; *text; sum += columns)
        text += character(screen, text, &columns);
    return sum;
}

static void print_bytes(const struct screen *screen, const char *text, size_t n)
{
    size_t columns;

    if (screen->utf8) {
        fwrite(text, 1, n, stdout);
        return;
    }
    for (const char *end = text + n; text < end; text += character(screen, text, &columns))
        putchar((unsigned char)*text < 0x80 ? *text : '?');
}

static const char *tone_code(enum tone tone)
{
    switch (tone) {
    case TONE_PLAIN:
        break;
    case TONE_STRONG:
        return "\033[1m";
    case TONE_GOOD:
        return "\033[32m";
    case TONE_WARN:
        return "\033[33m";
    case TONE_BAD:
        return "\033[31m";
    case TONE_FAINT:
        return "\033[2m";
    }
    return "";
}

static void print_toned(const struct screen *screen, enum tone tone, const char *text, size_t n)
{
    bool coloured = screen->colour && tone != TONE_PLAIN && n > 0;

    if (coloured)
        fputs(tone_code(tone), stdout);
    print_bytes(screen, text, n);
    if (coloured)
        fputs("\033[0m", stdout);
}

void print_text(const struct screen *screen, enum tone tone, const char *text, size_t columns)
{
    print_toned(screen, tone, text, strlen(text));
    for (size_t used = text_columns(screen, text); used < columns; used++)
        putchar(' ');
}

void print_cut(const struct screen *screen, enum tone tone, const char *text, size_t columns)
{
    size_t n = 0, bytes, width;

    while (text[n]) {
        bytes = character(screen, text + n, &width);
        if (width > columns)
            break;
        columns -= width;
        n += bytes;
    }
    print_toned(screen, tone, text, n);
}

/* How many bytes of `text` go on a line of `room` columns: up to a space where there is one. */
static size_t line_length(const struct screen *screen, const char *text, size_t room)
{
    size_t n = 0, used = 0, at_space = 0, columns, bytes;

    for (; text[n]; n += bytes, used += columns) {
        bytes = character(screen, text + n, &columns);
        if (text[n] == ' ')
            at_space = n;
        if (used + columns > room)
            return at_space ? at_space : n ? n : bytes;
    }
    return n;
}

void print_wrapped(const struct screen *screen, enum tone tone, const char *text, size_t at,
                   size_t indent)
{
    for (;; at = indent) {
        size_t room = screen->width > at ? screen->width - at : 0;
        size_t n = line_length(screen, text, room);

        print_toned(screen, tone, text, n);
        putchar('\n');
        text += n;
        text += strspn(text, " ");
        if (!*text)
            return;
        printf("%*s", (int)indent, "");
    }
}
