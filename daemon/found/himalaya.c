/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Himalaya: [accounts.NAME] with message.send.backend.*, as it is since version 1; with smtp.* or
 * smtp-*, as it was before.
 */
#include "error.h"
#include "found/readers.h"
#include "found/toml.h"
#include <stdio.h>
#include <string.h>

#define ACCOUNTS_MAX 64

struct account {
    struct slice name;
    struct draft draft;
    bool other;
};

struct accounts {
    struct account items[ACCOUNTS_MAX];
    size_t n;
};

static struct account *account_of(struct accounts *accounts, struct slice name)
{
    for (size_t i = 0; i < accounts->n; i++)
        if (slice_equal(accounts->items[i].name, name))
            return &accounts->items[i];
    if (accounts->n == ACCOUNTS_MAX)
        return NULL;
    accounts->items[accounts->n] =
        (struct account){.name = name, .draft.security = DRAFT_TLS}; /* its default */
    return &accounts->items[accounts->n++];
}

static enum draft_security security_of(struct slice value)
{
    return slice_is(value, "start-tls") || slice_is(value, "starttls") ? DRAFT_STARTTLS
           : slice_is(value, "none") || slice_is(value, "false")       ? DRAFT_NONE
                                                                       : DRAFT_TLS;
}

/* `key` is the setting's name without where it stands. */
static void take_setting(struct account *account, const char *key, struct slice value,
                         unsigned line)
{
    struct draft *draft = &account->draft;

    if (strcmp(key, "type") == 0) {
        account->other = !slice_is(value, "smtp");
    } else if (strcmp(key, "host") == 0) {
        draft->line = line;
        draft_set_host(draft, value);
    } else if (strcmp(key, "port") == 0) {
        draft->port = slice_number(value);
    } else if (strcmp(key, "login") == 0) {
        draft_set_username(draft, value);
    } else if (strcmp(key, "encryption") == 0 || strcmp(key, "encryption.type") == 0) {
        draft->security = security_of(value);
    } else if (strcmp(key, "starttls") == 0 && slice_is_true(value)) {
        draft->security = DRAFT_STARTTLS;
    } else if (strcmp(key, "ssl") == 0 && !slice_is_true(value) &&
               draft->security != DRAFT_STARTTLS) {
        draft->security = DRAFT_NONE;
    }
}

static int on_entry(const struct slice *path, size_t n, struct slice value, unsigned line,
                    void *userdata)
{
    static const char *const places[] = {"message.send.backend.", "smtp.", "smtp-"};
    size_t first = n > 2 && slice_is(path[0], "accounts") ? 1 : 0; /* older: [NAME] alone */
    char key[128] = "";
    struct account *account;
    size_t length = 0;

    if (n < first + 2)
        return 0;
    for (size_t i = first + 1; i < n; i++) {
        if (length + path[i].n + 2 > sizeof(key))
            return 0;
        length += (size_t)snprintf(key + length, sizeof(key) - length, "%s%.*s",
                                   i > first + 1 ? "." : "", (int)path[i].n, path[i].at);
    }
    account = account_of(userdata, path[first]);
    if (!account)
        return 0;
    if (strcmp(key, "email") == 0)
        draft_set_address(&account->draft, value);
    else if (strcmp(key, "message.send.backend") == 0 || strcmp(key, "sender") == 0)
        account->other = !slice_is(value, "smtp");
    for (size_t i = 0; i < ELEMENTSOF(places); i++)
        if (strncmp(key, places[i], strlen(places[i])) == 0)
            take_setting(account, key + strlen(places[i]), value, line);
    return 0;
}

static int read_config(struct reader *reader, const char *path)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ struct accounts *accounts = calloc(1, sizeof(*accounts));
    unsigned line = 0;
    int r = accounts ? reader_open(reader, path, &text) : -ENOMEM;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    r = toml_read(text.all, on_entry, accounts, &line);
    if (r == -EBADMSG)
        r = reader_remark(reader, REMARK_NOT_UNDERSTOOD, line, SLICE("TOML"));
    for (size_t i = 0; r == 0 && i < accounts->n; i++) {
        const struct account *account = &accounts->items[i];

        if (account->other && *account->draft.address)
            r = reader_remark(reader, REMARK_NOT_SMTP, account->draft.line, account->name);
        else if (*account->draft.host)
            r = reader_take(reader, &account->draft);
    }
    reader->file = NULL;
    return r;
}

int found_himalaya(struct reader *reader)
{
    _cleanup_free_ char *usual = reader_path(reader->places->config, "himalaya/config.toml"),
                        *short_one = reader_path(reader->places->config, "himalaya.toml"),
                        *home = reader_path(reader->places->home, ".himalayarc");
    const char *const paths[] = {usual, short_one, home};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ELEMENTSOF(paths); i++)
        if (paths[i])
            r = read_config(reader, paths[i]);
    return r;
}
