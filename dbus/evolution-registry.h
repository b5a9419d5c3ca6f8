/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "found/registry.h"

/* Evolution-Data-Server's registry on the session bus, where it runs. */
extern const struct registry evolution_registry;
