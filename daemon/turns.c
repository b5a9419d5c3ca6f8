/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A line of those who want to check. What has a turn is in no list, only counted. Nothing here
 * needs memory once it is set up. The next one is called from the event loop, one in each of its
 * turns: a thousand who fail at once do not stand on each other's stack.
 */
#include "turns.h"
#include "cleanup.h"
#include "error.h"

struct turns {
    sd_event_source *call; /* on while there is somebody to be called */
    unsigned taken;
    struct turn *first, *last;
};

DEFINE_CLEANUP(struct turns *, turns_free)

static void add_last(struct turns *turns, struct turn *turn)
{
    turn->before = turns->last;
    turn->after = NULL;
    *(turns->last ? &turns->last->after : &turns->first) = turn;
    turns->last = turn;
    turn->state = TURN_IN_LINE;
}

static void unlink_turn(struct turns *turns, struct turn *turn)
{
    *(turn->before ? &turn->before->after : &turns->first) = turn->after;
    *(turn->after ? &turn->after->before : &turns->last) = turn->before;
    turn->state = TURN_NONE;
}

static void call_next(struct turns *turns)
{
    if (turns->first && turns->taken < TURNS_AT_ONCE)
        (void)sd_event_source_set_enabled(turns->call, SD_EVENT_ONESHOT);
}

static int on_call(sd_event_source *source _unused_, void *userdata)
{
    struct turns *turns = userdata;
    struct turn *turn = turns->first;

    if (!turn || turns->taken == TURNS_AT_ONCE)
        return 0; /* whoever was to be called has left meanwhile */
    unlink_turn(turns, turn);
    turn->state = TURN_TAKEN;
    turns->taken++;
    call_next(turns);
    turn->come(turn->userdata);
    return 0;
}

bool turn_take(struct turn *turn)
{
    struct turns *turns = turn->turns;

    if (turn->state == TURN_NONE) {
        if (turns->first || turns->taken == TURNS_AT_ONCE) {
            add_last(turns, turn);
        } else {
            turn->state = TURN_TAKEN;
            turns->taken++;
        }
    }
    return turn->state == TURN_TAKEN;
}

void turn_leave(struct turn *turn)
{
    struct turns *turns = turn->turns;

    switch (turn->state) {
    case TURN_TAKEN:
        turn->state = TURN_NONE;
        turns->taken--;
        call_next(turns);
        break;
    case TURN_IN_LINE:
        unlink_turn(turns, turn);
        break;
    case TURN_NONE:
        break;
    }
}

int turns_new(struct turns **ret, sd_event *event)
{
    _cleanup_(turns_freep) struct turns *turns = calloc(1, sizeof(*turns));
    int r;

    if (!turns)
        return -ENOMEM;
    r = sd_event_add_defer(event, &turns->call, on_call, turns);
    if (r >= 0)
        r = sd_event_source_set_enabled(turns->call, SD_EVENT_OFF);
    if (r < 0)
        return r;
    *ret = TAKE(turns);
    return 0;
}

struct turns *turns_free(struct turns *turns)
{
    if (!turns)
        return NULL;
    sd_event_source_disable_unref(turns->call);
    free(turns);
    return NULL;
}
