/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * A shell command of the user's (PasswordCommand=), and what it prints. It is the user's own: where
 * the user has a systemd it starts the command, in the environment and with the rights of whatever
 * the user starts, and none of our sandbox; elsewhere it is our child. Nothing of what it prints is
 * copied, logged or left in memory but in the caller's buffer.
 */
struct command;

/*
 * It has ended, once: with `problem` NULL, its exit status 0 and what it printed in the first
 * `length` bytes of the buffer; else `problem` is a sentence for the user (it does not quote what
 * was printed) and the buffer is wiped. The command may not be freed in it.
 */
typedef void (*command_callback)(const char *problem, size_t length, void *userdata);

/*
 * Starts it, with nothing on its standard input; what it says on standard error goes nowhere. Its
 * output goes into `buffer`, which has to stay until it has ended or is freed; to fill all `size`
 * bytes of it is too much. After `limit_s` seconds it is stopped. 0 or negative errno.
 */
int command_new(struct command **ret, sd_event *event, const char *command, void *buffer,
                size_t size, unsigned limit_s, command_callback callback, void *userdata);

/* Stops it where it still runs, and then wipes the buffer; no callback comes any more. */
struct command *command_free(struct command *command);
