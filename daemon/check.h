/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/finding.h"
#include <systemd/sd-event.h>

/*
 * One check of one account: a mailroam-probe process of its own, its findings read as they come.
 * The daemon reads nothing that a mail server has sent; the probe's lines are not trusted either.
 */
struct check;

struct check_callbacks {
    /* Endpoint `index` of the account has its verdict. The finding is the receiver's. */
    void (*found)(size_t index, struct finding *finding, void *userdata);
    /*
     * The check is over, exactly once: `problem` is NULL when every endpoint has its verdict, else
     * a sentence for the log on why not.
     */
    void (*ended)(const char *problem, void *userdata);
    /* Its probe is gone, too, which may have taken leave of a server till now: once, after that. */
    void (*gone)(void *userdata);
    /* None of them may free the check: it is still at work. */
};

#define CHECK_TIMEOUT_S  15 /* what the probe is given; bus clients wait 25 s, we promise 20 */
#define CHECK_DEADLINE_S 18 /* when a probe that did not keep to it is killed */

/* Starts one. `settings` have to live as long; `expected` is what other networks have shown of the
 * endpoints, of as many as is known. 0 or negative errno. */
int check_new(struct check **ret, sd_event *event, const struct account_settings *settings,
              const struct finding *expected, size_t n_expected,
              const struct check_callbacks *callbacks, void *userdata);

/* Kills the probe where it still runs; no callback comes any more. */
struct check *check_free(struct check *check);
