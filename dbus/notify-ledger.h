/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "notify.h"

/*
 * What was told on which network, so that it is told once; which networks are to be left alone; and
 * through which endpoint each account's mail left last. Pure: its file is read and written as text.
 * Times are seconds since 1970. At most LEDGER_MAX entries, of which the oldest go.
 */
struct ledger;

#define LEDGER_MAX 2000

int ledger_new(struct ledger **ret);
struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free)

/* Takes in the text of the file; lines that make no sense are left out and counted. 0 or -ENOMEM.
 */
int ledger_parse(struct ledger *ledger, const char *text, unsigned *ret_left_out);
char *ledger_format(const struct ledger *ledger); /* new; NULL without memory */

/* Has it changed since this was last asked? */
bool ledger_changed(struct ledger *ledger);

/* Notes that this was told now. 0 or -ENOMEM. */
int ledger_tell(struct ledger *ledger, const char *network, enum matter matter, const char *detail,
                uint64_t now);
/* Is it in there, and so nothing new? What was over in the meantime is new again after an hour. */
bool ledger_knows(const struct ledger *ledger, const char *network, enum matter matter,
                  const char *detail, uint64_t now);
/* What was told of this network and is not among the claims does not hold any more. */
void ledger_end(struct ledger *ledger, const char *network, const struct claims *claims);
/* It was told nothing of this network; its being muted stays. */
void ledger_forget(struct ledger *ledger, const char *network);

int ledger_mute(struct ledger *ledger, const char *network, uint64_t now); /* 0 or -ENOMEM */
bool ledger_muted(const struct ledger *ledger, const char *network);

/* The detail of MATTER_PORT_CHANGED that held last for the account; NULL: none is known. */
const char *ledger_last(const struct ledger *ledger, const char *account);
int ledger_set_last(struct ledger *ledger, const char *account, const char *detail, uint64_t now);
