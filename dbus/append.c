/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Values into D-Bus messages. Every text that comes here is valid UTF-8 already (text.h). */
#include "cleanup.h"
#include "error.h"
#include "publish-internal.h"
#include <string.h>

static int append_basic(DBusMessageIter *iter, int type, const void *value)
{
    return dbus_message_iter_append_basic(iter, type, value) ? 0 : -ENOMEM;
}

int append_string(DBusMessageIter *iter, const char *value)
{
    return append_basic(iter, DBUS_TYPE_STRING, &value);
}

int append_uint16(DBusMessageIter *iter, uint16_t value)
{
    return append_basic(iter, DBUS_TYPE_UINT16, &value);
}

int append_uint64(DBusMessageIter *iter, uint64_t value)
{
    return append_basic(iter, DBUS_TYPE_UINT64, &value);
}

int append_path(DBusMessageIter *iter, const char *value)
{
    return append_basic(iter, DBUS_TYPE_OBJECT_PATH, &value);
}

static int append_basic_variant(DBusMessageIter *iter, int type, const void *value)
{
    const char signature[] = {(char)type, '\0'};
    DBusMessageIter variant;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, signature, &variant))
        return -ENOMEM;
    return bus_close(iter, &variant, append_basic(&variant, type, value));
}

static int append_list_variant(DBusMessageIter *iter, char *const *list)
{
    DBusMessageIter variant, array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, "as", &variant))
        return -ENOMEM;
    if (!dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "s", &array))
        return bus_close(iter, &variant, -ENOMEM);
    for (; r == 0 && *list; list++)
        r = append_string(&array, *list);
    return bus_close(iter, &variant, bus_close(&variant, &array, r));
}

int append_entry(DBusMessageIter *dictionary, const char *key, int type, const void *value)
{
    DBusMessageIter entry;
    int r;

    if (!dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
        return -ENOMEM;
    r = append_string(&entry, key);
    if (r == 0)
        r = append_basic_variant(&entry, type, value);
    return bus_close(dictionary, &entry, r);
}

static int append_list_entry(DBusMessageIter *dictionary, const char *key, char *const *list)
{
    DBusMessageIter entry;
    int r;

    if (!dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
        return -ENOMEM;
    r = append_string(&entry, key);
    if (r == 0)
        r = append_list_variant(&entry, list);
    return bus_close(dictionary, &entry, r);
}

static int append_item(DBusMessageIter *dictionary, const struct evidence *evidence,
                       enum evidence_key key)
{
    const char *name = evidence_key_to_string(key), *text;
    uint64_t time;
    uint32_t number;

    switch (evidence_key_type(key)) {
    case EVIDENCE_TEXT:
        text = evidence_text(evidence, key);
        return append_entry(dictionary, name, DBUS_TYPE_STRING, &text);
    case EVIDENCE_NUMBER:
        number = (uint32_t)evidence_number(evidence, key); /* the setter keeps it in range */
        return append_entry(dictionary, name, DBUS_TYPE_UINT32, &number);
    case EVIDENCE_TIME:
        time = evidence_number(evidence, key);
        return append_entry(dictionary, name, DBUS_TYPE_UINT64, &time);
    case EVIDENCE_LIST:
        return append_list_entry(dictionary, name, evidence_list(evidence, key));
    }
    return -EINVAL;
}

int append_evidence(DBusMessageIter *iter, const struct evidence *evidence)
{
    DBusMessageIter dictionary;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dictionary))
        return -ENOMEM;
    for (int key = 0; r == 0 && key < N_EVIDENCE; key++)
        if (evidence->set[key])
            r = append_item(&dictionary, evidence, (enum evidence_key)key);
    return bus_close(iter, &dictionary, r);
}

int append_working_server(DBusMessageIter *iter, const struct account *account)
{
    const struct finding *working = account ? account_working(account) : NULL;

    return append_string(iter, working ? working->endpoint.host : "");
}

int append_working_port(DBusMessageIter *iter, const struct account *account)
{
    const struct finding *working = account ? account_working(account) : NULL;

    return append_uint16(iter, working ? working->endpoint.port : 0);
}

int append_working_security(DBusMessageIter *iter, const struct account *account)
{
    const struct finding *working = account ? account_working(account) : NULL;

    return append_string(iter, working ? security_to_string(choose_security(working)) : "");
}
