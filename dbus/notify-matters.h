/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "notify-ledger.h"

/*
 * Which notifications are to stand: from what is published now, what stands, and what was told
 * before. Pure; what it decides somebody else does.
 */
struct matters;

int matters_new(struct matters **ret);
struct matters *matters_free(struct matters *matters);
DEFINE_CLEANUP(struct matters *, matters_free)

struct ledger *matters_ledger(struct matters *matters);

#define MATTERS_BURST       5 /* notifications within ... */
#define MATTERS_PERIOD_USEC UINT64_C(600000000)

/* For so long a daemon that went away may be starting again: what stands is not taken away. */
#define MATTERS_ABSENCE_USEC UINT64_C(30000000)

struct moment {
    uint64_t boottime; /* µs of CLOCK_BOOTTIME */
    uint64_t date;     /* s since 1970 */
    bool can_show;     /* somebody would show a notification now */
};

enum step {
    STEP_KEEP,     /* what stands, or nothing, as it is */
    STEP_SHOW,     /* matters_notice(), in the place of what stands of the matter, or anew */
    STEP_WITHDRAW, /* what stands */
};

struct plan {
    enum step steps[N_MATTER];
    bool held_back;    /* there is something to tell that cannot be shown now */
    uint64_t again_at; /* CLOCK_BOOTTIME: when to decide again, as far as that is a matter of time;
                          or 0 */
};

/*
 * Decides, taking what the plan says as done. `published` NULL: there is no daemon. 0 or -ENOMEM;
 * then, what the plan says up to there is to be done nevertheless.
 */
int matters_decide(struct matters *matters, const struct published *published,
                   const struct notify_settings *settings, const struct moment *moment,
                   struct plan *ret);

/* What stands of it; NULL: nothing. */
const struct notice *matters_notice(const struct matters *matters, enum matter matter);
/* The id of the network that it is about. */
const char *matters_network(const struct matters *matters, enum matter matter);

/* Somebody, or time, has taken away what stood. */
void matters_closed(struct matters *matters, enum matter matter);

/* This stands already, since an earlier process of ours. 0 or -ENOMEM. */
int matters_adopt(struct matters *matters, enum matter matter, const char *network,
                  const struct notice *notice);
