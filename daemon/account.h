/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/finding.h"
#include "memory/memory.h"
#include "schedule.h"
#include "turns.h"
#include "watch/watch.h"
#include <systemd/sd-event.h>

/*
 * One mail account at work: runs its checks, keeps the verdicts of the present network, chooses the
 * endpoint to use. Says what changes to one listener and knows nothing of the bus.
 */
struct account;

/* What has changed; combined. */
enum account_change {
    ACCOUNT_STATE = 1 << 0,
    ACCOUNT_WORKING = 1 << 1,   /* another endpoint works, or none any more */
    ACCOUNT_ENDPOINTS = 1 << 2, /* verdicts, evidence */
    ACCOUNT_CHECKED_AT = 1 << 3,
    ACCOUNT_SETTINGS = 1 << 4,
    ACCOUNT_REASON = 1 << 5, /* a check has started */
    ACCOUNT_PROVENANCE = 1 << 6,
};

/* How the endpoint to use is known. */
enum provenance {
    PROVENANCE_NONE,       /* there is none */
    PROVENANCE_REMEMBERED, /* from an earlier visit; being confirmed */
    PROVENANCE_CONFIRMED,  /* by a check here */
    N_PROVENANCE,
};

const char *provenance_to_string(enum provenance provenance);

/* What is known of the machine and of the network beside the ways of packets. */
struct circumstances {
    bool asleep; /* about to be suspended: nothing is started */
    bool portal; /* somebody else has found a captive portal */
    struct schedule_cost cost;
};

#define REASON_MAX 320 /* bytes with the NUL: a sentence with a host name in it */

struct account_listener {
    void (*changed)(struct account *account, unsigned changes, void *userdata);
    /* A check has ended; `problem` as in check.h. Always after `changed` for what it found. */
    void (*check_ended)(struct account *account, const char *problem, void *userdata);
};

/* Takes the settings over (on success); `memory` and `turns` have to live as long. It checks
 * nothing before account_set_network(). 0 or -ENOMEM. */
int account_new(struct account **ret, sd_event *event, struct account_settings *settings,
                struct memory *memory, struct turns *turns, const struct account_listener *listener,
                void *userdata);
struct account *account_free(struct account *account);

/* The network is this one now; `moved`: another than before, what was found no longer counts, what
 * the memory has does; `change`: as the schedule has it. Starts a check for this reason, as soon as
 * the schedule has it; one that runs is superseded. */
void account_set_network(struct account *account, const struct network *network, bool moved,
                         enum change change, const char *reason);

/* Something else has changed that the verdicts may depend on: likewise. */
void account_recheck(struct account *account, const char *reason);

/* The coming and going of a portal is a change too; so is waking up, but of that the caller tells.
 */
void account_set_circumstances(struct account *account, const struct circumstances *circumstances);

/* The memory knows by now which network this is: what it has of it is used until the check that
 * runs knows better, or, where one has ended, what that found is remembered. */
void account_identified(struct account *account);

/* Replaces the settings (taken over); verdicts start anew and a check begins. 0 or -ENOMEM. */
int account_set_settings(struct account *account, struct account_settings *settings);

/* The settings are the same, and these have other sources: takes them from there. */
void account_set_sources(struct account *account, struct account_settings *settings);

/* Somebody asks: starts a check now unless one is running, which then is the one asked for. */
void account_check(struct account *account);

/* Who logs in for it, where its settings ask for that; has to live as long. */
struct logins;
void account_set_logins(struct account *account, struct logins *logins);

/* A login at one of its endpoints has come to this. */
void account_note_login(struct account *account, const struct finding *finding);

const struct account_settings *account_settings(const struct account *account);
enum state account_state(const struct account *account);
/* A check is running, or waits for things to calm down. */
bool account_is_checking(const struct account *account);
/* Why the last check was started, in words; "" before the first. */
const char *account_reason(const struct account *account);
/* In order of preference, as many as settings->n_endpoints. */
const struct finding *account_findings(const struct account *account);
/* Whether an endpoint has this verdict now. */
bool account_has(const struct account *account, enum verdict verdict);
/* The endpoint to use, as found here or remembered, or NULL. */
const struct finding *account_working(const struct account *account);
enum provenance account_provenance(const struct account *account);
/* µs since 1970 at which the last complete check ended; 0: none yet. */
uint64_t account_checked_at(const struct account *account);

/* For whoever publishes the account: one pointer of his. */
void account_set_userdata(struct account *account, void *userdata);
void *account_userdata(const struct account *account);
