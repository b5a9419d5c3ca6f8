/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The memory under kill -9: a process records without end and announces each record that
 * memory_record() has returned from; it is killed at a random moment. What it announced last, or
 * what it was at, is in the file then, which is whole. 200 times, or as many as $MAILROAM_KILLS
 * says.
 */
#include "cleanup.h"
#include "error.h"
#include "memory/memory.h"
#include "tap.h"
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS    200
#define NETWORKS 40       /* in the file: writing it takes its time */
#define LONGEST  30000000 /* ns from the first announcement to the end */

static char folder[] = "/tmp/mailroam-kill-XXXXXX";
static char path[sizeof(folder) + 40];

DEFINE_CLEANUP(struct memory *, memory_free)

static void bail_out(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static int record(struct memory *memory, uint64_t number)
{
    static const char *const texts[] = {"TLSv1.3", "sha256//A", "mail.example.org ESMTP"};
    static const enum evidence_key keys[] = {EVIDENCE_TLS, EVIDENCE_PIN, EVIDENCE_GREETING};
    struct finding findings[ELEMENTSOF(endpoint_defaults)];
    char id[16];
    int r;

    snprintf(id, sizeof(id), "n%u", (unsigned)(number % NETWORKS));
    memory_visit(memory, id, id, true, number);
    for (size_t i = 0; i < ELEMENTSOF(findings); i++) {
        findings[i] = (struct finding){.endpoint = endpoint_defaults[i], .verdict = VERDICT_WORKS};
        strcpy(findings[i].endpoint.host, "mail.example.org");
        for (size_t j = 0; j < ELEMENTSOF(keys); j++)
            (void)evidence_set_text(&findings[i].evidence, keys[j], texts[j]);
    }
    r = memory_record(memory, "me", findings, ELEMENTSOF(findings), 0, number, 1);
    for (size_t i = 0; i < ELEMENTSOF(findings); i++)
        finding_clear(&findings[i]);
    return r;
}

/* Records from `number` on, until it is killed. */
static void learn_for_ever(uint64_t number, int announce)
{
    struct memory *memory;

    if (memory_new(&memory, path) < 0)
        _exit(1);
    for (;; number++)
        if (record(memory, number) < 0 ||
            write(announce, &number, sizeof(number)) != (ssize_t)sizeof(number))
            _exit(1);
}

/* Kills a learner that has begun at `number`, `late`: when it has announced something. What it
 * announced last, or 0. */
static uint64_t kill_once(uint64_t number, bool late)
{
    struct timespec while_it_learns = {.tv_nsec = random() % LONGEST};
    uint64_t announced = 0;
    int ends[2], status;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        bail_out("pipe");
    pid = fork();
    if (pid < 0)
        bail_out("fork");
    if (pid == 0) {
        close(ends[0]);
        learn_for_ever(number, ends[1]);
    }
    close(ends[1]);
    if (late)
        (void)poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 10000);
    (void)nanosleep(&while_it_learns,
                    NULL); /* no event is waited for: the moment is to be random */
    (void)kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        bail_out("the learner has ended by itself");
    while (read(ends[0], &announced, sizeof(announced)) == (ssize_t)sizeof(announced))
        ;
    close(ends[0]);
    return announced;
}

static unsigned count(const char *pattern)
{
    char all[sizeof(path) + 16];
    glob_t found;
    unsigned n;

    snprintf(all, sizeof(all), "%s%s", path, pattern);
    n = glob(all, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;
    globfree(&found);
    return n;
}

/* The newest record in the file. */
static uint64_t newest(uint8_t salt[static MEMORY_SALT_SIZE])
{
    _cleanup_(memory_freep) struct memory *memory = NULL;
    const struct memory_list *trips;

    if (memory_new(&memory, path) < 0)
        bail_out("memory_new");
    memcpy(salt, memory_salt(memory), MEMORY_SALT_SIZE);
    trips = memory_trips(memory);
    return trips->n > 0 ? ((const struct memory_trip *)trips->items[0])->result->at : 0;
}

static int remove_one(const char *name, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(name);
}

int main(void)
{
    const char *told = getenv("MAILROAM_KILLS");
    unsigned kills = told ? (unsigned)strtoul(told, NULL, 10) : KILLS, lost = 0, in_between = 0;
    uint8_t first_salt[MEMORY_SALT_SIZE], salt[MEMORY_SALT_SIZE];
    uint64_t last = 0;
    unsigned salts = 0;

    if (!mkdtemp(folder))
        bail_out("mkdtemp");
    snprintf(path, sizeof(path), "%s/networks.json", folder);
    srandom((unsigned)time(NULL));
    for (unsigned i = 0; i < kills; i++) {
        /* However slow the disk is, there has to be something to lose. */
        uint64_t announced = kill_once(last + 1, i % 10 == 0), kept;

        in_between += count(".new");
        if (announced < last)
            announced = last; /* it was killed before it had recorded anything */
        kept = newest(salt);
        if (kept < announced) {
            printf("# kill %u: %llu was announced, %llu is kept\n", i + 1,
                   (unsigned long long)announced, (unsigned long long)kept);
            lost++;
        }
        if (i == 0)
            memcpy(first_salt, salt, sizeof(salt));
        salts += memcmp(first_salt, salt, sizeof(salt)) != 0;
        last = kept;
    }
    printf("# %u kills, %llu records, %u kills in the middle of writing\n", kills,
           (unsigned long long)last, in_between);
    printf("# fault | kill -9 while the state file is written | %u | %u | the file is whole; each "
           "record that was announced is in it\n",
           kills, (unsigned)lost);
    is_number(lost, 0, "no record that was announced is ever lost");
    is_number(count(".broken-*"), 0, "the file is always whole");
    is_number(salts, 0, "the salt stays");
    ok(last >= kills / 10, "and there was something to lose");
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
