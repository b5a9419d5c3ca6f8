/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The walk. Two ladders of SYNs, times to live 1, 2, 3, ..., go to the port and to the control
 * port, a few rungs ahead of what is known, until the control port itself answers: that is the
 * server's distance, and no rung beyond it is of interest. A rung without an answer is asked again,
 * because packets get lost. Where every port is reset there is no such port; then datagrams ask for
 * a router at the one rung at which the first reset came. For a silence, SYNs at full reach go to
 * both ports beside the ladders until the sequential test has decided. For resets, SYNs that hear
 * only what has come no farther than the server's answers tell who sent them.
 *
 * One timer drives it all; the walk is over when nothing is owed any more.
 */
#include "probe/walk.h"
#include "cleanup.h"
#include "error.h"
#include "judge/locate.h"
#include "probe/dial.h"
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_US     10000 /* between soundings: a burst would share one fate */
#define LOOK_AHEAD  6     /* rungs sent before the answers to the first are there */
#define PATIENCE_US 20000 /* on top of one and a half round trips */

/* Whether resets come from where they seem to: SYNs to each port in rounds, first to every class of
 * times to live, then to the one that answers. */
#define ORIGIN_ROUNDS     12
#define ORIGIN_ALL_ROUNDS 3
#define ORIGIN_ERROR      1e-3 /* a limit that something passes is taken for one that nothing does */

#define SYNS_MAX                                                                                   \
    (2 * (WALK_TRIES * HOPS_MAX + SOUNDINGS_MAX) + DECISIVE_TRIES + 4 * ORIGIN_ROUNDS +            \
     8 * ORIGIN_ALL_ROUNDS)

/* What hosts and routers send packets with: the classes a received time to live falls into. */
static const int initial_ttls[] = {64, 128, 255};

enum kind { KIND_RUNG, KIND_SOUNDING, KIND_ORIGIN };

struct syn {
    struct walker *walker;
    struct dial *dial;
    enum kind kind;
    bool control;
    unsigned index; /* of the rung; for KIND_ORIGIN: twice the class, plus one for above */
    uint64_t due;   /* when an answer is not waited for any longer */
    bool open;      /* neither answered nor given up */
};

/* SYNs whose answers are heard only if they have come no farther than so many hops (`at`), or one
 * hop less (`above`): how many had their time, and how many were answered. */
struct limit {
    unsigned at_sent, at_heard, above_sent, above_heard;
};

struct walker {
    sd_event *event;
    union address port, control;
    enum walk_purpose purpose;
    bool datagrams; /* in place of SYNs to the control port */
    uint64_t patience_us;
    walk_callback callback;
    void *userdata;

    struct walk walk;
    unsigned n_rungs; /* asked for so far */
    unsigned tries[2][HOPS_MAX + 1];
    bool decided; /* the silence is */
    bool asks_origin;
    unsigned rounds;
    struct limit limits[2][ELEMENTSOF(initial_ttls)]; /* of port and control, by class */
    struct syn syns[SYNS_MAX];
    size_t n_syns;
    sd_event_source *tick;
    bool over;
};

DEFINE_CLEANUP(struct walker *, walker_free)

static uint64_t now_us(const struct walker *walker)
{
    uint64_t now = 0;

    (void)sd_event_now(walker->event, CLOCK_MONOTONIC, &now);
    return now;
}

static struct attempt *rung(struct walker *walker, bool control, unsigned ttl)
{
    return control ? &walker->walk.control[ttl] : &walker->walk.port[ttl];
}

static void end(struct walker *walker, enum walk_result result, int fd)
{
    if (walker->over) {
        if (fd >= 0)
            close(fd);
        return;
    }
    walker->over = true;
    walker->tick = sd_event_source_disable_unref(walker->tick);
    for (size_t i = 0; i < walker->n_syns; i++)
        dial_stop(walker->syns[i].dial, ATTEMPT_SILENT);
    walker->callback(walker, result, fd, walker->userdata);
}

static void on_dialled(struct dial *dial, int fd, void *userdata);

/* How many times the usual patience: only deciding a silence is in a hurry; and for datagrams,
 * which are many, it is long enough. */
static unsigned patience_for(const struct walker *walker, enum kind kind, bool control,
                             unsigned index)
{
    switch (kind) {
    case KIND_RUNG:
        return walker->purpose == WALK_SILENCE || (control && walker->datagrams)
                   ? 1
                   : walker->tries[control][index];
    case KIND_SOUNDING:
        return 1;
    case KIND_ORIGIN:
        break;
    }
    return 3;
}

/* Sends one; where there is no memory or descriptor for it, it counts as unanswered. */
static void send_syn(struct walker *walker, enum kind kind, bool control, unsigned index,
                     const struct dial_options *options)
{
    struct syn *syn = &walker->syns[walker->n_syns];

    if (walker->n_syns == SYNS_MAX)
        return;
    *syn = (struct syn){.walker = walker,
                        .kind = kind,
                        .control = control,
                        .index = index,
                        .due = now_us(walker) +
                               walker->patience_us * patience_for(walker, kind, control, index),
                        .open = true};
    if (dial_new(&syn->dial, walker->event, control ? &walker->control : &walker->port, options,
                 on_dialled, syn) == 0)
        walker->n_syns++;
}

static void send_rung(struct walker *walker, bool control, unsigned ttl)
{
    bool datagram = control && walker->datagrams;
    const struct dial_options options = {
        .ttl = (int)ttl,
        .half_open = !datagram,
        .datagram = datagram,
    };

    walker->tries[control][ttl]++;
    send_syn(walker, KIND_RUNG, control, ttl, &options);
}

/* The class that the answers' times to live belong to, or -1. */
static int class_of(const struct limit limits[ELEMENTSOF(initial_ttls)])
{
    for (int class = ELEMENTSOF(initial_ttls) - 1; class >= 0; class --)
        if (limits[class].at_heard > 0)
            return class;
    return -1;
}

/*
 * One round of the SYNs whose passing or not tells how far the answers have come: for each class of
 * initial times to live, what a symmetric path leaves of it at the hop that they seem to come from,
 * and one more.
 */
static void ask_origin(struct walker *walker, unsigned first)
{
    bool all = walker->rounds++ < ORIGIN_ALL_ROUNDS;

    for (unsigned i = 0; i < 4 * ELEMENTSOF(initial_ttls); i++) {
        unsigned class = i / 4, above = i / 2 % 2, control = i % 2;
        unsigned hop = control ? walker->walk.distance : first;
        const struct dial_options options = {
            .min_ttl = initial_ttls[class] - (int)hop + 1 + (int)above,
            .half_open = true,
        };

        if (!(control && walker->datagrams) && options.min_ttl <= 255 &&
            (all || class_of(walker->limits[control]) == (int)class))
            send_syn(walker, KIND_ORIGIN, control, class * 2 + above, &options);
    }
}

static void count_origin(struct syn *syn, bool heard)
{
    struct limit *limit = &syn->walker->limits[syn->control][syn->index / 2];

    if (syn->index % 2) {
        limit->above_sent += syn->open;
        limit->above_heard += heard;
    } else {
        limit->at_sent += syn->open;
        limit->at_heard += heard;
    }
}

/* Whether it is known on which side of its limit the answers fall. */
static bool is_limit_known(const struct limit limits[ELEMENTSOF(initial_ttls)])
{
    int class = class_of(limits);
    struct soundings soundings;

    if (class < 0)
        return false;
    soundings = (struct soundings){limits[class].above_sent, limits[class].above_heard,
                                   limits[class].at_sent, limits[class].at_heard};
    return soundings.port_answered > 0 || silence_by_loss(&soundings) < ORIGIN_ERROR;
}

/* Whether the server's other answers are of this class, too, and come from where it is. */
static bool fits_control(const struct walker *walker, int class)
{
    const struct limit *limits = walker->limits[1];
    unsigned distance = walker->walk.distance;

    if (walker->datagrams)
        return walker->walk.control[distance].ttl == (unsigned)initial_ttls[class] - distance + 1;
    return is_limit_known(limits) && class_of(limits) == class && limits[class].above_heard == 0;
}

/* Whether the resets have come from the hop they seem to come from. At the server's own distance
 * they are compared with its other answers, which have to fit as well. */
static enum origin judge_origin(const struct walker *walker, unsigned first)
{
    int port = class_of(walker->limits[0]);
    bool at_server = walker->walk.distance > 0 && first >= walker->walk.distance;

    if (!is_limit_known(walker->limits[0]) || (at_server && !fits_control(walker, port)))
        return ORIGIN_UNKNOWN;
    return walker->limits[0][port].above_heard > 0 ? ORIGIN_NEARER : ORIGIN_THERE;
}

/*
 * How often a rung is asked for. Where the port's connection or reset came before the control
 * port's, everything hangs on whether the control port answers there, too.
 */
static unsigned tries_for(const struct walker *walker, bool control, unsigned ttl)
{
    enum attempt_end port = walker->walk.port[ttl].end;
    bool nearer =
        ttl < walker->walk.distance && (port == ATTEMPT_CONNECTED || port == ATTEMPT_RESET);

    if (control && walker->datagrams)
        return DATAGRAM_TRIES;
    return control && nearer ? DECISIVE_TRIES : WALK_TRIES;
}

/* Whether this rung is of interest. */
static bool is_asked(const struct walker *walker, bool control, unsigned ttl)
{
    return !control || !walker->datagrams || ttl == walk_first(walker->walk.port, ATTEMPT_RESET);
}

/* Whether this rung's answer is still owed; asks again where it is due. */
static bool is_owed(struct walker *walker, bool control, unsigned ttl)
{
    if (rung(walker, control, ttl)->end != ATTEMPT_PENDING || !is_asked(walker, control, ttl))
        return false;
    for (size_t i = 0; i < walker->n_syns; i++) {
        const struct syn *syn = &walker->syns[i];

        if (syn->open && syn->kind == KIND_RUNG && syn->control == control && syn->index == ttl)
            return true;
    }
    if (walker->tries[control][ttl] >= tries_for(walker, control, ttl)) {
        rung(walker, control, ttl)->end = ATTEMPT_SILENT;
        return false;
    }
    send_rung(walker, control, ttl);
    return true;
}

/* The last rung of interest, as far as that is known. */
static unsigned top_rung(const struct walker *walker)
{
    unsigned reset = walk_first(walker->walk.port, ATTEMPT_RESET);

    if (walker->datagrams && reset)
        return reset;
    return walker->walk.distance ? walker->walk.distance : HOPS_MAX;
}

/* Climbs on until the control port's own answer; true while an answer is owed. */
static bool climb(struct walker *walker)
{
    unsigned top = top_rung(walker), heard = 0;
    bool owed = false;

    for (unsigned ttl = 1; ttl <= walker->n_rungs; ttl++)
        if (rung(walker, !walker->datagrams, ttl)->end != ATTEMPT_PENDING)
            heard = ttl;
    while (walker->n_rungs < top && walker->n_rungs < heard + LOOK_AHEAD) {
        walker->n_rungs++;
        send_rung(walker, false, walker->n_rungs);
        if (is_asked(walker, true, walker->n_rungs))
            send_rung(walker, true, walker->n_rungs);
    }
    for (unsigned ttl = 1; ttl <= top && ttl <= walker->n_rungs; ttl++) {
        owed |= is_owed(walker, false, ttl);
        owed |= is_owed(walker, true, ttl);
    }
    return owed || walker->n_rungs < top;
}

/* Where a reset came from; true while answers to that are owed. */
static bool consider_origin(struct walker *walker)
{
    unsigned first = walk_first(walker->walk.port, ATTEMPT_RESET);
    bool measured = walker->walk.distance > 0;
    bool known = is_limit_known(walker->limits[0]) &&
                 (walker->datagrams || is_limit_known(walker->limits[1]));
    bool open = walker->rounds < ORIGIN_ROUNDS;

    if (first == 0 || (!measured && !walk_is_router(&walker->walk.control[first])))
        return false;
    walker->asks_origin = true; /* a round each tick */
    for (size_t i = 0; i < walker->n_syns; i++)
        open |= walker->syns[i].open && walker->syns[i].kind == KIND_ORIGIN;
    if (!known && open)
        return true;
    walker->walk.reset_origin = judge_origin(walker, first);
    return false;
}

/* What has been learnt, and what is to be sent next. */
static void consider(struct walker *walker)
{
    struct soundings *soundings = &walker->walk.soundings;
    bool owed = climb(walker);

    if (walker->purpose == WALK_SILENCE && !walker->decided) {
        walker->decided = silence_is_a_drop(soundings);
        if (soundings->control_sent >= SOUNDINGS_DEAD && soundings->control_answered == 0) {
            end(walker, WALK_DEAD, -1);
            return;
        }
        if (soundings->port_answered > 0 || soundings->port_sent >= SOUNDINGS_MAX) {
            end(walker, WALK_UNDECIDED, -1);
            return;
        }
        owed |= !walker->decided;
    }
    if (walk_is_misled(&walker->walk)) {
        end(walker, WALK_MISLED, -1);
        return;
    }
    if (!owed && walker->purpose == WALK_RESET)
        owed = consider_origin(walker);
    if (!owed)
        end(walker, WALK_DONE, -1);
}

/* The SYN has no answer within its time. A late one is still heard. */
static void give_up(struct syn *syn)
{
    struct soundings *soundings = &syn->walker->walk.soundings;

    if (syn->kind == KIND_ORIGIN)
        count_origin(syn, false);
    syn->open = false;
    if (syn->kind == KIND_SOUNDING && syn->control)
        soundings->control_sent++;
    else if (syn->kind == KIND_SOUNDING)
        soundings->port_sent++;
}

static void on_sounded(struct syn *syn, enum attempt_end how, int fd)
{
    struct walker *walker = syn->walker;
    struct soundings *soundings = &walker->walk.soundings;
    const struct linger orderly = {0};
    int off = 0;

    if (syn->control) {
        soundings->control_sent += syn->open;
        soundings->control_answered += how == ATTEMPT_CONNECTED;
    } else {
        soundings->port_sent += syn->open;
        soundings->port_answered++;
    }
    if (fd >= 0 && !syn->control) { /* open after all: the handshake may be completed */
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &orderly, sizeof(orderly));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &off, sizeof(off));
        end(walker, WALK_OPEN, fd);
    } else if (fd >= 0) {
        close(fd);
    }
}

static bool is_at_server(const struct attempt *attempt)
{
    bool answers = attempt->end == ATTEMPT_EXCEEDED || attempt->end == ATTEMPT_ICMP;

    return attempt->end == ATTEMPT_CONNECTED ||
           (answers && strcmp(attempt->by, attempt->address) == 0);
}

static void on_dialled(struct dial *dial, int fd, void *userdata)
{
    struct syn *syn = userdata;
    struct walker *walker = syn->walker;
    const struct attempt *attempt = dial_attempt(dial);
    unsigned *distance = &walker->walk.distance;

    switch (syn->kind) {
    case KIND_RUNG:
        *rung(walker, syn->control, syn->index) = *attempt;
        if (syn->control && is_at_server(attempt) && (*distance == 0 || syn->index < *distance))
            *distance = syn->index;
        break;
    case KIND_SOUNDING:
        on_sounded(syn, attempt->end, fd);
        fd = -1;
        break;
    case KIND_ORIGIN:
        count_origin(syn, true);
        break;
    }
    if (fd >= 0)
        close(fd);
    syn->open = false;
    if (!walker->over)
        consider(walker);
}

static int on_tick(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
    const struct dial_options half_open = {.half_open = true};
    struct walker *walker = userdata;
    uint64_t now = now_us(walker);

    for (size_t i = 0; i < walker->n_syns; i++)
        if (walker->syns[i].open && walker->syns[i].due <= now)
            give_up(&walker->syns[i]);
    if (walker->purpose == WALK_SILENCE && !walker->decided) {
        send_syn(walker, KIND_SOUNDING, false, 0, &half_open);
        send_syn(walker, KIND_SOUNDING, true, 0, &half_open);
    }
    if (walker->asks_origin && walker->rounds < ORIGIN_ROUNDS)
        ask_origin(walker, walk_first(walker->walk.port, ATTEMPT_RESET));
    (void)sd_event_source_set_time(source, now + TICK_US);
    (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    consider(walker);
    return 0;
}

static union address with_port(const union address *address, uint16_t port)
{
    union address to = *address;

    if (address_is_ipv6(&to))
        to.ipv6.sin6_port = htons(port);
    else
        to.ipv4.sin_port = htons(port);
    return to;
}

int walker_new(struct walker **ret, sd_event *event, const union address *server, uint16_t port,
               const struct walk_control *control, enum walk_purpose purpose,
               walk_callback callback, void *userdata)
{
    _cleanup_(walker_freep) struct walker *walker = calloc(1, sizeof(*walker));
    int r;

    if (!walker)
        return -ENOMEM;
    walker->event = sd_event_ref(event);
    walker->port = with_port(server, port);
    walker->control = with_port(server, control->port);
    walker->walk.alone = control->port == port;
    walker->walk.unproved = control->unproved;
    walker->datagrams = control->datagrams;
    walker->purpose = purpose;
    walker->patience_us = (uint64_t)control->rtt_us * 3 / 2 + PATIENCE_US;
    walker->callback = callback;
    walker->userdata = userdata;
    r = sd_event_add_time(event, &walker->tick, CLOCK_MONOTONIC, 0, 1000, on_tick, walker);
    if (r < 0)
        return r;
    *ret = TAKE(walker);
    return 0;
}

struct walker *walker_free(struct walker *walker)
{
    if (!walker)
        return NULL;
    for (size_t i = 0; i < walker->n_syns; i++)
        dial_free(walker->syns[i].dial);
    sd_event_source_disable_unref(walker->tick);
    sd_event_unref(walker->event);
    free(walker);
    return NULL;
}

const struct walk *walker_walk(const struct walker *walker)
{
    return &walker->walk;
}
