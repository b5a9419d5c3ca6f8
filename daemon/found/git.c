/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * git send-email: sendemail.* and the identities sendemail.ID.* of the user's and the system's
 * files. They are read here, not by running `git config`: the daemon starts nothing but its probe,
 * and needs not to be allowed to. tests/unit/found-peers.test compares the two.
 */
#include "error.h"
#include "found/readers.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define IDENTITIES_MAX 64
#define VALUE_MAX      512

struct identity {
    char name[128]; /* "": what holds for all */
    struct draft draft;
    bool encryption_said, program;
};

struct config {
    struct identity identities[IDENTITIES_MAX]; /* the first is for all */
    size_t n;
    char email[DRAFT_TEXT_MAX + 1]; /* user.email */
};

/* Where we are in a file. */
struct cursor {
    const char *at, *end;
    unsigned line;
    char section[64], subsection[128];
};

static bool is_key(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static void skip_line(struct cursor *cursor)
{
    while (cursor->at < cursor->end && *cursor->at != '\n')
        cursor->at++;
}

/* Behind '['. [section], [section "subsection"] or [section.subsection]. */
static void read_section(struct cursor *cursor)
{
    const char *start = cursor->at;
    size_t n = 0;
    struct slice name;

    while (cursor->at < cursor->end && (is_key(*cursor->at) || *cursor->at == '.'))
        cursor->at++;
    name = slice_between(start, cursor->at);
    *cursor->subsection = '\0';
    if (slice_has(name, '.')) {
        struct slice rest;

        name = slice_cut(name, '.', &rest);
        (void)slice_copy(rest, cursor->subsection, sizeof(cursor->subsection));
        text_lower(cursor->subsection);
    }
    (void)slice_copy(name, cursor->section, sizeof(cursor->section));
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
    if (cursor->at < cursor->end && *cursor->at == '"') {
        for (cursor->at++; cursor->at < cursor->end && *cursor->at != '"' && *cursor->at != '\n';
             cursor->at++) {
            if (*cursor->at == '\\' && cursor->at + 1 < cursor->end)
                cursor->at++;
            if (n + 1 < sizeof(cursor->subsection))
                cursor->subsection[n++] = *cursor->at;
        }
        cursor->subsection[n] = '\0';
    }
    while (cursor->at < cursor->end && *cursor->at != ']' && *cursor->at != '\n')
        cursor->at++;
    if (cursor->at < cursor->end && *cursor->at == ']')
        cursor->at++;
}

/* What a backslash and this mean; NUL: nothing. */
static char escaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '"':
    case '\\':
        return c;
    default:
        return '\0';
    }
}

/*
 * Behind '=': passes over the value, and writes it to `buffer` unless that is NULL; "" where it is
 * too long. Quotes, escapes, comments and continued lines are git's.
 */
static void read_value(struct cursor *cursor, char *buffer)
{
    size_t n = 0, least = 0; /* what quotes have kept of white space */
    bool quoted = false, started = false;

    for (; cursor->at < cursor->end && *cursor->at != '\n'; cursor->at++) {
        char c = *cursor->at;

        if (!quoted && (c == '#' || c == ';')) {
            skip_line(cursor);
            break;
        }
        if (c == '"') {
            quoted = !quoted;
            started = true;
            least = n;
            continue;
        }
        if (c == '\r' && cursor->at + 1 < cursor->end && cursor->at[1] == '\n')
            continue;
        if (c == '\\' && cursor->at + 1 < cursor->end) {
            cursor->at++;
            if (*cursor->at == '\n') {
                cursor->line++;
                continue;
            }
            c = escaped(*cursor->at);
        } else if (!quoted && !started && (c == ' ' || c == '\t')) {
            continue;
        }
        started = true;
        if (buffer && n + 1 < VALUE_MAX)
            buffer[n] = c;
        n++;
        if (quoted)
            least = n;
    }
    if (!buffer)
        return;
    if (n >= VALUE_MAX)
        n = 0;
    while (n > least && (buffer[n - 1] == ' ' || buffer[n - 1] == '\t'))
        n--;
    buffer[n] = '\0';
}

static struct identity *identity_of(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n; i++)
        if (strcmp(config->identities[i].name, name) == 0)
            return &config->identities[i];
    if (config->n == IDENTITIES_MAX)
        return NULL;
    config->identities[config->n] = (struct identity){.draft.port = 0};
    strcpy(config->identities[config->n].name, name);
    return &config->identities[config->n++];
}

static void take_setting(struct identity *identity, const char *key, const char *text)
{
    struct slice value = {text, strlen(text)};
    struct draft *draft = &identity->draft;

    if (strcasecmp(key, "smtpserver") == 0)
        draft_set_host_and_port(draft, value);
    else if (strcasecmp(key, "smtpserverport") == 0)
        draft->port = slice_is(value, "smtp")         ? 25
                      : slice_is(value, "smtps")      ? 465
                      : slice_is(value, "submission") ? 587
                      : slice_is(value, "ssmtp")      ? 465
                                                      : slice_number(value);
    else if (strcasecmp(key, "smtpuser") == 0)
        draft_set_username(draft, value);
    else if (strcasecmp(key, "from") == 0)
        draft_set_address(draft, value);
    else if (strcasecmp(key, "sendmailcmd") == 0)
        identity->program = true;
    else if (strcasecmp(key, "smtpencryption") == 0) {
        identity->encryption_said = true;
        draft->security = slice_is(value, "ssl")   ? DRAFT_TLS
                          : slice_is(value, "tls") ? DRAFT_STARTTLS
                                                   : DRAFT_NONE;
    }
}

static bool is_wanted(const char *key)
{
    static const char *const keys[] = {"smtpserver", "smtpserverport", "smtpuser",
                                       "from",       "smtpencryption", "sendmailcmd"};

    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (strcasecmp(keys[i], key) == 0)
            return true;
    return false;
}

static int read_file(struct reader *reader, struct config *config, const char *path);

static int include(struct reader *reader, struct config *config, const char *name, unsigned line)
{
    const char *file = reader->file, *slash = strrchr(file, '/');
    _cleanup_free_ char *directory = strndup(file, slash ? (size_t)(slash - file) : 0);
    _cleanup_free_ char *path = NULL;
    struct slice value = {name, strlen(name)};
    int r;

    if (!directory)
        return -ENOMEM;
    path = reader_expand(reader, value, directory);
    if (!path)
        return errno == ENOMEM ? -ENOMEM
                               : reader_remark(reader, REMARK_NOT_UNDERSTOOD, line, value);
    if (reader->depth == READER_DEPTH_MAX)
        return reader_remark(reader, REMARK_TOO_DEEP, line, value);
    reader->depth++;
    r = read_file(reader, config, path);
    reader->depth--;
    reader->file = file;
    return r;
}

static int read_key(struct reader *reader, struct config *config, struct cursor *cursor)
{
    bool mail = strcasecmp(cursor->section, "sendemail") == 0, wanted;
    bool email = strcasecmp(cursor->section, "user") == 0 && *cursor->subsection == '\0';
    bool includes = strcasecmp(cursor->section, "include") == 0 && *cursor->subsection == '\0';
    char key[64], value[VALUE_MAX] = "";
    const char *start = cursor->at;
    unsigned line = cursor->line;

    while (cursor->at < cursor->end && is_key(*cursor->at))
        cursor->at++;
    if (!slice_copy(slice_between(start, cursor->at), key, sizeof(key)))
        *key = '\0';
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
    if (cursor->at == cursor->end || *cursor->at != '=') {
        skip_line(cursor); /* a key alone is true, and none of ours can be */
        return 0;
    }
    cursor->at++;
    wanted = (mail && is_wanted(key)) || (email && strcasecmp(key, "email") == 0) ||
             (includes && strcasecmp(key, "path") == 0);
    read_value(cursor, wanted ? value : NULL);
    if (strcasecmp(cursor->section, "includeIf") == 0 && strcasecmp(key, "path") == 0)
        return reader_remark(reader, REMARK_CONDITIONAL, line,
                             (struct slice){cursor->subsection, strlen(cursor->subsection)});
    if (wanted && includes)
        return include(reader, config, value, line);
    if (wanted && email) {
        (void)slice_copy((struct slice){value, strlen(value)}, config->email,
                         sizeof(config->email));
    } else if (wanted) {
        struct identity *identity = identity_of(config, cursor->subsection);

        if (identity) {
            identity->draft.line = reader->depth > 0 ? 0 : line;
            take_setting(identity, key, value);
        }
    }
    return 0;
}

/* 0, also where there is no such file, or -ENOMEM. */
static int read_file(struct reader *reader, struct config *config, const char *path)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    struct cursor cursor = {.line = 1};
    int r = reader_open(reader, path, &text);

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    cursor.at = text.all.at;
    cursor.end = text.all.at + text.all.n;
    while (r == 0 && cursor.at < cursor.end) {
        char c = *cursor.at;

        if (is_key(c)) {
            r = read_key(reader, config, &cursor);
            continue;
        }
        if (c == '#' || c == ';') {
            skip_line(&cursor);
            continue;
        }
        cursor.at++;
        cursor.line += c == '\n';
        if (c == '[')
            read_section(&cursor);
    }
    return r;
}

/* An identity's own settings over those for all. */
static int take(struct reader *reader, const struct config *config, const struct identity *own)
{
    const struct identity *all = &config->identities[0];
    struct draft draft = own->draft;

    if (own->program || (all->program && *own->draft.host == '\0'))
        return reader_remark(reader, REMARK_PROGRAM, draft.line, SLICE("sendmailCmd"));
    if (*draft.host == '\0')
        memcpy(draft.host, all->draft.host, sizeof(draft.host));
    if (draft.port == 0)
        draft.port = all->draft.port;
    if (*draft.username == '\0')
        memcpy(draft.username, all->draft.username, sizeof(draft.username));
    if (*draft.address == '\0')
        memcpy(draft.address, all->draft.address, sizeof(draft.address));
    if (*draft.address == '\0')
        draft_set_address(&draft, (struct slice){config->email, strlen(config->email)});
    if (!own->encryption_said)
        draft.security = all->encryption_said ? all->draft.security : DRAFT_NONE;
    if (draft.port == 0)
        draft.port = draft.security == DRAFT_TLS ? 465 : 25;
    if (*draft.host == '\0')
        return 0; /* git looks for a sendmail, then for this machine */
    return reader_take(reader, &draft);
}

int found_git(struct reader *reader)
{
    _cleanup_free_ char *system = reader_path(reader->places->etc, "gitconfig"),
                        *config_path = reader_path(reader->places->config, "git/config"),
                        *home = reader_path(reader->places->home, ".gitconfig");
    const char *const paths[] = {system, config_path, home};
    _cleanup_free_ struct config *config = calloc(1, sizeof(*config));
    const char *last = NULL;
    int r = config ? 0 : -ENOMEM;

    if (config)
        config->n = 1; /* the one for all */
    for (size_t i = 0; r == 0 && i < ELEMENTSOF(paths); i++) {
        if (!paths[i])
            continue;
        reader->file = NULL;
        r = read_file(reader, config, paths[i]);
        if (reader->file)
            last = paths[i];
    }
    reader->file = last;
    for (size_t i = 0; r == 0 && last && i < config->n; i++)
        if (i > 0 || *config->identities[0].draft.host || config->identities[0].program)
            r = take(reader, config, &config->identities[i]);
    reader->file = NULL;
    return r;
}
