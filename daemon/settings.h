/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * mailroam.conf(5): the daemon's own settings. The main file is the first of
 * $XDG_CONFIG_HOME/mailroam, /etc/mailroam and the vendor's directory that has one; the drop-ins of
 * all three mailroam.conf.d/ directories follow in the order of their names, a file hiding those of
 * the same name in a later directory.
 */
struct settings {
    char *default_account; /* NULL: the first by name */
    int log_level;         /* syslog level */
    uint64_t confirm_us;   /* how long what works is believed; 0: until something changes */
};

/* Reads them. What is wrong in a file is logged with file, line and key and skipped: the rest
 * counts. 0 or -ENOMEM. */
int settings_read(struct settings *ret);
void settings_clear(struct settings *settings);
