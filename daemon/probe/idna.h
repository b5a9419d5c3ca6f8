/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"

/*
 * A host as DNS and certificates know it: names beyond ASCII in their A-label form (IDNA2008,
 * mapped as UTS 46 has it, non-transitional, as browsers do); others and address literals as they
 * are, a dot at the end included. 0; -EINVAL where IDNA does not allow the name; -ENOMEM.
 */
int host_to_ascii(const char *host, char ret[static HOST_MAX + 1]);
