/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <sys/types.h>

/*
 * Starts the program (looked for on $PATH where it has no '/') in a process group of its own, with
 * our environment, no blocked signal, and no descriptor of ours but `fds` as its standard ones,
 * with /dev/null where one is -1. It has to be waited for. 0 or negative errno.
 */
int child_spawn(const char *program, const char *const *arguments, const int fds[static 3],
                pid_t *ret);
