/* SPDX-License-Identifier: GPL-3.0-or-later */

/* GetFound() of the manager: all that other programs' files say, taken up or not, and what there is
 * to remark on them. Dictionaries, so that more may be told some day. */
#include "cleanup.h"
#include "error.h"
#include "publish-internal.h"
#include <string.h>

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

struct text_entry {
    const char *key, *text;
};

static int append_texts(DBusMessageIter *dictionary, const struct text_entry *entries, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = append_entry(dictionary, entries[i].key, DBUS_TYPE_STRING, &entries[i].text);
    return r;
}

/* One row a source: the account as this client has it, but for the endpoint, which is the first's.
 */
static int append_account(DBusMessageIter *array, const struct found_account *account,
                          const struct found_source *source, const char *instead)
{
    const bool said = account->preferred.port != 0;
    const struct text_entry texts[] = {
        {"name", account->name},
        {"client", mail_client_to_string(source->client)},
        {"file", source->file},
        {"address", account->address},
        {"username", account->username},
        {"server", account->preferred.host},
        {"security", said ? security_to_string(account->preferred.security) : ""},
        {"instead", instead ? instead : ""},
    };
    DBusMessageIter dictionary;
    int r;

    if (!dbus_message_iter_open_container(array, DBUS_TYPE_ARRAY, "{sv}", &dictionary))
        return -ENOMEM;
    r = append_texts(&dictionary, texts, ELEMENTSOF(texts));
    if (r == 0)
        r = append_entry(&dictionary, "port", DBUS_TYPE_UINT16, &account->preferred.port);
    return bus_close(array, &dictionary, r);
}

static int append_remark(DBusMessageIter *array, const struct found_remark *remark)
{
    const struct text_entry texts[] = {
        {"client", mail_client_to_string(remark->client)},
        {"file", remark->file},
        {"remark", remark_to_string(remark->remark)},
        {"detail", remark->detail},
        {"text", remark_words(remark->remark)},
    };
    const dbus_uint32_t line = remark->line;
    DBusMessageIter dictionary;
    int r;

    if (!dbus_message_iter_open_container(array, DBUS_TYPE_ARRAY, "{sv}", &dictionary))
        return -ENOMEM;
    r = append_texts(&dictionary, texts, ELEMENTSOF(texts));
    if (r == 0)
        r = append_entry(&dictionary, "line", DBUS_TYPE_UINT32, &line);
    return bus_close(array, &dictionary, r);
}

static int append_accounts(DBusMessageIter *iter, const struct manager *manager)
{
    const struct found *found = manager_found(manager);
    DBusMessageIter array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "a{sv}", &array))
        return -ENOMEM;
    for (size_t i = 0; i < found->n_accounts; i++) {
        const struct found_account *account = &found->accounts[i];

        for (size_t j = 0; r == 0 && j < account->n_sources; j++)
            r = append_account(&array, account, &account->sources[j],
                               manager_override(manager, account));
    }
    return bus_close(iter, &array, r);
}

static int append_remarks(DBusMessageIter *iter, const struct found *found)
{
    DBusMessageIter array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "a{sv}", &array))
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < found->n_remarks; i++)
        r = append_remark(&array, &found->remarks[i]);
    return bus_close(iter, &array, r);
}

int handle_get_found(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                     DBusError *error _unused_)
{
    const struct publisher *publisher = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *reply = dbus_message_new_method_return(call);
    DBusMessageIter iter;
    int r;

    if (!reply)
        return -ENOMEM;
    dbus_message_iter_init_append(reply, &iter);
    r = append_accounts(&iter, publisher->manager);
    if (r == 0)
        r = append_remarks(&iter, manager_found(publisher->manager));
    if (r == 0)
        *ret_reply = TAKE(reply);
    return r;
}
