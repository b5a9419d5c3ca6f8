/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "credentials.h"

/* The keyring of the session: org.freedesktop.secrets on the session bus. */
extern const struct keyring secret_service;
