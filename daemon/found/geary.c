/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Geary: account_NN/geary.ini. Accounts that it has from GNOME Online Accounts are read there. */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

struct account {
    struct draft draft;
    char username[DRAFT_TEXT_MAX + 1]; /* the incoming server's */
    struct slice provider;
    bool off;
};

static enum draft_security security_of(struct slice value)
{
    return slice_is(value, "transport")   ? DRAFT_TLS
           : slice_is(value, "start-tls") ? DRAFT_STARTTLS
           : slice_is(value, "none")      ? DRAFT_NONE
                                          : DRAFT_UNSAID;
}

static void take_key(struct account *account, const struct ini *ini)
{
    struct draft *draft = &account->draft;

    if (slice_is(ini->section, "Metadata") && slice_is(ini->key, "status")) {
        account->off = slice_is(ini->value, "disabled");
    } else if (slice_is(ini->section, "Account")) {
        if (slice_is(ini->key, "sender_mailboxes"))
            draft_set_address(draft, slice_cut(ini->value, ';', &(struct slice){0}));
        else if (slice_is(ini->key, "service_provider"))
            account->provider = ini->value;
    } else if (slice_is(ini->section, "Incoming") && slice_is(ini->key, "login")) {
        (void)slice_copy(ini->value, account->username, sizeof(account->username));
    } else if (slice_is(ini->section, "Outgoing")) {
        draft->line = ini->line;
        if (slice_is(ini->key, "host"))
            draft_set_host(draft, ini->value);
        else if (slice_is(ini->key, "port"))
            draft->port = slice_number(ini->value);
        else if (slice_is(ini->key, "login"))
            draft_set_username(draft, ini->value);
        else if (slice_is(ini->key, "transport_security"))
            draft->security = security_of(ini->value);
    }
}

/* The servers of providers are in the program; Gmail's has never changed. */
static int take(struct reader *reader, struct account *account)
{
    struct draft *draft = &account->draft;

    if (account->off)
        return reader_remark(reader, REMARK_DISABLED, 0,
                             (struct slice){draft->address, strlen(draft->address)});
    if (*draft->username == '\0')
        strcpy(draft->username, account->username);
    if (*draft->host == '\0' && slice_is(account->provider, "gmail"))
        strcpy(draft->host, "smtp.gmail.com");
    if (*draft->host == '\0' && account->provider.n > 0 && !slice_is(account->provider, "other"))
        return reader_remark(reader, REMARK_PROVIDER, 0, account->provider);
    return reader_take(reader, draft);
}

static int read_account(struct reader *reader, const char *path)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    struct account account = {.off = false};
    struct ini ini;
    int r = reader_open(reader, path, &text);

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    ini = ini_of(text.all);
    while (ini_next(&ini))
        take_key(&account, &ini);
    r = take(reader, &account);
    reader->file = NULL;
    return r;
}

static int read_place(struct reader *reader, const char *directory)
{
    _cleanup_(reader_names_free) char **names = NULL;
    int r = reader_list(reader, directory, "", &names);

    for (size_t i = 0; r == 0 && names && names[i]; i++) {
        _cleanup_free_ char *account = reader_path(directory, names[i]),
                            *path = reader_path(account, "geary.ini");

        if (strncmp(names[i], "account_", 8) == 0)
            r = path ? read_account(reader, path) : -ENOMEM;
    }
    return r;
}

int found_geary(struct reader *reader)
{
    _cleanup_free_ char *native = reader_path(reader->places->config, "geary"),
                        *flatpak = reader_path(reader->places->home,
                                               ".var/app/org.gnome.Geary/config/geary");
    int r = native ? read_place(reader, native) : 0;

    return r == 0 && flatpak ? read_place(reader, flatpak) : r;
}
