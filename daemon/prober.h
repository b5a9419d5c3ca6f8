/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * One mailroam-probe at work for the daemon: a request goes out, lines come in. Where systemd runs
 * us the probe is a service of its own behind a socket, with other rights than ours, else a child.
 * $MAILROAM_PROBE decides, which our unit sets: unix:PATH is a socket, anything else a program.
 */
struct prober;

enum prober_wish {
    PROBER_MORE,   /* more lines */
    PROBER_ENOUGH, /* that was all: ended() comes without a problem */
    PROBER_NOT_SO, /* that was none of its lines: ended() comes with one */
};

struct prober_callbacks {
    /* A line, without its end, of at most FINDING_LINE_MAX bytes; it is trusted in nothing. */
    enum prober_wish (*line)(const char *line, size_t length, void *userdata);
    /* It is over, exactly once: `problem` is NULL after PROBER_ENOUGH, else a sentence for the log
     * on why nothing more will come. */
    void (*ended)(const char *problem, void *userdata);
    /* Nothing of it is left, not even what it had to say to the server for goodbye: once, and
     * last. NULL: nobody asks. */
    void (*gone)(void *userdata);
    /* None of them may free the prober: it is still at work. */
};

/*
 * Starts one. `request` is a line with its end, and is copied; the `n_secret` bytes at `secret` go
 * behind it and are not: they have to stay until `ended`, or until this is freed. After
 * `deadline_s` a probe that is still there is stopped. 0 or negative errno.
 */
int prober_new(struct prober **ret, sd_event *event, const char *request, const void *secret,
               size_t n_secret, unsigned deadline_s, const struct prober_callbacks *callbacks,
               void *userdata);

/* Stops the probe where it still runs; no callback comes any more. */
struct prober *prober_free(struct prober *prober);

/* What is asked, for the log: the socket's or the program's path; static. */
const char *prober_place(void);
