/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/slice.h"

/*
 * [Section] and key=value as desktop programs write them: GKeyFile, KConfig (whose key[$e] is the
 * key), Mozilla's .ini, Claws Mail's accountrc. A line that is neither is passed over.
 */
struct ini {
    struct slice rest;
    /* The present one, trimmed. */
    struct slice section, key, value;
    unsigned line;
    bool section_is_new; /* no key of this section came before */
};

static inline struct ini ini_of(struct slice text)
{
    return (struct ini){.rest = text};
}

/* Goes on to the next key. False after the last. */
bool ini_next(struct ini *ini);
