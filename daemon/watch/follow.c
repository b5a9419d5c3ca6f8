/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Following a file by its path with inotify. A path is walked as the kernel walks it, and on each
 * step the directory is watched for the one name that the step looks up: so it is noticed whatever
 * is replaced, removed or created on the way, a link's target and a directory far up included. The
 * file at the end is watched for writers that close it.
 *
 * A path that ends with a slash is a directory with everything in it. Who has a second is woken
 * once for all that happens until then, however busy a home directory is.
 *
 * Always: a directory is watched before the name is looked up in it, and the file before anybody
 * reads it, so nothing falls between the two. Other names in those directories reach nobody.
 *
 * Refused: to look at a file while its writer has it open (IN_MODIFY): it would be seen half
 * written.
 */
#include "watch/follow.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#define STEPS_MAX 4096 /* of all paths, links included */
#define LINKS_MAX 40   /* of one path, as in the kernel */
#define DRAIN_MAX 64   /* reads a turn; the loop has other work, too */
#define SETTLE_US UINT64_C(1000000)
#define IN_NAMES  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

struct step {
    int watch;
    char *name; /* looked up in that directory; "": it is the file itself; "/": every name counts */
};

struct follow {
    int fd;
    sd_event_source *readable, *settled; /* without the second: at once */
    char **paths;
    size_t n_paths;
    struct step *steps;
    size_t n_steps;
    bool complained;
    bool again; /* it is to be reported whether anything has come or not */
    follow_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct follow *, follow_free)

/* False where the walk ends: nothing there to watch, or no means to. */
static bool add_step(struct follow *follow, const char *path, uint32_t mask, const char *name,
                     size_t name_length)
{
    struct step *steps;
    int watch;

    if (follow->n_steps == STEPS_MAX || name_length > NAME_MAX)
        return false;
    watch = inotify_add_watch(follow->fd, path, mask | IN_MASK_ADD); /* others look here, too */
    if (watch < 0) {
        /* The others are everyday: no such directory, or not for our eyes. */
        if ((errno == ENOSPC || errno == ENOMEM) && !follow->complained) {
            follow->complained = true;
            log_warning("Cannot follow changes in %s: %s", path, strerror(errno));
        }
        return false;
    }
    for (size_t i = 0; i < follow->n_steps; i++)
        if (follow->steps[i].watch == watch && strlen(follow->steps[i].name) == name_length &&
            memcmp(follow->steps[i].name, name, name_length) == 0)
            return true;
    steps = reallocarray(follow->steps, follow->n_steps + 1, sizeof(*steps));
    if (!steps)
        return false;
    follow->steps = steps;
    steps[follow->n_steps] = (struct step){watch, strndup(name, name_length)};
    if (!steps[follow->n_steps].name)
        return false;
    follow->n_steps++;
    return true;
}

/* A path on the way: `done` has no links in it ("" is the root), `rest` is still to be walked. */
struct walk {
    char done[PATH_MAX], path[PATH_MAX];
    const char *rest; /* in `path` as soon as there was a link */
    int links;
};

/* Goes on with a link's target, `n` bytes, before the rest. */
static bool follow_link(struct walk *walk, char target[static PATH_MAX], size_t n)
{
    size_t left = strlen(walk->rest) + 1;

    if (++walk->links > LINKS_MAX || n + left > PATH_MAX)
        return false;
    memcpy(target + n, walk->rest, left);
    memcpy(walk->path, target, n + left);
    walk->rest = walk->path;
    return true;
}

/* Goes down by the name that `rest` begins with. False where the walk ends. */
static bool go_down(struct follow *follow, struct walk *walk, size_t length)
{
    size_t parent_length = strlen(walk->done);
    char target[PATH_MAX];
    ssize_t n;

    if (parent_length + 1 + length >= sizeof(walk->done) ||
        !add_step(follow, parent_length > 0 ? walk->done : "/", IN_NAMES, walk->rest, length))
        return false;
    walk->done[parent_length] = '/';
    memcpy(walk->done + parent_length + 1, walk->rest, length);
    walk->done[parent_length + 1 + length] = '\0';
    walk->rest += length;

    n = readlink(walk->done, target, sizeof(target));
    if (n <= 0)
        return n < 0 && errno == EINVAL; /* it is there, and no link */
    walk->done[target[0] == '/' ? 0 : parent_length] = '\0';
    return follow_link(walk, target, (size_t)n);
}

static void go_up(struct walk *walk)
{
    char *last = strrchr(walk->done, '/');

    if (last)
        *last = '\0';
}

static void walk_path(struct follow *follow, const char *path)
{
    struct walk walk = {.rest = path};

    while (walk.rest[0] != '\0') {
        size_t length;

        walk.rest += strspn(walk.rest, "/");
        length = strcspn(walk.rest, "/");
        if (length <= 2 && strncmp(walk.rest, "..", length) == 0) { /* "", "." and ".." */
            if (length == 2)
                go_up(&walk);
            walk.rest += length;
        } else if (!go_down(follow, &walk, length))
            return;
    }
    if (path[strlen(path) - 1] == '/')
        (void)add_step(follow, walk.done, IN_NAMES | IN_CLOSE_WRITE | IN_ATTRIB, "/", 1);
    else
        (void)add_step(follow, walk.done, IN_CLOSE_WRITE | IN_DONT_FOLLOW, "", 0);
}

static void steps_free(struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(steps[i].name);
    free(steps);
}

/* Walks all paths anew and ends the watches that none of them needs any more. */
static void walk_all(struct follow *follow)
{
    struct step *before = TAKE(follow->steps);
    size_t n_before = follow->n_steps;

    follow->n_steps = 0;
    for (size_t i = 0; i < follow->n_paths; i++)
        walk_path(follow, follow->paths[i]);
    for (size_t i = 0; i < n_before; i++) {
        bool needed = false;

        for (size_t j = 0; j < follow->n_steps && !needed; j++)
            needed = follow->steps[j].watch == before[i].watch;
        if (!needed) /* it may be gone with its directory, or named here twice */
            (void)inotify_rm_watch(follow->fd, before[i].watch);
    }
    steps_free(before, n_before);
}

static bool concerns(const struct follow *follow, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return true;
    for (size_t i = 0; i < follow->n_steps; i++) {
        const struct step *step = &follow->steps[i];

        if (step->watch == event->wd && (step->name[0] == '\0' || step->name[0] == '/' ||
                                         (event->mask & (IN_IGNORED | IN_UNMOUNT)) ||
                                         (event->len > 0 && strcmp(event->name, step->name) == 0)))
            return true;
    }
    return false;
}

/* Looks at what has come. */
static void take_events(struct follow *follow)
{
    _Alignas(struct inotify_event) char buffer[4096];
    bool concerned = follow->again;
    ssize_t n;

    /* To the end, so that a burst is one change; a queue's length at most, so that it has one. */
    for (int i = 0; i < DRAIN_MAX && (n = read(follow->fd, buffer, sizeof(buffer))) > 0; i++)
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *event = (const struct inotify_event *)at;

            concerned = concerned || concerns(follow, event);
            at += sizeof(*event) + event->len;
        }
    follow->again = false;
    if (concerned) {
        walk_all(follow);
        follow->callback(follow->userdata); /* last: it may free this */
    }
}

static int on_settled(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct follow *follow = userdata;

    (void)sd_event_source_set_enabled(follow->readable, SD_EVENT_ON);
    take_events(follow);
    return 0;
}

static int settle(struct follow *follow)
{
    int r = sd_event_source_set_time_relative(follow->settled, SETTLE_US);

    if (r >= 0)
        r = sd_event_source_set_enabled(follow->settled, SD_EVENT_ONESHOT);
    if (r >= 0)
        r = sd_event_source_set_enabled(follow->readable, SD_EVENT_OFF);
    return r;
}

/* Whoever is patient is not woken until then, however busy a directory is. */
static int on_readable(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                       void *userdata)
{
    struct follow *follow = userdata;

    if (!follow->settled || settle(follow) < 0)
        take_events(follow);
    return 0;
}

void follow_again(struct follow *follow)
{
    if (!follow)
        return;
    follow->again = true;
    (void)settle(follow);
}

static void paths_free(char **paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
}

int follow_set_paths(struct follow *follow, const char *const paths[], size_t n)
{
    char **copies;

    if (!follow)
        return 0;
    copies = calloc(n + 1, sizeof(*copies));
    if (!copies)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        copies[i] = strdup(paths[i]);
        if (!copies[i]) {
            paths_free(copies, i);
            return -ENOMEM;
        }
    }
    paths_free(follow->paths, follow->n_paths);
    follow->paths = copies;
    follow->n_paths = n;
    walk_all(follow);
    return 0;
}

int follow_new(struct follow **ret, sd_event *event, const char *const paths[], size_t n,
               follow_callback callback, void *userdata)
{
    _cleanup_(follow_freep) struct follow *follow = calloc(1, sizeof(*follow));
    int r;

    if (!follow)
        return -ENOMEM;
    follow->callback = callback;
    follow->userdata = userdata;
    follow->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (follow->fd < 0)
        return -errno;
    r = sd_event_add_io(event, &follow->readable, follow->fd, EPOLLIN, on_readable, follow);
    if (r >= 0) /* what came together with a change of the network is told together with it */
        r = sd_event_source_set_priority(follow->readable, SD_EVENT_PRIORITY_IMPORTANT);
    if (r >= 0)
        r = follow_set_paths(follow, paths, n);
    if (r < 0)
        return r;
    *ret = TAKE(follow);
    return 0;
}

int follow_new_settling(struct follow **ret, sd_event *event, const char *what,
                        follow_callback callback, void *userdata)
{
    _cleanup_(follow_freep) struct follow *follow = NULL;
    int r = follow_new(&follow, event, NULL, 0, callback, userdata);

    if (r == -EMFILE) {
        log_warning("Cannot follow %s: %s", what, strerror(-r));
        *ret = NULL;
        return 0;
    }
    if (r == 0)
        r = sd_event_add_time(event, &follow->settled, CLOCK_MONOTONIC, UINT64_MAX, SETTLE_US / 4,
                              on_settled, follow);
    if (r < 0)
        return r;
    *ret = TAKE(follow);
    return 0;
}

struct follow *follow_free(struct follow *follow)
{
    if (!follow)
        return NULL;
    sd_event_source_disable_unref(follow->readable);
    sd_event_source_disable_unref(follow->settled);
    if (follow->fd >= 0)
        close(follow->fd);
    paths_free(follow->paths, follow->n_paths);
    steps_free(follow->steps, follow->n_steps);
    free(follow);
    return NULL;
}
