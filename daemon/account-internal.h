/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What account.c, where it stands what is known, and account-check.c, where it is found out, share.
 */
#include "account.h"
#include "check.h"
#include "journal.h"

/* What journal() is to tell of the account. */
#define FACTS(the_account, ...)                                                                    \
    (&(const struct event_facts){.account = (the_account)->settings->name, ##__VA_ARGS__})

struct account {
    sd_event *event;
    struct account_settings *settings;
    const struct account_listener *listener;
    void *listener_userdata, *userdata;
    struct memory *memory;
    struct logins *logins; /* NULL: nobody logs in */

    enum state state;
    bool online;              /* the network has a default route */
    struct finding *findings; /* by checks here */
    struct finding *known;    /* likewise, else remembered: what is chosen from */
    ssize_t chosen;           /* index of the endpoint to use, or -1 */
    enum security security;   /* of the chosen one, as it is to be used */
    enum provenance provenance;
    uint64_t checked_at;
    bool complete;       /* a check of this network has ended */
    bool anew;           /* the settings are, since then: what is remembered is of others */
    enum state ended_as; /* the state that the last of them came to; unconfigured: none has */
    uint64_t started_at;
    uint32_t took_ms;

    struct check *check;
    bool checking; /* the check has not ended; its process may outlive it */
    struct turn turn;
    char reason[REASON_MAX], next_reason[REASON_MAX];

    struct schedule schedule;
    struct circumstances circumstances;
    bool waiting;           /* a change has not had its check yet */
    sd_event_source *timer; /* the next check: that one, or, if nothing changes, the next look */
};

/* --- account.c ------------------------------------------------------------------------------- */

/* The listener hears of these ACCOUNT_ bits. */
void account_changed(struct account *account, unsigned changes);
void account_enter_state(struct account *account, enum state state);
/* The choice follows what is known: after each account_know(). */
void account_update_choice(struct account *account);
/* From now on this is what is known of the endpoint. Without memory the verdict alone has to do. */
void account_know(struct account *account, size_t i, enum verdict verdict,
                  const struct evidence *evidence);
/* Of each endpoint that has no verdict here yet, what the memory has of it on this network. */
void account_recall(struct account *account);
/* All endpoints unchecked again. */
void account_forget_findings(struct account *account);
/* What the last check on this network has found of the endpoint, or NULL; the account's. */
const struct finding *account_last_finding(const struct account *account, size_t index);
void account_tell_finding(const struct account *account, size_t index,
                          const struct finding *finding);
/* Writes down what is known here; without memory the journal says so. */
void account_record(struct account *account);

/* --- account-check.c ------------------------------------------------------------------------- */

/* Nothing runs any more, nor is it to be this account's turn. */
void account_stop_check(struct account *account);
/* It is this account's turn to check; for struct turn. */
void account_on_turn(void *userdata);
