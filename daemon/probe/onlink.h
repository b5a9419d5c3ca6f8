/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "probe/address.h"

/* Which addresses are neighbours: on the prefix of one of this machine's addresses, or its own. */

/* Reads the machine's addresses once; before that, and without memory, nobody is a neighbour. */
void on_link_read(void);
void on_link_clear(void);

bool address_is_on_link(const union address *address);
