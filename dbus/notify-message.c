/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a notification says to a server: text, buttons, hints. */
#include "notify-message.h"
#include "error.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define ICON    "mailroam"
#define DESKTOP "mailroam-notify" /* our .desktop file, so that shells know whose they are */

#define EXPIRES_BY_SERVER (-1)
#define EXPIRES_NEVER     0

enum { URGENCY_LOW, URGENCY_NORMAL };

#define DETAILS "details" /* a second key of that button, which is shown */

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* How each matter is shown. None is critical: that would break through Do Not Disturb. */
static const struct {
    const char *category;
    unsigned char urgency;
    dbus_int32_t expires;
} manners[N_MATTER] = {
    /* What a person has to act on stays until it is withdrawn. */
    [MATTER_PORTAL] = {"network", URGENCY_NORMAL, EXPIRES_NEVER},
    [MATTER_MAIL_BLOCKED] = {"network.error", URGENCY_NORMAL, EXPIRES_NEVER},
    [MATTER_TAMPERING] = {"network.error", URGENCY_NORMAL, EXPIRES_NEVER},
    [MATTER_PORT_BLOCKED] = {"network.error", URGENCY_NORMAL, EXPIRES_BY_SERVER},
    [MATTER_PORT_CHANGED] = {"network", URGENCY_LOW, EXPIRES_BY_SERVER},
};

static const struct {
    const char *key, *label;
} buttons[N_DEED] = {
    [DEED_DETAILS] = {"default", N_("Details")},
    [DEED_CHECK] = {"check", N_("Check again")},
    [DEED_MUTE] = {"mute", N_("Not on this network")},
    [DEED_LOGIN] = {"login", N_("Log in")},
};

/* For servers that read the body as markup; new, NULL without memory. */
static char *escape(const char *text)
{
    char *escaped = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&escaped, &length);

    if (!stream)
        return NULL;
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", stream);
            break;
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        default:
            fputc(*text, stream);
        }
    if (fclose(stream) != 0) {
        free(escaped);
        return NULL;
    }
    return escaped;
}

static bool append_button(DBusMessageIter *array, const char *key, const char *label)
{
    return dbus_message_iter_append_basic(array, DBUS_TYPE_STRING, &key) &&
           dbus_message_iter_append_basic(array, DBUS_TYPE_STRING, &label);
}

static bool append_buttons(DBusMessageIter *message, bool has_actions, bool login)
{
    DBusMessageIter array;
    bool good = dbus_message_iter_open_container(message, DBUS_TYPE_ARRAY, "s", &array);

    for (size_t i = 0; good && has_actions && i < N_DEED; i++) {
        if (i == DEED_LOGIN && !login)
            continue;
        good = append_button(&array, buttons[i].key, _(buttons[i].label));
        /* A click on the text means the default one, which most servers show no button for. */
        if (good && i == DEED_DETAILS)
            good = append_button(&array, DETAILS, _(buttons[i].label));
    }
    return good && dbus_message_iter_close_container(message, &array);
}

static bool append_hint(DBusMessageIter *array, const char *key, int type, const void *value)
{
    DBusMessageIter entry, variant;

    return dbus_message_iter_open_container(array, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
           dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
           dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, (char[]){(char)type, '\0'},
                                            &variant) &&
           dbus_message_iter_append_basic(&variant, type, value) &&
           dbus_message_iter_close_container(&entry, &variant) &&
           dbus_message_iter_close_container(array, &entry);
}

static bool append_hints(DBusMessageIter *message, enum matter matter)
{
    const char *desktop = DESKTOP;
    DBusMessageIter array;

    return dbus_message_iter_open_container(message, DBUS_TYPE_ARRAY, "{sv}", &array) &&
           append_hint(&array, "urgency", DBUS_TYPE_BYTE, &manners[matter].urgency) &&
           append_hint(&array, "category", DBUS_TYPE_STRING, &manners[matter].category) &&
           append_hint(&array, "desktop-entry", DBUS_TYPE_STRING, &desktop) &&
           dbus_message_iter_close_container(message, &array);
}

DBusMessage *notify_message_new(const char *owner, const struct notify_abilities *abilities,
                                dbus_uint32_t replaces, enum matter matter,
                                const struct notice *notice, bool login)
{
    const char *application = "Mailroam", *icon = ICON, *summary = notice->summary, *body;
    _cleanup_free_ char *escaped = escape(notice->body);
    _cleanup_(dbus_message_unrefp) DBusMessage *call = NULL;
    DBusMessageIter iter;

    if (!escaped)
        return NULL;
    body = !abilities->body ? "" : abilities->markup ? escaped : notice->body;
    call = bus_call_new(owner, SERVER_PATH, SERVER, "Notify", DBUS_TYPE_STRING, &application,
                        DBUS_TYPE_UINT32, &replaces, DBUS_TYPE_STRING, &icon, DBUS_TYPE_STRING,
                        &summary, DBUS_TYPE_STRING, &body, DBUS_TYPE_INVALID);
    if (!call)
        return NULL;
    dbus_message_iter_init_append(call, &iter);
    if (!append_buttons(&iter, abilities->actions, login) || !append_hints(&iter, matter) ||
        !dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, &manners[matter].expires))
        return NULL;
    return TAKE(call);
}

enum deed notify_deed_from_key(const char *key)
{
    if (strcmp(key, DETAILS) == 0)
        return DEED_DETAILS;
    for (enum deed deed = 0; deed < N_DEED; deed++)
        if (strcmp(key, buttons[deed].key) == 0)
            return deed;
    return N_DEED;
}
