/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the tests of the memory share: a memory on files of the test's own, and something to put in
 * it. Nothing here returns where it cannot do its work: that ends the test. */

#include "memory/memory.h"
#include "tap.h"

#define MINUTE UINT64_C(60000000)
#define NOON   UINT64_C(1700000000000000)

extern char folder[32]; /* of the whole test; gone after fixture_end() */
extern char path[80];   /* of the file of the test at work */

void fixture_begin(void); /* the log, too, goes to a file from now on */
void fixture_end(void);

void bail_out(const char *what);

/* A directory of its own for each test. */
void begin(const char *name);
struct memory *open_memory(void);

void put_file(const char *text, size_t length);
char *get_file(void); /* the whole file, new; "" where there is none */

/* How many files were set aside, and the last of them in *ret (new), where asked for. */
size_t count_aside(char **ret);

/* Puts a file where the directory should stand, or takes it away: while it is there nothing is
 * written, which is quicker where much is to be remembered. */
void block_directory(bool block);

unsigned logged(const char *words); /* in how many lines of the log these words stand */

/* A check of three endpoints with these verdicts. */
void record(struct memory *memory, const char *account, enum verdict tls, enum verdict starttls,
            enum verdict relay, uint64_t at);

#define HOTEL(memory, at) record(memory, "me", VERDICT_BLOCKED, VERDICT_WORKS, VERDICT_BLOCKED, at)

/* The trip of this number, the most recent first, or NULL. */
const struct memory_trip *trip(const struct memory *memory, size_t i);
