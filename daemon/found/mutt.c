/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Mutt and NeoMutt: smtp_url and what belongs to it. Commands are taken apart as they do it, and of
 * them only set, unset, source and the hooks that stand for several accounts are followed; what
 * stands in backquotes, or comes from a program, is not run. smtp_url may have a password in it:
 * what is expanded of it lies in one buffer, which is wiped.
 */
#include "error.h"
#include "found/readers.h"
#include <stdio.h>
#include <string.h>

#define VARIABLES_MAX 64
#define TEXTS_MAX     32
#define VALUE_MAX     1024
#define NESTING_MAX   4 /* variables in variables, commands in hooks */

/* What counts of the settings, at one moment. */
struct state {
    struct draft draft;
    bool tls, url, force_tls, starttls;
};

struct variable {
    struct slice name, value; /* in one of the texts */
};

struct rc {
    struct reader *reader;
    struct state state;
    struct reader_text texts[TEXTS_MAX]; /* variables are in them: kept until the end */
    size_t n_texts;
    struct variable variables[VARIABLES_MAX];
    size_t n_variables;
    unsigned line;
    int nesting;
};

static void rc_clear(struct rc **rc)
{
    for (size_t i = 0; *rc && i < (*rc)->n_texts; i++)
        reader_text_clear(&(*rc)->texts[i]);
    free(*rc);
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Here the line goes on with the next one. */
static bool goes_on(const char *at, const char *end)
{
    return end - at >= 2 && at[0] == '\\' && at[1] == '\n';
}

/* The next token of a command, with its quotes; false at the command's end. `=` ends one where
 * `assigns`. */
static bool next_token(struct slice *rest, bool assigns, struct slice *ret)
{
    const char *at = rest->at, *end = at + rest->n, *start;
    char quote = '\0';

    while (at < end && (*at == ' ' || *at == '\t' || goes_on(at, end)))
        at += 1 + goes_on(at, end);
    start = at;
    for (; at < end; at++) {
        if (*at == '\\' && quote != '\'' && at + 1 < end)
            at++;
        else if (quote)
            quote = (char)(*at == quote ? 0 : quote);
        else if (*at == '"' || *at == '\'' || *at == '`')
            quote = *at;
        else if (*at == ' ' || *at == '\t' || *at == ';' || (*at == '#' && at == start) ||
                 (assigns && *at == '='))
            break;
    }
    if (at == start)
        return false;
    *ret = slice_between(start, at);
    *rest = slice_between(at, end);
    return true;
}

static const struct variable *variable_of(const struct rc *rc, struct slice name)
{
    for (size_t i = rc->n_variables; i-- > 0;)
        if (slice_equal(rc->variables[i].name, name))
            return &rc->variables[i];
    return NULL;
}

struct output {
    char buffer[VALUE_MAX];
    size_t n;
    bool commands, ours; /* backquotes, and they call mailroam alone */
};

static void put(struct output *output, char c)
{
    if (output->n + 1 < VALUE_MAX)
        output->buffer[output->n++] = c;
}

static void expand(const struct rc *rc, struct slice token, int nesting, struct output *output);

/* $NAME, ${NAME}; the rest of the token is returned. */
static struct slice expand_variable(const struct rc *rc, struct slice rest, int nesting,
                                    struct output *output)
{
    bool braces = rest.n > 0 && *rest.at == '{';
    const char *start = rest.at + braces, *end = rest.at + rest.n, *at = start;
    const struct variable *variable;

    while (at < end && is_name(*at))
        at++;
    variable = variable_of(rc, slice_between(start, at));
    if (variable && nesting < NESTING_MAX)
        expand(rc, variable->value, nesting + 1, output);
    return slice_between(at + (braces && at < end && *at == '}'), end);
}

/* The token without its quotes, with what its variables stand for. */
static void expand(const struct rc *rc, struct slice token, int nesting, struct output *output)
{
    char quote = '\0';

    while (token.n > 0) {
        char c = *token.at;

        token = slice_between(token.at + 1, token.at + token.n);
        if (c == '\\' && token.n > 0 && *token.at == '\n') {
            token = slice_between(token.at + 1, token.at + token.n);
        } else if (c == '\\' && quote != '\'' && token.n > 0) {
            put(output, *token.at);
            token = slice_between(token.at + 1, token.at + token.n);
        } else if (c == '`' && quote != '\'') {
            struct slice command = slice_trim(slice_cut(token, '`', &token));

            output->ours = !output->commands && slice_begins(command, "mailroam ");
            output->commands = true;
        } else if (c == '$' && quote != '\'') {
            token = expand_variable(rc, token, nesting, output);
        } else if (quote ? c == quote : c == '"' || c == '\'') {
            quote = (char)(quote ? 0 : c);
        } else {
            put(output, c);
        }
    }
}

static int take_url(struct rc *rc, struct slice value)
{
    struct state *state = &rc->state;
    struct slice scheme;

    memset(state->draft.host, 0, sizeof(state->draft.host));
    memset(state->draft.username, 0, sizeof(state->draft.username));
    state->draft.port = 0;
    state->draft.line = rc->reader->depth > 0 ? 0 : rc->line; /* of the file that is named */
    state->url = value.n > 0;
    if (!state->url)
        return 0;
    scheme = draft_set_url(&state->draft, value);
    state->tls = slice_is_word(scheme, "smtps");
    if (state->tls || slice_is_word(scheme, "smtp"))
        return 0;
    state->url = false;
    return reader_remark(rc->reader, REMARK_NOT_UNDERSTOOD, rc->line, SLICE("smtp_url"));
}

/* A quad-option or a boolean. */
static bool is_yes(struct slice value)
{
    return slice_is(value, "yes") || slice_is(value, "ask-yes");
}

static int set_variable(struct rc *rc, struct slice name, struct slice token)
{
    bool url = slice_is(name, "smtp_url"), from = slice_is(name, "from");
    struct output output = {.n = 0};
    struct slice value;
    int r = 0;

    if (slice_begins(name, "my_")) {
        if (rc->n_variables < VARIABLES_MAX)
            rc->variables[rc->n_variables++] = (struct variable){name, token};
        return 0;
    }
    if (!url && !from && !slice_is(name, "ssl_force_tls") && !slice_is(name, "ssl_starttls"))
        return 0;
    expand(rc, token, 0, &output);
    value = (struct slice){output.buffer, output.n};
    if (output.commands)
        r = reader_remark(rc->reader, output.ours ? REMARK_OURS : REMARK_NOT_RUN, rc->line, name);
    if (r == 0 && url)
        r = take_url(rc, value);
    else if (from)
        draft_set_address(&rc->state.draft, value);
    else if (slice_is(name, "ssl_force_tls"))
        rc->state.force_tls = is_yes(value);
    else
        rc->state.starttls = is_yes(value);
    explicit_bzero(&output, sizeof(output));
    return r;
}

/* set NAME, set noNAME, set NAME = VALUE, several of them; `yes` is what a name alone is set to. */
static int run_set(struct rc *rc, struct slice *rest, bool yes)
{
    struct slice name, value;
    int r = 0;

    while (r == 0 && next_token(rest, true, &name)) {
        struct slice after = slice_trim(*rest);
        bool no = slice_begins(name, "no");

        if (after.n > 0 && *after.at == '=') {
            *rest = slice_between(after.at + 1, after.at + after.n);
            if (!next_token(rest, false, &value))
                value = (struct slice){"", 0};
            r = set_variable(rc, name, value);
        } else {
            if (no)
                name = slice_between(name.at + 2, name.at + name.n);
            r = set_variable(rc, name,
                             slice_begins(name, "ssl_") && yes && !no ? SLICE("yes") : SLICE(""));
        }
    }
    return r;
}

static int run_text(struct rc *rc, struct slice text);
static int run_file(struct rc *rc, const char *path);

static int run_source(struct rc *rc, struct slice token)
{
    const char *file = rc->reader->file, *slash = strrchr(file, '/');
    _cleanup_free_ char *directory = strndup(file, slash ? (size_t)(slash - file) : 0);
    struct output output = {.n = 0};
    _cleanup_free_ char *path = NULL;
    struct slice name;
    unsigned line = rc->line;
    int r;

    expand(rc, token, 0, &output);
    name = (struct slice){output.buffer, output.n};
    if (output.commands || (name.n > 0 && name.at[name.n - 1] == '|'))
        return reader_remark(rc->reader, REMARK_NOT_RUN, rc->line, SLICE("source"));
    path = directory ? reader_expand(rc->reader, name, directory) : NULL;
    if (!path)
        return errno == ENOMEM ? -ENOMEM
                               : reader_remark(rc->reader, REMARK_NOT_UNDERSTOOD, rc->line, name);
    if (rc->reader->depth == READER_DEPTH_MAX || rc->n_texts == TEXTS_MAX)
        return reader_remark(rc->reader, REMARK_TOO_DEEP, rc->line, name);
    rc->reader->depth++;
    r = run_file(rc, path);
    rc->reader->depth--;
    rc->reader->file = file;
    rc->line = line;
    return r == READER_NOTHING ? 0 : r;
}

static int take(struct rc *rc)
{
    struct state *state = &rc->state;
    struct draft draft = state->draft;

    if (!state->url)
        return 0;
    draft.security = state->tls         ? DRAFT_TLS
                     : state->force_tls ? DRAFT_STARTTLS
                     : state->starttls  ? DRAFT_OPPORTUNISTIC
                                        : DRAFT_NONE;
    if (draft.port == 0)
        draft.port = state->tls ? 465 : 25;
    return reader_take(rc->reader, &draft);
}

static bool differs(const struct state *a, const struct state *b)
{
    return b->url && (strcmp(a->draft.host, b->draft.host) != 0 ||
                      strcmp(a->draft.address, b->draft.address) != 0);
}

/* A hook is another account where its command makes it one: run on a copy of the settings. */
static int run_hook(struct rc *rc, struct slice *rest)
{
    struct state before = rc->state;
    struct slice token, command;
    int r = 0;

    do
        if (!next_token(rest, false, &token))
            return 0;
    while (slice_begins(token, "-")); /* NeoMutt's -noregex; then the pattern */
    command = slice_trim(*rest);
    if (rc->nesting == NESTING_MAX)
        return 0;
    rc->nesting++;
    if (next_token(rest, false, &token) && token.n >= 2 && (*token.at == '"' || *token.at == '\''))
        command = slice_unquote(token);
    else
        *rest = (struct slice){rest->at, 0};
    r = run_text(rc, command);
    rc->nesting--;
    if (r == 0 && differs(&before, &rc->state))
        r = take(rc);
    rc->state = before;
    return r;
}

static bool is_hook(struct slice word)
{
    return slice_is(word, "folder-hook") || slice_is(word, "account-hook") ||
           slice_is(word, "send-hook") || slice_is(word, "send2-hook") ||
           slice_is(word, "reply-hook");
}

/* Commands on one line. */
static int run_text(struct rc *rc, struct slice text)
{
    int r = 0;

    while (r == 0 && text.n > 0) {
        struct slice word, token;

        if (!next_token(&text, false, &word)) {
            text = slice_trim(text);
            if (text.n == 0 || *text.at == '#')
                break;
            text = slice_between(text.at + 1, text.at + text.n); /* ; */
            continue;
        }
        if (slice_is(word, "set"))
            r = run_set(rc, &text, true);
        else if (slice_is(word, "unset") || slice_is(word, "reset"))
            r = run_set(rc, &text, slice_is(word, "reset"));
        else if (slice_is(word, "source") && next_token(&text, false, &token))
            r = run_source(rc, token);
        else if (is_hook(word))
            r = run_hook(rc, &text);
        while (r == 0 && next_token(&text, false, &token)) /* what is left of the command */
            ;
    }
    return r;
}

/* One line, with those that it goes on with. */
static bool next_command_line(struct rc *rc, struct slice *rest, struct slice *ret)
{
    struct slice line;

    if (!slice_next_line(rest, ret))
        return false;
    rc->line++;
    while (ret->n > 0 && ret->at[ret->n - 1] == '\\' && slice_next_line(rest, &line)) {
        rc->line++;
        *ret = slice_between(ret->at, line.at + line.n);
    }
    return true;
}

static int run_file(struct rc *rc, const char *path)
{
    struct reader_text *text = &rc->texts[rc->n_texts];
    struct slice rest, line;
    int r;

    r = reader_open(rc->reader, path, text);
    if (r != 0)
        return r;
    rc->n_texts++;
    rc->reader->file = path;
    rc->line = 0;
    for (rest = text->all; r == 0 && next_command_line(rc, &rest, &line);)
        r = run_text(rc, line);
    return r;
}

/* The first of the files that is there. */
static int read_first(struct reader *reader, char *const *paths, size_t n)
{
    _cleanup_(rc_clear) struct rc *rc = calloc(1, sizeof(*rc));
    int r = READER_NOTHING;

    if (!rc)
        return -ENOMEM;
    rc->reader = reader;
    rc->state = (struct state){.force_tls = true, .starttls = true}; /* their defaults */
    for (size_t i = 0; r == READER_NOTHING && i < n; i++) {
        if (!paths[i])
            continue;
        r = run_file(rc, paths[i]);
        if (r != 0)
            continue;
        reader->file = paths[i];
        r = take(rc);
        break;
    }
    reader->file = NULL;
    return r == READER_NOTHING ? 0 : r;
}

int found_neomutt(struct reader *reader)
{
    const struct found_places *places = reader->places;
    _cleanup_free_ char *config = reader_path(places->config, "neomutt/neomuttrc"),
                        *config_muttrc = reader_path(places->config, "neomutt/muttrc"),
                        *config_mutt = reader_path(places->config, "mutt/neomuttrc"),
                        *folder = reader_path(places->home, ".neomutt/neomuttrc"),
                        *folder_muttrc = reader_path(places->home, ".neomutt/muttrc"),
                        *folder_mutt = reader_path(places->home, ".mutt/neomuttrc"),
                        *home = reader_path(places->home, ".neomuttrc");
    char *const paths[] = {config,        config_muttrc, config_mutt, folder,
                           folder_muttrc, folder_mutt,   home};

    return read_first(reader, paths, ELEMENTSOF(paths));
}

int found_mutt(struct reader *reader)
{
    const struct found_places *places = reader->places;
    _cleanup_free_ char *home = reader_path(places->home, ".muttrc"),
                        *folder = reader_path(places->home, ".mutt/muttrc"),
                        *config = reader_path(places->config, "mutt/muttrc");
    char *const paths[] = {home, folder, config};

    return read_first(reader, paths, ELEMENTSOF(paths));
}
