/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "client.h"
#include <stdio.h>

/*
 * Writes the stays, the last one first, as a page of HTML that needs nothing but itself. Whatever
 * is in them, the page shows it as text. 0 or -ENOMEM; whether all of it was written `file` knows.
 */
int html_write(FILE *file, const struct client_trip *const *trips, size_t n);
