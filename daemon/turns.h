/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * Whose turn it is to check. Only so many check side by side, however many there are: each costs a
 * process, and the network the same few ports. The others stand in a line.
 */
struct turns;

#define TURNS_AT_ONCE                                                                              \
    16 /* more than nearly anybody has accounts; of 64 descriptors some are left */

struct turn {
    struct turns *turns;          /* set once, as the next two */
    void (*come)(void *userdata); /* it is yours now; from the event loop, never from turn_take() */
    void *userdata;
    /* The line's own. */
    enum { TURN_NONE, TURN_IN_LINE, TURN_TAKEN } state;
    struct turn *before, *after;
};

/* 0 or negative errno. */
int turns_new(struct turns **ret, sd_event *event);
struct turns *turns_free(struct turns *turns); /* no turn may be left */

/* True: it is yours, at once or still. False: you stand in line. */
bool turn_take(struct turn *turn);

/* Lets go of the turn, or leaves the line; nothing where there is neither. */
void turn_leave(struct turn *turn);
