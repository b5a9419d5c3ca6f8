/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/found.h"
#include "found/registry.h"
#include <systemd/sd-event.h>

/* Looks into other programs' files, and at what Evolution's registry says; and again whenever one
 * of them changes. */
struct finder;

/* Something else may be found now. */
typedef void (*finder_callback)(void *userdata);

/* Finds nothing before finder_look(). 0 or negative errno. */
int finder_new(struct finder **ret, sd_event *event, finder_callback callback, void *userdata);
struct finder *finder_free(struct finder *finder);

/* From the next look on Evolution's registry is followed, wherever Evolution is looked into. */
void finder_set_registry(struct finder *finder, const struct registry *registry);

/* Looks now into these clients of this user's, and follows their files. 0 or -ENOMEM: then what
 * was found before stays. */
int finder_look(struct finder *finder, unsigned clients);

/* What was found last. */
const struct found *finder_found(const struct finder *finder);
