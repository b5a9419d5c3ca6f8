/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Thunderbird: each profile that profiles.ini or installs.ini knows, in each place where the
 * program is installed from. prefs.js is looked at as text: it is JavaScript only by its looks,
 * Thunderbird itself takes it line by line.
 */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

#define ENTRIES_MAX 128 /* servers, and identities, of one profile */

struct server {
    struct slice key;
    struct draft draft;
    bool other; /* no SMTP */
};

struct identity {
    struct slice key, server;
    struct draft draft; /* of it the address */
};

struct profile {
    struct server servers[ENTRIES_MAX];
    struct identity identities[ENTRIES_MAX];
    size_t n_servers, n_identities;
    struct slice standard;           /* the default server */
    struct slice order[ENTRIES_MAX]; /* identities, as the accounts have them */
    size_t n_order;
};

/* A string of JavaScript without what escapes in it mean: only \" and \\ come in what is read. */
static struct slice unescape(struct slice value, char *buffer, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < value.n && n < size; i++) {
        if (value.at[i] == '\\' && i + 1 < value.n)
            i++;
        buffer[n++] = value.at[i];
    }
    return (struct slice){buffer, n};
}

/* `user_pref("NAME", VALUE);` of the line. False where it is none. */
static bool parse_pref(struct slice line, struct slice *ret_name, struct slice *ret_value)
{
    const char *end = line.at + line.n, *at;

    line = slice_trim(line);
    if (!slice_begins(line, "user_pref(\""))
        return false;
    line = slice_between(line.at + strlen("user_pref(\""), end);
    *ret_name = slice_cut(line, '"', &line);
    (void)slice_cut(line, ',', &line);
    at = line.n > 0 ? memrchr(line.at, ')', line.n) : NULL;
    if (!at)
        return false;
    *ret_value = slice_unquote(slice_trim(slice_between(line.at, at)));
    return true;
}

static struct server *server_of(struct profile *profile, struct slice key)
{
    for (size_t i = 0; i < profile->n_servers; i++)
        if (slice_equal(profile->servers[i].key, key))
            return &profile->servers[i];
    if (profile->n_servers == ENTRIES_MAX)
        return NULL;
    /* try_ssl that is not written is 0. */
    profile->servers[profile->n_servers] =
        (struct server){.key = key, .draft.security = DRAFT_NONE};
    return &profile->servers[profile->n_servers++];
}

static struct identity *identity_of(struct profile *profile, struct slice key)
{
    for (size_t i = 0; i < profile->n_identities; i++)
        if (slice_equal(profile->identities[i].key, key))
            return &profile->identities[i];
    if (profile->n_identities == ENTRIES_MAX)
        return NULL;
    profile->identities[profile->n_identities] = (struct identity){.key = key};
    return &profile->identities[profile->n_identities++];
}

/* mail.smtpserver.*.try_ssl; 1 has meant "if it is offered". */
static enum draft_security security_of(struct slice value)
{
    long number = slice_number(value);

    return number == 3   ? DRAFT_TLS
           : number == 2 ? DRAFT_STARTTLS
           : number == 1 ? DRAFT_OPPORTUNISTIC
                         : DRAFT_NONE;
}

static void take_server_pref(struct profile *profile, struct slice name, struct slice value,
                             unsigned line)
{
    struct slice key = slice_cut(name, '.', &name);
    struct server *server = slice_is(key, "default") ? NULL : server_of(profile, key);
    char buffer[512];

    if (!server)
        return;
    if (slice_is(name, "hostname")) {
        draft_set_host(&server->draft, unescape(value, buffer, sizeof(buffer)));
        server->draft.line = line;
    } else if (slice_is(name, "port"))
        server->draft.port = slice_number(value);
    else if (slice_is(name, "username"))
        draft_set_username(&server->draft, unescape(value, buffer, sizeof(buffer)));
    else if (slice_is(name, "try_ssl"))
        server->draft.security = security_of(value);
    else if (slice_is(name, "type"))
        server->other = !slice_is(value, "smtp");
}

static void take_identity_pref(struct profile *profile, struct slice name, struct slice value)
{
    struct slice key = slice_cut(name, '.', &name);
    struct identity *identity;
    char buffer[512];

    if (!slice_is(name, "useremail") && !slice_is(name, "smtpServer"))
        return;
    identity = identity_of(profile, key);
    if (!identity)
        return;
    if (slice_is(name, "smtpServer"))
        identity->server = value;
    else
        draft_set_address(&identity->draft, unescape(value, buffer, sizeof(buffer)));
}

static void take_pref(struct profile *profile, struct slice name, struct slice value, unsigned line)
{
    struct slice item, rest;

    if (slice_begins(name, "mail.smtpserver.")) {
        take_server_pref(profile, slice_between(name.at + 16, name.at + name.n), value, line);
    } else if (slice_begins(name, "mail.identity.")) {
        take_identity_pref(profile, slice_between(name.at + 14, name.at + name.n), value);
    } else if (slice_is(name, "mail.smtp.defaultserver")) {
        profile->standard = value;
    } else if (slice_begins(name, "mail.account.")) {
        (void)slice_cut(slice_between(name.at + 13, name.at + name.n), '.', &rest);
        while (slice_is(rest, "identities") && profile->n_order < ENTRIES_MAX &&
               slice_next_item(&value, ',', &item))
            profile->order[profile->n_order++] = item;
    }
}

static const struct server *server_for(const struct profile *profile, struct slice key)
{
    for (size_t i = 0; key.n > 0 && i < profile->n_servers; i++)
        if (slice_equal(profile->servers[i].key, key))
            return &profile->servers[i];
    return NULL;
}

static int take_identity(struct reader *reader, const struct profile *profile,
                         const struct identity *identity)
{
    const struct server *server = server_for(profile, identity->server);
    struct draft draft;

    if (!server)
        server = server_for(profile, profile->standard);
    if (!server && profile->n_servers > 0)
        server = &profile->servers[0]; /* as Thunderbird does */
    if (!server)
        return 0; /* a profile that only reads mail */
    if (server->other)
        return reader_remark(reader, REMARK_NOT_SMTP, server->draft.line, server->key);
    draft = server->draft;
    memcpy(draft.address, identity->draft.address, sizeof(draft.address));
    return reader_take(reader, &draft);
}

static int read_profile(struct reader *reader, const char *path)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ struct profile *profile = calloc(1, sizeof(*profile));
    struct slice line, name, value;
    unsigned number = 0;
    int r = profile ? reader_open(reader, path, &text) : -ENOMEM;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    for (struct slice rest = text.all; slice_next_line(&rest, &line);) {
        number++;
        if (parse_pref(line, &name, &value))
            take_pref(profile, name, value, number);
    }
    for (size_t i = 0; r == 0 && i < profile->n_order; i++)
        for (size_t j = 0; r == 0 && j < profile->n_identities; j++)
            if (slice_equal(profile->identities[j].key, profile->order[i]))
                r = take_identity(reader, profile, &profile->identities[j]);
    reader->file = NULL;
    return r;
}

/* One profile directory, as profiles.ini names it: relative to its own, or absolute. */
static int read_named(struct reader *reader, const char *root, struct slice name)
{
    _cleanup_free_ char *directory = reader_expand(reader, name, root),
                        *path = reader_path(directory, "prefs.js");

    if (!path)
        return errno == ENOMEM ? -ENOMEM : 0;
    for (size_t i = 0; i < reader->found->n_paths; i++)
        if (strcmp(reader->found->paths[i], path) == 0)
            return 0; /* both files name it */
    return read_profile(reader, path);
}

static int read_index(struct reader *reader, const char *root, const char *file, const char *key)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ char *path = reader_path(root, file);
    struct ini ini;
    int r = path ? reader_open(reader, path, &text) : -ENOMEM;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    ini = ini_of(text.all);
    while (r == 0 && ini_next(&ini))
        if (slice_is(ini.key, key))
            r = read_named(reader, root, ini.value);
    return r;
}

int found_thunderbird(struct reader *reader)
{
    static const char *const roots[] = {
        ".thunderbird", ".mozilla-thunderbird", ".var/app/org.mozilla.Thunderbird/.thunderbird",
        ".var/app/org.mozilla.thunderbird/.thunderbird", "snap/thunderbird/common/.thunderbird"};
    int r = 0;

    for (size_t i = 0; r == 0 && reader->places->home && i < ELEMENTSOF(roots); i++) {
        _cleanup_free_ char *root = reader_path(reader->places->home, roots[i]);

        r = root ? read_index(reader, root, "installs.ini", "Default") : -ENOMEM;
        if (r == 0) /* has Default=1, too, which names no profile: only Path= is read */
            r = read_index(reader, root, "profiles.ini", "Path");
    }
    return r;
}
