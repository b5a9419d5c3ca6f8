/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The log as a page: for each account a picture (time to the right, a row for each endpoint, a mark
 * for each verdict), then a table of all stays that says the same in words, for whoever cannot see
 * the picture.
 *
 * Every text that is not from this file passes html_put(). The page runs no script and loads
 * nothing, and its policy says so to the browser: what a network called itself can do nothing
 * there.
 */
#include "cli-html.h"
#include "cli.h"
#include "config.h"
#include "error.h"
#include "html.h"
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

/* The name in a bdi, so that one written from right to left does not turn what is around it. */
static void put_name(FILE *file, const char *name)
{
    fputs("<bdi>", file);
    html_put(file, *name ? name : _("a network without a name"), SIZE_MAX);
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
    html_put(file, *name ? name : "?", NAME_CHARS);
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
        html_put(file, trip->network_name, SIZE_MAX);
        fprintf(file, ", %s: ", period);
        html_put(file, words, SIZE_MAX);
        fputs(" ", file);
        html_put(file, endpoint->verdict, SIZE_MAX);
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
    html_put(file, picture->account, SIZE_MAX);
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
        html_put(file, picture->rows[row], LABEL_CHARS);
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
    html_put(file, working, SIZE_MAX);
    fputs("</td><td role=\"cell\"><ul role=\"list\">", file);
    for (size_t i = 0; i < account->n_endpoints; i++) {
        _cleanup_free_ char *sentence = endpoint_sentence(&account->endpoints[i], hosts, false);

        if (!sentence)
            return -ENOMEM;
        fprintf(file, "<li role=\"listitem\" class=\"%s\">",
                look_of(account->endpoints[i].verdict).class);
        html_put(file, sentence, SIZE_MAX);
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
    char moment[HTML_MOMENT_MAX];
    int r = 0;

    html_begin(file, _("Mail ports on the networks you have been on"));
    fputs("<p>", file);
    fprintf(file, _("As Mailroam %s knew it on %s."), PACKAGE_VERSION, html_moment(moment));
    fputs("</p>\n", file);
    if (n == 0)
        fprintf(file, "<p>%s</p>\n", _("No network is remembered yet."));
    else
        r = put_pictures(file, trips, n);
    if (r == 0 && n > 0)
        r = put_table(file, trips, n);
    html_end(file);
    return r;
}
