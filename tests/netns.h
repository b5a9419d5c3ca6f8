/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Network namespaces for C tests: one for the test itself, and ip(8) in it. */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

__attribute__((unused)) static void run(const char *command)
{
    const char *const arguments[] = {"sh", "-c", command, NULL};
    int status = -1;
    pid_t pid;

    if (posix_spawnp(&pid, "sh", NULL, NULL, (char *const *)arguments, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        printf("Bail out! failed: %s\n", command);
        exit(1);
    }
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return written;
}

/* A network namespace for this process; as a plain user inside a user namespace. */
__attribute__((unused)) static bool enter_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (uid == 0)
        return unshare(CLONE_NEWNET) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    snprintf(map, sizeof(map), "0 %u 1", uid);
    if (!write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof(map), "0 %u 1", gid);
    return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", map);
}
