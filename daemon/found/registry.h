/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/slice.h"
#include <systemd/sd-event.h>

/*
 * Evolution-Data-Server's registry of sources where it runs, by whoever knows one: this knows no
 * bus. It has what no file beneath ~/.config/evolution has, and what that has sooner.
 */

#define REGISTRY_SOURCES_MAX 512                /* as many as files of one directory */
#define REGISTRY_DATA_MAX    ((size_t)64 << 10) /* bytes of one; a real one has up to 6 KiB */

/* A source: what would be UID.source in the directory. */
struct registry_source {
    const char *uid;
    struct slice data;
};

/* These are all of its sources, which last as long as the call; NULL: there is no registry now. It
 * is also called where nothing has changed. The follower may not be freed in it. */
typedef void (*registry_callback)(const struct registry_source *sources, size_t n, void *userdata);

struct registry_follower;
struct registry {
    /* The callback comes from the loop, and never before there is a registry. 0 or negative errno.
     */
    int (*follow)(struct registry_follower **ret, sd_event *event, registry_callback callback,
                  void *userdata);
    struct registry_follower *(*free)(struct registry_follower *follower); /* NULL: NULL */
};
