/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The ledger: a list of entries, a line of the file each, with tabs between the fields:
 *
 *   told   TIME  NETWORK  MATTER  DETAIL     was told, and holds as far as is known
 *   over   TIME  NETWORK  MATTER  DETAIL     was told, and did not hold when it was looked at last
 *   muted  TIME  NETWORK  -       -
 *   last   TIME  ACCOUNT  -       DETAIL     of MATTER_PORT_CHANGED
 *
 * All texts have passed text_safe(), so there is neither a tab nor a line's end in them; what does
 * contain one is not taken in.
 */
#include "notify-ledger.h"
#include "error.h"
#include "text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TELL_AGAIN_S 3600
#define NO_FIELD     "-"

enum entry_kind { ENTRY_TOLD, ENTRY_OVER, ENTRY_MUTED, ENTRY_LAST, N_ENTRY_KIND };

static const char *const kind_words[N_ENTRY_KIND] = {
    [ENTRY_TOLD] = "told", [ENTRY_OVER] = "over", [ENTRY_MUTED] = "muted", [ENTRY_LAST] = "last"};

struct entry {
    enum entry_kind kind;
    uint64_t time;
    char *subject; /* the network, or the account */
    enum matter matter;
    char *detail;
};

struct ledger {
    struct entry *entries;
    size_t n;
    bool changed;
};

int ledger_new(struct ledger **ret)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));

    if (!ledger)
        return -ENOMEM;
    *ret = ledger;
    return 0;
}

static void remove_entry(struct ledger *ledger, size_t i)
{
    free(ledger->entries[i].subject);
    free(ledger->entries[i].detail);
    ledger->entries[i] = ledger->entries[--ledger->n];
    ledger->changed = true;
}

struct ledger *ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return NULL;
    while (ledger->n > 0)
        remove_entry(ledger, ledger->n - 1);
    free(ledger->entries);
    free(ledger);
    return NULL;
}

bool ledger_changed(struct ledger *ledger)
{
    bool changed = ledger->changed;

    ledger->changed = false;
    return changed;
}

static bool is_told(const struct entry *entry)
{
    return entry->kind == ENTRY_TOLD || entry->kind == ENTRY_OVER;
}

/* The entry of this kind (TOLD stands for OVER, too); without a detail the first of the subject. */
static struct entry *find(const struct ledger *ledger, enum entry_kind kind, const char *subject,
                          enum matter matter, const char *detail)
{
    for (size_t i = 0; i < ledger->n; i++) {
        struct entry *entry = &ledger->entries[i];

        if ((entry->kind == kind || (kind == ENTRY_TOLD && is_told(entry))) &&
            strcmp(entry->subject, subject) == 0 &&
            (!detail || (entry->matter == matter && strcmp(entry->detail, detail) == 0)))
            return entry;
    }
    return NULL;
}

static void remove_oldest(struct ledger *ledger)
{
    size_t oldest = 0;

    for (size_t i = 1; i < ledger->n; i++)
        if (ledger->entries[i].time < ledger->entries[oldest].time)
            oldest = i;
    remove_entry(ledger, oldest);
}

static int add(struct ledger *ledger, enum entry_kind kind, const char *subject, enum matter matter,
               const char *detail, uint64_t now)
{
    _cleanup_free_ char *own_subject = strdup(subject), *own_detail = strdup(detail);
    struct entry *grown;

    if (!own_subject || !own_detail)
        return -ENOMEM;
    if (ledger->n >= LEDGER_MAX)
        remove_oldest(ledger);
    grown = reallocarray(ledger->entries, ledger->n + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    ledger->entries = grown;
    grown[ledger->n++] = (struct entry){kind, now, TAKE(own_subject), matter, TAKE(own_detail)};
    ledger->changed = true;
    return 0;
}

int ledger_tell(struct ledger *ledger, const char *network, enum matter matter, const char *detail,
                uint64_t now)
{
    struct entry *entry = find(ledger, ENTRY_TOLD, network, matter, detail);

    if (!entry)
        return add(ledger, ENTRY_TOLD, network, matter, detail, now);
    entry->kind = ENTRY_TOLD;
    entry->time = now;
    ledger->changed = true;
    return 0;
}

bool ledger_knows(const struct ledger *ledger, const char *network, enum matter matter,
                  const char *detail, uint64_t now)
{
    const struct entry *entry = find(ledger, ENTRY_TOLD, network, matter, detail);

    /* A clock that was set back makes it new: told once too often is better than never. */
    return entry &&
           (entry->kind == ENTRY_TOLD || (now >= entry->time && now - entry->time < TELL_AGAIN_S));
}

/* A login ends a portal on each visit, and a port that worked once is no news on another day: these
 * two are known of a network for good. */
static bool ends(enum matter matter)
{
    return matter == MATTER_MAIL_BLOCKED || matter == MATTER_TAMPERING ||
           matter == MATTER_PORT_BLOCKED;
}

void ledger_end(struct ledger *ledger, const char *network, const struct claims *claims)
{
    for (size_t i = 0; i < ledger->n; i++) {
        struct entry *entry = &ledger->entries[i];

        if (entry->kind != ENTRY_TOLD || strcmp(entry->subject, network) != 0 ||
            !ends(entry->matter) || claims_have(claims, entry->matter, entry->detail))
            continue;
        entry->kind = ENTRY_OVER;
        ledger->changed = true;
    }
}

void ledger_forget(struct ledger *ledger, const char *network)
{
    for (size_t i = ledger->n; i-- > 0;)
        if (is_told(&ledger->entries[i]) && strcmp(ledger->entries[i].subject, network) == 0)
            remove_entry(ledger, i);
}

int ledger_mute(struct ledger *ledger, const char *network, uint64_t now)
{
    return ledger_muted(ledger, network) ? 0 : add(ledger, ENTRY_MUTED, network, 0, NO_FIELD, now);
}

bool ledger_muted(const struct ledger *ledger, const char *network)
{
    return find(ledger, ENTRY_MUTED, network, 0, NULL);
}

const char *ledger_last(const struct ledger *ledger, const char *account)
{
    const struct entry *entry = find(ledger, ENTRY_LAST, account, 0, NULL);

    return entry ? entry->detail : NULL;
}

int ledger_set_last(struct ledger *ledger, const char *account, const char *detail, uint64_t now)
{
    struct entry *entry = find(ledger, ENTRY_LAST, account, 0, NULL);
    char *own;

    if (!entry)
        return add(ledger, ENTRY_LAST, account, 0, detail, now);
    if (strcmp(entry->detail, detail) == 0)
        return 0;
    own = strdup(detail);
    if (!own)
        return -ENOMEM;
    free(entry->detail);
    entry->detail = own;
    entry->time = now;
    ledger->changed = true;
    return 0;
}

/* --- the file ------------------------------------------------------------------------------------
 */

char *ledger_format(const struct ledger *ledger)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    bool bad;

    if (!stream)
        return NULL;
    fputs("# What mailroam-notify(1) has told. It may be edited while that is not running, or "
          "deleted.\n",
          stream);
    for (size_t i = 0; i < ledger->n; i++) {
        const struct entry *entry = &ledger->entries[i];

        fprintf(stream, "%s\t%" PRIu64 "\t%s\t%s\t%s\n", kind_words[entry->kind], entry->time,
                entry->subject, is_told(entry) ? matter_to_string(entry->matter) : NO_FIELD,
                entry->detail);
    }
    bad = ferror(stream);
    bad |= fclose(stream) != 0;
    if (bad) {
        free(text);
        return NULL;
    }
    return text;
}

/* One line, which it cuts into its fields. 0, -EBADMSG, -ENOMEM. */
static int parse_line(struct ledger *ledger, char *line)
{
    enum { KIND, TIME, SUBJECT, MATTER, DETAIL, N_FIELDS };
    enum entry_kind kind = 0;
    char *fields[N_FIELDS], *end;
    enum matter matter = 0;
    bool is_matter;
    uint64_t time;
    size_t n = 0;

    for (char *field; n < N_FIELDS && (field = strsep(&line, "\t"));) {
        if (!text_is_safe(field))
            return -EBADMSG;
        fields[n++] = field;
    }
    if (n != N_FIELDS || line || !*fields[SUBJECT])
        return -EBADMSG;
    while (kind < N_ENTRY_KIND && strcmp(fields[KIND], kind_words[kind]) != 0)
        kind++;
    time = strtoull(fields[TIME], &end, 10);
    if (kind == N_ENTRY_KIND || end == fields[TIME] || *end)
        return -EBADMSG;
    is_matter = kind == ENTRY_TOLD || kind == ENTRY_OVER;
    if (is_matter && matter_from_string(fields[MATTER], &matter) < 0)
        return -EBADMSG;
    if (find(ledger, is_matter ? ENTRY_TOLD : kind, fields[SUBJECT], matter,
             is_matter ? fields[DETAIL] : NULL))
        return -EBADMSG; /* twice */
    return add(ledger, kind, fields[SUBJECT], matter, fields[DETAIL], time);
}

int ledger_parse(struct ledger *ledger, const char *text, unsigned *ret_left_out)
{
    _cleanup_free_ char *copy = strdup(text);
    unsigned left_out = 0;

    if (!copy)
        return -ENOMEM;
    for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
        int r = *line && *line != '#' ? parse_line(ledger, line) : 0;

        if (r == -ENOMEM)
            return r;
        left_out += r < 0;
    }
    ledger->changed = false;
    *ret_left_out = left_out;
    return 0;
}
