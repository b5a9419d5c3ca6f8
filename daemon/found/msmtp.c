/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * msmtp: the user's file and the system's. As msmtp has it: `defaults` are those of the accounts
 * after it, an account inherits from others what they have set themselves, files include files.
 * `eval` is where it ends: the command is not run, and what it would have said is not known.
 */
#include "error.h"
#include "found/readers.h"
#include <stdio.h>
#include <string.h>

#define ACCOUNTS_MAX 128

/* What an account has set itself. */
enum {
    SET_HOST = 1 << 0,
    SET_PORT = 1 << 1,
    SET_FROM = 1 << 2,
    SET_USER = 1 << 3,
    SET_TLS = 1 << 4,
    SET_STARTTLS = 1 << 5,
    SET_PROGRAM = 1 << 6, /* a socket instead of a host */
};

struct account {
    char name[128];
    struct draft draft;
    unsigned set;
    bool tls, starttls, program;
};

struct accounts {
    struct account defaults, *items;
    size_t n;
    struct account *present; /* whom a line is about; NULL: nobody yet */
};

static void copy_set(struct account *to, const struct account *from)
{
    struct draft *draft = &to->draft;

    if (from->set & SET_HOST)
        memcpy(draft->host, from->draft.host, sizeof(draft->host));
    if (from->set & SET_PORT)
        draft->port = from->draft.port;
    if (from->set & SET_FROM)
        memcpy(draft->address, from->draft.address, sizeof(draft->address));
    if (from->set & SET_USER)
        memcpy(draft->username, from->draft.username, sizeof(draft->username));
    if (from->set & SET_TLS)
        to->tls = from->tls;
    if (from->set & SET_STARTTLS)
        to->starttls = from->starttls;
    if (from->set & SET_PROGRAM)
        to->program = from->program;
    to->set |= from->set;
}

static struct account *find(struct accounts *accounts, struct slice name)
{
    for (size_t i = 0; i < accounts->n; i++)
        if (slice_is(name, accounts->items[i].name))
            return &accounts->items[i];
    return NULL;
}

/* NAME [: NAME[,NAME]...] */
static int begin_account(struct reader *reader, struct accounts *accounts, struct slice argument,
                         unsigned line)
{
    struct slice rest, parent, name = slice_trim(slice_cut(argument, ':', &rest));
    struct account *account;

    if (accounts->n == ACCOUNTS_MAX)
        return reader_remark(reader, REMARK_TOO_MANY, line, name);
    account = &accounts->items[accounts->n];
    *account = accounts->defaults;
    account->set = 0;
    account->draft.line = reader->depth > 0 ? 0 : line; /* of the file that is named */
    (void)slice_copy(name, account->name, sizeof(account->name));
    while (slice_next_item(&rest, ',', &parent)) {
        const struct account *from = find(accounts, parent);

        if (from)
            copy_set(account, from);
    }
    accounts->n++;
    accounts->present = account;
    return 0;
}

static bool on_or_off(struct slice argument)
{
    return argument.n == 0 || slice_is(argument, "on");
}

/* A character that msmtp replaces by something of the user or the machine. */
static bool is_template(struct slice address)
{
    return slice_has(address, '%') || slice_has(address, '*');
}

static void take_setting(struct account *account, struct slice command, struct slice argument)
{
    struct draft *draft = &account->draft;

    if (slice_is(command, "host")) {
        draft_set_host(draft, argument);
        account->set |= SET_HOST;
    } else if (slice_is(command, "port")) {
        draft->port = argument.n > 0 ? slice_number(argument) : 0;
        account->set |= SET_PORT;
    } else if (slice_is(command, "from") && !is_template(argument)) {
        draft_set_address(draft, argument);
        account->set |= SET_FROM;
    } else if (slice_is(command, "user")) {
        draft_set_username(draft, argument);
        account->set |= SET_USER;
    } else if (slice_is(command, "tls")) {
        account->tls = on_or_off(argument);
        account->set |= SET_TLS;
    } else if (slice_is(command, "tls_starttls")) {
        account->starttls = on_or_off(argument);
        account->set |= SET_STARTTLS;
    } else if (slice_is(command, "socket")) {
        account->program = argument.n > 0;
        account->set |= SET_PROGRAM;
    }
}

static int read_file(struct reader *reader, struct accounts *accounts, const char *path);

static int include(struct reader *reader, struct accounts *accounts, struct slice name,
                   unsigned line)
{
    _cleanup_free_ char *path = reader_expand(reader, name, reader->places->home);
    const char *file = reader->file;
    int r;

    if (!path)
        return errno == ENOMEM ? -ENOMEM : reader_remark(reader, REMARK_NOT_UNDERSTOOD, line, name);
    if (reader->depth == READER_DEPTH_MAX)
        return reader_remark(reader, REMARK_TOO_DEEP, line, name);
    reader->depth++;
    r = read_file(reader, accounts, path);
    reader->depth--;
    reader->file = file;
    return r == READER_NOTHING ? 0 : r;
}

static int take_line(struct reader *reader, struct accounts *accounts, struct slice line,
                     unsigned number)
{
    size_t length = 0;
    struct slice command, argument;

    while (length < line.n && line.at[length] != ' ' && line.at[length] != '\t')
        length++;
    command = (struct slice){line.at, length};
    argument = slice_trim(slice_between(line.at + length, line.at + line.n));
    if (argument.n >= 2 && *argument.at == '"' && argument.at[argument.n - 1] == '"')
        argument = slice_unquote(argument);
    if (slice_is(command, "eval"))
        return reader_remark(reader,
                             slice_begins(argument, "mailroam ") ? REMARK_OURS : REMARK_NOT_RUN,
                             number, SLICE("eval"));
    if (slice_is(command, "include"))
        return include(reader, accounts, argument, number);
    if (slice_is(command, "account"))
        return begin_account(reader, accounts, argument, number);
    if (slice_is(command, "defaults"))
        accounts->present = &accounts->defaults;
    else if (accounts->present)
        take_setting(accounts->present, command, argument);
    return 0;
}

static int read_file(struct reader *reader, struct accounts *accounts, const char *path)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    struct slice line, rest;
    unsigned number = 0;
    int r = reader_open(reader, path, &text);

    if (r != 0)
        return r;
    reader->file = path;
    for (rest = text.all; r == 0 && slice_next_line(&rest, &line);) {
        number++;
        line = slice_trim(line);
        if (line.n > 0 && *line.at != '#')
            r = take_line(reader, accounts, line, number);
    }
    return r;
}

static int take(struct reader *reader, struct account *account)
{
    struct draft *draft = &account->draft;

    if (account->program && *draft->host == '\0')
        return reader_remark(reader, REMARK_PROGRAM, draft->line,
                             (struct slice){account->name, strlen(account->name)});
    draft->security = !account->tls ? DRAFT_NONE : account->starttls ? DRAFT_STARTTLS : DRAFT_TLS;
    if (draft->port == 0)
        draft->port = draft->security == DRAFT_TLS ? 465 : 25;
    return reader_take(reader, draft);
}

static int read_all(struct reader *reader, const char *path)
{
    _cleanup_free_ struct account *items = calloc(ACCOUNTS_MAX, sizeof(*items));
    struct accounts accounts = {.items = items, .defaults = {.starttls = true}};
    int r = items ? read_file(reader, &accounts, path) : -ENOMEM;

    reader->file = path;
    for (size_t i = 0; r == 0 && i < accounts.n; i++)
        r = take(reader, &accounts.items[i]);
    reader->file = NULL;
    return r;
}

int found_msmtp(struct reader *reader)
{
    _cleanup_free_ char *home = reader_path(reader->places->home, ".msmtprc"),
                        *config = reader_path(reader->places->config, "msmtp/config"),
                        *system = reader_path(reader->places->etc, "msmtprc");
    int r = home ? read_all(reader, home) : READER_NOTHING;

    if (r == READER_NOTHING && config)
        r = read_all(reader, config);
    if (r >= 0 && system)
        r = read_all(reader, system);
    return r == READER_NOTHING ? 0 : r;
}
