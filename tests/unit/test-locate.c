/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Reading walks: a path of three routers and a server at hop 4, and what can happen on it. */
#include "cleanup.h"
#include "judge/locate.h"
#include "tap.h"

#define SERVER "192.0.2.25"
static const char *const routers[] = {"", "10.20.0.1", "198.51.100.2", "198.51.100.6"};

/*
 * A walk from two lines of marks, one a time to live from 1 on: `x` time exceeded by the router there,
 * `s` by the server itself, `c` connected, `r` reset, `.` silence.
 */
static void draw(const char *port, const char *control, struct walk *ret)
{
    *ret = (struct walk){0};
    for (unsigned which = 0; which < 2; which++) {
        const char *marks = which ? control : port;

        for (unsigned ttl = 1; ttl <= strlen(marks); ttl++) {
            struct attempt *attempt = which ? &ret->control[ttl] : &ret->port[ttl];

            strcpy(attempt->address, SERVER);
            switch (marks[ttl - 1]) {
            case 'x':
                attempt->end = ATTEMPT_EXCEEDED;
                strcpy(attempt->by, routers[ttl]);
                break;
            case 's':
                attempt->end = ATTEMPT_EXCEEDED;
                strcpy(attempt->by, SERVER);
                if (which && ret->distance == 0)
                    ret->distance = ttl;
                break;
            case 'c':
                attempt->end = ATTEMPT_CONNECTED;
                if (which && ret->distance == 0)
                    ret->distance = ttl;
                break;
            case 'r':
                attempt->end = ATTEMPT_RESET;
                break;
            default:
                attempt->end = ATTEMPT_SILENT;
                break;
            }
        }
    }
}

static void test_drops(void)
{
    static const struct {
        const char *name, *port, *control;
        unsigned hop;
        const char *by, *confidence;
        bool at_server;
    } cases[] = {
        {"dropped behind router 1", "x...", "xxxc", 1, "10.20.0.1", "proven", false},
        {"dropped behind router 2", "xx..", "xxxc", 2, "198.51.100.2", "proven", false},
        {"dropped before the server", "xxx.", "xxxc", 3, "198.51.100.6", "likely", false},
        {"dropped before anything", "....", "xxxc", 0, NULL, "guess", false},
        {"router 2 silent for all", "x...", "x.xc", 1, "10.20.0.1", "likely", false},
        {"all routers silent", "....", "...c", 0, NULL, "guess", false},
        {"router 1 silent for all", ".x..", ".xxc", 2, "198.51.100.2", "proven", false},
    };
    struct walk walk;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct place place;

        draw(cases[i].port, cases[i].control, &walk);
        place = locate_drop(&walk);
        is_number(place.hop, cases[i].hop, "%s: hop", cases[i].name);
        is_string(place.by, cases[i].by, "%s: by", cases[i].name);
        is_string(place.confidence, cases[i].confidence, "%s: confidence", cases[i].name);
        ok(place.at_server == cases[i].at_server, "%s: end", cases[i].name);
    }
    draw("xxx...", "xxx...", &walk);
    for (unsigned ttl = 4; ttl <= 5; ttl++)
        walk.port[ttl].end = walk.control[ttl].end = ATTEMPT_EXCEEDED;
    walk.control[6].end = ATTEMPT_CONNECTED;
    walk.distance = 6;
    ok(locate_drop(&walk).at_server, "the last step of a long path is the server's end");
    draw("xxxs.", "xxxsc", &walk);
    is_number(locate_drop(&walk).hop, 3, "behind a server that passes the port on: hop");
    ok(!walk_is_misled(&walk), "and its own answers mislead nobody");
    draw(".", "c", &walk);
    ok(locate_drop(&walk).at_server, "so is a neighbour's silence");
    draw("xx..", "c...", &walk);
    ok(walk_is_misled(&walk), "a control port that ends nearer than the port's routers misleads");
    draw("x...", "xc..", &walk);
    ok(!walk_is_misled(&walk), "one that ends behind them does not");
}

static void test_resets(void)
{
    static const struct {
        const char *name, *port, *control;
        enum origin origin;
        bool at_server;
        unsigned hop;
        const char *by, *confidence;
    } cases[] = {
        {"by router 1", "xrrr", "xxxc", ORIGIN_UNKNOWN, false, 1, "10.20.0.1", "proven"},
        {"by router 2", "xxrr", "xxxc", ORIGIN_UNKNOWN, false, 2, "198.51.100.2", "proven"},
        {"by router 2 before it looks at the time to live", "xrrr", "xxxc", ORIGIN_THERE, false, 2,
         "198.51.100.2", "proven"},
        {"by router 1 before it looks at the time to live", "rrrr", "xxxc", ORIGIN_THERE, false, 1,
         "10.20.0.1", "proven"},
        {"at the server's distance, from nearer", "xxxr", "xxxc", ORIGIN_NEARER, false, 3,
         "198.51.100.6", "proven"},
        {"by the server", "xxxr", "xxxc", ORIGIN_THERE, true, 0, NULL, "proven"},
        {"at the server's distance", "xxxr", "xxxc", ORIGIN_UNKNOWN, true, 0, NULL, "likely"},
        {"by the server, the one at its distance lost", "xxx.r", "xxxcc", ORIGIN_UNKNOWN, true, 0,
         NULL, "likely"},
        {"by a silent router", "x.rr", "x.xc", ORIGIN_UNKNOWN, false, 2, NULL, "proven"},
        {"where the server may have answered, too", "xxr.", "xx.c", ORIGIN_UNKNOWN, false, 2,
         "198.51.100.2", "likely"},
        {"behind the server's distance", "xx..r", "xxxc", ORIGIN_UNKNOWN, true, 0, NULL, "likely"},
        {"distance unknown", "xxrr", "xx..", ORIGIN_UNKNOWN, true, 0, NULL, "guess"},
        {"distance unknown, but a router is farther", "xxrr", "..x.", ORIGIN_UNKNOWN, false, 2,
         "198.51.100.2", "likely"},
        {"distance unknown, but a router is as far", "xrrr", ".x..", ORIGIN_THERE, false, 2,
         "198.51.100.2", "likely"},
        {"distance unknown, but the server is not as near", "xxrr", "..s.", ORIGIN_UNKNOWN, true, 0,
         NULL, "likely"},
        {"by a server that passes its other ports on", "xxxr", "xxxs", ORIGIN_THERE, true, 0, NULL,
         "proven"},
        {"no reset seen again", "xxx.", "xxxc", ORIGIN_UNKNOWN, true, 0, NULL, "guess"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct place place;
        struct walk walk;

        draw(cases[i].port, cases[i].control, &walk);
        walk.reset_origin = cases[i].origin;
        place = locate_reset(&walk);
        ok(place.at_server == cases[i].at_server, "%s: whose", cases[i].name);
        is_number(place.hop, cases[i].hop, "%s: hop", cases[i].name);
        is_string(place.by, cases[i].by, "%s: by", cases[i].name);
        is_string(place.confidence, cases[i].confidence, "%s: confidence", cases[i].name);
    }
}

static void test_self(void)
{
    struct walk walk;

    draw("rrrr", "xxxc", &walk);
    walk.port[1].at_once = true;
    is_number(locate_reset(&walk).hop, 0, "a reset faster than the first router is our own");
    walk.control[1].at_once = true;
    is_number(locate_reset(&walk).hop, 1, "unless that router is as fast");
}

static void test_others(void)
{
    struct place place = {0};
    struct walk walk;

    draw("xccc", "xxxc", &walk);
    ok(locate_proxy(&walk, false, &place) && place.hop == 2, "a proxy at hop 2");
    is_string(place.by, "198.51.100.2", "and its address, from the control port");
    draw("xxxc", "xxxc", &walk);
    ok(!locate_proxy(&walk, false, &place), "no proxy where both end at one distance");
    draw("xccc", "xccc", &walk);
    ok(!locate_proxy(&walk, false, &place), "nothing to measure by where both are proxied");
    draw("xxxc", "xxxsc", &walk);
    ok(!locate_proxy(&walk, false, &place), "nothing nearer than a server that passes ports on");
    draw("xccc", "xxxc", &walk);
    walk.unproved = true;
    ok(locate_proxy(&walk, false, &place), "nearer than a port that has proved nothing");
    is_string(place.confidence, "likely", "is not certain");
    draw("cccc", "cccc", &walk);
    walk.unproved = true;
    ok(locate_proxy(&walk, false, &place), "both right behind the first hop");
    is_string(place.confidence, "proven", "is certain");
    ok(!locate_proxy(&walk, true, &place), "but not at a neighbour");
    draw("xxx.", "xxx.", &walk);
    ok(!locate_proxy(&walk, false, &place), "nothing to say where nothing connects");
    is_number(locate_router(&walk, "198.51.100.6").hop, 3, "a router by its address");
    is_number(locate_router(&walk, "203.0.113.9").hop, 0, "a stranger has no hop");
}

static void test_silence(void)
{
    static const struct {
        struct soundings soundings;
        bool drop;
    } cases[] = {
        {{10, 0, 10, 10}, false}, {{11, 0, 11, 11}, true},  {{12, 0, 12, 12}, true},
        {{3, 0, 3, 3}, false},    {{60, 0, 60, 0}, false},  {{60, 1, 60, 60}, false},
        {{12, 0, 12, 6}, false},  {{40, 0, 40, 26}, true},  {{0, 0, 60, 60}, false},
        {{20, 0, 20, 13}, false},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        ok(silence_is_a_drop(&cases[i].soundings) == cases[i].drop,
           "%u of %u answered, control %u of %u: %s (%g)", cases[i].soundings.port_answered,
           cases[i].soundings.port_sent, cases[i].soundings.control_answered,
           cases[i].soundings.control_sent, cases[i].drop ? "a drop" : "undecided",
           silence_by_loss(&cases[i].soundings));
}

int main(void)
{
    test_drops();
    test_resets();
    test_self();
    test_others();
    test_silence();
    return tap_done();
}
