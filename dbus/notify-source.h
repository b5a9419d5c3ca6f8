/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "connection.h"
#include "notify.h"

/* What mailroamd publishes, read whole whenever it says that something has changed. It is never
 * started from here. */
struct notify_source;

struct notify_source_callbacks {
    /* All of it, lent, as it is at one moment; NULL: there is no daemon. */
    void (*changed)(const struct published *published, void *userdata);
    /* A check that notify_source_check() asked for has ended, or failed, or takes long. */
    void (*checked)(void *userdata);
};

/* The connection, which has to outlive it, is its user's, who passes on what happens there. 0 or
 * negative errno. */
int notify_source_new(struct notify_source **ret, sd_event *event,
                      struct bus_connection *connection,
                      const struct notify_source_callbacks *callbacks, void *userdata);
struct notify_source *notify_source_free(struct notify_source *source);
DEFINE_CLEANUP(struct notify_source *, notify_source_free)

void notify_source_opened(struct notify_source *source);
void notify_source_closed(struct notify_source *source);
void notify_source_message(struct notify_source *source, DBusMessage *signal);

/* Reads once more. */
void notify_source_read(struct notify_source *source);

/* Has every account checked again. */
void notify_source_check(struct notify_source *source);
