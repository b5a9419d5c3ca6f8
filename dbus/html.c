/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The frame of a page: style, policy, heading. Nothing outside the file is ever referred to.
 */
#include "html.h"
#include "error.h"
#include "words.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Contrast of each colour with its ground is at least 4.5 to 1 (WCAG 2.2, 1.4.3), in both schemes.
 */
static const char style[] =
    ":root{color-scheme:light dark;--ground:#ffffff;--ink:#1f2328;--faint:#59636e;--line:#d1d9e0;"
    "--good:#1a7f37;--warn:#8a5d00;--bad:#c01c28}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--faint:#9198a1;"
    "--line:#3d444d;--good:#3fb950;--warn:#d29922;--bad:#ff7b72}}\n"
    "body{background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;margin:2rem "
    "auto;max-width:70rem;padding:0 1rem}\n"
    "figure{margin:1rem 0}figcaption,caption{color:var(--faint);text-align:left;padding:.5rem 0}\n"
    /* From right to left: so the last stay is in sight first. */
    ".picture{direction:rtl;overflow-x:auto}.picture svg{direction:ltr;display:block;margin-right:"
    "auto}\n"
    "svg text{fill:var(--ink);font-size:12px}svg .date{fill:var(--faint);font-size:11px}svg "
    "line{stroke:var(--line)}\n"
    "svg .mark{fill:var(--ground);font-size:13px;font-weight:bold;text-anchor:middle}\n"
    "rect.good{fill:var(--good)}rect.warn{fill:var(--warn)}rect.bad{fill:var(--bad)}"
    "rect.none{fill:var(--faint)}\n"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid "
    "var(--line);padding:.5rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}\n"
    "thead th{overflow-wrap:normal}td "
    "ul{list-style:none;margin:0;padding:0}li.good{color:var(--good)}li.warn{color:var(--warn)}"
    "li.bad{color:var(--bad)}li.none{color:var(--faint)}\n"
    "ol li{margin:.5rem 0}dt{color:var(--faint)}dd{margin:0 0 .5rem;font-weight:bold}"
    "pre{border:1px solid var(--line);border-radius:3px;overflow-x:auto;padding:.75rem}"
    ".beware{border-left:4px solid var(--bad);padding:0 1rem}.stopped{color:var(--bad)}\n"
    "@media(max-width:40rem){thead{position:absolute;left:-100vw}tr,th,td{display:block;border:0;"
    "padding:.2rem 0}tr{border-bottom:1px solid var(--line);padding:.6rem 0}}\n";

void html_put(FILE *file, const char *text, size_t max)
{
    size_t n = 0;

    for (; *text; text++) {
        bool starts = ((unsigned char)*text & 0xC0) != 0x80;

        if (starts && n++ == max) {
            fputs("…", file);
            return;
        }
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        case '\'':
            fputs("&#39;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

void html_begin(FILE *file, const char *title)
{
    fprintf(file,
            "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
            "'unsafe-inline'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
            _("en"));
    html_put(file, title, SIZE_MAX);
    fprintf(file, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    html_put(file, title, SIZE_MAX);
    fputs("</h1>\n", file);
}

void html_end(FILE *file)
{
    fputs("</main>\n</body>\n</html>\n", file);
}

const char *html_moment(char buffer[static HTML_MOMENT_MAX])
{
    time_t now = time(NULL);
    struct tm when;

    if (!localtime_r(&now, &when) || strftime(buffer, HTML_MOMENT_MAX, "%F %H:%M %Z", &when) == 0)
        *buffer = '\0';
    return buffer;
}

static bool is_stdout(const char *name)
{
    return strcmp(name, "-") == 0;
}

static int complain(const char *name)
{
    fprintf(stderr, _("mailroam: %s cannot be written: %s\n"), name, strerror(errno));
    return -EIO;
}

FILE *html_open(const char *name)
{
    FILE *file;

    if (is_stdout(name))
        return stdout;
    umask(077); /* where somebody has been, and sends from, is nobody else's business */
    file = fopen(name, "we");
    if (!file)
        (void)complain(name);
    return file;
}

int html_close(FILE *file, const char *name)
{
    if (is_stdout(name))
        return 0;
    return (ferror(file) | fclose(file)) != 0 ? complain(name) : 0;
}
