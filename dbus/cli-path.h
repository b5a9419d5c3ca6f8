/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cli.h"

/* The way from here to a server as a small picture: pure, from a verdict and its evidence. */

#define PATH_MAX_STOPS 6

struct path_stop {
    const char *what; /* here, hop, unknown or server: static */
    unsigned hop;     /* of a hop: its distance; 0: not known */
    char *name;       /* as it is drawn */
};

struct path {
    struct path_stop stops[PATH_MAX_STOPS]; /* from here to the server */
    size_t n;
    size_t end;       /* the last stop that is reached */
    bool behind;      /* what gets lost is lost behind that stop, not at it */
    const char *mark; /* how it ends there, ASCII: "", "x" stopped, "!" a fault, "?" unknown */
};

/* Makes the path of an endpoint; a new struct is {0}. 0 or -ENOMEM. */
int path_make(struct path *path, const struct client_endpoint *endpoint);
void path_clear(struct path *path);

/* Draws it, indented: on one line, or where that is too narrow one stop below the other. 0 or
 * -ENOMEM. */
int path_print(const struct path *path, const struct screen *screen, enum tone tone, size_t indent);

/* "path": an array of objects with what, name, hop (or null), reached. As the others of cli.h. */
bool path_put(json_object *object, const struct path *path);
