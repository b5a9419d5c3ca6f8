/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include <stdbool.h>
#include <stddef.h>

/* SRV and MX records, from the name servers of resolv.conf. Nothing of them is proved: whoever can
 * forge DNS can forge them. */

#define RECORDS_MAX 16 /* more are left out */

struct record {
    char host[HOST_MAX + 1]; /* "": the root, which says that there is no such service */
    uint16_t port;           /* of SRV */
    unsigned priority, weight;
};

enum record_type { RECORD_SRV, RECORD_MX };

struct question {
    const char *name;
    enum record_type type;
    struct record records[RECORDS_MAX]; /* the preferred ones first */
    size_t n_records;
    const char *problem; /* why there is none, static; NULL where there is one */
    bool answered;       /* by somebody who should know, be it with "none" */
};

/* Asks all of them at once, and returns when all are answered or given up. 0 or negative errno. */
int records_ask(struct question *questions, size_t n);
