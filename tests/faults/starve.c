/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a program: its memory fails, in the C library and in every other as well as in the
 * program itself. What fails is counted from main() on, and told by $STARVE:
 *
 *     N    the Nth allocation alone
 *     N-   the Nth one and all after it
 *     @PLACE.N+FROM, @PLACE.N+FROM-    the same, of those after the first FROM that come from one
 *          place, which is a hash over all return addresses (to take it of all would last too long)
 *     unset    from SIGUSR1 to the next one, one in sixty-four, in the same order each time
 *
 * $STARVE_PROGRAM: only in the program of this name, not in those it starts. $STARVE_COUNT: a file
 * into which the count so far is written as it grows, eight bytes as this machine has them; with
 * $STARVE_ROOM, which says for how many there is room, followed by the place of each allocation.
 * $STARVE_TRACE: a file that says where the first failure is, and where the program dies.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Under AddressSanitizer what is starved is its allocator. */
#define DECLARE(result, name, ...)                                                                 \
    extern result __libc_##name(__VA_ARGS__);                                                      \
    extern result __interceptor_##name(__VA_ARGS__) __attribute__((weak));                         \
    result name(__VA_ARGS__);
DECLARE(void *, malloc, size_t size)
DECLARE(void *, calloc, size_t n, size_t size)
DECLARE(void *, realloc, void *old, size_t size)
DECLARE(void *, memalign, size_t alignment, size_t size)
int posix_memalign(void **ret, size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

#define REAL(name) (__interceptor_##name ? __interceptor_##name : __libc_##name)

static volatile sig_atomic_t hungry;
static uint64_t first, last;       /* of the allocations that fail; 0: SIGUSR1 says when */
static uint64_t place, from, seen; /* where and from when on these are counted, if not 0 */
static uint64_t own_count, *count = &own_count, *places, room;
static int started, traces = -1, told;

static void on_signal(int signal)
{
    hungry = !hungry;
}

static void trace(const char *heading)
{
    void *frames[60];

    started = 0; /* what this allocates is not counted */
    (void)!write(traces, heading, strlen(heading));
    backtrace_symbols_fd(frames, backtrace(frames, 60), traces);
    started = 1;
}

static void on_death(int number)
{
    trace("died:\n");
    signal(number, SIG_DFL);
    raise(number);
}

static void trace_into(const char *path)
{
    static const int deaths[] = {SIGSEGV, SIGBUS, SIGABRT, SIGSYS};

    traces = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++)
        signal(deaths[i], on_death);
}

/* The same in every run: each address counts from where its file is loaded. Frames of this file are
 * left out, or every change here would move all places. */
static uint64_t here(void)
{
    void *frames[60];
    struct dl_find_object file, own = {0};
    uint64_t hash = 14695981039346656037U;

    started = 0;
    (void)_dl_find_object((void *)&started, &own);
    for (int i = 0, n = backtrace(frames, 60); i < n; i++) {
        uintptr_t at = (uintptr_t)frames[i];

        if (_dl_find_object(frames[i], &file) == 0) {
            if (file.dlfo_map_start == own.dlfo_map_start)
                continue;
            at -= (uintptr_t)file.dlfo_map_start;
        }
        hash = (hash ^ at) * 1099511628211U;
    }
    started = 1;
    return hash;
}

static int starve(void)
{
    static uint32_t state = 1;
    uint64_t now, at = 0;

    if (!started)
        return 0;
    now = __atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
    if (places || (place && now > from && seen < first))
        at = here();
    if (places && now <= room)
        places[now - 1] = at;
    if (place) {
        if (seen < first && at != place)
            return 0;
        now = ++seen;
    }
    if (first ? now < first || now > last : !hungry)
        return 0;
    if (!first) {
        state = state * 1664525 + 1013904223;
        if (state >> 26)
            return 0;
    }
    if (traces >= 0 && !told) {
        told = 1;
        trace("failed:\n");
    }
    errno = ENOMEM;
    return 1;
}

/* Not earlier: what the loader needs is no business of the program's. */
static void start(void)
{
    const char *program = getenv("STARVE_PROGRAM"), *path = getenv("STARVE_COUNT");
    const char *which = getenv("STARVE"), *most = getenv("STARVE_ROOM");
    char *end;
    size_t size;
    void *frames[1];
    int fd;

    if (program && strcmp(program, program_invocation_short_name) != 0)
        return;
    room = most ? strtoull(most, NULL, 10) : 0;
    size = sizeof(*count) * (1 + room);
    if (path && (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
        void *shared = ftruncate(fd, (off_t)size) < 0
                           ? MAP_FAILED
                           : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (shared != MAP_FAILED)
            count = shared;
        if (room && shared != MAP_FAILED)
            places = count + 1;
        close(fd);
    }
    if (which) {
        if (*which == '@') {
            place = strtoull(which + 1, &end, 16);
            which = end + 1;
        }
        first = strtoull(which, &end, 10);
        if (*end == '+')
            from = strtoull(end + 1, &end, 10);
        last = *end == '-' ? UINT64_MAX : first;
        if (getenv("STARVE_TRACE"))
            trace_into(getenv("STARVE_TRACE"));
    } else {
        signal(SIGUSR1, on_signal);
    }
    (void)backtrace(frames, 1); /* loads what it needs now */
    started = 1;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    __typeof__(&__libc_start_main) real;

    *(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
    start();
    return real(main, argc, argv, init, fini, rtld_fini, stack_end);
}

void *malloc(size_t size)
{
    return starve() ? NULL : REAL(malloc)(size);
}

void *calloc(size_t n, size_t size)
{
    return starve() ? NULL : REAL(calloc)(n, size);
}

void *realloc(void *old, size_t size)
{
    return starve() ? NULL : REAL(realloc)(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    return starve() ? NULL : REAL(memalign)(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *got = memalign(alignment, size);

    if (!got)
        return ENOMEM;
    *ret = got;
    return 0;
}
