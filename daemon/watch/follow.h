/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Follows files by their paths: through symbolic links and whatever else may be replaced on the
 * way, whether they exist or not.
 */

struct follow;

/* Another file may stand at one of the paths, or what is in it may be another. */
typedef void (*follow_callback)(void *userdata);

/*
 * `paths`: `n` absolute ones; copied. One that ends with a slash is a directory, of which every
 * file counts. What happens from here on is reported, so read the files after this. 0 or negative
 * errno.
 */
int follow_new(struct follow **ret, sd_event *event, const char *const paths[], size_t n,
               follow_callback callback, void *userdata);

/* Follows these from now on, and no others. As above. */
int follow_set_paths(struct follow *follow, const char *const paths[], size_t n);

/* From now on changes are reported so much later, those that come meanwhile with them. 0 or
 * negative errno. */
int follow_settle(struct follow *follow, uint64_t usec);

struct follow *follow_free(struct follow *follow);
