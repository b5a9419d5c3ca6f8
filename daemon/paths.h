/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where files are, by the XDG base directory specification. New strings, NULL without memory or,
 * with errno ENOENT, where neither the variable nor $HOME says anything. */

/* $XDG_CONFIG_HOME/mailroam/`name`, `name` may be "". */
char *path_config(const char *name);
/* $XDG_STATE_HOME/mailroam/`name`, likewise. */
char *path_state(const char *name);

/* $XDG_RUNTIME_DIR/mailroam/`name`, likewise; what is there ends with the session. */
char *path_runtime(const char *name);

/* Makes the directory and those above it, 0700 as the specification asks. 0 or negative errno. */
int path_make_directories(const char *path);

/* Where another program of ours is: where `variable` says, else beside this one, in a build tree as
 * where it is installed. */
char *path_program(const char *name, const char *variable);
