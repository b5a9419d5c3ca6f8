/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-c/json.h>
#include <stddef.h>

/* JSON as text, and text as JSON, whole or not at all. */

/* The object on one line; it owns the text. NULL without memory, or where there is no object. */
const char *json_text(json_object *object);

/* New JSON from all of the text, strictly, nested no deeper than `depth`. 0; -EBADMSG and, where
 * asked for, in *ret_problem what is wrong (static text); -ENOMEM. */
int json_from_text(const char *text, size_t length, int depth, json_object **ret,
                   const char **ret_problem);
