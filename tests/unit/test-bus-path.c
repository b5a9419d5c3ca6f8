/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bus_path_encode(): any account name becomes a valid object path, and two names never the same. */
#include "cleanup.h"
#include "object.h"
#include "tap.h"

static void check(const char *name, const char *expected)
{
    _cleanup_free_ char *path = bus_path_encode("/org/mailroam/Mailroam1/account", name);

    is_string(path ? strrchr(path, '/') + 1 : NULL, expected, "'%s'", name);
    ok(path && dbus_validate_path(path, NULL), "'%s' gives a valid path", name);
}

int main(void)
{
    check("work", "work");
    check("", "_");
    check("4home", "_34home");
    check("home4", "home4");
    check("me@example.org", "me_40example_2eorg");
    check("a_b", "a_5fb");
    check("a/b", "a_2fb");
    check("\xc3\xa4", "_c3_a4");
    return tap_done();
}
