/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "secret.h"

/*
 * Asks for a secret on the terminal, with `question` (words for people) and nothing shown of what
 * is typed. Whatever ends it, a signal too, leaves the terminal as it was. 0; -ENXIO where the
 * process has no terminal; -EFBIG; -EINTR; other negative errno. What was typed still has its line
 * end: secret_cut().
 */
int prompt_secret(struct secret *secret, const char *question);
