/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Events as the journal has them: the table of their ids and levels, their fields, and the limit on
 * how many are told.
 *
 * Always: a field is there or it is left out, never empty; nothing that a mail server has said in
 * words is in any (it may have the user's address in it), only what was concluded from it.
 * Refused: file and line of the source, which say nothing to an administrator.
 */
#include "journal.h"
#include "judge/verdict.h"
#include "log.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

/* The ids are in catalogs, queries and other people's scripts: they stay. */
static const struct kind {
    const char *id;
    int level;
} kinds[N_EVENT] = {
    [EVENT_NETWORK] = {"8b452e1e984c4c509530078260c357d6", LOG_NOTICE},
    [EVENT_NETWORK_KNOWN] = {"e7cee8eb9d4f430e8813b401a9d35ec5", LOG_INFO},
    [EVENT_PATH] = {"6f94e4f75ba04828aa6e07f46ec76a3b", LOG_NOTICE},
    [EVENT_CHECK_STARTED] = {"96cad1bcbcfc46b29a7e5542ef443957", LOG_INFO},
    [EVENT_VERDICT] = {"36d93d4524424e48a1b356e7090ae955", LOG_INFO},
    [EVENT_CHECK_ENDED] = {"78c9df1f3d56473aa71706ea8efcf0d7", LOG_INFO},
    [EVENT_PORTAL] = {"7452c7cf39214fae8edeeb16e2adbe92", LOG_NOTICE},
    [EVENT_CHECK_FAILED] = {"11d3cfbeaf154cccac43e9bf8104b6ba", LOG_ERR},
    [EVENT_WORKING] = {"9918225f0f2242c89b2c903c84620cdc", LOG_NOTICE},
    [EVENT_NONE_WORKS] = {"8cbb5837d500427fbf724edbe299b5ef", LOG_NOTICE},
    [EVENT_STATE] = {"1a6526adf35c43f2a43416af34e94ced", LOG_DEBUG},
    [EVENT_ACCOUNT_FILE] = {"84af1b3a6b6d467c91f943e1327b916a", LOG_ERR},
    [EVENT_SETTINGS_FILE] = {"31f8dd3e9cc7491597ac7c3dc434b781", LOG_ERR},
    [EVENT_UNKNOWN_SETTING] = {"57501e723d6147b9967f821db6ef030f", LOG_WARNING},
    [EVENT_BUS_READY] = {"3d39e0fa6bb84aedbacde52e2b76deb4", LOG_INFO},
    [EVENT_BUS_LOST] = {"7afa964bfaf149f88a3fee106923c188", LOG_WARNING},
    [EVENT_BUS_FAILED] = {"cf103d8633e34221b0c8bc9fcecadee3", LOG_ERR},
    [EVENT_MEMORY_BROKEN] = {"911401785df04deba48c2023717f383e", LOG_ERR},
    [EVENT_MEMORY_SET_ASIDE] = {"bb55b535b04047ac9eff03c1c5b16791", LOG_WARNING},
    [EVENT_MEMORY_UNWRITTEN] = {"b0d633f1868c4166888095701ffb8795", LOG_WARNING},
    [EVENT_MEMORY_WRITTEN] = {"e581e965bcf245128c3919c636e8ea1c", LOG_NOTICE},
    [EVENT_CLOCK_SET] = {"ce076f89ab224fa495098fbd11d09777", LOG_NOTICE},
    [EVENT_CLOCK_WRONG] = {"0e07dd8713a64ee5a62ebb0fd1ef662b", LOG_WARNING},
    [EVENT_LEFT_OUT] = {"385462947dcd4e599b14da055d4d142a", LOG_NOTICE},
};

static struct {
    char id[64], name[160];
} network;

static struct limit {
    uint64_t began;
    unsigned told, left_out;
} limits[N_EVENT];

/* The fields of one entry. They lie in `text`, one behind the other; one that has no room there is
 * left out: there is room for twice of what any event has. */
struct entry {
    struct iovec fields[LOG_FIELDS_MAX];
    int n;
    char text[8192];
    size_t used;
};

_printf_(3, 4) static void put(struct entry *entry, const char *key, const char *format, ...)
{
    char *place = entry->text + entry->used;
    size_t room = sizeof(entry->text) - entry->used, size;
    int head = snprintf(place, room, "%s=", key), length = -1;
    va_list arguments;

    if (head < 0 || (size_t)head >= room || entry->n == LOG_FIELDS_MAX)
        return;
    va_start(arguments, format);
    length = vsnprintf(place + head, room - (size_t)head, format, arguments);
    va_end(arguments);
    size = (size_t)head + (size_t)length;
    if (length <= 0 || size >= room)
        return;
    entry->fields[entry->n++] = (struct iovec){place, size};
    entry->used += size;
}

static void put_text(struct entry *entry, const char *key, const char *text)
{
    if (text)
        put(entry, key, "%s", text);
}

static void put_endpoint(struct entry *entry, const struct endpoint *endpoint)
{
    put_text(entry, "MAILROAM_SERVER", endpoint->host);
    put(entry, "MAILROAM_PORT", "%u", endpoint->port);
    put_text(entry, "MAILROAM_SECURITY", security_to_string(endpoint->security));
}

static void put_finding(struct entry *entry, const struct finding *finding)
{
    static const struct {
        enum evidence_key key;
        const char *name;
    } told[] = {
        {EVIDENCE_HOW, "MAILROAM_HOW"},
        {EVIDENCE_BY, "MAILROAM_BY"},
        {EVIDENCE_HOP, "MAILROAM_HOP"},
        {EVIDENCE_CONFIDENCE, "MAILROAM_CONFIDENCE"},
        {EVIDENCE_ADDRESS, "MAILROAM_ADDRESS"},
        {EVIDENCE_CODE, "MAILROAM_CODE"},
        {EVIDENCE_CERTIFICATE, "MAILROAM_CERTIFICATE"},
    };

    put_endpoint(entry, &finding->endpoint);
    put_text(entry, "MAILROAM_VERDICT", verdict_to_string(finding->verdict));
    for (size_t i = 0; i < ELEMENTSOF(told); i++) {
        if (!finding->evidence.set[told[i].key])
            continue;
        if (evidence_key_type(told[i].key) == EVIDENCE_TEXT)
            put_text(entry, told[i].name, evidence_text(&finding->evidence, told[i].key));
        else
            put(entry, told[i].name, "%llu",
                (unsigned long long)evidence_number(&finding->evidence, told[i].key));
    }
}

static void put_facts(struct entry *entry, const struct event_facts *facts)
{
    char account[JOURNAL_ACCOUNT_MAX];

    if (facts->account)
        put_text(entry, "MAILROAM_ACCOUNT", journal_account(facts->account, account));
    put_text(entry, "MAILROAM_NETWORK", network.id);
    put_text(entry, "MAILROAM_NETWORK_NAME", network.name);
    if (facts->endpoint)
        put_endpoint(entry, facts->endpoint);
    if (facts->finding)
        put_finding(entry, facts->finding);
    put_text(entry, "MAILROAM_REASON", facts->reason);
    put_text(entry, "MAILROAM_STATE", facts->state);
    put_text(entry, "MAILROAM_PROVENANCE", facts->provenance);
    put_text(entry, "MAILROAM_FILE", facts->file);
    if (facts->line > 0)
        put(entry, "MAILROAM_LINE", "%u", facts->line);
}

static uint64_t boottime_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tell_left_out(enum event event, struct limit *limit)
{
    struct entry entry = {.n = 0};
    char line[128];

    (void)snprintf(line, sizeof(line), "events of one kind that were left out: %u",
                   limit->left_out);
    put_text(&entry, "MESSAGE_ID", kinds[EVENT_LEFT_OUT].id);
    put_text(&entry, "MAILROAM_LEFT_OUT_ID", kinds[event].id);
    put(&entry, "MAILROAM_LEFT_OUT", "%u", limit->left_out);
    limit->left_out = 0;
    log_line(kinds[EVENT_LEFT_OUT].level, line, entry.fields, entry.n);
}

/* Whether this one is told. */
static bool within_limit(enum event event, int level)
{
    struct limit *limit = &limits[event];
    uint64_t now = boottime_us();

    if (level <= LOG_ERR || level > log_level_now())
        return true; /* told in any case, or in none */
    if (limit->told == 0 || now - limit->began >= EVENT_PERIOD_US) {
        limit->began = now;
        limit->told = 0;
        if (limit->left_out > 0)
            tell_left_out(event, limit);
    }
    if (limit->told == EVENT_BURST) {
        limit->left_out++;
        return false;
    }
    limit->told++;
    return true;
}

void journal(enum event event, const struct event_facts *facts, const char *format, ...)
{
    static const struct event_facts none;
    int level = facts && facts->repeated ? LOG_DEBUG : kinds[event].level;
    struct entry entry = {.n = 0};
    char line[LOG_LINE_MAX] = "", account[JOURNAL_ACCOUNT_MAX];
    int head = 0;
    va_list arguments;

    if (!within_limit(event, level))
        return;
    if (facts && facts->account)
        head =
            snprintf(line, sizeof(line), "account %s: ",
                     log_is_journal() ? journal_account(facts->account, account) : facts->account);
    va_start(arguments, format);
    (void)vsnprintf(line + head, sizeof(line) - (size_t)head, format, arguments);
    va_end(arguments);
    put_text(&entry, "MESSAGE_ID", kinds[event].id);
    put_facts(&entry, facts ? facts : &none);
    log_line(level, line, entry.fields, entry.n);
}

void journal_on_network(const char *id, const char *name)
{
    (void)snprintf(network.id, sizeof(network.id), "%s", id);
    (void)snprintf(network.name, sizeof(network.name), "%s", name);
}

const char *journal_account(const char *name, char buffer[static JOURNAL_ACCOUNT_MAX])
{
    const char *at = strrchr(name, '@');
    size_t first = 1;

    while ((name[first] & 0xc0) == 0x80) /* the rest of a character in UTF-8 */
        first++;
    if (at)
        (void)snprintf(buffer, JOURNAL_ACCOUNT_MAX, "%.*s...%s", at > name ? (int)first : 0, name,
                       at);
    else
        (void)snprintf(buffer, JOURNAL_ACCOUNT_MAX, "%s", name);
    return buffer;
}
