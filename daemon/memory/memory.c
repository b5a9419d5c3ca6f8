/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The memory of networks. All of it is in main memory; the file is written as a whole with each
 * check that is recorded, and read once. Networks and trips are ordered by what came last, not by
 * their times: a clock may be wrong. A file that cannot be understood is never written over: it is
 * set aside first, and while that fails nothing is written.
 */
#include "memory/memory.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "journal.h"
#include "memory/learn.h"
#include "memory/memory-file.h"
#include "paths.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* A stay that was interrupted for no longer than this goes on: a link that flaps, a restart. */
#define SAME_TRIP_US (UINT64_C(10) * 60 * 1000000)

struct memory {
    struct memory_content content;
    char *directory, *path; /* NULL: kept nowhere */
    bool foreign;           /* what is at `path` has to be set aside before it is written */
    bool failing;           /* it could not be written the last time */
    /* The present network. */
    char id[MEMORY_TEXT_MAX], name[MEMORY_TEXT_MAX];
    uint64_t since;
    bool known;
};

DEFINE_CLEANUP(struct memory *, memory_free)
DEFINE_CLEANUP(struct memory_result *, memory_result_free)
DEFINE_CLEANUP(struct memory_trip *, memory_trip_free)

/* Puts the file's content under a new name beside it: a second link, or another name for it where
 * there are no links. Either way nothing that is there is written over. */
static int set_aside(struct memory *memory)
{
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32];
    int r = -EEXIST;

    (void)gmtime_r(&now, &utc);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    for (unsigned i = 1; r == -EEXIST && i < 100; i++) {
        _cleanup_free_ char *aside = NULL;

        if (asprintf(&aside, i == 1 ? "%s.broken-%s" : "%s.broken-%s.%u", memory->path, stamp, i) <
            0)
            return -ENOMEM;
        r = link(memory->path, aside) < 0 ? -errno : 0;
        if (r < 0 && r != -EEXIST && access(aside, F_OK) < 0)
            r = rename(memory->path, aside) < 0 ? -errno : 0;
        if (r == -ENOENT)
            return 0; /* somebody has taken it away meanwhile */
        if (r == 0)
            journal(EVENT_MEMORY_SET_ASIDE, &(struct event_facts){.file = aside}, "%s: kept as %s",
                    memory->path, strrchr(aside, '/') + 1);
    }
    return r;
}

/* Brings the file into line with the content. 0 or negative errno, said in the log once. */
static int save(struct memory *memory)
{
    _cleanup_free_ char *text = NULL;
    const struct event_facts facts = {.file = memory->path};
    size_t length;
    int r;

    if (!memory->path)
        return 0;
    r = path_make_directories(memory->directory);
    if (r == 0 && memory->foreign) {
        r = set_aside(memory);
        memory->foreign = r < 0;
    }
    if (r == 0)
        r = memory_file_write(&memory->content, &text, &length);
    if (r == 0)
        r = file_write(memory->path, text, length);
    if (r < 0 && !memory->failing)
        journal(EVENT_MEMORY_UNWRITTEN, &facts,
                "%s: cannot be written: %s; what is learnt is remembered until mailroamd ends",
                memory->path, strerror(-r));
    if (r == 0 && memory->failing)
        journal(EVENT_MEMORY_WRITTEN, &facts, "%s: is written again", memory->path);
    memory->failing = r < 0;
    return r;
}

/* What is in the file, where there is one and it is good. 0 or -ENOMEM. */
static int load(struct memory *memory)
{
    _cleanup_free_ char *text = NULL;
    size_t length;
    int r = file_read(memory->path, MEMORY_FILE_MAX, &text, &length);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        journal(EVENT_MEMORY_BROKEN, &(struct event_facts){.file = memory->path},
                "%s: cannot be read: %s", memory->path,
                r == -EBADMSG ? "it is no regular file" : strerror(-r));
    else
        r = memory_file_read(memory->path, text, length, &memory->content);
    if (r == -ENOMEM || r == 0)
        return r;
    /* Set aside, and the good part written, at once: the next start is not to do it again. */
    memory->foreign = true;
    (void)save(memory);
    return 0;
}

int memory_new(struct memory **ret, const char *path)
{
    _cleanup_(memory_freep) struct memory *memory = calloc(1, sizeof(*memory));
    int r;

    if (!memory)
        return -ENOMEM;
    if (getrandom(memory->content.salt, MEMORY_SALT_SIZE, 0) != MEMORY_SALT_SIZE)
        return -EIO;
    if (path) {
        memory->path = strdup(path);
        memory->directory = strndup(path, (size_t)(strrchr(path, '/') - path));
        if (!memory->path || !memory->directory)
            return -ENOMEM;
        r = load(memory);
        if (r < 0)
            return r;
    } else
        journal(EVENT_MEMORY_UNWRITTEN, NULL,
                "neither $XDG_STATE_HOME nor $HOME is set: what is learnt is remembered until "
                "mailroamd ends");
    *ret = TAKE(memory);
    return 0;
}

struct memory *memory_free(struct memory *memory)
{
    if (!memory)
        return NULL;
    memory_content_clear(&memory->content);
    free(memory->directory);
    free(memory->path);
    free(memory);
    return NULL;
}

const char *memory_network(const struct memory *memory)
{
    return memory->id;
}

const uint8_t *memory_salt(const struct memory *memory)
{
    return memory->content.salt;
}

/* To the front of its list: it is the most recent one now. */
static void to_front(struct memory_list *list, const void *item)
{
    size_t at = 0;

    while (list->items[at] != item)
        at++;
    memmove(&list->items[1], &list->items[0], at * sizeof(*list->items));
    list->items[0] = (void *)item;
}

static void end_trips(struct memory *memory, uint64_t now)
{
    for (size_t i = 0; i < memory->content.trips.n; i++) {
        struct memory_trip *trip = memory->content.trips.items[i];

        if (trip->present && trip->until < now)
            trip->until = now;
        trip->present = false;
    }
}

void memory_visit(struct memory *memory, const char *id, const char *name, bool moved,
                  uint64_t since)
{
    bool same = strcmp(memory->id, id) == 0;
    struct memory_network *network = NULL;

    if (moved) {
        end_trips(memory, since);
        memory->since = since;
    }
    (void)snprintf(memory->id, sizeof(memory->id), "%s", id);
    (void)snprintf(memory->name, sizeof(memory->name), "%s", *name ? name : id);
    if (*id)
        network = memory_find_network(&memory->content, id);
    if (network) {
        network->last = since;
        (void)snprintf(network->name, sizeof(network->name), "%s", memory->name);
        to_front(&memory->content.networks, network);
    }
    if (moved || !same)
        memory->known = network != NULL;
}

bool memory_known(const struct memory *memory)
{
    return memory->known;
}

const struct memory_result *memory_recall(const struct memory *memory, const char *account)
{
    const struct memory_network *network =
        *memory->id ? memory_find_network(&memory->content, memory->id) : NULL;

    return network ? memory_find_result(network, account) : NULL;
}

/* The present network among those that are remembered, at the front; new where it is not. */
static int present_network(struct memory *memory, uint64_t now, struct memory_network **ret)
{
    struct memory_network *network = memory_find_network(&memory->content, memory->id);
    struct memory_list *list = &memory->content.networks;
    int r;

    if (network) {
        *ret = network;
        return 0;
    }
    network = calloc(1, sizeof(*network));
    r = network ? memory_list_add(list, 0, network) : -ENOMEM;
    if (r < 0) {
        free(network);
        return r;
    }
    memcpy(network->id, memory->id, sizeof(network->id));
    memcpy(network->name, memory->name, sizeof(network->name));
    network->first = memory->since < now ? memory->since : now;
    if (list->n > MEMORY_NETWORKS_MAX)
        memory_network_free(memory_list_take(list, list->n - 1));
    *ret = network;
    return 0;
}

/* Nothing that this network does to the ports can be told from such a check. */
static bool says_nothing(const struct memory_result *result)
{
    for (size_t i = 0; i < result->n_findings; i++) {
        enum verdict verdict = result->findings[i].verdict;

        if (verdict != VERDICT_PORTAL && verdict != VERDICT_UNRESOLVED &&
            verdict != VERDICT_UNREACHABLE)
            return false;
    }
    return true;
}

/* The result becomes the network's; what an earlier visit found stays where this one was stopped by
 * a portal or an outage. Takes the result over. */
static int remember(struct memory *memory, struct memory_result *result)
{
    struct memory_network *network;
    struct memory_list *list;
    int r = present_network(memory, result->at, &network);

    if (r < 0)
        return r;
    network->last = result->at;
    list = &network->results;
    for (size_t i = 0; i < list->n; i++) {
        struct memory_result *before = list->items[i];

        if (strcmp(before->account, result->account) != 0)
            continue;
        if (before->chosen >= 0 && says_nothing(result)) {
            memory_result_free(result);
            return 0;
        }
        memory_result_free(before);
        list->items[i] = result;
        to_front(list, result);
        return 0;
    }
    r = memory_list_add(list, 0, result);
    if (r == 0 && list->n > MEMORY_RESULTS_MAX)
        memory_result_free(memory_list_take(list, list->n - 1));
    return r;
}

/* The account's stay here: the one that goes on, or the last one where it was here. NULL: it is a
 * new one. */
static struct memory_trip *present_trip(struct memory *memory, const char *account)
{
    for (size_t i = 0; i < memory->content.trips.n; i++) {
        struct memory_trip *trip = memory->content.trips.items[i];

        if (strcmp(trip->result->account, account) != 0)
            continue;
        if (trip->present || (strcmp(trip->id, memory->id) == 0 && memory->since >= trip->until &&
                              memory->since - trip->until <= SAME_TRIP_US))
            return trip;
        break;
    }
    return NULL;
}

static int add_trip(struct memory *memory, struct memory_trip **ret)
{
    _cleanup_(memory_trip_freep) struct memory_trip *trip = calloc(1, sizeof(*trip));
    struct memory_list *list = &memory->content.trips;
    int r = trip ? memory_list_add(list, 0, trip) : -ENOMEM;

    if (r < 0)
        return r;
    trip->arrived = memory->since;
    if (list->n > MEMORY_TRIPS_MAX)
        memory_trip_free(memory_list_take(list, list->n - 1));
    *ret = TAKE(trip);
    return 0;
}

/* Takes the result over. */
static int note_trip(struct memory *memory, struct memory_result *result)
{
    struct memory_trip *trip = present_trip(memory, result->account);
    int r = trip ? 0 : add_trip(memory, &trip);

    if (r < 0)
        return r;
    memcpy(trip->id, memory->id, sizeof(trip->id));
    memcpy(trip->name, memory->name, sizeof(trip->name));
    trip->until = result->at;
    if (trip->arrived > trip->until)
        trip->arrived = trip->until; /* the clock was put back on the way */
    trip->present = true;
    memory_result_free(trip->result);
    trip->result = result;
    to_front(&memory->content.trips, trip);
    return 0;
}

/* Of a trip it is told what was wrong and who did it, not what the server said. */
static int shorten(struct memory_result *result)
{
    static const enum evidence_key keys[] = {EVIDENCE_HOW, EVIDENCE_BY, EVIDENCE_CONFIDENCE};

    for (size_t i = 0; i < result->n_findings; i++) {
        struct evidence *all = &result->findings[i].evidence, kept = {.set = {false}};

        for (size_t j = 0; j < ELEMENTSOF(keys); j++) {
            const char *text = evidence_text(all, keys[j]);

            if (text && evidence_set_text(&kept, keys[j], text) < 0) {
                evidence_clear(&kept);
                return -ENOMEM;
            }
        }
        evidence_clear(all);
        *all = kept;
    }
    return 0;
}

int memory_record(struct memory *memory, const char *account, const struct finding *findings,
                  size_t n, ssize_t chosen, uint64_t at, uint32_t took_ms)
{
    _cleanup_(memory_result_freep) struct memory_result *whole = NULL, *brief = NULL;
    int r;

    if (!*memory->id)
        return 0;
    r = memory_result_new(&whole, account, findings, n, chosen, at, took_ms);
    if (r == 0)
        r = memory_result_new(&brief, account, findings, n, chosen, at, took_ms);
    if (r == 0)
        r = shorten(brief);
    if (r != 0)
        return r;
    r = note_trip(memory, brief);
    if (r < 0)
        return r;
    (void)TAKE(brief);
    r = remember(memory, whole);
    if (r < 0)
        return r;
    (void)TAKE(whole);
    (void)save(memory); /* what went wrong is said; the next record tries again */
    return 0;
}

int memory_expected(const struct memory *memory, const char *account,
                    const struct endpoint *endpoint, struct finding *ret)
{
    const struct finding *sightings[MEMORY_NETWORKS_MAX + 1];
    size_t n = 0;

    /* Not what it showed here: a port that worked here may since have been closed by the server as
     * well as by the network. */
    for (size_t i = 0; i < memory->content.networks.n; i++) {
        const struct memory_network *network = memory->content.networks.items[i];
        const struct memory_result *result = memory_find_result(network, account);
        const struct finding *found = result ? memory_find_finding(result, endpoint) : NULL;

        if (found && strcmp(network->id, memory->id) != 0)
            sightings[n++] = found;
    }
    return learn(sightings, n, ret);
}

int memory_forget(struct memory *memory, const char *id)
{
    struct memory_list *networks = &memory->content.networks, *trips = &memory->content.trips;
    size_t before = networks->n + trips->n;

    for (size_t i = networks->n; i-- > 0;) {
        const struct memory_network *network = networks->items[i];

        if (!*id || strcmp(network->id, id) == 0)
            memory_network_free(memory_list_take(networks, i));
    }
    for (size_t i = trips->n; i-- > 0;) {
        const struct memory_trip *trip = trips->items[i];

        if (!*id || strcmp(trip->id, id) == 0)
            memory_trip_free(memory_list_take(trips, i));
    }
    if (*id && networks->n + trips->n == before)
        return MEMORY_NO_SUCH_NETWORK;
    if (!*id || strcmp(memory->id, id) == 0)
        memory->known = false;
    return save(memory);
}

void memory_forget_account(struct memory *memory, const char *account)
{
    struct memory_list *networks = &memory->content.networks, *trips = &memory->content.trips;

    for (size_t i = networks->n; i-- > 0;) {
        struct memory_network *network = networks->items[i];

        for (size_t j = network->results.n; j-- > 0;)
            if (network->results.items[j] == memory_find_result(network, account))
                memory_result_free(memory_list_take(&network->results, j));
        if (network->results.n == 0)
            memory_network_free(memory_list_take(networks, i));
    }
    for (size_t i = trips->n; i-- > 0;) {
        const struct memory_trip *trip = trips->items[i];

        if (strcmp(trip->result->account, account) == 0)
            memory_trip_free(memory_list_take(trips, i));
    }
    (void)save(memory);
}

const struct memory_list *memory_trips(const struct memory *memory)
{
    return &memory->content.trips;
}
