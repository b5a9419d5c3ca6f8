/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "judge/observation.h"
#include "probe/login.h"
#include "probe/tls.h"
#include <systemd/sd-event.h>

/*
 * One SMTP conversation over a connected socket, as far as it says what the endpoint is good for:
 * greeting, EHLO, STARTTLS or implicit TLS, EHLO again, a login where one is wished for, QUIT.
 */

struct conversation;

struct conversation_callbacks {
    void (*ended)(void *userdata);  /* the observation is final; a QUIT may still be on its way */
    void (*closed)(void *userdata); /* the connection is closed; always after `ended` */
    /* Neither may free the conversation: it is still at work. */
};

/*
 * Takes `fd` over and begins. `endpoint`, `policy` and `observation` have to live as long as the
 * conversation; the callbacks come from the event loop. 0 or negative errno; on error fd is closed.
 */
int conversation_new(struct conversation **ret, sd_event *event, int fd,
                     const struct endpoint *endpoint, struct tls_policy *policy,
                     struct observation *observation,
                     const struct conversation_callbacks *callbacks, void *userdata);
struct conversation *conversation_free(struct conversation *conversation);

/* Also logs in, where TLS verifies and AUTH is offered; before the loop runs. `wish` has to live as
 * long as the conversation. */
void conversation_log_in(struct conversation *conversation, const struct login_wish *wish);

/* The time allowed is over: what has not come by now counts as not coming. */
void conversation_time_out(struct conversation *conversation);
