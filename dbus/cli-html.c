/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The log as a page: for each account a picture (time to the right, a row for each endpoint, a mark
 * for each verdict), then a table of all stays that says the same in words, for whoever cannot see
 * the picture.
 *
 * Every text that is not from this file passes put_escaped(). The page runs no script and loads
 * nothing, and its policy says so to the browser: what a network called itself can do nothing
 * there.
 */
#include "cli-html.h"
#include "cli.h"
#include "config.h"
#include "error.h"
#include "judge/verdict.h"
#include "words.h"
#include <string.h>
#include <time.h>

/* The picture, in pixels. */
#define LABEL_WIDTH  200 /* of a row, at the right: in sight together with the last stay */
#define LABEL_CHARS  30
#define COLUMN       24
#define ROW          24
#define MARK         18
#define HEAD         120
#define FOOT         28
#define NAME_CHARS   20
#define DATE_COLUMNS 4 /* a date takes the room of so many */

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
    "@media(max-width:40rem){thead{position:absolute;left:-100vw}tr,th,td{display:block;border:0;"
    "padding:.2rem 0}tr{border-bottom:1px solid var(--line);padding:.6rem 0}}\n";

/* How a verdict looks. The mark says it to who does not tell the colours apart. */
struct look {
    const char *class, *mark;
};

static struct look look_of(const char *verdict)
{
    switch (verdict_tone(verdict)) {
    case TONE_GOOD:
        return (struct look){"good", "✓"};
    case TONE_WARN:
        return (struct look){"warn", "!"};
    case TONE_BAD:
        return (struct look){"bad", "×"};
    case TONE_PLAIN:
    case TONE_STRONG:
    case TONE_FAINT:
        break;
    }
    return (struct look){"none", "?"};
}

/* At most `max` characters of the text, which is UTF-8, as content of an element or an attribute.
 */
static void put_escaped(FILE *file, const char *text, size_t max)
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

/* The name in a bdi, so that one written from right to left does not turn what is around it. */
static void put_name(FILE *file, const char *name)
{
    fputs("<bdi>", file);
    put_escaped(file, *name ? name : _("a network without a name"), SIZE_MAX);
    fputs("</bdi>", file);
}

/* --- the picture ----------------------------------------------------------------------------- */

/* The stays of one account, and the endpoints that any of them had. */
struct picture {
    const struct client_trip *const *trips;
    size_t n;
    const char *account;
    bool hosts;
    char **rows; /* endpoint_words() */
    size_t n_rows, n_columns;
};

static void picture_clear(struct picture *picture)
{
    for (size_t i = 0; i < picture->n_rows; i++)
        free(picture->rows[i]);
    free(picture->rows);
}

static bool is_of(const struct picture *picture, size_t i)
{
    return strcmp(picture->trips[i]->account.name, picture->account) == 0;
}

/* The row of the endpoint, and its words, new; n_rows where it has none. Negative without memory.
 */
static ssize_t row_of(const struct picture *picture, const struct client_endpoint *endpoint,
                      char **ret_words)
{
    _cleanup_free_ char *words = endpoint_words(endpoint, picture->hosts);
    size_t row = 0;

    if (!words)
        return -ENOMEM;
    while (row < picture->n_rows && strcmp(picture->rows[row], words) != 0)
        row++;
    *ret_words = TAKE(words);
    return (ssize_t)row;
}

static int add_row(struct picture *picture, const struct client_endpoint *endpoint)
{
    _cleanup_free_ char *words = NULL;
    ssize_t row = row_of(picture, endpoint, &words);
    char **grown;

    if (row < 0)
        return (int)row;
    if ((size_t)row < picture->n_rows)
        return 0;
    grown = reallocarray(picture->rows, picture->n_rows + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    picture->rows = grown;
    grown[picture->n_rows++] = TAKE(words);
    return 0;
}

static int picture_make(struct picture *picture)
{
    const char *host = NULL;
    int r = 0;

    for (size_t i = 0; i < picture->n; i++)
        for (size_t j = 0; is_of(picture, i) && j < picture->trips[i]->account.n_endpoints; j++) {
            const char *other = picture->trips[i]->account.endpoints[j].host;

            picture->hosts |= host && strcmp(host, other) != 0;
            host = other;
        }
    for (size_t i = 0; r == 0 && i < picture->n; i++) {
        if (!is_of(picture, i))
            continue;
        picture->n_columns++;
        for (size_t j = 0; r == 0 && j < picture->trips[i]->account.n_endpoints; j++)
            r = add_row(picture, &picture->trips[i]->account.endpoints[j]);
    }
    return r;
}

/* The name of the network above its first column, leaning. */
static void put_column_name(FILE *file, const char *name, size_t x)
{
    fprintf(file, "<text transform=\"translate(%zu %d) rotate(-45)\">", x + COLUMN / 2, HEAD - 6);
    put_escaped(file, *name ? name : "?", NAME_CHARS);
    fputs("</text>\n", file);
}

static int put_marks(FILE *file, const struct picture *picture, const struct client_trip *trip,
                     size_t x)
{
    const struct client_account *account = &trip->account;
    _cleanup_free_ char *period = period_words(trip->arrived, trip->until);

    if (!period)
        return -ENOMEM;
    for (size_t i = 0; i < account->n_endpoints; i++) {
        const struct client_endpoint *endpoint = &account->endpoints[i];
        struct look look = look_of(endpoint->verdict);
        _cleanup_free_ char *words = NULL;
        ssize_t row = row_of(picture, endpoint, &words);

        if (row < 0)
            return (int)row;
        fputs("<g><title>", file);
        put_escaped(file, trip->network_name, SIZE_MAX);
        fprintf(file, ", %s: ", period);
        put_escaped(file, words, SIZE_MAX);
        fputs(" ", file);
        put_escaped(file, endpoint->verdict, SIZE_MAX);
        fprintf(file,
                "</title><rect class=\"%s\" x=\"%zu\" y=\"%zd\" width=\"%d\" height=\"%d\" "
                "rx=\"3\"/><text class=\"mark\" x=\"%zu\" y=\"%zd\">%s</text></g>\n",
                look.class, x + (COLUMN - MARK) / 2, HEAD + row * ROW + (ROW - MARK) / 2, MARK,
                MARK, x + COLUMN / 2, HEAD + row * ROW + ROW / 2 + 5, look.mark);
    }
    return 0;
}

/* The columns, the first stay at the left. */
static int put_columns(FILE *file, const struct picture *picture)
{
    size_t column = 0, dated = 0;
    const char *before = NULL;
    char last[sizeof("YYYYYY-MM-DD")] = "";
    int r = 0;

    for (size_t i = picture->n; r == 0 && i-- > 0;) {
        const struct client_trip *trip = picture->trips[i];
        time_t arrived = (time_t)(trip->arrived / SECOND_USEC);
        size_t x = column * COLUMN;
        char day[sizeof(last)] = "";
        struct tm when;

        if (!is_of(picture, i))
            continue;
        if (!before || strcmp(before, trip->network) != 0)
            put_column_name(file, trip->network_name, x);
        before = trip->network;
        if (localtime_r(&arrived, &when) && strftime(day, sizeof(day), "%F", &when) > 0 &&
            strcmp(day, last) != 0 && (!*last || column - dated >= DATE_COLUMNS)) {
            fprintf(file, "<text class=\"date\" x=\"%zu\" y=\"%zu\">%s</text>\n", x,
                    HEAD + picture->n_rows * ROW + 18, day);
            strcpy(last, day);
            dated = column;
        }
        r = put_marks(file, picture, trip, x);
        column++;
    }
    return r;
}

static int put_picture(FILE *file, const struct picture *picture, size_t number)
{
    size_t columns = picture->n_columns * COLUMN, width = columns + LABEL_WIDTH,
           height = HEAD + picture->n_rows * ROW + FOOT;
    int r;

    fputs("<figure>\n<div class=\"picture\" role=\"region\" tabindex=\"0\" "
          "aria-label=\"",
          file);
    fputs(_("Picture of "), file);
    put_escaped(file, picture->account, SIZE_MAX);
    fprintf(file,
            "\">\n<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            "aria-labelledby=\"title%zu about%zu\" width=\"%zu\" height=\"%zu\" "
            "viewBox=\"0 0 %zu %zu\">\n<title id=\"title%zu\">%s</title>\n"
            "<desc id=\"about%zu\">%s</desc>\n",
            number, number, width, height, width, height, number, _("Ports by network, over time"),
            number,
            _("A column for each stay, the last one at the right, and a row for each port. The "
              "table below says the same in words."));
    for (size_t row = 0; row < picture->n_rows; row++) {
        size_t y = HEAD + row * ROW;

        fprintf(file, "<line x1=\"0\" x2=\"%zu\" y1=\"%zu\" y2=\"%zu\"/><text x=\"%zu\" y=\"%zu\">",
                width, y, y, columns + 8, y + ROW / 2 + 4);
        put_escaped(file, picture->rows[row], LABEL_CHARS);
        fputs("</text>\n", file);
    }
    r = put_columns(file, picture);
    fprintf(file, "</svg>\n</div>\n<figcaption>%s</figcaption>\n</figure>\n",
            _("✓ works, ! open but of no use, × does not work, ? not known."));
    return r;
}

static bool account_is_first(const struct client_trip *const *trips, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(trips[j]->account.name, trips[i]->account.name) == 0)
            return false;
    return true;
}

static int put_pictures(FILE *file, const struct client_trip *const *trips, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        _cleanup_(picture_clear) struct picture picture = {
            .trips = trips, .n = n, .account = trips[i]->account.name};

        if (!account_is_first(trips, i))
            continue;
        r = picture_make(&picture);
        fputs("<h2>", file);
        put_name(file, picture.account);
        fputs("</h2>\n", file);
        if (r == 0)
            r = put_picture(file, &picture, i);
    }
    return r;
}

/* --- the table ------------------------------------------------------------------------------- */

/* Roles are spelt out: where a style sheet makes blocks of cells, browsers forget what they are. */

static int put_row(FILE *file, const struct client_trip *trip)
{
    const struct client_account *account = &trip->account;
    _cleanup_free_ char *period = period_words(trip->arrived, trip->until),
                        *working = working_words(account);
    bool hosts = false;

    if (!period || !working)
        return -ENOMEM;
    for (size_t i = 1; i < account->n_endpoints; i++)
        hosts |= strcmp(account->endpoints[i].host, account->endpoints[0].host) != 0;
    fputs("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">", file);
    put_name(file, trip->network_name);
    fprintf(file, "</th><td role=\"cell\">%s</td><td role=\"cell\">", period);
    put_name(file, account->name);
    fputs("</td><td role=\"cell\">", file);
    put_escaped(file, working, SIZE_MAX);
    fputs("</td><td role=\"cell\"><ul role=\"list\">", file);
    for (size_t i = 0; i < account->n_endpoints; i++) {
        _cleanup_free_ char *sentence = endpoint_sentence(&account->endpoints[i], hosts, false);

        if (!sentence)
            return -ENOMEM;
        fprintf(file, "<li role=\"listitem\" class=\"%s\">",
                look_of(account->endpoints[i].verdict).class);
        put_escaped(file, sentence, SIZE_MAX);
        fputs("</li>", file);
    }
    fputs("</ul></td></tr>\n", file);
    return 0;
}

static int put_table(FILE *file, const struct client_trip *const *trips, size_t n)
{
    static const char *const heads[] = {N_("Network"), N_("When"), N_("Account"), N_("Submit to"),
                                        N_("Found")};
    int r = 0;

    fprintf(file, "<h2>%s</h2>\n<table role=\"table\">\n<caption>", _("All stays"));
    fprintf(file,
            ngettext("%zu stay on networks, the last one first",
                     "%zu stays on networks, the last one first", n),
            n);
    fputs("</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">", file);
    for (size_t i = 0; i < ELEMENTSOF(heads); i++)
        fprintf(file, "<th role=\"columnheader\" scope=\"col\">%s</th>", _(heads[i]));
    fputs("</tr></thead>\n<tbody role=\"rowgroup\">\n", file);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_row(file, trips[i]);
    fputs("</tbody>\n</table>\n", file);
    return r;
}

int html_write(FILE *file, const struct client_trip *const *trips, size_t n)
{
    const char *title = _("Mail ports on the networks you have been on");
    time_t now = time(NULL);
    char moment[64] = "";
    struct tm when;
    int r = 0;

    if (localtime_r(&now, &when) && strftime(moment, sizeof(moment), "%F %H:%M %Z", &when) == 0)
        *moment = '\0';
    fprintf(file,
            "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
            "'unsafe-inline'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<title>%s</title>\n<style>\n%s</style>\n"
            "</head>\n<body>\n<main>\n<h1>%s</h1>\n<p>",
            _("en"), title, style, title);
    fprintf(file, _("As Mailroam %s knew it on %s."), PACKAGE_VERSION, moment);
    fputs("</p>\n", file);
    if (n == 0)
        fprintf(file, "<p>%s</p>\n", _("No network is remembered yet."));
    else
        r = put_pictures(file, trips, n);
    if (r == 0 && n > 0)
        r = put_table(file, trips, n);
    fputs("</main>\n</body>\n</html>\n", file);
    return r;
}
