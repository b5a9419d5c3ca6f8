/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "judge/evidence.h"
#include "judge/verdict.h"

/* One endpoint's verdict with its evidence: what the probe prints and the daemon publishes. */
struct finding {
    struct endpoint endpoint;
    enum verdict verdict;
    struct evidence evidence;
};

#define FINDING_LINE_MAX 16384 /* bytes of one NDJSON line; a longer one is no finding */

/* {"host","port","security","verdict","evidence":{...}}, new; NULL without memory. */
json_object *finding_to_json(const struct finding *finding);

/* Reads one such object, which may come from anybody; below: from one line of text. 0, -EBADMSG,
 * -ENOMEM. */
int finding_from_json(json_object *object, struct finding *ret);
int finding_from_line(const char *line, size_t length, struct finding *ret);

/*
 * What `from` says of a login, `to` says from now on: its evidence, and the verdict (works,
 * login-refused, or that somebody answers in the server's place) that follows from it. Where there
 * was none nothing changes. 0 or -ENOMEM.
 */
int finding_take_login(const struct finding *from, struct finding *to);

/* A copy with evidence of its own. 0 or -ENOMEM. */
int finding_copy(const struct finding *from, struct finding *ret);
void finding_clear(struct finding *finding);

/*
 * The verdict in words for a person, from verdict and evidence: "10.20.0.1 drops what goes to this
 * port, 2 hops from here". One sentence without a full stop, new; NULL without memory.
 */
char *finding_explain(const struct finding *finding);
