/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "manager.h"

/* Tells systemd (sd_notify STATUS=) in words how things are, where that is not what it was told
 * last. One line: network, default account, what works or why nothing does. */
void status_update(const struct manager *manager);
