/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/registry.h"

/* What a registry has said, read as its files would be. */
struct evolution_sources;

/* Copies what says who sends through which server, and nothing else of their texts. A source that
 * has no UID or is too large is passed over. 0 or -ENOMEM. */
int evolution_sources_new(struct evolution_sources **ret, const struct registry_source *sources,
                          size_t n);
struct evolution_sources *evolution_sources_free(struct evolution_sources *sources);

/* Whether the same is found by both. NULL is as good as none. */
bool evolution_sources_equal(const struct evolution_sources *a, const struct evolution_sources *b);
