/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Runs all endpoints side by side: one look-up a host, one race and one conversation an endpoint.
 * An endpoint's verdict is asked for as soon as its observation is final; one that turns on how the
 * server's other ports behave waits until they have connected or failed. No verdict is missing when
 * the time is over.
 */
#include "probe/probe.h"
#include "cleanup.h"
#include "error.h"
#include "judge/judge.h"
#include "probe/run.h"
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>

/* Silence is decided on after half the time: four SYNs (at 0, 1, 3 and 7 s) in the default 15 s. */
#define CONNECT_SHARE 2
/* A name server that has not answered by then leaves too little time for the rest. */
#define RESOLVE_SHARE 3

DEFINE_CLEANUP(struct probe *, probe_free)

static uint64_t clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool run_same_host(const struct run *a, const struct run *b)
{
    return strcasecmp(a->finding.endpoint.host, b->finding.endpoint.host) == 0;
}

static struct siblings siblings_of(const struct run *run)
{
    const struct probe *probe = run->probe;
    struct siblings siblings = {0};

    for (size_t i = 0; i < probe->n_runs; i++)
        if (&probe->runs[i] != run && run_same_host(&probe->runs[i], run))
            siblings_add(&siblings, &probe->runs[i].observation);
    return siblings;
}

/* It ends for this reason, whatever is done on the way out. */
static void give_up(struct probe *probe, int reason)
{
    probe->given_up = true;
    (void)sd_event_exit(probe->event, reason);
}

static void end_when_done(struct probe *probe)
{
    if (probe->given_up)
        return;
    for (size_t i = 0; i < probe->n_runs; i++)
        if (!probe->runs[i].judged || !probe->runs[i].closed)
            return;
    (void)sd_event_exit(probe->event, 0);
}

/* What the endpoint showed on networks that are trusted, or NULL. */
static const struct finding *expected_of(const struct run *run)
{
    const struct probe *probe = run->probe;

    for (size_t i = 0; i < probe->n_expected; i++)
        if (endpoint_equal(&probe->expected[i].endpoint, &run->finding.endpoint))
            return &probe->expected[i];
    return NULL;
}

/* Gives every verdict that can be given by now. */
void probe_give_verdicts(struct probe *probe)
{
    int r;

    for (size_t i = 0; i < probe->n_runs; i++) {
        struct run *run = &probe->runs[i];
        struct siblings siblings = siblings_of(run);

        if (!run->final || run->judged || judge_must_wait(&run->observation, &siblings) ||
            suspect_ended(run))
            continue;
        run->judged = true;
        suspicion_conclude(run);
        r = judge(&run->observation, &siblings, expected_of(run), &run->finding);
        if (r >= 0)
            r = probe->callback(&run->finding, probe->userdata);
        if (r < 0)
            return give_up(probe, r);
    }
    end_when_done(probe);
}

/* The observation is final. */
static void settle(struct run *run)
{
    uint64_t took = clock_us() - run->probe->started;

    evidence_set_number(&run->observation.evidence, EVIDENCE_TOTAL_MS, (took + 500) / 1000);
    run->final = true;
}

static void on_ended(void *userdata)
{
    struct run *run = userdata;

    settle(run);
    probe_give_verdicts(run->probe);
}

static void on_closed(void *userdata)
{
    struct run *run = userdata;

    run->closed = true;
    end_when_done(run->probe);
}

static const struct conversation_callbacks conversation_callbacks = {
    .ended = on_ended,
    .closed = on_closed,
};

static void fail(struct run *run, enum stage stage, enum halt halt)
{
    run->observation.stage = stage;
    run->observation.halt = halt;
    run->closed = true;
    settle(run);
}

/* From now on the silence of the server's other ports is measured by this one. */
static void note_connection(struct run *run, int fd)
{
    struct probe *probe = run->probe;
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        run->rtt_us = info.tcpi_rtt;
    suspect_mute(run);
    for (size_t i = 0; i < probe->n_runs; i++)
        if (&probe->runs[i] != run && run_same_host(&probe->runs[i], run))
            suspect_silence(&probe->runs[i], run);
}

static void on_race(int fd, void *userdata)
{
    struct run *run = userdata;
    struct probe *probe = run->probe;

    if (fd < 0)
        fail(run, STAGE_CONNECT, HALT_FAILED);
    else
        note_connection(run, fd);
    if (fd >= 0 &&
        conversation_new(&run->conversation, probe->event, fd, &run->finding.endpoint,
                         probe->policy, &run->observation, &conversation_callbacks, run) < 0)
        give_up(probe, -ENOMEM);
    else if (fd >= 0 && run->wish)
        conversation_log_in(run->conversation, run->wish);
    /* Also for those who waited for this port to connect or to fail. */
    probe_give_verdicts(probe);
}

static bool is_at(const struct run *run, const struct host *host)
{
    return strcasecmp(run->finding.endpoint.host, host->name) == 0;
}

static void on_addresses(int family, const union address *addresses, size_t n, const char *problem,
                         void *userdata)
{
    struct host *host = userdata;
    struct probe *probe = host->probe;
    bool nothing;

    host->answers++;
    host->has_address |= n > 0;
    host->problem = problem; /* the last one says why there is none at all */
    nothing = host->answers == 2 && !host->has_address;
    for (size_t i = 0; i < probe->n_runs; i++) {
        struct run *run = &probe->runs[i];

        if (!is_at(run, host) || run->final)
            continue;
        if (nothing) {
            (void)evidence_set_text(&run->observation.evidence, EVIDENCE_REPLY, host->problem);
            fail(run, STAGE_RESOLVE,
                 resolve_problem_is_final(host->problem) ? HALT_FAILED : HALT_TIMEOUT);
        } else {
            /* The other family's addresses may have led to a conversation by now. */
            if (n > 0 && run->observation.stage == STAGE_RESOLVE)
                run->observation.stage = STAGE_CONNECT;
            race_add(run->race, family, addresses, n);
        }
    }
    if (nothing)
        probe_give_verdicts(probe);
    else if (probe->policy && tls_policy_prepare(probe->policy) < 0) /* the SYNs are out */
        give_up(probe, -ENOMEM);
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct probe *probe = userdata;

    probe->late = true;
    for (size_t i = 0; i < probe->n_runs; i++) {
        struct run *run = &probe->runs[i];

        if (run->final)
            continue;
        if (run->conversation) {
            conversation_time_out(run->conversation);
        } else {
            if (run->observation.stage == STAGE_RESOLVE)
                (void)evidence_set_text(&run->observation.evidence, EVIDENCE_REPLY,
                                        "no answer from the name server");
            run->race = race_free(run->race);
            fail(run, run->observation.stage, HALT_TIMEOUT);
        }
    }
    probe_give_verdicts(probe);
    return 0;
}

int probe_ask(struct probe *probe)
{
    for (size_t i = 0; i < probe->n_hosts; i++) {
        int r =
            resolver_lookup(probe->resolver, probe->hosts[i].name, on_addresses, &probe->hosts[i]);

        if (r < 0)
            return r;
    }
    return 0;
}

void probe_expect(struct probe *probe, const struct finding *expected, size_t n)
{
    probe->expected = expected;
    probe->n_expected = n;
}

void probe_trust(struct probe *probe, struct tls_policy *policy)
{
    probe->policy = policy;
}

void probe_log_in(struct probe *probe, size_t index, struct login_wish *wish)
{
    struct run *run = &probe->runs[index];
    const struct finding *expected = expected_of(run);

    if (expected)
        wish->expected = evidence_list(&expected->evidence, EVIDENCE_AUTH);
    run->wish = wish;
}

static int add_run(struct probe *probe, const struct endpoint *endpoint)
{
    struct run *run = &probe->runs[probe->n_runs++];
    size_t host = 0;

    run->probe = probe;
    run->finding.endpoint = *endpoint;
    while (host < probe->n_hosts && !is_at(run, &probe->hosts[host]))
        host++;
    if (host == probe->n_hosts)
        probe->hosts[probe->n_hosts++] =
            (struct host){.probe = probe, .name = run->finding.endpoint.host};
    return race_new(&run->race, probe->event, endpoint->port, probe->timeout_ms / CONNECT_SHARE,
                    &run->observation, on_race, run);
}

int probe_new(struct probe **ret, sd_event *event, const struct endpoint *endpoints, size_t n,
              unsigned timeout_ms, probe_callback callback, void *userdata)
{
    _cleanup_(probe_freep) struct probe *probe = calloc(1, sizeof(*probe));
    int r;

    if (!probe)
        return -ENOMEM;
    *probe = (struct probe){
        .event = sd_event_ref(event),
        .callback = callback,
        .userdata = userdata,
        .started = clock_us(),
        .timeout_ms = timeout_ms,
        .runs = calloc(n, sizeof(*probe->runs)),
        .hosts = calloc(n, sizeof(*probe->hosts)),
    };
    if (!probe->runs || !probe->hosts)
        return -ENOMEM;
    r = resolver_new(&probe->resolver, event, timeout_ms / RESOLVE_SHARE);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add_run(probe, &endpoints[i]);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &probe->deadline, CLOCK_MONOTONIC,
                                       (uint64_t)timeout_ms * 1000, 1000, on_deadline, probe);
    if (r < 0)
        return r;
    *ret = TAKE(probe);
    return 0;
}

struct probe *probe_free(struct probe *probe)
{
    if (!probe)
        return NULL;
    for (size_t i = 0; i < probe->n_runs; i++) {
        struct run *run = &probe->runs[i];

        suspicion_clear(run);
        race_free(run->race);
        conversation_free(run->conversation);
        evidence_clear(&run->observation.evidence);
        finding_clear(&run->finding);
    }
    sd_event_source_disable_unref(probe->deadline);
    resolver_free(probe->resolver);
    free(probe->runs);
    free(probe->hosts);
    sd_event_unref(probe->event);
    free(probe);
    return NULL;
}
