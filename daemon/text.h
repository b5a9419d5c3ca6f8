/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Text from outside (network, files, bus) made safe to show: valid UTF-8 in, the same out; what a
 * terminal, a log line or a bidi renderer would act on (C0 and C1 controls, DEL, bidi controls,
 * line and paragraph separators, zero-width characters, invalid UTF-8, noncharacters) becomes
 * `\xNN` per byte. At most `max` bytes of `text` are looked at (`length` of them exist; it may hold
 * NULs), cut at a character boundary.
 * Returns a new string owned by the caller, or NULL without memory.
 */
char *text_safe(const void *text, size_t length, size_t max);

/* True when the NUL-terminated text is unchanged by text_safe(): nothing in it acts on anything. */
bool text_is_safe(const char *text);
