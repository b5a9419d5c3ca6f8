/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cli.h"

/* What the parts of mailroam doctor share. */

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_PROBLEM };

struct doctor {
    const struct options *options;
    struct screen screen;
    struct client *client; /* NULL without memory; may be without a connection */
    bool reached;          /* the daemon was read */
    enum health worst;
    bool out_of_memory;
};

/* Says how it is with one thing: `subject` is one word, `advice` what to do or "". Text from
 * outside is made safe here. */
void doctor_say(struct doctor *doctor, enum health health, const char *subject, const char *advice,
                const char *format, ...) _printf_(5, 6);

/* cli-doctor-machine.c: what does not need the bus. */
void doctor_probe(struct doctor *doctor);
void doctor_state(struct doctor *doctor);
void doctor_kernel(struct doctor *doctor);

/* cli-doctor-accounts.c: the files, and whether the daemon has read them. */
void doctor_accounts(struct doctor *doctor);
