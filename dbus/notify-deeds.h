/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/* What the buttons of a notification start outside this program. What cannot be started is logged;
 * nobody waits for what can. */

/* Shows what mailroam(1) has to say, in a terminal. */
void deed_details(void);

/* Opens the page in the browser, if deed_is_page(). */
void deed_login(const char *url);

/* Is it the address of a page, and nothing else? */
bool deed_is_page(const char *url);
