/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Other programs, started. Refused: a shell, fork() and exec() by hand, between which a program of
 * several libraries can do little that is safe. */
#include "child.h"
#include "error.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static int give(posix_spawn_file_actions_t *actions, int fd, int as)
{
    if (fd < 0)
        return posix_spawn_file_actions_addopen(actions, as, "/dev/null", O_RDWR, 0);
    return posix_spawn_file_actions_adddup2(actions, fd, as);
}

int child_spawn(const char *program, const char *const *arguments, const int fds[static 3],
                pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, broken_pipe;
    int error = 0;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    sigemptyset(&none);
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none); /* ours blocks what sd-event waits for */
    posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    for (int i = STDIN_FILENO; i <= STDERR_FILENO && error == 0; i++)
        error = give(&actions, fds[i], i);
    if (error == 0) /* which reads the arguments only */
        error =
            posix_spawnp(ret, program, &actions, &attributes, (char *const *)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}
