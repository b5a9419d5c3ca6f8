/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "bus.h"
#include "manager.h"

/* org.mailroam.Mailroam1: the manager and the accounts as objects on the bus. */

#define MAILROAM_NAME "org.mailroam.Mailroam1"
#define MAILROAM_PATH "/org/mailroam/Mailroam1"

struct publisher;

/* Turns what the manager and its accounts say into properties and signals; the listener's userdata
 * is the publisher. */
extern const struct manager_listener publisher_listener;

/* 0 or -ENOMEM. The bus has to live as long. */
int publisher_new(struct publisher **ret, sd_event *event, struct bus *bus);
/* Answers who still waits for a check: the daemon is stopping. */
void publisher_stop(struct publisher *publisher);
struct publisher *publisher_free(struct publisher *publisher);

/* Publishes the manager; before the loop runs and before manager_load(). 0 or negative errno. */
int publisher_set_manager(struct publisher *publisher, struct manager *manager);
