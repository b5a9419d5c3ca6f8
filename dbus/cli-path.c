/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The way to a server as a picture. It shows what the evidence says and nothing else: a router that
 * nobody has named is a hop, a place that nobody has found is _("somewhere"), and what lies behind
 * the place where the way ends is dotted, as nothing is known of it.
 */
#include "cli-path.h"
#include "error.h"
#include "judge/verdict.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

void path_clear(struct path *path)
{
    for (size_t i = 0; i < path->n; i++)
        free(path->stops[i].name);
    *path = (struct path){0};
}

/* Takes `name`. */
static int add(struct path *path, const char *what, unsigned hop, char *name)
{
    if (!name)
        return -ENOMEM;
    path->stops[path->n++] = (struct path_stop){.what = what, .hop = hop, .name = name};
    return 0;
}

/* The routers in front of the one at `hop`: each of a few, many as one. */
static int add_before(struct path *path, unsigned hop)
{
    int r = 0;

    if (hop > 3)
        return add(path, "hop", 0, format_new(_("hop 1 to %u"), hop - 1));
    for (unsigned i = 1; r == 0 && i < hop; i++)
        r = add(path, "hop", i, format_new(_("hop %u"), i));
    return r;
}

/* Whoever stands on the way: its hop, its address, both, or neither. */
static int add_culprit(struct path *path, const struct evidence *evidence, const char *otherwise)
{
    const char *by = evidence_text(evidence, EVIDENCE_BY);
    unsigned hop = (unsigned)evidence_number(evidence, EVIDENCE_HOP);
    int r = add_before(path, hop);

    if (r == 0)
        r = hop  ? add(path, "hop", hop, format_new(by ? _("hop %u (%s)") : _("hop %u"), hop, by))
            : by ? add(path, "hop", 0, strdup(by))
                 : add(path, "unknown", 0, strdup(otherwise));
    path->end = path->n - 1;
    return r;
}

static int add_server(struct path *path, const struct client_endpoint *endpoint)
{
    const char *address = evidence_text(&endpoint->evidence, EVIDENCE_ADDRESS);

    return add(path, "server", 0,
               address && strcmp(address, endpoint->host) != 0
                   ? format_new("%s (%s)", endpoint->host, address)
                   : strdup(endpoint->host));
}

/* What is between here and the server, and how the way ends. A verdict of a newer daemon is drawn
 * as one that is not known. */
static int add_way(struct path *path, const struct client_endpoint *endpoint)
{
    const struct evidence *evidence = &endpoint->evidence;
    const char *how = evidence_text(evidence, EVIDENCE_HOW);
    enum verdict verdict;

    path->mark = "?";
    if (verdict_from_string(endpoint->verdict, &verdict) < 0)
        return 0;
    switch (verdict) {
    case VERDICT_UNKNOWN:
    case VERDICT_UNRESOLVED:
    case N_VERDICT:
        return 0;
    case VERDICT_BLOCKED:
    case VERDICT_UNREACHABLE:
        path->mark = "x";
        path->behind = how && strcmp(how, "dropped") == 0 && evidence->set[EVIDENCE_HOP];
        return add_culprit(path, evidence, _("somewhere"));
    case VERDICT_INTERCEPTED:
    case VERDICT_STRIPPED:
        path->mark = "!";
        return add_culprit(path, evidence, _("somebody"));
    case VERDICT_PORTAL:
        path->mark = "!";
        return add_culprit(path, evidence, _("login page"));
    case VERDICT_REFUSED:
        path->mark = "x";
        break;
    case VERDICT_WORKS:
        path->mark = "";
        break;
    case VERDICT_NO_AUTH:
    case VERDICT_CLEARTEXT:
    case VERDICT_BAD_CERTIFICATE:
    case VERDICT_REJECTED:
    case VERDICT_LOGIN_REFUSED:
    case VERDICT_NOT_SMTP:
    case VERDICT_SLOW:
        path->mark = "!";
        break;
    }
    path->end = 1; /* the server itself */
    return 0;
}

int path_make(struct path *path, const struct client_endpoint *endpoint)
{
    int r = add(path, "here", 0, strdup(_("here")));

    if (r == 0)
        r = add_way(path, endpoint);
    return r == 0 ? add_server(path, endpoint) : r;
}

/* How the pieces look, in the characters that the terminal has. */
struct pieces {
    const char *open, *lost, *open_down, *lost_down, *mark;
};

static struct pieces pieces_of(const struct path *path, const struct screen *screen)
{
    struct pieces pieces = {"--", "..", "|", ":", path->mark};

    if (screen->utf8)
        pieces = (struct pieces){"──", "··", "│", "┊", *path->mark == 'x' ? "✗" : path->mark};
    return pieces;
}

/* The name of a stop, with the mark where the way ends at it. */
static char *stop_words(const struct path *path, const struct pieces *pieces, size_t i)
{
    bool marked = i == path->end && !path->behind && *pieces->mark;

    return format_new("%s%s%s", path->stops[i].name, marked ? " " : "", marked ? pieces->mark : "");
}

static char *link_words(const struct path *path, const struct pieces *pieces, size_t i)
{
    if (i == path->end && path->behind)
        return format_new(" %s%s%s ", pieces->open, pieces->mark, pieces->lost);
    return format_new(" %s ", i < path->end ? pieces->open : pieces->lost);
}

/* The picture on one line, new; NULL without memory. */
static char *draw_line(const struct path *path, const struct pieces *pieces)
{
    char *line = strdup("");

    for (size_t i = 0; line && i < path->n; i++) {
        _cleanup_free_ char *before = TAKE(line), *stop = stop_words(path, pieces, i),
                            *link = link_words(path, pieces, i);

        if (stop && link)
            line = format_new("%s%s%s", before, stop, i + 1 < path->n ? link : "");
    }
    return line;
}

static int print_down(const struct path *path, const struct screen *screen,
                      const struct pieces *pieces, enum tone tone, size_t indent)
{
    for (size_t i = 0; i < path->n; i++) {
        _cleanup_free_ char *stop = stop_words(path, pieces, i);
        bool lost = i == path->end && path->behind;

        if (!stop)
            return -ENOMEM;
        printf("%*s", (int)indent, "");
        print_wrapped(screen, i <= path->end ? tone : TONE_FAINT, stop, indent, indent);
        if (i + 1 < path->n) {
            printf("%*s", (int)indent, "");
            print_wrapped(screen, i < path->end || lost ? tone : TONE_FAINT,
                          lost            ? pieces->mark
                          : i < path->end ? pieces->open_down
                                          : pieces->lost_down,
                          indent, indent);
        }
    }
    return 0;
}

int path_print(const struct path *path, const struct screen *screen, enum tone tone, size_t indent)
{
    struct pieces pieces = pieces_of(path, screen);
    _cleanup_free_ char *line = draw_line(path, &pieces);

    if (!line)
        return -ENOMEM;
    if (screen->width < indent || text_columns(screen, line) > screen->width - indent)
        return print_down(path, screen, &pieces, tone, indent);
    printf("%*s", (int)indent, "");
    print_text(screen, tone, line, 0);
    putchar('\n');
    return 0;
}

bool path_put(json_object *object, const struct path *path)
{
    json_object *stops = json_object_new_array();

    if (!json_put(object, "path", stops))
        return false;
    for (size_t i = 0; i < path->n; i++) {
        const struct path_stop *stop = &path->stops[i];
        json_object *row = json_object_new_object();

        if (!row || json_object_array_add(stops, row) != 0) {
            json_object_put(row);
            return false;
        }
        if (!json_put_text(row, "what", stop->what) || !json_put_text(row, "name", stop->name) ||
            !(stop->hop ? json_put(row, "hop", json_object_new_int((int)stop->hop))
                        : json_put_null(row, "hop")) ||
            !json_put(row, "reached", json_object_new_boolean(i <= path->end)))
            return false;
    }
    return true;
}
