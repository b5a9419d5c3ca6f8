/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The memory of networks, on files of the test's own: what is recalled, what is forgotten, and what
 * becomes of files that an editor, a disk or another version has made. */
#include "cleanup.h"
#include "error.h"
#include "memory/learn.h"
#include "memory/memory-file.h"
#include "memory/memory.h"
#include "tap.h"
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define MINUTE UINT64_C(60000000)
#define NOON   UINT64_C(1700000000000000)

static char folder[] = "/tmp/mailroam-memory-XXXXXX";
static char path[sizeof(folder) + 40]; /* of the test at work */

DEFINE_CLEANUP(struct memory *, memory_free)

static void bail_out(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

/* A directory of its own for each test. */
static void begin(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s/state/networks.json", folder, name);
}

static struct memory *open_memory(void)
{
    struct memory *memory = NULL;

    if (memory_new(&memory, path) < 0)
        bail_out("memory_new");
    return memory;
}

static void put_file(const char *text, size_t length)
{
    char directory[sizeof(path)];
    int fd;

    snprintf(directory, sizeof(directory), "%s", path);
    for (char *slash = strchr(directory + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(directory, 0700);
        *slash = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length)
        bail_out(path);
    close(fd);
}

/* The whole file, new; "" where there is none. */
static char *get_file(void)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (!file)
        return strdup("");
    if (getdelim(&text, &size, '\0', file) < 0)
        bail_out(path);
    fclose(file);
    return text;
}

/* How many files were set aside, and the last of them in *ret (new), where asked for. */
static size_t count_aside(char **ret)
{
    char pattern[sizeof(path) + 16];
    glob_t found;
    size_t n = 0;

    snprintf(pattern, sizeof(pattern), "%s.broken-*", path);
    if (glob(pattern, 0, NULL, &found) == 0) {
        n = found.gl_pathc;
        if (ret)
            *ret = strdup(found.gl_pathv[n - 1]);
    }
    globfree(&found);
    return n;
}

/* What is said in the log from now on goes to a file. */
static void hush(void)
{
    char log[sizeof(folder) + 8];

    snprintf(log, sizeof(log), "%s/log", folder);
    if (!freopen(log, "we", stderr))
        bail_out(log);
}

static unsigned logged(const char *words)
{
    char log[sizeof(folder) + 8], line[4096];
    unsigned n = 0;
    FILE *file;

    fflush(stderr);
    snprintf(log, sizeof(log), "%s/log", folder);
    file = fopen(log, "re");
    while (file && fgets(line, sizeof(line), file))
        n += strstr(line, words) != NULL;
    if (file)
        fclose(file);
    return n;
}

/* Three endpoints with these verdicts. */
static void make(struct finding findings[static 3], enum verdict tls, enum verdict starttls,
                 enum verdict relay)
{
    const enum verdict verdicts[] = {tls, starttls, relay};

    for (size_t i = 0; i < 3; i++) {
        findings[i] = (struct finding){.endpoint = endpoint_defaults[i], .verdict = verdicts[i]};
        strcpy(findings[i].endpoint.host, "mail.example.org");
        if (verdicts[i] == VERDICT_WORKS) {
            (void)evidence_set_text(&findings[i].evidence, EVIDENCE_TLS, "TLSv1.3");
            (void)evidence_set_text(&findings[i].evidence, EVIDENCE_PIN, "sha256//A");
            (void)evidence_set_text(&findings[i].evidence, EVIDENCE_GREETING, "mail ESMTP");
        } else
            (void)evidence_set_text(&findings[i].evidence, EVIDENCE_HOW, "dropped");
    }
}

static void record(struct memory *memory, const char *account, enum verdict tls,
                   enum verdict starttls, enum verdict relay, uint64_t at)
{
    struct finding findings[3];
    ssize_t chosen = tls == VERDICT_WORKS ? 0 : starttls == VERDICT_WORKS ? 1 : -1;

    make(findings, tls, starttls, relay);
    if (memory_record(memory, account, findings, 3, chosen, at, 250) < 0)
        bail_out("memory_record");
    for (size_t i = 0; i < 3; i++)
        finding_clear(&findings[i]);
}

#define HOTEL(memory, at) record(memory, "me", VERDICT_BLOCKED, VERDICT_WORKS, VERDICT_BLOCKED, at)

static const struct memory_trip *trip(const struct memory *memory, size_t i)
{
    const struct memory_list *trips = memory_trips(memory);

    return i < trips->n ? trips->items[i] : NULL;
}

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

/* Puts a file where the directory should stand, or takes it away: while it is there nothing is
 * written, which is quicker where much is to be remembered. */
static void block_directory(bool block)
{
    char whole[sizeof(path)];

    memcpy(whole, path, sizeof(path));
    *strstr(path, "/state/") = '\0';
    if (block)
        put_file("", 0);
    else
        (void)unlink(path);
    memcpy(path, whole, sizeof(path));
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

/* --- files that nobody should have made --------------------------------------------------------
 */

#define SALT "\"salt\":\"000102030405060708090a0b0c0d0e0f\""
#define HEAD "{\"version\":1," SALT ","
#define FINDING                                                                                    \
    "{\"host\":\"h\",\"port\":465,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}"
#define CHECK(account)                                                                             \
    "{\"account\":\"" account "\",\"at\":1,\"took_ms\":2,\"chosen\":0,\"findings\":[" FINDING "]}"
#define NETWORK(id) NETWORK_OF("\"" id "\"", "\"name\"", CHECK("me"))
#define NETWORK_OF(id, name, checks)                                                               \
    "{\"id\":" id ",\"name\":" name ",\"first\":1,\"last\":2,\"checks\":[" checks "]}"
#define TRIP(check)                                                                                \
    "{\"network\":\"a\",\"name\":\"A\",\"arrived\":1,\"until\":2,\"check\":" check "}"
#define FILE_OF(networks, trips) HEAD "\"networks\":[" networks "],\"trips\":[" trips "]}\n"

enum fate {
    KEPT,    /* all of it is used */
    PARTLY,  /* what is good is used, the file before is kept aside */
    REFUSED, /* none of it is, and it is kept aside */
};

static const struct {
    const char *name, *text;
    enum fate fate;
    size_t networks, trips;
} files[] = {
    {"a good one", FILE_OF(NETWORK("a") "," NETWORK("b"), TRIP(CHECK("me"))), KEPT, 2, 1},
    {"without anything", FILE_OF("", ""), KEPT, 0, 0},
    {"unknown keys", HEAD "\"x\":[{}],\"networks\":[" NETWORK("a") "],\"trips\":[]}", KEPT, 1, 0},
    {"spaces and lines", " {\"version\":1,\n" SALT ",\"networks\" : [ ],\"trips\":[ ] }\n\n", KEPT,
     0, 0},
    {"the same network twice", FILE_OF(NETWORK("a") "," NETWORK("b") "," NETWORK("a"), ""), PARTLY,
     2, 0},
    {"an id that is no text", FILE_OF(NETWORK_OF("1", "\"n\"", CHECK("me")) "," NETWORK("b"), ""),
     PARTLY, 1, 0},
    {"an empty id", FILE_OF(NETWORK("") "," NETWORK("b"), ""), PARTLY, 1, 0},
    {"a name that acts", FILE_OF(NETWORK_OF("\"a\"", "\"\\u001b[2J\"", CHECK("me")), ""), PARTLY, 0,
     0},
    {"a name with a NUL", FILE_OF(NETWORK_OF("\"a\"", "\"a\\u0000\"", CHECK("me")), ""), PARTLY, 0,
     0},
    {"a name in wrong UTF-8",
     FILE_OF(NETWORK_OF("\"a\"", "\"\xff\xfe\"", CHECK("me")) "," NETWORK("b"), ""), PARTLY, 1, 0},
    {"a network that is a number", FILE_OF("7," NETWORK("b"), "null"), PARTLY, 1, 0},
    {"no checks", FILE_OF("{\"id\":\"a\",\"name\":\"a\",\"first\":1,\"last\":1}", ""), PARTLY, 0,
     0},
    {"a time before time",
     FILE_OF("{\"id\":\"a\",\"name\":\"a\",\"first\":-1,\"last\":1,\"checks\":[" CHECK("me") "]}",
             ""),
     PARTLY, 0, 0},
    {"the same account twice",
     FILE_OF(NETWORK_OF("\"a\"", "\"n\"", CHECK("me") "," CHECK("me")), ""), PARTLY, 1, 0},
    {"an account that is a path", FILE_OF(NETWORK_OF("\"a\"", "\"n\"", CHECK("../me")), ""), PARTLY,
     0, 0},
    {"a chosen endpoint that is none",
     FILE_OF("", TRIP("{\"account\":\"me\",\"at\":1,\"took_ms\":2,\"chosen\":1,"
                      "\"findings\":[" FINDING "]}")),
     PARTLY, 0, 0},
    {"a chosen endpoint by name",
     FILE_OF("", TRIP("{\"account\":\"me\",\"at\":1,\"took_ms\":2,\"chosen\":\"h\","
                      "\"findings\":[" FINDING "]}")),
     PARTLY, 0, 0},
    {"a check of nothing",
     FILE_OF("", TRIP("{\"account\":\"me\",\"at\":1,\"took_ms\":2,\"findings\":[]}")), PARTLY, 0,
     0},
    {"a finding that is none",
     FILE_OF("", TRIP("{\"account\":\"me\",\"at\":1,\"took_ms\":2,\"findings\":[{}]}")), PARTLY, 0,
     0},
    {"nothing", "", REFUSED, 0, 0},
    {"rubbish", "rubbish", REFUSED, 0, 0},
    {"an array", "[]", REFUSED, 0, 0},
    {"a text", "\"networks\"", REFUSED, 0, 0},
    {"another program's", "{}", REFUSED, 0, 0},
    {"a future version", "{\"version\":2," SALT ",\"networks\":{},\"trips\":7}", REFUSED, 0, 0},
    {"a version of the past", "{\"version\":0," SALT ",\"networks\":[],\"trips\":[]}", REFUSED, 0,
     0},
    {"a version in words", "{\"version\":\"1\"," SALT ",\"networks\":[],\"trips\":[]}", REFUSED, 0,
     0},
    {"no salt", "{\"version\":1,\"networks\":[],\"trips\":[]}", REFUSED, 0, 0},
    {"a short salt", "{\"version\":1,\"salt\":\"00\",\"networks\":[],\"trips\":[]}", REFUSED, 0, 0},
    {"a salt that is no number",
     "{\"version\":1,\"salt\":\"+0-0102030405060708090a0b0c0d0e0f\",\"networks\":[],"
     "\"trips\":[]}",
     REFUSED, 0, 0},
    {"no networks", HEAD "\"trips\":[]}", REFUSED, 0, 0},
    {"a second object", FILE_OF("", "") "{}", REFUSED, 0, 0},
    {"a comment", "/* mine */ " FILE_OF("", ""), REFUSED, 0, 0},
    {"the end missing", HEAD "\"networks\":[" NETWORK("a") ",", REFUSED, 0, 0},
    {"nested deeply", FILE_OF("[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", ""), REFUSED, 0, 0},
};

static void check_fate(const char *name, const char *text, size_t length, enum fate fate,
                       size_t networks, size_t trips)
{
    _cleanup_free_ char *aside = NULL, *now = NULL;
    struct memory_content content = {.networks = {.n = 0}};
    struct stat status = {0};
    size_t n;

    put_file(text, length);
    memory_free(open_memory());
    n = count_aside(&aside);
    is_number((long long)n, fate != KEPT, "%s: %s", name, fate == KEPT ? "used" : "kept aside");
    if (fate != KEPT)
        ok(aside && stat(aside, &status) == 0 && (size_t)status.st_size == length, "%s: as it was",
           name);
    now = get_file();
    ok(memory_file_read(path, now, strlen(now), &content) == 0 && content.networks.n == networks &&
           content.trips.n == trips,
       "%s: what is there now is good, with %zu networks and %zu trips", name, networks, trips);
    if (fate != REFUSED)
        is_number(content.salt[15], 15, "%s: the salt is the old one", name);
    memory_content_clear(&content);
    memory_free(open_memory());
    is_number((long long)count_aside(NULL), (long long)n, "%s: the next start finds no fault",
              name);
    (void)unlink(path);
    if (aside)
        (void)unlink(aside);
}

static void test_files(void)
{
    _cleanup_free_ char *huge = calloc(1, MEMORY_FILE_MAX + 1), *cut = NULL;
    static const char good[] = FILE_OF(NETWORK("a") "," NETWORK("b"), TRIP(CHECK("me")));
    bool all = true;

    begin("files");
    for (size_t i = 0; i < ELEMENTSOF(files); i++)
        check_fate(files[i].name, files[i].text, strlen(files[i].text), files[i].fate,
                   files[i].networks, files[i].trips);
    check_fate("a NUL behind it", good, sizeof(good), REFUSED, 0, 0);
    memset(huge, ' ', MEMORY_FILE_MAX + 1);
    memcpy(huge, good, strlen(good));
    check_fate("a huge one", huge, MEMORY_FILE_MAX + 1, REFUSED, 0, 0);
    for (size_t length = 0; length + 2 < sizeof(good); length++) {
        struct memory_content content;

        cut = strndup(good, length);
        all &= memory_file_read("cut", cut, length, &content) == MEMORY_FILE_BROKEN;
        free(TAKE(cut));
    }
    ok(all, "cut off anywhere it is refused");
    ok(logged("network 1: left out") > 0 && logged("a newer version") > 0,
       "the log names the fault");
    ok(logged("kept as networks.json.broken-") > 0, "and the file");
    (void)mkdir(path, 0700);
    memory_free(open_memory());
    is_number((long long)count_aside(NULL), 1, "a directory in its place is kept aside");
}

/* --- disks that do not want it ------------------------------------------------------------------
 */

static void test_nowhere(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL, *homeless = NULL;
    unsigned before = logged("cannot be written");

    begin("nowhere");
    block_directory(true);
    memory = open_memory();
    memory_visit(memory, "a", "a", true, NOON);
    HOTEL(memory, NOON);
    HOTEL(memory, NOON);
    ok(memory_recall(memory, "me"), "without a directory it works all the same");
    is_number(logged("cannot be written") - before, 1, "it is said once");
    block_directory(false);
    HOTEL(memory, NOON);
    ok(access(path, F_OK) == 0, "with the next check it is tried again");

    if (memory_new(&homeless, NULL) < 0)
        bail_out("memory_new");
    memory_visit(homeless, "a", "a", true, NOON);
    HOTEL(homeless, NOON);
    ok(memory_recall(homeless, "me"), "so it does without a home");
    is_number(logged("neither $XDG_STATE_HOME nor $HOME"), 1, "which is said, too");
}

static bool network_in_file(const char *id)
{
    _cleanup_(memory_freep) struct memory *memory = open_memory();

    memory_visit(memory, id, id, true, NOON);
    return memory_known(memory);
}

static bool write_map(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");
    bool good = file && fputs(text, file) >= 0;

    return file && fclose(file) == 0 && good;
}

/* A mount namespace of our own, and where that takes it a user namespace. */
static bool leave_namespaces(void)
{
    char uids[32], gids[32];

    snprintf(uids, sizeof(uids), "0 %u 1", getuid());
    snprintf(gids, sizeof(gids), "0 %u 1", getgid());
    if (unshare(CLONE_NEWNS) < 0 &&
        (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !write_map("/proc/self/uid_map", uids) ||
         !write_map("/proc/self/setgroups", "deny") || !write_map("/proc/self/gid_map", gids)))
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0;
}

/* In a mount namespace of its own, with a disk of 64 KiB. */
static void test_full_disk(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    char mount_point[sizeof(path)];
    unsigned n = 0, before, again;
    char id[16];

    begin("disk");
    snprintf(mount_point, sizeof(mount_point), "%s/disk", folder);
    (void)mkdir(mount_point, 0700);
    if (!leave_namespaces() || mount("tmpfs", mount_point, "tmpfs", 0, "size=64k") < 0) {
        skip("a full disk", "no user and mount namespace to be had");
        return;
    }
    memory = open_memory();
    before = logged("cannot be written");
    again = logged("is written again");
    while (logged("cannot be written") == before && n < 1000) {
        snprintf(id, sizeof(id), "n%u", ++n);
        memory_visit(memory, id, id, true, NOON);
        HOTEL(memory, NOON);
    }
    ok(n > 1 && n < 1000, "a disk is full after %u networks", n);
    ok(memory_recall(memory, "me"), "the last one is remembered all the same");
    snprintf(id, sizeof(id), "n%u", n - 1);
    ok(network_in_file(id), "the file has the one before it, whole");
    (void)mount("none", mount_point, "tmpfs", MS_REMOUNT, "size=1m");
    HOTEL(memory, NOON);
    ok(logged("is written again") == again + 1, "with room again it is written");
    snprintf(id, sizeof(id), "n%u", n);
    ok(network_in_file(id), "with all that was learnt meanwhile");

    (void)mount("none", mount_point, "tmpfs", MS_REMOUNT | MS_RDONLY, "");
    memory_visit(memory, "later", "later", true, NOON);
    HOTEL(memory, NOON);
    ok(memory_recall(memory, "me") && !network_in_file("later"), "a disk that is read-only");
    ok(memory_forget(memory, "n1") < 0, "who wants something forgotten hears that it is not");
    (void)mount("none", mount_point, "tmpfs", MS_REMOUNT, "");
    put_file("rubbish", 7);
    (void)mount("none", mount_point, "tmpfs", MS_REMOUNT | MS_RDONLY, "");
    memory_free(memory);
    memory = open_memory();
    memory_visit(memory, "a", "a", true, NOON);
    HOTEL(memory, NOON);
    is_number((long long)count_aside(NULL), 0, "a broken file there cannot be kept aside");
    (void)mount("none", mount_point, "tmpfs", MS_REMOUNT, "");
    HOTEL(memory, NOON);
    is_number((long long)count_aside(NULL), 1, "it is as soon as that can be done");
    ok(network_in_file("a"), "and only then a new one takes its place");
    (void)umount2(mount_point, MNT_DETACH);
}

/* How long it takes when it is full: figures, and a bound that only a mistake would miss. */
static void test_full_memory(void)
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    struct timespec from, to;
    char id[16];
    double ms;

    begin("full");
    block_directory(true);
    memory = open_memory();
    for (unsigned i = 0; i < 3 * MEMORY_NETWORKS_MAX; i++) {
        snprintf(id, sizeof(id), "n%u", i / 3);
        memory_visit(memory, id, id, i % 3 == 0, NOON);
        record(memory,
               i % 3 == 0   ? "a"
               : i % 3 == 1 ? "b"
                            : "c",
               VERDICT_BLOCKED, VERDICT_WORKS, VERDICT_WORKS, NOON);
    }
    block_directory(false);
    clock_gettime(CLOCK_MONOTONIC, &from);
    HOTEL(memory, NOON);
    clock_gettime(CLOCK_MONOTONIC, &to);
    ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    printf("# a record in a full memory: %.1f ms\n", ms);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < 1000; i++) {
        memory_visit(memory, i % 2 ? "n0" : "n1", "n", true, NOON);
        if (!memory_recall(memory, "c"))
            bail_out("memory_recall");
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    printf("# a recall in a full memory: %.4f ms\n", ms / 1000);
    ok(ms / 1000 < 1, "a network is recalled within a millisecond");
}

static int remove_one(const char *name, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(name);
}

int main(void)
{
    if (!mkdtemp(folder))
        bail_out("mkdtemp");
    hush();
    test_first_visit();
    test_visits();
    test_identified();
    test_oldest_go();
    test_forget();
    test_expected();
    test_files();
    test_nowhere();
    test_full_memory();
    test_full_disk(); /* the last: it leaves the others' namespaces */
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
