/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Where log lines go. Decided once: to the journal when standard error is the journal's own stream,
 * so that priorities survive, else to standard error for whoever runs the program by hand.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* this file and line would say nothing of the caller */
#include "log.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

static int log_level = LOG_INFO;
static log_receiver log_receiver_now;
static void *log_receiver_userdata;

void log_set_level(int priority)
{
    log_level = priority;
}

void log_divert(log_receiver receiver, void *userdata)
{
    log_receiver_now = receiver;
    log_receiver_userdata = userdata;
}

/* $JOURNAL_STREAM holds DEVICE:INODE of the stream systemd connected (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    static int known = -1;

    if (known < 0) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;

        known = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
                status.st_ino == inode;
    }
    return known;
}

int log_level_now(void)
{
    return log_level;
}

bool log_is_journal(void)
{
    return !log_receiver_now && stderr_is_journal();
}

static void send_to_journal(int priority, const char *line, const struct iovec *fields, int n)
{
    char level[sizeof("PRIORITY=7")], message[sizeof("MESSAGE=") + LOG_LINE_MAX];
    struct iovec all[2 + LOG_FIELDS_MAX] = {{level, 0}, {message, 0}};

    all[0].iov_len = (size_t)snprintf(level, sizeof(level), "PRIORITY=%d", priority & 7);
    (void)snprintf(message, sizeof(message), "MESSAGE=%s", line);
    all[1].iov_len = strlen(message);
    for (int i = 0; i < n; i++)
        all[2 + i] = fields[i];
    (void)sd_journal_sendv(all, 2 + n);
}

void log_line(int priority, const char *line, const struct iovec *fields, int n)
{
    if (priority > log_level)
        return;
    if (log_receiver_now)
        log_receiver_now(priority, line, log_receiver_userdata);
    else if (stderr_is_journal())
        send_to_journal(priority, line, fields, n);
    else
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

void log_message(int priority, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    log_line(priority, line, NULL, 0);
}
