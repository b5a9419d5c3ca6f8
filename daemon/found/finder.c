/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Following other programs' files. Which files these are is known when they have been read (one
 * names another), so they are read, followed, and read again as long as there are others then:
 * nothing falls in between.
 *
 * What Evolution's registry says comes from outside, and is kept for the looks that follow.
 */
#include "found/finder.h"
#include "cleanup.h"
#include "error.h"
#include "found/evolution.h"
#include "log.h"
#include "watch/follow.h"
#include <string.h>

#define LOOKS_MAX 4

struct finder {
    sd_event *event;
    struct follow *follow;           /* NULL: no means to */
    const struct registry *registry; /* NULL: nobody knows one */
    struct registry_follower *follower;
    struct evolution_sources *told; /* by it; NULL: it is not there */
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
    int r = found_look_here(&found, finder->told, finder->clients);

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

static void on_change(void *userdata);

static void on_told(const struct registry_source *sources, size_t n, void *userdata)
{
    struct finder *finder = userdata;
    struct evolution_sources *told = NULL;

    if (sources && evolution_sources_new(&told, sources, n) < 0) {
        log_error("Cannot take in the sources of Evolution: %s", strerror(ENOMEM));
        return;
    }
    if (evolution_sources_equal(finder->told, told)) {
        evolution_sources_free(told);
        return;
    }
    evolution_sources_free(finder->told);
    finder->told = told;
    on_change(finder);
}

/* Whoever does not want Evolution's accounts has nobody asked. */
static void follow_registry(struct finder *finder)
{
    bool wanted = finder->clients & MAIL_CLIENT_BIT(MAIL_CLIENT_EVOLUTION);
    int r;

    if (!finder->registry || wanted == !!finder->follower)
        return;
    if (wanted) {
        r = finder->registry->follow(&finder->follower, finder->event, on_told, finder);
        if (r < 0)
            log_warning("Cannot follow the sources of Evolution: %s", strerror(-r));
        return;
    }
    finder->follower = finder->registry->free(finder->follower);
    finder->told = evolution_sources_free(finder->told);
}

int finder_look(struct finder *finder, unsigned clients)
{
    bool others = true;
    int r = 0;

    finder->clients = clients;
    follow_registry(finder);
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
    finder->event = sd_event_ref(event);
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
    if (finder->registry)
        finder->registry->free(finder->follower);
    evolution_sources_free(finder->told);
    follow_free(finder->follow);
    found_clear(&finder->found);
    sd_event_unref(finder->event);
    free(finder);
    return NULL;
}

void finder_set_registry(struct finder *finder, const struct registry *registry)
{
    finder->registry = registry;
}

const struct found *finder_found(const struct finder *finder)
{
    return &finder->found;
}
