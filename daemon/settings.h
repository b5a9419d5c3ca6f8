/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* mailroam.conf(5): the daemon's own settings, from the files of settings-files.h. */
struct settings {
    char *default_account; /* NULL: the first by name */
    int log_level;         /* syslog level */
    unsigned clients;      /* in which accounts are looked for: a bit each (found/found.h) */
    uint64_t confirm_us;   /* how long what works is believed; 0: until something changes */
};

/* Reads them. What is wrong in a file is logged with file, line and key and skipped: the rest
 * counts. 0 or -ENOMEM. */
int settings_read(struct settings *ret);
void settings_clear(struct settings *settings);
