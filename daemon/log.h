/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cleanup.h"
#include <stdbool.h>
#include <sys/uio.h>
#include <syslog.h>

#define LOG_LINE_MAX   2048 /* bytes with the NUL; what is longer is cut */
#define LOG_FIELDS_MAX 20

/*
 * One line to the journal when standard error is connected to it ($JOURNAL_STREAM), else to
 * standard error, prefixed with the program's name. `priority` is a syslog level (LOG_ERR, ...);
 * levels above log_set_level() are dropped. Text that came from a network, a file or a bus message
 * has to be passed through text_safe() first.
 */
void log_message(int priority, const char *format, ...) _printf_(2, 3);
void log_set_level(int priority); /* default: LOG_INFO */
int log_level_now(void);

/* Likewise, with up to LOG_FIELDS_MAX fields ("KEY=value", sd_journal_sendv(3)) that only the
 * journal takes. journal.h has what to call for an event. */
void log_line(int priority, const char *line, const struct iovec *fields, int n);
bool log_is_journal(void); /* whether that is where lines go now */

/* Gives the lines to `receiver` instead, for programs that show them in their own way; NULL: no
 * longer. */
typedef void (*log_receiver)(int priority, const char *line, void *userdata);
void log_divert(log_receiver receiver, void *userdata);

#define log_error(...)   log_message(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_message(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_DEBUG, __VA_ARGS__)
