/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/found.h"

/* How the readers (through reader.c) put things into what is found. All 0 or -ENOMEM. */

/* What was looked at: `path` with `suffix` behind it. */
int found_add_path(struct found *found, const char *path, const char *suffix);

/* `detail` is safe to show. */
int found_add_remark(struct found *found, enum mail_client client, enum remark remark,
                     const char *file, unsigned line, const char *detail);

/* An account, or one more source of one that is there. `preferred` has a host that is valid and in
 * lower case. */
int found_add_account(struct found *found, enum mail_client client, const char *file,
                      const char *address, const char *username, const struct endpoint *preferred);
