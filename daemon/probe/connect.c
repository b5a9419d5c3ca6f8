/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Happy Eyeballs (RFC 8305). IPv6 goes first; an IPv4 answer waits 50 ms for the IPv6 one; further
 * attempts start 250 ms apart or as soon as one failed; the first connection wins and the others
 * are closed.
 */
#include "probe/connect.h"
#include "cleanup.h"
#include "error.h"
#include "probe/dial.h"

#define RESOLUTION_DELAY_US 50000  /* RFC 8305 section 8 */
#define ATTEMPT_DELAY_US    250000 /* RFC 8305 section 8 */

struct queue {
    union address addresses[ADDRESSES_MAX];
    size_t n, next;
    bool known;
};

struct race {
    sd_event *event;
    uint16_t port;
    unsigned limit_ms;
    struct observation *observation;
    race_callback callback;
    void *userdata;
    struct queue ipv6, ipv4;
    bool last_was_ipv6;
    struct dial *dials[ATTEMPTS_MAX]; /* beside observation->attempts */
    size_t n_running;
    sd_event_source *stagger, *limit, *over;
    bool finished;
    int winner;
};

DEFINE_CLEANUP(struct race *, race_free)

static uint64_t now_us(const struct race *race)
{
    uint64_t now = 0;

    (void)sd_event_now(race->event, CLOCK_MONOTONIC, &now);
    return now;
}

/* Ends what still runs and reports, from the loop and not from within the caller's call. */
static void finish(struct race *race, int winner)
{
    struct observation *observation = race->observation;

    for (size_t i = 0; i < observation->n_attempts; i++) {
        dial_stop(race->dials[i], winner >= 0 ? ATTEMPT_ABANDONED : ATTEMPT_SILENT);
        observation->attempts[i] = *dial_attempt(race->dials[i]);
    }
    race->finished = true;
    race->winner = winner;
    (void)sd_event_source_set_enabled(race->stagger, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(race->limit, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(race->over, SD_EVENT_ONESHOT);
}

static int on_over(sd_event_source *source _unused_, void *userdata)
{
    struct race *race = userdata;
    int winner = race->winner;

    race->winner = -1;
    race->callback(winner, race->userdata); /* may free the race */
    return 0;
}

static void advance(struct race *race);

static void on_dialled(struct dial *dial, int fd, void *userdata)
{
    struct race *race = userdata;
    size_t at = 0;

    while (race->dials[at] != dial)
        at++;
    race->observation->attempts[at] = *dial_attempt(dial);
    race->n_running--;
    if (fd >= 0)
        finish(race, fd);
    else
        advance(race);
}

/* Starts one attempt; false where there is no memory or descriptor for it. */
static bool start_attempt(struct race *race, const union address *address)
{
    struct observation *observation = race->observation;
    size_t at = observation->n_attempts;
    union address to = *address;

    if (address_is_ipv6(&to))
        to.ipv6.sin6_port = htons(race->port);
    else
        to.ipv4.sin_port = htons(race->port);
    if (dial_new(&race->dials[at], race->event, &to, NULL, on_dialled, race) < 0)
        return false;
    observation->attempts[at] = *dial_attempt(race->dials[at]);
    observation->n_attempts++;
    race->n_running++;
    return true;
}

/* The next address in the order of RFC 8305 section 4: families take turns, IPv6 first. */
static const union address *next_address(struct race *race)
{
    struct queue *first = race->last_was_ipv6 ? &race->ipv4 : &race->ipv6;
    struct queue *second = race->last_was_ipv6 ? &race->ipv6 : &race->ipv4;
    struct queue *queue = first->next < first->n ? first : second;

    if (queue->next == queue->n || race->observation->n_attempts == ATTEMPTS_MAX)
        return NULL;
    race->last_was_ipv6 = queue == &race->ipv6;
    return &queue->addresses[queue->next++];
}

static void set_timer(struct race *race, sd_event_source *timer, uint64_t delay_us)
{
    (void)sd_event_source_set_time(timer, now_us(race) + delay_us);
    (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* Starts the next attempt now; where none is left and none runs, the race is lost. */
static void advance(struct race *race)
{
    const union address *address;

    while ((address = next_address(race))) {
        if (race->observation->n_attempts == 0)
            set_timer(race, race->limit, (uint64_t)race->limit_ms * 1000);
        if (start_attempt(race, address)) {
            set_timer(race, race->stagger, ATTEMPT_DELAY_US);
            return;
        }
    }
    if (race->n_running == 0 && race->ipv4.known && race->ipv6.known)
        finish(race, -1);
}

static int on_stagger(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    advance(userdata);
    return 0;
}

static int on_limit(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    finish(userdata, -1);
    return 0;
}

void race_add(struct race *race, int family, const union address *addresses, size_t n)
{
    struct queue *queue = family == AF_INET6 ? &race->ipv6 : &race->ipv4;
    int staggered = SD_EVENT_OFF;

    if (race->finished)
        return;
    for (queue->n = 0; queue->n < n; queue->n++)
        queue->addresses[queue->n] = addresses[queue->n];
    queue->known = true;
    (void)sd_event_source_get_enabled(race->stagger, &staggered);
    if (family == AF_INET && n > 0 && !race->ipv6.known)
        set_timer(race, race->stagger, RESOLUTION_DELAY_US);
    else if (race->n_running == 0 || staggered == SD_EVENT_OFF)
        advance(race);
}

bool race_is_pending(const struct race *race, size_t index, uint64_t age_us)
{
    return !race->finished && race->observation->attempts[index].end == ATTEMPT_PENDING &&
           dial_age_us(race->dials[index]) >= age_us;
}

void race_hurry(struct race *race)
{
    if (!race->finished)
        advance(race);
}

void race_drop(struct race *race, size_t index)
{
    if (!race_is_pending(race, index, 0))
        return;
    dial_stop(race->dials[index], ATTEMPT_SILENT);
    on_dialled(race->dials[index], -1, race);
}

void race_adopt(struct race *race, size_t index, int fd)
{
    if (!race_is_pending(race, index, 0)) {
        close(fd);
        return;
    }
    dial_stop(race->dials[index], ATTEMPT_CONNECTED);
    on_dialled(race->dials[index], fd, race);
}

int race_new(struct race **ret, sd_event *event, uint16_t port, unsigned limit_ms,
             struct observation *observation, race_callback callback, void *userdata)
{
    _cleanup_(race_freep) struct race *race = calloc(1, sizeof(*race));
    int r;

    if (!race)
        return -ENOMEM;
    race->event = sd_event_ref(event);
    race->port = port;
    race->limit_ms = limit_ms;
    race->observation = observation;
    race->callback = callback;
    race->userdata = userdata;
    race->winner = -1;
    r = sd_event_add_time(event, &race->stagger, CLOCK_MONOTONIC, 0, 1000, on_stagger, race);
    if (r >= 0)
        r = sd_event_add_time(event, &race->limit, CLOCK_MONOTONIC, 0, 1000, on_limit, race);
    if (r >= 0)
        r = sd_event_add_defer(event, &race->over, on_over, race);
    if (r < 0)
        return r;
    (void)sd_event_source_set_enabled(race->stagger, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(race->limit, SD_EVENT_OFF);
    (void)sd_event_source_set_enabled(race->over, SD_EVENT_OFF);
    *ret = TAKE(race);
    return 0;
}

struct race *race_free(struct race *race)
{
    if (!race)
        return NULL;
    for (size_t i = 0; i < ATTEMPTS_MAX; i++)
        dial_free(race->dials[i]);
    if (race->winner >= 0)
        close(race->winner);
    sd_event_source_disable_unref(race->stagger);
    sd_event_source_disable_unref(race->limit);
    sd_event_source_disable_unref(race->over);
    sd_event_unref(race->event);
    free(race);
    return NULL;
}
