/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Evolution-Data-Server: a file a source. A mail transport is one, the identity that sends through
 * it another; the identity names the transport by its file's name.
 */
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <string.h>

#define SUFFIX ".source"

struct source {
    char uid[256], transport[256]; /* whom it sends through */
    struct draft draft;
    bool is_transport, is_smtp, is_program, enabled;
    char *path;
};

struct sources {
    struct source *items;
    size_t n;
};

static void sources_clear(struct sources *sources)
{
    for (size_t i = 0; i < sources->n; i++)
        free(sources->items[i].path);
    free(sources->items);
}

static enum draft_security security_of(struct slice value)
{
    return slice_is(value, "ssl-on-alternate-port")       ? DRAFT_TLS
           : slice_is(value, "starttls-on-standard-port") ? DRAFT_STARTTLS
           : slice_is(value, "none")                      ? DRAFT_NONE
                                                          : DRAFT_UNSAID;
}

static void take_key(struct source *source, const struct ini *ini)
{
    struct draft *draft = &source->draft;

    if (slice_is(ini->section, "Data Source")) {
        if (slice_is(ini->key, "Enabled"))
            source->enabled = slice_is_true(ini->value);
    } else if (slice_is(ini->section, "Mail Transport")) {
        source->is_transport = true;
        if (slice_is(ini->key, "BackendName")) {
            source->is_smtp = slice_is(ini->value, "smtp");
            source->is_program = slice_is(ini->value, "sendmail");
        }
    } else if (slice_is(ini->section, "Authentication")) {
        draft->line = ini->line;
        if (slice_is(ini->key, "Host"))
            draft_set_host(draft, ini->value);
        else if (slice_is(ini->key, "Port"))
            draft->port = slice_number(ini->value);
        else if (slice_is(ini->key, "User"))
            draft_set_username(draft, ini->value);
    } else if (slice_is(ini->section, "Security") && slice_is(ini->key, "Method")) {
        draft->security = security_of(ini->value);
    } else if (slice_is(ini->section, "Mail Identity") && slice_is(ini->key, "Address")) {
        draft_set_address(draft, ini->value);
    } else if (slice_is(ini->section, "Mail Submission") && slice_is(ini->key, "TransportUid")) {
        (void)slice_copy(ini->value, source->transport, sizeof(source->transport));
    }
}

static int read_source(struct reader *reader, const char *directory, const char *name,
                       struct source *source)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    struct ini ini;
    int r;

    *source = (struct source){.enabled = true};
    source->path = reader_path(directory, name);
    if (!source->path)
        return -ENOMEM;
    (void)slice_copy((struct slice){name, strlen(name) - strlen(SUFFIX)}, source->uid,
                     sizeof(source->uid));
    r = reader_open(reader, source->path, &text);
    if (r != 0)
        return r == READER_NOTHING ? 0 : r;
    ini = ini_of(text.all);
    while (ini_next(&ini))
        take_key(source, &ini);
    return 0;
}

/* The transport, once for each identity that uses it, or by itself. */
static int take_transport(struct reader *reader, const struct sources *sources,
                          const struct source *transport)
{
    bool used = false;
    int r = 0;

    reader->file = transport->path;
    if (!transport->enabled)
        return reader_remark(reader, REMARK_DISABLED, 0,
                             (struct slice){transport->draft.host, strlen(transport->draft.host)});
    if (!transport->is_smtp)
        return reader_remark(reader, transport->is_program ? REMARK_PROGRAM : REMARK_NOT_SMTP, 0,
                             (struct slice){"", 0});
    for (size_t i = 0; r == 0 && i < sources->n; i++) {
        struct draft draft = transport->draft;

        if (strcmp(sources->items[i].transport, transport->uid) != 0 ||
            *sources->items[i].draft.address == '\0')
            continue;
        used = true;
        memcpy(draft.address, sources->items[i].draft.address, sizeof(draft.address));
        r = sources->items[i].enabled
                ? reader_take(reader, &draft)
                : reader_remark(reader, REMARK_DISABLED, 0,
                                (struct slice){draft.address, strlen(draft.address)});
    }
    return r == 0 && !used ? reader_take(reader, &transport->draft) : r;
}

static int read_directory(struct reader *reader, const char *directory)
{
    _cleanup_(reader_names_free) char **names = NULL;
    _cleanup_(sources_clear) struct sources sources = {NULL, 0};
    size_t n = 0;
    int r = reader_list(reader, directory, SUFFIX, &names);

    while (names && names[n])
        n++;
    sources.items = calloc(n + 1, sizeof(*sources.items));
    if (!sources.items)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = read_source(reader, directory, names[i], &sources.items[sources.n++]);
    for (size_t i = 0; r == 0 && i < sources.n; i++)
        if (sources.items[i].is_transport)
            r = take_transport(reader, &sources, &sources.items[i]);
    reader->file = NULL;
    return r;
}

int found_evolution(struct reader *reader)
{
    _cleanup_free_ char *native = reader_path(reader->places->config, "evolution/sources"),
                        *flatpak =
                            reader_path(reader->places->home,
                                        ".var/app/org.gnome.Evolution/config/evolution/sources");
    int r = native ? read_directory(reader, native) : 0;

    return r == 0 && flatpak ? read_directory(reader, flatpak) : r;
}
