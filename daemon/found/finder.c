/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Following other programs' files. Which files these are is known when they have been read (one
 * names another), so they are read, followed, and read again as long as there are others then:
 * nothing falls in between.
 */
#include "found/finder.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "watch/follow.h"
#include <string.h>

#define LOOKS_MAX 4

struct finder {
    struct follow *follow; /* NULL: no means to */
    struct found found;
    unsigned clients;
    finder_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct finder *, finder_free)

static bool same_paths(const struct found *a, const struct found *b)
{
    if (a->n_paths != b->n_paths)
        return false;
    for (size_t i = 0; i < a->n_paths; i++)
        if (strcmp(a->paths[i], b->paths[i]) != 0)
            return false;
    return true;
}

static int look_once(struct finder *finder, bool *ret_others)
{
    struct found found;
    int r = found_look_here(&found, finder->clients);

    if (r < 0) {
        found_clear(&found);
        return r;
    }
    *ret_others = !same_paths(&finder->found, &found);
    found_clear(&finder->found);
    finder->found = found;
    if (*ret_others)
        r = follow_set_paths(finder->follow, (const char *const *)found.paths, found.n_paths);
    return r;
}

int finder_look(struct finder *finder, unsigned clients)
{
    bool others = true;
    int r = 0;

    finder->clients = clients;
    for (int i = 0; r == 0 && others && i < LOOKS_MAX; i++)
        r = look_once(finder, &others);
    return r;
}

static void on_change(void *userdata)
{
    struct finder *finder = userdata;

    if (finder_look(finder, finder->clients) < 0)
        log_error("Cannot look for accounts of other programs: %s", strerror(ENOMEM));
    finder->callback(finder->userdata);
}

int finder_new(struct finder **ret, sd_event *event, finder_callback callback, void *userdata)
{
    _cleanup_(finder_freep) struct finder *finder = calloc(1, sizeof(*finder));
    int r;

    if (!finder)
        return -ENOMEM;
    finder->callback = callback;
    finder->userdata = userdata;
    r = follow_new_settling(&finder->follow, event, "the accounts of other programs", on_change,
                            finder);
    if (r < 0)
        return r;
    *ret = TAKE(finder);
    return 0;
}

struct finder *finder_free(struct finder *finder)
{
    if (!finder)
        return NULL;
    follow_free(finder->follow);
    found_clear(&finder->found);
    free(finder);
    return NULL;
}

const struct found *finder_found(const struct finder *finder)
{
    return &finder->found;
}
