/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * KMail: `mailtransports` has the servers, `emailidentities` who sends through which. KConfig does
 * not write what is the default: no encryption, port 25.
 */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <stdio.h>
#include <string.h>

#define TRANSPORTS_MAX 64

struct transport {
    long id;
    struct draft draft;
    bool other, used;
};

struct transports {
    struct transport items[TRANSPORTS_MAX];
    size_t n;
    long standard;
};

static void take_transport_key(struct transport *transport, const struct ini *ini)
{
    struct draft *draft = &transport->draft;

    if (slice_is(ini->key, "id"))
        transport->id = slice_number(ini->value);
    else if (slice_is(ini->key, "type") || slice_is(ini->key, "identifier"))
        transport->other = !slice_is_word(ini->value, "smtp");
    else if (slice_is(ini->key, "host"))
        draft_set_host(draft, ini->value);
    else if (slice_is(ini->key, "port"))
        draft->port = slice_number(ini->value);
    else if (slice_is(ini->key, "user"))
        draft_set_username(draft, ini->value);
    else if (slice_is(ini->key, "encryption"))
        draft->security = slice_is_word(ini->value, "SSL")   ? DRAFT_TLS
                          : slice_is_word(ini->value, "TLS") ? DRAFT_STARTTLS
                                                             : DRAFT_NONE;
}

static void read_transports(struct slice text, struct transports *transports)
{
    struct ini ini = ini_of(text);

    while (ini_next(&ini)) {
        if (slice_is(ini.section, "General") && slice_is(ini.key, "default-transport"))
            transports->standard = slice_number(ini.value);
        if (!slice_begins(ini.section, "Transport "))
            continue;
        if (ini.section_is_new) {
            if (transports->n == TRANSPORTS_MAX)
                return;
            transports->items[transports->n++] =
                (struct transport){.draft = {.port = 25, .security = DRAFT_NONE, .line = ini.line}};
        }
        take_transport_key(&transports->items[transports->n - 1], &ini);
    }
}

static int take(struct reader *reader, struct transport *transport, const char *address)
{
    struct draft draft = transport->draft;

    transport->used = true;
    if (transport->other)
        return reader_remark(reader, REMARK_NOT_SMTP, draft.line, (struct slice){"", 0});
    strcpy(draft.address, address);
    return reader_take(reader, &draft);
}

static int take_identity(struct reader *reader, struct transports *transports,
                         const struct draft *identity, long id)
{
    if (*identity->address == '\0')
        return 0;
    for (size_t i = 0; i < transports->n; i++)
        if (transports->items[i].id == (id > 0 ? id : transports->standard))
            return take(reader, &transports->items[i], identity->address);
    return 0;
}

static int read_identities(struct reader *reader, struct slice text, struct transports *transports)
{
    struct ini ini = ini_of(text);
    struct draft identity = {.port = 0};
    long transport = 0;
    int r = 0;

    while (r == 0 && ini_next(&ini)) {
        if (ini.section_is_new) {
            r = take_identity(reader, transports, &identity, transport);
            identity = (struct draft){.port = 0};
            transport = 0;
        }
        if (!slice_begins(ini.section, "Identity #"))
            continue;
        if (slice_is(ini.key, "Email Address"))
            draft_set_address(&identity, ini.value);
        else if (slice_is(ini.key, "Transport"))
            transport = slice_number(ini.value);
    }
    return r < 0 ? r : take_identity(reader, transports, &identity, transport);
}

static int read_place(struct reader *reader, const char *config)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL}, who = {.memory = NULL};
    _cleanup_free_ char *path = reader_path(config, "mailtransports"),
                        *identities = reader_path(config, "emailidentities");
    _cleanup_free_ struct transports *transports = calloc(1, sizeof(*transports));
    int r = path && identities && transports ? reader_open(reader, path, &text) : -ENOMEM;

    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    read_transports(text.all, transports);
    r = reader_open(reader, identities, &who);
    reader->file = path;
    if (r == 0)
        r = read_identities(reader, who.all, transports);
    for (size_t i = 0; r >= 0 && i < transports->n; i++)
        if (!transports->items[i].used)
            r = take(reader, &transports->items[i], "");
    reader->file = NULL;
    return r < 0 ? r : 0;
}

int found_kmail(struct reader *reader)
{
    _cleanup_free_ char *flatpak =
        reader_path(reader->places->home, ".var/app/org.kde.kontact/config");
    int r = reader->places->config ? read_place(reader, reader->places->config) : 0;

    return r == 0 && flatpak ? read_place(reader, flatpak) : r;
}
