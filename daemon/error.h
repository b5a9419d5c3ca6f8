/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * How Mailroam speaks of failure.
 *
 * A function that can fail returns int:
 *   < 0   a negative errno: something the caller did not ask about went wrong (no memory, no
 *         descriptor, a broken invariant). It travels up unchanged to somebody who can log it and
 *         go on with the rest; nobody in between invents another meaning for it.
 *   0     success.
 *   > 0   an answer of the module's own, from an enum declared in its header. The direct caller
 *         must handle it, and it never leaves that caller: it is no errno and means nothing to
 *         anybody else.
 *
 * Out-parameters (named ret_...) are written on success only. What a user did wrong is never only
 * a number: where the caller has to tell somebody, the function takes a `char **ret_problem` and
 * fills it with one sentence that names what and where and what was expected; the caller frees it.
 *
 * x_free() takes NULL and half-built objects and returns NULL, so that `x = x_free(x)` is the idiom
 * and a constructor needs one way out (see cleanup.h).
 */
#include <errno.h>

/* Formats a sentence into *ret_problem (caller frees) and returns -EINVAL; -ENOMEM without memory.
 */
int problem(char **ret_problem, const char *format, ...) __attribute__((format(printf, 2, 3)));
