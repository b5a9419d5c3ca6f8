/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Reading walks. A router looks at the time to live before it looks at its forward rules: so one
 * that stops a port still answers "time exceeded" for it at its own distance, and what it does to
 * the port (drop, reset) shows one hop later. One that takes connections for itself does so at its
 * own distance. Routers that answer nobody leave gaps, which lower the confidence and change
 * nothing else.
 */
#include "judge/locate.h"
#include <string.h>

/* A drop right before the server is the server's end when that is so much nearer to it than to us,
 * or when there is nothing between; on a shorter path the last router may as well be the hotel's.
 */
#define SERVER_END_DISTANCE 5

static bool answered(const struct attempt *attempt)
{
    return attempt->end == ATTEMPT_EXCEEDED || attempt->end == ATTEMPT_CONNECTED ||
           attempt->end == ATTEMPT_RESET || attempt->end == ATTEMPT_ICMP;
}

bool walk_is_router(const struct attempt *walked)
{
    return walked->end == ATTEMPT_EXCEEDED && strcmp(walked->by, walked->address) != 0;
}

/* What the router at this hop is called, by either port's walk. */
static const char *router_at(const struct walk *walk, unsigned hop)
{
    if (hop == 0)
        return NULL;
    if (walk_is_router(&walk->port[hop]))
        return walk->port[hop].by;
    return walk_is_router(&walk->control[hop]) ? walk->control[hop].by : NULL;
}

unsigned walk_first(const struct attempt *walked, enum attempt_end end)
{
    for (unsigned ttl = 1; ttl <= HOPS_MAX; ttl++)
        if (walked[ttl].end == end)
            return ttl;
    return 0;
}

static unsigned last_router(const struct walk *walk)
{
    unsigned last = 0;

    for (unsigned ttl = 1; ttl <= HOPS_MAX; ttl++)
        if (walk_is_router(&walk->port[ttl]))
            last = ttl;
    return last;
}

bool walk_is_misled(const struct walk *walk)
{
    return !walk->alone && walk->distance > 0 && last_router(walk) >= walk->distance;
}

struct place locate_drop(const struct walk *walk)
{
    unsigned last = last_router(walk), next = last + 1;
    bool adjacent;

    while (next <= HOPS_MAX && !answered(&walk->control[next]))
        next++;
    adjacent = next == last + 1 && next <= HOPS_MAX;
    if (adjacent && next == walk->distance && (next == 1 || next >= SERVER_END_DISTANCE))
        return (struct place){.hop = next, .confidence = "likely", .at_server = true};
    if (last == 0) /* this machine's own firewall, or the first router before all else */
        return (struct place){.confidence = "guess"};
    /* Right before the server, its own firewall would look the same. */
    return (struct place){
        .hop = last,
        .by = walk->port[last].by,
        .confidence = adjacent && next != walk->distance ? "proven" : "likely",
    };
}

/* The port answers with a time to live with which the control port does not: proven where a router
 * says that this one's packets go on from there. */
static const char *nearer_confidence(const struct walk *walk, unsigned first)
{
    return first >= walk->distance || walk_is_router(&walk->control[first]) ? "proven" : "likely";
}

/* Where no other port answers, a router that answers where the first reset came from is enough: the
 * reset has come from before it, or from itself. */
struct place locate_reset(const struct walk *walk)
{
    unsigned first = walk_first(walk->port, ATTEMPT_RESET);
    unsigned hop = walk->reset_origin == ORIGIN_THERE ? first : first - 1;
    bool measured = walk->distance > 0;

    if (first == 0 || (!measured && !walk_is_router(&walk->control[first])))
        return (struct place){.confidence = "guess", .at_server = true};
    /* Beyond the server's distance: its resets at that distance were lost. */
    if (measured &&
        (hop >= walk->distance || (first == walk->distance && walk->reset_origin != ORIGIN_NEARER)))
        return (struct place){
            .confidence =
                first == walk->distance && walk->reset_origin == ORIGIN_THERE ? "proven" : "likely",
            .at_server = true,
        };
    if (first == 1) {
        /* Faster than any wire, unless the wire is none (veth): then the first router is, too. */
        if (walk->port[1].at_once && !walk->control[1].at_once)
            return (struct place){.confidence = "proven"};
        hop = first; /* a router that looks at its rules before it looks at the time to live */
    }
    return (struct place){
        .hop = hop,
        .by = router_at(walk, hop),
        .confidence = measured ? nearer_confidence(walk, first) : "likely",
    };
}

struct place locate_router(const struct walk *walk, const char *address)
{
    for (unsigned ttl = 1; ttl <= HOPS_MAX; ttl++) {
        const char *router = router_at(walk, ttl);

        if (router && strcmp(router, address) == 0)
            return (struct place){.hop = ttl, .by = address, .confidence = "proven"};
    }
    return (struct place){.by = address, .confidence = "proven"};
}

bool locate_proxy(const struct walk *walk, bool on_link, struct place *ret)
{
    unsigned first = walk_first(walk->port, ATTEMPT_CONNECTED);
    bool unproved = walk->alone || walk->unproved;
    bool gateway = unproved && first == 1 && !on_link, nearer = first < walk->distance;

    if (first == 0 || walk->distance == 0 || (!nearer && !gateway))
        return false;
    *ret = (struct place){
        .hop = first,
        .confidence = unproved && !gateway ? "likely" : nearer_confidence(walk, first),
    };
    if (walk_is_router(&walk->control[first]))
        ret->by = walk->control[first].by;
    return true;
}
