/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cli.h"

/* One account as a status bar shows it. */

enum bar { BAR_WAYBAR, BAR_I3BLOCKS, BAR_PLAIN };

struct bar_text {
    const char *class; /* a state of the interface, or unreachable or unknown: static */
    enum tone tone;
    char *full, *brief; /* one line each */
    char *tooltip;      /* several */
};

/* 0, or -EINVAL where no bar is called that. */
int bar_from_string(const char *text, enum bar *ret);

/* Of an account, NULL where there is none, or of a daemon that is not there; a new struct is {0}.
 * 0 or -ENOMEM. */
int bar_describe(struct bar_text *text, const struct client *client,
                 const struct client_account *account);
int bar_describe_absence(struct bar_text *text);
void bar_clear(struct bar_text *text);

/* Prints it in the bar's format and flushes. 0 or -ENOMEM. */
int bar_print(const struct bar_text *text, enum bar bar);

/* What to exit with, where another command would with `status`. */
int bar_exit_status(const struct bar_text *text, enum bar bar, enum exit_status status);
