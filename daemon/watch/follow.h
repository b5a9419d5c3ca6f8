/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * Follows files by their paths: through symbolic links and whatever else may be replaced on the
 * way, whether they exist or not.
 */

#define FOLLOW_PATHS_MAX 2

struct follow;

/* Another file may stand at one of the paths, or what is in it may be another. */
typedef void (*follow_callback)(void *userdata);

/*
 * `paths`: `n` absolute ones, at most FOLLOW_PATHS_MAX; copied. What happens from here on is
 * reported, so read the files after this. 0 or negative errno.
 */
int follow_new(struct follow **ret, sd_event *event, const char *const paths[], size_t n,
               follow_callback callback, void *userdata);
struct follow *follow_free(struct follow *follow);
