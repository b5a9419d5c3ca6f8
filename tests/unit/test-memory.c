/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The memory of networks: what is recalled, what is forgotten, what is expected elsewhere. */
#include "cleanup.h"
#include "memory-fixture.h"
#include "memory/learn.h"
#include <string.h>
#include <sys/stat.h>

DEFINE_CLEANUP(struct memory *, memory_free)

static void test_first_visit(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL, *again = NULL;
    const struct memory_result *result;
    struct stat status = {0};
    char *slash;

    begin("first");
    memory = open_memory();
    ok(!memory_known(memory) && !memory_recall(memory, "me"), "a new memory knows nothing");
    memory_visit(memory, "", "", true, NOON);
    HOTEL(memory, NOON);
    ok(access(path, F_OK) < 0, "nothing is kept of a network whose id is not known");
    memory_visit(memory, "h1", "Hotel_Guest", false, NOON);
    ok(!memory_known(memory), "a network met for the first time is not known");
    HOTEL(memory, NOON + MINUTE);
    ok(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600,
       "its file is for the user only");
    slash = strrchr(path, '/');
    *slash = '\0';
    ok(stat(path, &status) == 0 && (status.st_mode & 07777) == 0700, "so is the directory");
    *slash = '/';
    ok(!memory_known(memory), "nor is it known later during this visit");

    again = open_memory();
    ok(memcmp(memory_salt(memory), memory_salt(again), MEMORY_SALT_SIZE) == 0, "the salt stays");
    ok(!memory_recall(again, "me"), "on no network nothing is recalled");
    memory_visit(again, "h1", "Hotel_Guest", true, NOON + 60 * MINUTE);
    ok(memory_known(again), "a network met again is known");
    ok(!memory_recall(again, "other"), "another account has nothing there");
    result = memory_recall(again, "me");
    if (!ok(result && result->n_findings == 3, "the account has its endpoints"))
        return;
    is_number(result->chosen, 1, "the chosen one among them");
    is_number((long long)result->at, (long long)(NOON + MINUTE), "when");
    is_number(result->took_ms, 250, "how long it took");
    is_number(result->findings[0].verdict, VERDICT_BLOCKED, "a verdict");
    is_string(evidence_text(&result->findings[0].evidence, EVIDENCE_HOW), "dropped",
              "its evidence");
    is_string(evidence_text(&result->findings[1].evidence, EVIDENCE_PIN), "sha256//A", "a pin");
}

static void test_visits(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    const struct memory_trip *first;

    begin("visits");
    memory = open_memory();
    memory_visit(memory, "home", "Home", true, NOON);
    HOTEL(memory, NOON + MINUTE);
    memory_visit(memory, "cafe", "Cafe", true, NOON + 60 * MINUTE);
    record(memory, "me", VERDICT_PORTAL, VERDICT_PORTAL, VERDICT_PORTAL, NOON + 61 * MINUTE);
    record(memory, "me", VERDICT_WORKS, VERDICT_WORKS, VERDICT_WORKS, NOON + 62 * MINUTE);
    record(memory, "work", VERDICT_BLOCKED, VERDICT_BLOCKED, VERDICT_BLOCKED, NOON + 62 * MINUTE);
    is_number((long long)memory_trips(memory)->n, 3, "a trip for each account and stay");
    first = trip(memory, 2);
    is_string(first->name, "Home", "where");
    is_number((long long)first->arrived, (long long)NOON, "from when");
    is_number((long long)first->until, (long long)(NOON + 60 * MINUTE), "until when");
    ok(!first->present && trip(memory, 0)->present, "which go on");
    is_number(first->result->findings[0].verdict, VERDICT_BLOCKED, "what was blocked");
    ok(!evidence_text(&first->result->findings[1].evidence, EVIDENCE_GREETING),
       "a trip repeats nothing that a server said");
    is_number(trip(memory, 1)->result->chosen, 0, "the last check of a stay is what counts");

    memory_visit(memory, "", "", true, NOON + 70 * MINUTE);
    memory_visit(memory, "cafe", "Cafe", true, NOON + 75 * MINUTE);
    ok(memory_known(memory), "back after five minutes");
    record(memory, "me", VERDICT_WORKS, VERDICT_WORKS, VERDICT_WORKS, NOON + 76 * MINUTE);
    is_number((long long)memory_trips(memory)->n, 3, "it is the same stay");
    memory_visit(memory, "", "", true, NOON + 80 * MINUTE);
    memory_visit(memory, "cafe", "Cafe", true, NOON + 200 * MINUTE);
    record(memory, "me", VERDICT_WORKS, VERDICT_WORKS, VERDICT_WORKS, NOON + 201 * MINUTE);
    is_number((long long)memory_trips(memory)->n, 4, "back after two hours it is another one");

    record(memory, "me", VERDICT_PORTAL, VERDICT_PORTAL, VERDICT_PORTAL, NOON + 202 * MINUTE);
    is_number(memory_recall(memory, "me")->chosen, 0, "a portal does not hide what was behind it");
    record(memory, "me", VERDICT_BLOCKED, VERDICT_PORTAL, VERDICT_PORTAL, NOON + 203 * MINUTE);
    is_number(memory_recall(memory, "me")->chosen, -1, "a verdict on the network replaces it");
}

/* The id becomes better known during a visit: IPv6 came before IPv4, say. */
static void test_identified(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;

    begin("identified");
    memory = open_memory();
    memory_visit(memory, "six", "wired", true, NOON);
    HOTEL(memory, NOON + MINUTE);
    memory_visit(memory, "both", "Hotel", false, NOON);
    ok(!memory_known(memory), "identified anew, and not known");
    HOTEL(memory, NOON + 2 * MINUTE);
    is_number((long long)memory_trips(memory)->n, 1, "the stay is one all the same");
    is_string(trip(memory, 0)->name, "Hotel", "under its better name");
    memory_visit(memory, "six", "wired", true, NOON + 100 * MINUTE);
    ok(memory_known(memory), "by its first id it is known the next time");
}

static void test_oldest_go(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL, *again = NULL;
    char id[16];

    begin("oldest");
    block_directory(true);
    memory = open_memory();
    for (unsigned i = 0; i < MEMORY_NETWORKS_MAX; i++) {
        snprintf(id, sizeof(id), "n%u", i);
        memory_visit(memory, id, id, true, NOON - i * MINUTE); /* a clock that is wrong */
        HOTEL(memory, NOON);
    }
    memory_visit(memory, "n0", "n0", true, NOON);
    memory_visit(memory, "new", "new", true, NOON);
    block_directory(false);
    HOTEL(memory, NOON);
    again = open_memory();
    memory_visit(again, "n1", "n1", true, NOON);
    ok(!memory_known(again), "the network not visited for the longest time makes room");
    memory_visit(again, "n0", "n0", true, NOON);
    ok(memory_known(again), "one that was visited again stays");
    memory_visit(again, "n2", "n2", true, NOON);
    ok(memory_known(again), "as do all others");
    (void)memory_free(TAKE(again));
    begin("trips");
    block_directory(true);
    again = open_memory();
    for (uint64_t i = 0; i < MEMORY_TRIPS_MAX; i++) {
        memory_visit(again, i % 2 ? "a" : "b", "x", true, NOON + i * 60 * MINUTE);
        HOTEL(again, NOON + i * 60 * MINUTE);
    }
    is_number((long long)memory_trips(again)->n, MEMORY_TRIPS_MAX, "trips are bounded");
}

static void test_forget(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    _cleanup_free_ char *text = NULL, *empty = NULL;
    static const char *const ids[] = {"one", "two", "three"};

    begin("forget");
    memory = open_memory();
    for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
        memory_visit(memory, ids[i], ids[i], true, NOON);
        HOTEL(memory, NOON);
        record(memory, "work", VERDICT_WORKS, VERDICT_WORKS, VERDICT_WORKS, NOON);
    }
    is_number(memory_forget(memory, "four"), MEMORY_NO_SUCH_NETWORK, "a network nobody knows");
    is_number(memory_forget(memory, "one"), 0, "one is forgotten");
    text = get_file();
    ok(!strstr(text, "\"one\"") && strstr(text, "\"two\""), "in the file, too, and no other");
    is_number((long long)memory_trips(memory)->n, 4, "with its trips");
    memory_forget_account(memory, "work");
    ok(!memory_recall(memory, "work") && memory_recall(memory, "me"), "an account is forgotten");
    memory_visit(memory, "two", "two", true, NOON);
    ok(memory_known(memory), "a network is known");
    is_number(memory_forget(memory, ""), 0, "all are forgotten");
    ok(!memory_known(memory) && !memory_recall(memory, "me"), "and it is not any more");
    empty = get_file();
    ok(!strstr(empty, "\"two\"") && !strstr(empty, "\"three\""), "nothing of them is in the file");
    HOTEL(memory, NOON);
    ok(memory_recall(memory, "me"), "what comes afterwards is remembered again");
}

static void test_expected(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    struct endpoint endpoint = endpoint_defaults[1];
    struct finding finding;

    begin("expected");
    strcpy(endpoint.host, "mail.example.org");
    memory = open_memory();
    memory_visit(memory, "home", "home", true, NOON);
    HOTEL(memory, NOON);
    is_number(memory_expected(memory, "me", &endpoint, &finding), LEARN_NOTHING,
              "nothing is expected from what was seen here");
    memory_visit(memory, "", "", true, NOON);
    if (ok(memory_expected(memory, "me", &endpoint, &finding) == 0, "elsewhere it is")) {
        is_string(evidence_text(&finding.evidence, EVIDENCE_PIN), "sha256//A", "the pin");
        finding_clear(&finding);
    }
    is_number(memory_expected(memory, "work", &endpoint, &finding), LEARN_NOTHING,
              "another account has settings of its own");
    endpoint.port = 2525;
    is_number(memory_expected(memory, "me", &endpoint, &finding), LEARN_NOTHING, "another port");
}

static void test_full_memory(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    bool all = true;
    char id[16];

    begin("full");
    block_directory(true);
    memory = open_memory();
    for (unsigned i = 0; i < MEMORY_NETWORKS_MAX; i++) {
        snprintf(id, sizeof(id), "n%u", i);
        memory_visit(memory, id, id, true, NOON);
        HOTEL(memory, NOON);
    }
    for (unsigned i = 0; i < MEMORY_NETWORKS_MAX; i++) {
        snprintf(id, sizeof(id), "n%u", i);
        memory_visit(memory, id, id, true, NOON);
        all &= memory_recall(memory, "me") != NULL;
    }
    ok(all, "of as many networks as there is room for each is recalled");
}

int main(void)
{
    fixture_begin();
    test_first_visit();
    test_visits();
    test_identified();
    test_oldest_go();
    test_forget();
    test_expected();
    test_full_memory();
    fixture_end();
    return tap_done();
}
