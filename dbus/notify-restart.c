/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * SIGTERM says the same at the end of a service and in the middle of its restart. The user's
 * manager knows which it is: its job for the unit is called so ("restart", "try-restart") until the
 * start. No manager, or none whose unit this is: it is an end.
 */
#include "notify-restart.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>
#include <systemd/sd-login.h>

#define SYSTEMD           "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE SYSTEMD ".Manager"

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* `jobs` is an array of (number, unit, type, state, job's path, unit's path). */
static bool has_restart(DBusMessageIter *jobs, const char *unit)
{
    for (; dbus_message_iter_get_arg_type(jobs) == DBUS_TYPE_STRUCT; dbus_message_iter_next(jobs)) {
        DBusMessageIter job;
        const char *of, *type;

        dbus_message_iter_recurse(jobs, &job);
        dbus_message_iter_next(&job);
        dbus_message_iter_get_basic(&job, &of);
        dbus_message_iter_next(&job);
        dbus_message_iter_get_basic(&job, &type);
        if (strcmp(of, unit) == 0 && strstr(type, "restart"))
            return true;
    }
    return false;
}

static void on_jobs(_unused_ DBusPendingCall *pending, void *userdata)
{
    struct restart_question *question = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(question->connection, &question->pending);
    _cleanup_free_ char *unit = NULL;
    DBusMessageIter iter, jobs;
    bool is_restart = false;

    if (!answer)
        return;
    if (dbus_message_has_signature(answer, "a(usssoo)") && sd_pid_get_user_unit(0, &unit) >= 0) {
        dbus_message_iter_init(answer, &iter);
        dbus_message_iter_recurse(&iter, &jobs);
        is_restart = has_restart(&jobs, unit);
    }
    question->answered(is_restart, question->userdata);
}

int restart_ask(struct restart_question *question)
{
    return bus_connection_call(
        question->connection,
        bus_call_new(SYSTEMD, SYSTEMD_PATH, SYSTEMD_INTERFACE, "ListJobs", DBUS_TYPE_INVALID),
        on_jobs, question, &question->pending);
}
