/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The memory that the tests work on: each test's file stands in a directory of its own below one
 * that goes with the program. */
#include "memory-fixture.h"
#include "cleanup.h"
#include "error.h"
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

char folder[32] = "/tmp/mailroam-memory-XXXXXX";
char path[80];

void bail_out(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

void begin(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s/state/networks.json", folder, name);
}

struct memory *open_memory(void)
{
    struct memory *memory = NULL;

    if (memory_new(&memory, path) < 0)
        bail_out("memory_new");
    return memory;
}

void put_file(const char *text, size_t length)
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

char *get_file(void)
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

size_t count_aside(char **ret)
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

unsigned logged(const char *words)
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

void record(struct memory *memory, const char *account, enum verdict tls, enum verdict starttls,
            enum verdict relay, uint64_t at)
{
    struct finding findings[3];
    ssize_t chosen = tls == VERDICT_WORKS ? 0 : starttls == VERDICT_WORKS ? 1 : -1;

    make(findings, tls, starttls, relay);
    if (memory_record(memory, account, findings, 3, chosen, at, 250) < 0)
        bail_out("memory_record");
    for (size_t i = 0; i < 3; i++)
        finding_clear(&findings[i]);
}

const struct memory_trip *trip(const struct memory *memory, size_t i)
{
    const struct memory_list *trips = memory_trips(memory);

    return i < trips->n ? trips->items[i] : NULL;
}

void block_directory(bool block)
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

static int remove_one(const char *name, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(name);
}

void fixture_begin(void)
{
    if (!mkdtemp(folder))
        bail_out("mkdtemp");
    hush();
}

void fixture_end(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
