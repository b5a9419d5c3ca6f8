/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Claws Mail: accountrc, a section an account. */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

struct account {
    struct draft draft;
    char username[DRAFT_TEXT_MAX + 1]; /* the incoming server's, used where no other is said */
    long port;
    bool own_port, program, any;
};

static void take_key(struct account *account, const struct ini *ini)
{
    struct draft *draft = &account->draft;

    account->any = true;
    if (slice_is(ini->key, "address"))
        draft_set_address(draft, ini->value);
    else if (slice_is(ini->key, "smtp_server"))
        draft_set_host(draft, ini->value);
    else if (slice_is(ini->key, "user_id"))
        (void)slice_copy(ini->value, account->username, sizeof(account->username));
    else if (slice_is(ini->key, "smtp_user_id"))
        draft_set_username(draft, ini->value);
    else if (slice_is(ini->key, "set_smtpport"))
        account->own_port = slice_is_true(ini->value);
    else if (slice_is(ini->key, "smtp_port"))
        account->port = slice_number(ini->value);
    else if (slice_is(ini->key, "use_mail_command"))
        account->program = slice_is_true(ini->value);
    else if (slice_is(ini->key, "ssl_smtp"))
        draft->security = slice_is(ini->value, "1")   ? DRAFT_TLS
                          : slice_is(ini->value, "2") ? DRAFT_STARTTLS
                                                      : DRAFT_NONE;
}

static int take(struct reader *reader, struct account *account)
{
    struct draft *draft = &account->draft;

    if (!account->any)
        return 0;
    if (account->program)
        return reader_remark(reader, REMARK_PROGRAM, draft->line,
                             (struct slice){draft->address, strlen(draft->address)});
    if (*draft->username == '\0')
        strcpy(draft->username, account->username);
    /* What Claws uses where no port is set: 25 also with STARTTLS. */
    draft->port = account->own_port ? account->port : draft->security == DRAFT_TLS ? 465 : 25;
    return reader_take(reader, draft);
}

int found_claws(struct reader *reader)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ char *path = reader_path(reader->places->home, ".claws-mail/accountrc");
    struct account account = {.any = false};
    struct ini ini;
    int r = path ? reader_open(reader, path, &text) : READER_NOTHING;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    ini = ini_of(text.all);
    while (r == 0 && ini_next(&ini)) {
        if (ini.section_is_new) {
            r = take(reader, &account);
            account = (struct account){.draft = {.security = DRAFT_NONE, .line = ini.line}};
        }
        if (slice_begins(ini.section, "Account: "))
            take_key(&account, &ini);
    }
    if (r == 0)
        r = take(reader, &account);
    reader->file = NULL;
    return r;
}
