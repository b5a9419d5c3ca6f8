/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The file of the memory: what becomes of one that an editor, a disk or another version has made,
 * and of what is to be remembered where no file can be written. */
#include "cleanup.h"
#include "memory-fixture.h"
#include "memory/memory-file.h"
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

DEFINE_CLEANUP(struct memory *, memory_free)

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

int main(void)
{
    fixture_begin();
    test_files();
    test_nowhere();
    test_full_disk(); /* the last: it leaves the others' namespaces */
    fixture_end();
    return tap_done();
}
