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

/*
 * For files that people and their programs write, often and several at a time: follows nothing yet,
 * and reports changes a second later, those that come meanwhile with them. *ret is NULL, and `what`
 * is said not to be followed, where this user's other programs have taken all that the kernel gives
 * one (max_user_instances); the others take that NULL and do nothing. 0 or negative errno.
 */
int follow_new_settling(struct follow **ret, sd_event *event, const char *what,
                        follow_callback callback, void *userdata);

/* Reports once more, after that second, though nothing may have changed. */
void follow_again(struct follow *follow);

struct follow *follow_free(struct follow *follow);
