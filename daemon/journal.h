/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cleanup.h"
#include "judge/finding.h"
#include <stdbool.h>

/*
 * What happens, told to people in a sentence and to programs in fields: mailroam.journal(7) has
 * them all. Each kind of event has its MESSAGE_ID and its level in one table in journal.c, and its
 * explanation in systemd/mailroam.catalog.
 */
enum event {
    EVENT_NETWORK,          /* another network, or none */
    EVENT_NETWORK_KNOWN,    /* which one it is */
    EVENT_PATH,             /* another way to a server */
    EVENT_CHECK_STARTED,    /* of an account */
    EVENT_VERDICT,          /* of an endpoint */
    EVENT_CHECK_ENDED,      /* every endpoint has its verdict */
    EVENT_PORTAL,           /* likewise, and a portal stands in the way */
    EVENT_CHECK_FAILED,     /* it came to no end */
    EVENT_WORKING,          /* another endpoint works */
    EVENT_NONE_WORKS,       /* none any more */
    EVENT_STATE,            /* of an account */
    EVENT_ACCOUNT_FILE,     /* cannot be used */
    EVENT_SETTINGS_FILE,    /* likewise, in part or as a whole */
    EVENT_UNKNOWN_SETTING,  /* in either; ignored */
    EVENT_BUS_READY,        /* our name on it is ours */
    EVENT_BUS_LOST,         /* waited for */
    EVENT_BUS_FAILED,       /* not waited for */
    EVENT_MEMORY_BROKEN,    /* the file of what was learnt, in part or as a whole */
    EVENT_MEMORY_SET_ASIDE, /* likewise: it is kept, and a new one made */
    EVENT_MEMORY_UNWRITTEN, /* what is learnt lasts until the daemon ends */
    EVENT_MEMORY_WRITTEN,   /* again */
    EVENT_CLOCK_SET,
    EVENT_CLOCK_WRONG,
    EVENT_LEFT_OUT, /* so many events of one kind were not told */
    N_EVENT,
};

/* The fields; what is NULL or 0 is left out. All of it is safe to show. */
struct event_facts {
    const char *account; /* its name; the sentence begins with it */
    const struct endpoint *endpoint;
    const struct finding *finding; /* its endpoint, verdict, and where the evidence has it, why */
    const char *reason, *state, *provenance;
    const char *file;
    unsigned line;
    bool repeated; /* nothing new: at LOG_DEBUG */
};

/*
 * One event. Goes where log_message() goes, and the fields with it where that is the journal. There
 * an account that is named by a mail address is told without the person (journal_account()).
 * Of one kind, EVENT_BURST are told in EVENT_PERIOD_US, then it is counted, errors excepted: no
 * network that flaps and no server that changes its mind floods a journal.
 */
void journal(enum event event, const struct event_facts *facts, const char *format, ...)
    _printf_(3, 4);

#define EVENT_BURST     200
#define EVENT_PERIOD_US UINT64_C(600000000)

/* The network from now on: on each event. "" where there is none, or it is not known. */
void journal_on_network(const char *id, const char *name);

#define JOURNAL_ACCOUNT_MAX 80 /* bytes with the NUL */

/*
 * What the journal calls the account of this name. Journals are collected, and a mail address is
 * nobody's business there, though by default an account is named by it: of "jane@example.org" it
 * has "j...@example.org". Returns `buffer`.
 */
const char *journal_account(const char *name, char buffer[static JOURNAL_ACCOUNT_MAX]);
