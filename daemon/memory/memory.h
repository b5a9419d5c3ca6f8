/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "memory/content.h"
#include <stdbool.h>

/*
 * What was learnt on each network, kept in a file: what every account's last complete check found
 * there, and the trips. Reading never waits for the disk. Where the file cannot be written, the
 * memory lasts until the program ends.
 */
struct memory;

enum { MEMORY_NO_SUCH_NETWORK = 1 };

/*
 * Reads the file (an absolute path; NULL: nothing is kept) or starts anew. A file that is no good,
 * in part or as a whole, is kept under another name and named in the log. 0 or -ENOMEM.
 */
int memory_new(struct memory **ret, const char *path);
struct memory *memory_free(struct memory *memory);

/* What the ids of networks are made with, so that they tell nobody where somebody was. */
const uint8_t *memory_salt(const struct memory *memory);

/*
 * The present network is this one: another one than before (`moved`), since `since` (µs since
 * 1970), or better known than before. The id is "" while it is not known, and where there is none.
 * 0 or -ENOMEM.
 */
void memory_visit(struct memory *memory, const char *id, const char *name, bool moved,
                  uint64_t since);

/* The id of the present network; "" while it is not known, and where there is none. */
const char *memory_network(const struct memory *memory);

/* Whether a complete check of any account was remembered from before this visit. */
bool memory_known(const struct memory *memory);

/* What the account's last complete check on the present network found; NULL: nothing is known. Good
 * until the next record. */
const struct memory_result *memory_recall(const struct memory *memory, const char *account);

/*
 * A complete check of the account on the present network has found this; nothing is kept of a
 * network whose id is not known. When this returns, it is on the disk, or the log says why not. 0
 * or -ENOMEM.
 */
int memory_record(struct memory *memory, const char *account, const struct finding *findings,
                  size_t n, ssize_t chosen, uint64_t at, uint32_t took_ms);

/* What the endpoint of the account has to show here, from what other networks agree on (learn.h).
 * 0, LEARN_NOTHING, -ENOMEM. */
int memory_expected(const struct memory *memory, const char *account,
                    const struct endpoint *endpoint, struct finding *ret);

/*
 * Forgets the network of this id and the trips to it, or all of them (""). 0;
 * MEMORY_NO_SUCH_NETWORK; negative errno where the file still has it.
 */
int memory_forget(struct memory *memory, const char *id);

/* Forgets all that is known of the account. */
void memory_forget_account(struct memory *memory, const char *account);

/* The trips, the most recent first: `struct memory_trip`. */
const struct memory_list *memory_trips(const struct memory *memory);
