/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/slice.h"

/*
 * As much of TOML 1.0 as settings need: tables, dotted and quoted keys, inline tables, strings on
 * one line, numbers, booleans. Arrays and strings of several lines are passed over whole.
 */
#define TOML_PATH_MAX 12

/* One value: the keys that lead to it, from the outermost. Strings come without their quotes and
 * with their escapes as they stand. Returns 0 to go on, negative errno to stop. */
typedef int (*toml_entry)(const struct slice *path, size_t n, struct slice value, unsigned line,
                          void *userdata);

/* 0; what `entry` returned where it stopped; -EBADMSG and the line in *ret_line where the rest is
 * no such TOML: what came before has been told. */
int toml_read(struct slice text, toml_entry entry, void *userdata, unsigned *ret_line);
