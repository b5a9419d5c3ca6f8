/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/judge.h"
#include "probe/connect.h"
#include "probe/conversation.h"
#include "probe/probe.h"
#include "probe/resolve.h"
#include "probe/walk.h"

/* What probe.c and suspicion.c share: an endpoint's check under way. */

#define WALKS_MAX     4 /* walks for one endpoint */
#define WALKS_AT_ONCE 8 /* of one check: each takes a few hundred descriptors at the most */

struct suspicion {
    sd_event_source *timer;
    struct walker *walkers[WALKS_MAX];
    size_t attempts[WALKS_MAX]; /* whose address each walks to; ATTEMPTS_MAX: forgotten */
    enum walk_purpose purposes[WALKS_MAX];
    struct run *controls[WALKS_MAX]; /* what each measures by */
    size_t n_walkers, n_under_way;
};

struct run {
    struct probe *probe;
    struct finding finding;
    struct observation observation;
    struct race *race;
    struct conversation *conversation;
    const struct login_wish *wish; /* to log in here; NULL: none */
    unsigned rtt_us;               /* of its connection, as the kernel measured it */
    struct suspicion suspicion;
    bool misleads; /* does not lead to the server: nothing is measured by it */
    bool final;    /* the observation is */
    bool judged;   /* the verdict is out */
    bool closed;   /* nothing is left to do */
};

struct host {
    struct probe *probe;
    const char *name; /* the first run's that has it */
    unsigned answers; /* families that have answered */
    bool has_address;
    const char *problem;
};

struct probe {
    sd_event *event;
    struct tls_policy *policy;
    struct resolver *resolver;
    probe_callback callback;
    void *userdata;
    uint64_t started;
    unsigned timeout_ms;
    sd_event_source *deadline;
    const struct finding *expected;
    size_t n_expected;
    struct run *runs;
    struct host *hosts;
    size_t n_runs, n_hosts;
    unsigned n_walks; /* under way */
    bool late;        /* the deadline has passed: no evidence is waited for */
    bool given_up;    /* the event loop ends by an error */
};

bool run_same_host(const struct run *a, const struct run *b);

/* Gives every verdict that can be given by now. */
void probe_give_verdicts(struct probe *probe);

/* A sibling has connected: from now on this endpoint's silence is measured by it. */
void suspect_silence(struct run *run, const struct run *control);

/* The endpoint has connected: from now on its silence is that of whatever answered. */
void suspect_mute(struct run *run);

/*
 * The observation is final. Whether path evidence is still to come: a walk is under way, was
 * started now, or waits for a sibling to measure by.
 */
bool suspect_ended(struct run *run);

/* Writes the walks beside the attempts they were made for, for the judge. */
void suspicion_conclude(struct run *run);
void suspicion_clear(struct run *run);
