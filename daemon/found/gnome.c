/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * GNOME Online Accounts: accounts.conf. Of a provider only the account is written down, its servers
 * are in the program; the one that has been the same in all of its versions is taken from there.
 */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

struct account {
    struct draft draft;
    struct slice section, provider;
    bool tls, starttls, off;
};

static int take(struct reader *reader, struct account *account)
{
    struct draft *draft = &account->draft;

    if (account->section.n == 0)
        return 0;
    if (account->off)
        return reader_remark(reader, REMARK_DISABLED, draft->line, account->section);
    draft->security = account->tls ? DRAFT_TLS : account->starttls ? DRAFT_STARTTLS : DRAFT_NONE;
    if (*draft->host)
        return reader_take(reader, draft);
    if (slice_is(account->provider, "google")) {
        strcpy(draft->host, "smtp.gmail.com");
        draft->security = DRAFT_UNSAID;
        return reader_take(reader, draft);
    }
    return reader_remark(reader, REMARK_PROVIDER, draft->line, account->provider);
}

static void take_key(struct account *account, const struct ini *ini)
{
    struct draft *draft = &account->draft;

    if (slice_is(ini->key, "Provider"))
        account->provider = ini->value;
    else if (slice_is(ini->key, "Enabled") || slice_is(ini->key, "MailEnabled"))
        account->off |= !slice_is_true(ini->value);
    else if (slice_is(ini->key, "EmailAddress") ||
             (slice_is(ini->key, "PresentationIdentity") && *draft->address == '\0'))
        draft_set_address(draft, ini->value);
    else if (slice_is(ini->key, "SmtpHost"))
        draft_set_host_and_port(draft, ini->value);
    else if (slice_is(ini->key, "SmtpUserName"))
        draft_set_username(draft, ini->value);
    else if (slice_is(ini->key, "SmtpUseSsl"))
        account->tls = slice_is_true(ini->value);
    else if (slice_is(ini->key, "SmtpUseTls"))
        account->starttls = slice_is_true(ini->value);
}

/* Accounts of providers that have no mail are nobody's business here. */
static bool has_mail(const struct ini *ini)
{
    return slice_begins(ini->key, "Smtp") || slice_is(ini->key, "MailEnabled");
}

int found_gnome(struct reader *reader)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ char *path = reader_path(reader->places->config, "goa-1.0/accounts.conf");
    struct account account = {.tls = false};
    bool mail = false;
    struct ini ini;
    int r = path ? reader_open(reader, path, &text) : READER_NOTHING;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    ini = ini_of(text.all);
    while (r == 0 && ini_next(&ini)) {
        if (ini.section_is_new) {
            r = mail ? take(reader, &account) : 0;
            account = (struct account){.section = ini.section, .draft.line = ini.line};
            mail = false;
        }
        if (slice_begins(ini.section, "Account "))
            take_key(&account, &ini);
        mail |= has_mail(&ini);
    }
    if (r == 0 && mail)
        r = take(reader, &account);
    reader->file = NULL;
    return r;
}
