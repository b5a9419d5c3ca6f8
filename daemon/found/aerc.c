/* SPDX-License-Identifier: GPL-3.0-or-later */

/* aerc: accounts.conf; `outgoing` is a URL, whose scheme also says how to encrypt and to log in,
 * or a program. */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

struct account {
    struct slice name, outgoing, from;
    bool starttls_off;
    unsigned line;
};

static int take(struct reader *reader, const struct account *account)
{
    struct draft draft = {.line = account->line};
    struct slice scheme, base, how;

    if (account->outgoing.n == 0)
        return 0; /* a section of something else, or an account that only reads */
    scheme = draft_set_url(&draft, account->outgoing);
    if (scheme.n == 0)
        return reader_remark(reader, REMARK_PROGRAM, account->line, account->name);
    base = slice_cut(scheme, '+', &how);
    if (slice_is(base, "smtps"))
        draft.security = DRAFT_TLS;
    else if (slice_is(base, "smtp"))
        draft.security =
            slice_begins(how, "insecure") || account->starttls_off ? DRAFT_NONE : DRAFT_STARTTLS;
    else
        return reader_remark(reader, REMARK_NOT_SMTP, account->line, account->name);
    if (draft.port == 0)
        draft.port = draft.security == DRAFT_TLS ? 465 : 587;
    draft_set_address(&draft, account->from);
    return reader_take(reader, &draft);
}

int found_aerc(struct reader *reader)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    _cleanup_free_ char *path = reader_path(reader->places->config, "aerc/accounts.conf");
    struct account account = {.line = 0};
    struct ini ini;
    int r = path ? reader_open(reader, path, &text) : READER_NOTHING;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    reader->file = path;
    ini = ini_of(text.all);
    while (r == 0 && ini_next(&ini)) {
        if (ini.section_is_new) {
            r = take(reader, &account);
            account = (struct account){.name = ini.section};
        }
        if (slice_is(ini.key, "outgoing")) {
            account.outgoing = slice_unquote(ini.value);
            account.line = ini.line;
        } else if (slice_is(ini.key, "from")) {
            account.from = ini.value;
        } else if (slice_is(ini.key, "smtp-starttls")) {
            account.starttls_off = !slice_is_true(ini.value);
        }
    }
    if (r == 0)
        r = take(reader, &account);
    reader->file = NULL;
    return r;
}
