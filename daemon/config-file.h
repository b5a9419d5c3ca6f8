/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Configuration files: INI as systemd writes it, through inih, with line numbers. */

/*
 * One `key=value` of `section` at `line`. Returns 0 to go on, whatever it thinks of the value (what
 * is wrong it says itself), or negative errno to stop.
 */
typedef int (*config_entry)(const char *section, const char *key, const char *value, unsigned line,
                            void *userdata);

/*
 * Reads the file. Values are whole: as long as they are, a `;` inside is theirs. 0; -errno where it
 * cannot be opened or read; -EBADMSG where a line is no INI, and then its number in *ret_line; what
 * `entry` returned where it stopped.
 */
int config_file_read(const char *path, config_entry entry, void *userdata, unsigned *ret_line);
