/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a program: its clock stands so many seconds beside the machine's as the file
 * $FAULTS_CLOCK says, eight bytes as this machine has them, which the test changes as it likes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTS_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);

    if (shared != MAP_FAILED)
        offset = shared;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    static __typeof__(&clock_gettime) real;
    int r;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    r = real(clock, ret);
    if (r == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += *offset;
    return r;
}

time_t time(time_t *ret)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
