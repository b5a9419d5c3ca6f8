/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include "probe/login.h"
#include "probe/tls.h"
#include <systemd/sd-event.h>

/* One check of several endpoints, all side by side: the probe's whole work. */

struct probe;

/* An endpoint's verdict stands; called once for each, in the order in which they come to stand. A
 * negative errno ends the event loop, with that as its code: nobody hears of the rest. */
typedef int (*probe_callback)(const struct finding *finding, void *userdata);

/*
 * Begins: what name servers it asks is settled. Ends the event loop with code 0 when every endpoint
 * has its verdict and every connection is closed, after `timeout_ms` at the latest (plus the two
 * seconds QUIT may take). 0 or negative errno.
 */
int probe_new(struct probe **ret, sd_event *event, const struct endpoint *endpoints, size_t n,
              unsigned timeout_ms, probe_callback callback, void *userdata);

/* What endpoints showed on networks that are trusted: sharpens verdicts. Before probe_ask(); it has
 * to live as long as the probe. */
void probe_expect(struct probe *probe, const struct finding *expected, size_t n);

/* Logs in at the endpoint `index` of probe_new()'s; before the loop runs. What it is expected to
 * offer is taken from probe_expect(). `wish` has to live as long as the probe. */
void probe_log_in(struct probe *probe, size_t index, struct login_wish *wish);

/* Asks for the addresses, so that the answers are on their way while the rest is made ready. They
 * are read on the loop; only what needs no answer may already be connected to. 0 or -ENOMEM. */
int probe_ask(struct probe *probe);

/* Whom to believe; before the loop runs. It has to live as long as the probe. */
void probe_trust(struct probe *probe, struct tls_policy *policy);

struct probe *probe_free(struct probe *probe);
