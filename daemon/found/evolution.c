/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Evolution-Data-Server: a file a source. A mail transport is one, the identity that sends through
 * it another; the identity names the transport by its UID, its file's name.
 *
 * Where the registry runs it says what its sources are. What it says of one is taken in place of
 * the file, which it writes afterwards; a file that it says nothing of is read.
 */
#include "found/evolution.h"
#include "error.h"
#include "found/ini.h"
#include "found/readers.h"
#include <stdio.h>
#include <string.h>

#define SUFFIX ".source"
/* What stands in place of a file's path where there was none. */
#define BUS "D-Bus org.gnome.evolution.dataserver.Sources5 "
/* Of a source in its collection; in a circle it ends there. */
#define DEPTH_MAX 8

struct source {
    char uid[256], transport[256]; /* whom it sends through */
    char parent[256];              /* it is off where that is */
    struct draft draft;
    bool is_transport, is_smtp, is_program, enabled;
    char *path;
};

/* Sorted by UID: the same is found, under the same names, whoever says it. */
struct evolution_sources {
    struct source *items;
    size_t n;
};

static void sources_clear(struct evolution_sources *sources)
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
        else if (slice_is(ini->key, "Parent"))
            (void)slice_copy(ini->value, source->parent, sizeof(source->parent));
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

static void take_text(struct source *source, struct slice text)
{
    struct ini ini = ini_of(text);

    source->enabled = true;
    while (ini_next(&ini))
        take_key(source, &ini);
}

static int by_uid(const void *a, const void *b)
{
    const struct source *x = a, *y = b;

    return strcmp(x->uid, y->uid);
}

static const struct source *find(const struct evolution_sources *sources, const char *uid)
{
    for (size_t i = 0; i < sources->n; i++)
        if (strcmp(sources->items[i].uid, uid) == 0)
            return &sources->items[i];
    return NULL;
}

/* --- what the registry says ------------------------------------------------------------------ */

struct evolution_sources *evolution_sources_free(struct evolution_sources *sources)
{
    if (!sources)
        return NULL;
    sources_clear(sources);
    free(sources);
    return NULL;
}
DEFINE_CLEANUP(struct evolution_sources *, evolution_sources_free)

int evolution_sources_new(struct evolution_sources **ret, const struct registry_source *told,
                          size_t n)
{
    _cleanup_(evolution_sources_freep) struct evolution_sources *sources =
        calloc(1, sizeof(*sources));

    if (n > REGISTRY_SOURCES_MAX)
        n = REGISTRY_SOURCES_MAX;
    if (sources)
        sources->items = calloc(n + 1, sizeof(*sources->items));
    if (!sources || !sources->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct source *source = &sources->items[sources->n];
        struct slice uid = {told[i].uid, strlen(told[i].uid)};

        memset(source, 0, sizeof(*source)); /* one that was passed over may have been here */
        if (uid.n == 0 || told[i].data.n > REGISTRY_DATA_MAX ||
            !slice_copy(uid, source->uid, sizeof(source->uid)) || find(sources, source->uid))
            continue;
        take_text(source, told[i].data);
        source->draft.line = 0; /* nobody can look it up */
        if (asprintf(&source->path, BUS "%s", source->uid) < 0)
            return -ENOMEM;
        sources->n++;
    }
    if (sources->n > 0)
        qsort(sources->items, sources->n, sizeof(*sources->items), by_uid);
    *ret = TAKE(sources);
    return 0;
}

/* What stands behind the end of a text may differ: then it is news that is none. */
bool evolution_sources_equal(const struct evolution_sources *a, const struct evolution_sources *b)
{
    size_t n = a ? a->n : 0;

    if (n != (b ? b->n : 0))
        return false;
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a->items[i], &b->items[i], offsetof(struct source, path)) != 0)
            return false;
    return true;
}

/* --- the files ------------------------------------------------------------------------------- */

static int read_source(struct reader *reader, const char *directory, const char *name,
                       struct evolution_sources *sources)
{
    _cleanup_(reader_text_clear) struct reader_text text = {.memory = NULL};
    struct source *source = &sources->items[sources->n];
    int r;

    *source = (struct source){.enabled = true};
    (void)slice_copy((struct slice){name, strlen(name) - strlen(SUFFIX)}, source->uid,
                     sizeof(source->uid));
    if (find(sources, source->uid))
        return 0; /* by the registry */
    source->path = reader_path(directory, name);
    if (!source->path)
        return -ENOMEM;
    sources->n++;
    r = reader_open(reader, source->path, &text);
    if (r == 0)
        take_text(source, text.all);
    return r == READER_NOTHING ? 0 : r;
}

static bool is_enabled(const struct evolution_sources *sources, const struct source *source)
{
    for (int i = 0; source && i < DEPTH_MAX; i++) {
        if (!source->enabled)
            return false;
        source = find(sources, source->parent);
    }
    return true;
}

static bool sends_through(const struct source *identity, const struct source *transport)
{
    return strcmp(identity->transport, transport->uid) == 0 && *identity->draft.address;
}

static int say(struct reader *reader, enum remark remark, const char *detail)
{
    return reader_remark(reader, remark, 0, (struct slice){detail, strlen(detail)});
}

/* The transport, once for each identity that uses it, or by itself. */
static int take_transport(struct reader *reader, const struct evolution_sources *sources,
                          const struct source *transport)
{
    bool used = false, enabled = is_enabled(sources, transport);
    int r = 0;

    reader->file = transport->path;
    for (size_t i = 0; r == 0 && i < sources->n; i++) {
        const struct source *identity = &sources->items[i];
        struct draft draft = transport->draft;

        if (!sends_through(identity, transport))
            continue;
        used = true;
        if (!enabled || !transport->is_smtp)
            break;
        memcpy(draft.address, identity->draft.address, sizeof(draft.address));
        r = is_enabled(sources, identity) ? reader_take(reader, &draft)
                                          : say(reader, REMARK_DISABLED, draft.address);
    }
    if (r < 0)
        return r;
    if (!enabled)
        return say(reader, REMARK_DISABLED, transport->draft.host);
    if (transport->is_program) /* every registry has one that nobody uses */
        return used ? say(reader, REMARK_PROGRAM, "") : 0;
    if (!transport->is_smtp)
        return say(reader, REMARK_NOT_SMTP, "");
    return used ? 0 : reader_take(reader, &transport->draft);
}

/* The files in the directory (NULL: none) and what the registry says (or NULL). */
static int take_all(struct reader *reader, const char *directory,
                    const struct evolution_sources *told)
{
    _cleanup_(reader_names_free) char **names = NULL;
    _cleanup_(sources_clear) struct evolution_sources sources = {NULL, 0};
    size_t n = told ? told->n : 0, n_names = 0;
    int r = directory ? reader_list(reader, directory, SUFFIX, &names) : 0;

    while (names && names[n_names])
        n_names++;
    sources.items = calloc(n + n_names + 1, sizeof(*sources.items));
    if (!sources.items)
        return -ENOMEM;
    for (; r == 0 && sources.n < n; sources.n++) {
        sources.items[sources.n] = told->items[sources.n];
        sources.items[sources.n].path = strdup(told->items[sources.n].path);
        r = sources.items[sources.n].path ? 0 : -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < n_names; i++)
        r = read_source(reader, directory, names[i], &sources);
    if (sources.n > 0)
        qsort(sources.items, sources.n, sizeof(*sources.items), by_uid);
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
    int r = take_all(reader, native, reader->places->evolution);

    return r == 0 ? take_all(reader, flatpak, NULL) : r;
}
