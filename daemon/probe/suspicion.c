/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * When to walk, and by what to measure. A port is suspected when it stays silent for longer than
 * another port of the server took to answer, when it was reset, when a router spoke for it, or when
 * what answers did not prove who it is. It is measured by a port that did; where there is none, by
 * little: only a reset can be told by itself to have come from the way. Walks only add evidence:
 * whatever becomes of them, the check ends in time.
 */
#include "cleanup.h"
#include "error.h"
#include "judge/locate.h"
#include "probe/run.h"
#include <string.h>

/* An answer that takes this much longer than another port's is missed. */
#define MISSED_FACTOR 2
#define MISSED_US     30000

/* Where only a reset is known, which may have come from nearby. It is a sixth of what is waited for
 * a router that does not answer. */
#define UNKNOWN_RTT_US 100000

/* A server that says nothing for this long may hold its greeting back on purpose; what stands in
 * its place and says nothing is found out meanwhile. */
#define MUTE_US 2500000

/* A sibling to measure by; NULL where there is none. */
static struct run *find_control(const struct run *run, bool proof)
{
    struct probe *probe = run->probe;

    for (size_t i = 0; i < probe->n_runs; i++)
        if (&probe->runs[i] != run && run_same_host(&probe->runs[i], run) &&
            !probe->runs[i].misleads && judge_is_control(&probe->runs[i].observation, proof))
            return &probe->runs[i];
    return NULL;
}

/* What to measure a connection by, which has to end where the server is: best by a port that has
 * proved to, else by any; else by nothing, since what answers right behind the first hop is no
 * server that is not a neighbour. NULL where not even that can be said. */
static struct run *find_best(struct run *run, size_t attempt)
{
    struct run *control = find_control(run, true);

    if (!control)
        control = find_control(run, false);
    if (!control && !run->observation.attempts[attempt].on_link)
        control = run;
    return control;
}

static size_t attempt_of(const struct run *run, const struct walker *walker)
{
    size_t i = 0;

    while (run->suspicion.walkers[i] != walker)
        i++;
    return run->suspicion.attempts[i];
}

/* Measured by a port that does not lead to the server: that port is none to measure by any more,
 * and the attempt may be walked to again. */
static void forget_walk(struct run *run, const struct walker *walker)
{
    size_t i = 0;

    while (run->suspicion.walkers[i] != walker)
        i++;
    run->suspicion.attempts[i] = ATTEMPTS_MAX;
    if (run->suspicion.controls[i])
        run->suspicion.controls[i]->misleads = true;
}

/* What answers is not the server: whether it will ever say something is of no interest. */
static void stop_listening(struct run *run, size_t attempt, const struct walk *walk)
{
    struct place place;

    if (!run->final && locate_proxy(walk, run->observation.attempts[attempt].on_link, &place))
        conversation_time_out(run->conversation);
}

static void on_walked(struct walker *walker, enum walk_result result, int fd, void *userdata)
{
    struct run *run = userdata;
    size_t attempt = attempt_of(run, walker);

    run->suspicion.n_under_way--;
    run->probe->n_walks--;
    switch (result) {
    case WALK_OPEN:
        race_adopt(run->race, attempt, fd);
        break;
    case WALK_DONE:
        if (run->conversation)
            stop_listening(run, attempt, walker_walk(walker));
        else if (!run->final)
            race_drop(run->race, attempt);
        break;
    case WALK_DEAD: /* not the port is silent here, the address is: the others decide */
        race_drop(run->race, attempt);
        break;
    case WALK_MISLED: /* something takes the control port's connections: another one may do */
        forget_walk(run, walker);
        break;
    case WALK_UNDECIDED:
        break;
    }
    probe_give_verdicts(run->probe);
}

static bool is_walked(const struct run *run, size_t attempt, enum walk_purpose purpose)
{
    for (size_t i = 0; i < run->suspicion.n_walkers; i++)
        if (run->suspicion.attempts[i] == attempt && run->suspicion.purposes[i] == purpose)
            return true;
    return false;
}

/* Starts a walk to the attempt's address; false where that is no longer possible. Without a control
 * it is measured by datagrams. */
static bool walk(struct run *run, size_t attempt, struct run *control, enum walk_purpose purpose)
{
    struct suspicion *suspicion = &run->suspicion;
    const struct attempt *suspect = &run->observation.attempts[attempt];
    union address server = {.any.sa_family = (sa_family_t)suspect->family};
    struct walk_control by = {
        .port = WALK_DATAGRAM_PORT,
        .unproved = !control || !observation_is_proved(&control->observation),
        .datagrams = !control,
        .rtt_us = control ? control->rtt_us : UNKNOWN_RTT_US,
    };
    bool ipv6 = suspect->family == AF_INET6;

    if (control)
        by.port = control->finding.endpoint.port;
    if (suspicion->n_walkers == WALKS_MAX || run->probe->n_walks >= WALKS_AT_ONCE ||
        run->probe->late || is_walked(run, attempt, purpose))
        return false;
    (void)inet_pton(suspect->family, suspect->address,
                    ipv6 ? (void *)&server.ipv6.sin6_addr : (void *)&server.ipv4.sin_addr);
    if (walker_new(&suspicion->walkers[suspicion->n_walkers], run->probe->event, &server,
                   run->finding.endpoint.port, &by, purpose, on_walked, run) < 0)
        return false;
    suspicion->controls[suspicion->n_walkers] = control;
    suspicion->purposes[suspicion->n_walkers] = purpose;
    suspicion->attempts[suspicion->n_walkers++] = attempt;
    suspicion->n_under_way++;
    run->probe->n_walks++;
    return true;
}

static uint64_t missed_us(const struct run *control)
{
    return (uint64_t)control->rtt_us * MISSED_FACTOR + MISSED_US;
}

/* Walks to each address that misses its answer; comes again while attempts are under way. */
static int on_missed(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
    struct run *run = userdata;
    struct run *control = find_control(run, false);
    bool missed = false;
    uint64_t now;

    if (run->final || run->conversation || !control)
        return 0;
    for (size_t i = 0; i < run->observation.n_attempts; i++)
        if (race_is_pending(run->race, i, missed_us(control)) && !is_walked(run, i, WALK_SILENCE))
            missed |= walk(run, i, control, WALK_SILENCE);
    if (missed)
        race_hurry(run->race);
    (void)sd_event_now(run->probe->event, CLOCK_MONOTONIC, &now);
    (void)sd_event_source_set_time(source, now + missed_us(control) / 2);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void suspect_silence(struct run *run, const struct run *control)
{
    if (run->final || run->conversation || run->suspicion.timer)
        return;
    /* Without memory the silence lasts until its full time. */
    (void)sd_event_add_time_relative(run->probe->event, &run->suspicion.timer, CLOCK_MONOTONIC,
                                     missed_us(control) / 2, 1000, on_missed, run);
}

bool suspect_ended(struct run *run)
{
    size_t attempt;
    enum wanted_walk wanted = judge_wanted_walk(&run->observation, &attempt);
    enum walk_purpose purpose = wanted == WANTED_RESET ? WALK_RESET : WALK_PATH;
    struct run *control;

    if (run->probe->late)
        return false;
    if (run->suspicion.n_under_way > 0)
        return true;
    if (wanted == WANTED_NONE)
        return false;
    if (observation_connected(&run->observation))
        control = find_best(run, attempt);
    else
        control = find_control(run, false);
    if (is_walked(run, attempt, purpose))
        return false;
    if (!control && (wanted != WANTED_RESET || run->observation.attempts[attempt].on_link))
        return false;
    if (run->probe->n_walks >= WALKS_AT_ONCE)
        return true; /* as soon as another walk has ended */
    return walk(run, attempt, control, purpose);
}

/* Connected, and nothing was said for a long time: what is it that answers? */
static int on_mute(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct run *run = userdata;
    const struct attempt *connected = observation_connected(&run->observation);

    if (connected && !run->final && !observation_is_smtp(&run->observation)) {
        size_t attempt = (size_t)(connected - run->observation.attempts);
        struct run *control = find_best(run, attempt);

        if (control)
            (void)walk(run, attempt, control, WALK_PATH);
    }
    return 0;
}

void suspect_mute(struct run *run)
{
    struct suspicion *suspicion = &run->suspicion;

    suspicion->timer = sd_event_source_disable_unref(suspicion->timer);
    /* Without memory there is no evidence, and the verdict is what it would have been. */
    (void)sd_event_add_time_relative(run->probe->event, &suspicion->timer, CLOCK_MONOTONIC, MUTE_US,
                                     0, on_mute, run);
}

void suspicion_conclude(struct run *run)
{
    const struct suspicion *suspicion = &run->suspicion;

    for (size_t i = 0; i < suspicion->n_walkers; i++)
        if (suspicion->attempts[i] < ATTEMPTS_MAX)
            run->observation.attempts[suspicion->attempts[i]].walk =
                walker_walk(suspicion->walkers[i]);
}

void suspicion_clear(struct run *run)
{
    for (size_t i = 0; i < run->suspicion.n_walkers; i++)
        walker_free(run->suspicion.walkers[i]);
    sd_event_source_disable_unref(run->suspicion.timer);
}
