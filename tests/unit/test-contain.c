/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The cell of the probe where memory fails while it is built, at one allocation after the other,
 * once and from there on: the filter that the kernel is given is, bit for bit, the one that it is
 * given where memory does not fail, or it is given none and contain() says that seccomp is lacking,
 * or the process has died (libseccomp goes on with a null pointer here and there). None of these
 * allows more than was asked for.
 *
 * Nothing is contained here: what would go to the kernel is kept, to be compared.
 *
 *     CONTAIN_POINTS=N    how many points in each way (30); 0: every one
 */
#include "cleanup.h"
#include "contain.h"
#include "tap.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child has seen; shared with its parent. */
static struct seen {
    uint64_t allocations;
    unsigned filters; /* that the kernel was given */
    size_t length;
    struct sock_filter filter[BPF_MAXINSNS];
    bool returned, has_seccomp;
} * seen;

static uint64_t first, last; /* of the allocations that fail; counted where last is not 0 */

/* --- in place of the C library's ----------------------------------------------------------------
 */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool starve(void)
{
    if (last == 0 || ++seen->allocations < first || seen->allocations > last)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return starve() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return starve() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    return starve() ? NULL : __libc_realloc(old, size);
}

/* All of contain()'s walls but the limits and the timer, which are harmless, come by here. */
long syscall(long number, ...)
{
    va_list arguments;
    long operation;

    va_start(arguments, number);
    operation = va_arg(arguments, long);
    (void)va_arg(arguments, long);
    if (number == SYS_seccomp && operation == SECCOMP_SET_MODE_FILTER) {
        const struct sock_fprog *program = va_arg(arguments, const struct sock_fprog *);

        if (program) { /* else it is asked what flags there are */
            seen->filters++;
            seen->length = program->len;
            memcpy(seen->filter, program->filter, program->len * sizeof(*program->filter));
            va_end(arguments);
            return 0;
        }
        errno = EFAULT;
        va_end(arguments);
        return -1;
    }
    va_end(arguments);
    if (number == SYS_seccomp && operation == SECCOMP_GET_ACTION_AVAIL)
        return 0;
    errno =
        number == SYS_seccomp ? EINVAL : ENOSYS; /* as it is asked whether there is seccomp(2) */
    return -1;
}

/* --- the test -----------------------------------------------------------------------------------
 */

/* Builds a cell in a child of its own, with those allocations failing. */
static void build(uint64_t from, uint64_t to)
{
    const struct endpoint endpoint = {"mail.example.org", 465, SECURITY_TLS};
    const struct rlimit no_core = {0, 0};
    const char *lacking;
    int status;
    pid_t child;

    memset(seen, 0, sizeof(*seen));
    child = fork();
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        first = from;
        last = to;
        lacking = contain(&endpoint, 1, 10);
        last = 0;
        seen->has_seccomp = !lacking || !strstr(lacking, "seccomp");
        seen->returned = true;
        _exit(0);
    }
    (void)waitpid(child, &status, 0);
}

/* What a filter says to a call: those instructions that libseccomp makes, as the kernel runs them.
 */
static uint32_t answer(const struct sock_filter *filter, size_t length,
                       const struct seccomp_data *call)
{
    uint32_t a = 0, word;

    for (size_t at = 0; at < length; at++) {
        const struct sock_filter *i = &filter[at];
        bool jump = false;

        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&word, (const char *)call + i->k, sizeof(word));
            a = word;
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JA:
            at += i->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump = a == i->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump = a > i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump = a >= i->k;
            break;
        default:
            return SECCOMP_RET_ALLOW; /* what this does not know is taken for the worst */
        }
        at += jump ? i->jt : i->jf;
    }
    return SECCOMP_RET_ALLOW;
}

/* Whether a call comes through the filter seen that does not come through the whole one. */
static bool allows_more(const struct seen *whole)
{
    static const uint64_t values[] = {0, 1, 2, 3, 4, 6, 7, 8, 64, 255, 1030, 0x40000, 0x20000000};
    uint32_t arch = 0;

    for (size_t i = 0; i + 1 < whole->length && arch == 0; i++)
        if (whole->filter[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
            whole->filter[i].k == offsetof(struct seccomp_data, arch))
            arch = whole->filter[i + 1].k;
    for (int call = 0; call < 1024; call++)
        for (size_t i = 0; i < ELEMENTSOF(values) * ELEMENTSOF(values) * 2; i++) {
            uint64_t v = values[i / 2 % ELEMENTSOF(values)], w = values[i / 2 / ELEMENTSOF(values)];
            const struct seccomp_data data = {
                .nr = call, .arch = i % 2 ? arch : ~arch, .args = {v, w, v, w, v, w}};

            if (answer(seen->filter, seen->length, &data) == SECCOMP_RET_ALLOW &&
                answer(whole->filter, whole->length, &data) != SECCOMP_RET_ALLOW)
                return true;
        }
    return false;
}

enum end { SAME, LESS, LACKING, DEAD, N_ENDS };

/* -1: the wall is said to stand and does not, or is lower than it should be. */
static int end_of(const struct seen *whole)
{
    bool same = seen->length == whole->length &&
                memcmp(seen->filter, whole->filter, whole->length * sizeof(*whole->filter)) == 0;

    if (seen->filters > 0 && !same && allows_more(whole))
        return -1;
    if (!seen->returned)
        return DEAD;
    if (!seen->has_seccomp)
        return LACKING;
    return seen->filters != 1 ? -1 : same ? SAME : LESS;
}

static void walk(const struct seen *whole, bool once, uint64_t step)
{
    unsigned ends[N_ENDS] = {0}, wrong = 0;

    for (uint64_t n = 1; n <= whole->allocations; n += step) {
        int end;

        build(n, once ? n : UINT64_MAX);
        end = end_of(whole);
        if (end < 0) {
            wrong++;
            printf("# allocation %llu fails: a filter of %zu instructions that allows more\n",
                   (unsigned long long)n, seen->length);
        } else {
            ends[end]++;
        }
    }
    ok(wrong == 0 && ends[LACKING] > 0,
       "an allocation fails%s: a filter that allows no more, or none and said",
       once ? "" : ", and all after it");
    printf(
        "# fault | memory: an allocation fails in the building of the probe's cell, %s | %u | %u | "
        "%u the same filter, %u one of less, %u none and said, %u died in libseccomp\n",
        once ? "once" : "and all after it",
        ends[SAME] + ends[LESS] + ends[LACKING] + ends[DEAD] + wrong, wrong, ends[SAME], ends[LESS],
        ends[LACKING], ends[DEAD]);
}

int main(void)
{
    const char *points = getenv("CONTAIN_POINTS");
    uint64_t n = points ? strtoull(points, NULL, 10) : 30, step;
    struct seen *whole;

    if (CONTAIN_ASAN) {
        puts("1..0 # SKIP AddressSanitizer has an allocator of its own");
        return 0;
    }
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    whole = malloc(sizeof(*whole));
    if (seen == MAP_FAILED || !whole)
        return 1;
    build(UINT64_MAX, UINT64_MAX);
    memcpy(whole, seen, sizeof(*whole));
    if (whole->allocations == 0) {
        puts("1..0 # SKIP another allocator is in the place of this test's (valgrind's)");
        free(whole);
        return 0;
    }
    ok(whole->returned && whole->has_seccomp && whole->filters == 1 && whole->length > 100,
       "all is granted: a filter of %zu instructions, after %llu allocations", whole->length,
       (unsigned long long)whole->allocations);
    ok(whole->length > 0 && whole->filter[whole->length - 1].code == (BPF_RET | BPF_K),
       "it ends with an answer");
    step = n > 0 && whole->allocations > n ? whole->allocations / n : 1;
    walk(whole, true, step);
    walk(whole, false, step);
    free(whole);
    return tap_done();
}
