/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam doctor: is everything there that Mailroam needs, and what to do about what is not. It
 * looks at each thing for itself and goes on whatever it finds; it changes nothing, but as every
 * other command it makes the bus start the daemon.
 */
#include "cli-doctor.h"
#include "config.h"
#include "error.h"
#include "text.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define UNIT            "mailroamd.service"
#define PROBE_SOCKET    "mailroam-probe.socket"
#define SYSTEMD_NAME    "org.freedesktop.systemd1"
#define SYSTEMD_PATH    "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"
#define HEALTH_COLUMNS  9
#define SUBJECT_COLUMNS 12
#define SEE_WHY         _("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd.")
#define SAID_MAX        1024

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static const char *health_to_string(enum health health)
{
    switch (health) {
    case HEALTH_OK:
        return "ok";
    case HEALTH_WARN:
        return "warn";
    case HEALTH_PROBLEM:
        break;
    }
    return "problem";
}

static enum tone health_tone(enum health health)
{
    return health == HEALTH_OK ? TONE_GOOD : health == HEALTH_WARN ? TONE_WARN : TONE_BAD;
}

static int say_json(enum health health, const char *subject, const char *text, const char *advice)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "subject", subject) &&
        json_put_text(object, "result", health_to_string(health)) &&
        json_put_text(object, "text", text) && json_put_text(object, "advice", advice))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static void say_text(const struct screen *screen, enum health health, const char *subject,
                     const char *text, const char *advice)
{
    bool narrow = screen->width < 60;
    size_t at = narrow ? 2 : HEALTH_COLUMNS + SUBJECT_COLUMNS;

    print_text(screen, health_tone(health), health_to_string(health), HEALTH_COLUMNS);
    print_text(screen, TONE_STRONG, subject, narrow ? 0 : SUBJECT_COLUMNS);
    if (narrow)
        printf("\n%*s", (int)at, "");
    print_wrapped(screen, TONE_PLAIN, text, at, at);
    if (!*advice)
        return;
    printf("%*s", (int)at, "");
    print_wrapped(screen, TONE_PLAIN, advice, at, at);
}

void doctor_say(struct doctor *doctor, enum health health, const char *subject, const char *advice,
                const char *format, ...)
{
    _cleanup_free_ char *text = NULL, *safe = NULL;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0)
        text = NULL;
    safe = text ? text_safe(text, (size_t)n, SAID_MAX) : NULL;
    if (!safe) {
        doctor->out_of_memory = true;
        return;
    }
    if (health > doctor->worst)
        doctor->worst = health;
    if (!doctor->options->json)
        say_text(&doctor->screen, health, subject, safe, advice);
    else if (say_json(health, subject, safe, advice) < 0)
        doctor->out_of_memory = true;
}

static const char *error_of(const struct doctor *doctor)
{
    const DBusError *error = &doctor->client->error;

    return error->message && *error->message ? error->message
           : dbus_error_is_set(error)        ? error->name
                                             : _("no answer");
}

/* A call with one string for an argument, or none. NULL where there is no answer but an error. */
static DBusMessage *ask(struct doctor *doctor, const char *name, const char *path,
                        const char *interface, const char *method, const char *argument)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call =
        dbus_message_new_method_call(name, path, interface, method);
    DBusMessage *reply = NULL;

    if (!call || (argument && !dbus_message_append_args(call, DBUS_TYPE_STRING, &argument,
                                                        DBUS_TYPE_INVALID))) {
        doctor->out_of_memory = true;
        return NULL;
    }
    dbus_message_set_auto_start(call, FALSE);
    return client_call(doctor->client, call, &reply) == 0 ? reply : NULL;
}

static bool look_at_bus(struct doctor *doctor)
{
    int r = client_new(&doctor->client);

    if (r < 0) {
        doctor->out_of_memory = true;
        return false;
    }
    if (r == 0) {
        doctor_say(doctor, HEALTH_OK, "bus", "", _("the session bus is there"));
        return true;
    }
    doctor_say(
        doctor, HEALTH_PROBLEM, "bus",
        _("Run it in a login session, or say where the bus is in $DBUS_SESSION_BUS_ADDRESS."),
        _("the session bus cannot be reached: %s"), error_of(doctor));
    return false;
}

static void look_at_activation(struct doctor *doctor)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *reply =
        ask(doctor, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "ListActivatableNames",
            NULL);
    char **names = NULL;
    bool known = false;
    int n = 0;

    if (reply && dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, &n,
                                       DBUS_TYPE_INVALID))
        for (int i = 0; i < n; i++)
            known |= strcmp(names[i], MAILROAM_NAME) == 0;
    dbus_free_string_array(names);
    if (known)
        doctor_say(doctor, HEALTH_OK, "activation", "", _("the bus can start mailroamd"));
    else
        doctor_say(doctor, HEALTH_WARN, "activation",
                   _("Log in again, or have the bus read its service files: "
                     "busctl --user call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig"),
                   _("the bus does not know how to start mailroamd: no service file of "
                     "dbus-1/services that it has read says so"));
}

/* A unit's state as systemd puts it, new; NULL where it cannot be told. */
static char *unit_active(struct doctor *doctor, const char *name)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *loaded = NULL, *call = NULL, *reply = NULL;
    const char *path, *interface = SYSTEMD_NAME ".Unit", *property = "ActiveState", *state;
    DBusMessageIter iter, value;

    loaded = ask(doctor, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "LoadUnit", name);
    if (!loaded ||
        !dbus_message_get_args(loaded, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
        return NULL;
    call = dbus_message_new_method_call(SYSTEMD_NAME, path, DBUS_INTERFACE_PROPERTIES, "Get");
    if (!call ||
        !dbus_message_append_args(call, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING, &property,
                                  DBUS_TYPE_INVALID) ||
        client_call(doctor->client, call, &reply) != 0 || !dbus_message_has_signature(reply, "v"))
        return NULL;
    dbus_message_iter_init(reply, &iter);
    dbus_message_iter_recurse(&iter, &value);
    if (dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_STRING)
        return NULL;
    dbus_message_iter_get_basic(&value, &state);
    return strdup(state);
}

static void look_at_unit_file(struct doctor *doctor)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *reply =
        ask(doctor, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "GetUnitFileState", UNIT);
    const char *state;

    if (!reply || !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &state, DBUS_TYPE_INVALID))
        doctor_say(doctor, HEALTH_WARN, "unit",
                   _("Install Mailroam where systemd looks, then: systemctl --user daemon-reload"),
                   _("the user manager has no %s: %s"), UNIT, error_of(doctor));
    else if (strcmp(state, "masked") == 0 || strcmp(state, "masked-runtime") == 0)
        doctor_say(doctor, HEALTH_PROBLEM, "unit",
                   _("Allow it again: systemctl --user unmask mailroamd"), _("%s is masked"), UNIT);
    else if (strcmp(state, "disabled") == 0)
        doctor_say(doctor, HEALTH_WARN, "unit",
                   _("Start it with each session: systemctl --user enable --now mailroamd"),
                   _("%s is disabled: it runs only once somebody asks for it"), UNIT);
    else
        doctor_say(doctor, HEALTH_OK, "unit", "", _("%s is %s"), UNIT, state);
}

static void look_at_unit(struct doctor *doctor)
{
    _cleanup_free_ char *active = NULL;

    if (!dbus_bus_name_has_owner(doctor->client->connection, SYSTEMD_NAME, NULL)) {
        doctor_say(
            doctor, HEALTH_WARN, "unit", "",
            _("no systemd user manager is on this bus: mailroamd starts on demand, and nobody "
              "restarts it"));
        return;
    }
    look_at_unit_file(doctor);
    active = unit_active(doctor, UNIT);
    if (active && strcmp(active, "failed") == 0)
        doctor_say(doctor, HEALTH_PROBLEM, "unit", SEE_WHY, _("%s has failed"), UNIT);
}

/* The unit's daemon has no other way to its probes. One that runs without the unit asks no socket.
 */
static void look_at_socket(struct doctor *doctor)
{
    _cleanup_free_ char *daemon = NULL, *active = NULL;

    if (!dbus_bus_name_has_owner(doctor->client->connection, SYSTEMD_NAME, NULL))
        return;
    daemon = unit_active(doctor, UNIT);
    active = unit_active(doctor, PROBE_SOCKET);
    if (daemon && active && strcmp(daemon, "active") == 0 && strcmp(active, "active") != 0)
        doctor_say(doctor, HEALTH_PROBLEM, "probe",
                   _("Restart both: systemctl --user restart mailroam-probe.socket mailroamd"),
                   _("%s is %s: mailroamd cannot reach its probe, and checks nothing"),
                   PROBE_SOCKET, active);
}

/* Also starts it. */
static void look_at_daemon(struct doctor *doctor)
{
    struct client *client = doctor->client;
    bool ran = dbus_bus_name_has_owner(client->connection, MAILROAM_NAME, NULL);
    int r = client_read(client);

    if (r == -ENOMEM)
        doctor->out_of_memory = true;
    else if (r == -EBADMSG)
        doctor_say(doctor, HEALTH_PROBLEM, "daemon",
                   _("Restart it: systemctl --user restart mailroamd"),
                   _("what answers as %s does not speak its interface"), MAILROAM_NAME);
    else if (r != 0)
        doctor_say(doctor, HEALTH_PROBLEM, "daemon", SEE_WHY,
                   ran ? _("mailroamd does not answer: %s")
                       : _("mailroamd could not be started: %s"),
                   error_of(doctor));
    else if (strcmp(client->manager.version, PACKAGE_VERSION) != 0)
        doctor_say(doctor, HEALTH_WARN, "daemon",
                   _("Restart it: systemctl --user restart mailroamd"),
                   _("mailroamd is %s, and mailroam %s"), client->manager.version, PACKAGE_VERSION);
    else
        doctor_say(doctor, HEALTH_OK, "daemon", "",
                   ran ? _("mailroamd %s runs") : _("mailroamd %s did not run and was started"),
                   PACKAGE_VERSION);
    doctor->reached = r == 0;
}

enum exit_status command_doctor(const struct options *options)
{
    struct doctor doctor = {.options = options};
    enum exit_status status;

    screen_init(&doctor.screen);
    if (look_at_bus(&doctor)) {
        look_at_activation(&doctor);
        look_at_unit(&doctor);
        look_at_daemon(&doctor);
        look_at_socket(&doctor);
    }
    doctor_accounts(&doctor);
    doctor_probe(&doctor);
    doctor_state(&doctor);
    doctor_kernel(&doctor);
    status = doctor.out_of_memory             ? no_memory()
             : !doctor.reached                ? EXIT_UNREACHABLE
             : doctor.worst == HEALTH_PROBLEM ? EXIT_OTHER
                                              : EXIT_WORKS;
    client_free(doctor.client);
    return status;
}
