/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <dbus/dbus.h>

/* Whether whoever calls is as free as the user is, or kept in a sandbox by somebody. */
enum caller {
    CALLER_FREE,
    CALLER_CONFINED,
    CALLER_UNKNOWN, /* nothing can be learnt about it */
};

/*
 * Says so by the bus's answer to GetConnectionCredentials and by what the kernel tells of that
 * process now. *ret_why is one clause for the caller, of static text, where it is not free.
 */
enum caller caller_judge(DBusMessage *credentials, const char **ret_why);
