/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/found.h"
#include <systemd/sd-event.h>

/* Looks into other programs' files, and again whenever one of them changes. */
struct finder;

/* Something else may be found now. */
typedef void (*finder_callback)(void *userdata);

/* Finds nothing before finder_look(). 0 or negative errno. */
int finder_new(struct finder **ret, sd_event *event, finder_callback callback, void *userdata);
struct finder *finder_free(struct finder *finder);

/* Looks now into these clients of this user's, and follows their files. 0 or -ENOMEM: then what
 * was found before stays. */
int finder_look(struct finder *finder, unsigned clients);

/* What was found last. */
const struct found *finder_found(const struct finder *finder);
