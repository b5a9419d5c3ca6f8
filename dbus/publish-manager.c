/* SPDX-License-Identifier: GPL-3.0-or-later */

/* org.mailroam.Mailroam1.Manager as one table; the handlers only translate. */
#include "cleanup.h"
#include "config.h"
#include "error.h"
#include "publish-internal.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

static const struct account *default_of(const void *userdata)
{
    const struct publisher *publisher = userdata;

    return manager_default(publisher->manager);
}

static int append_version(DBusMessageIter *iter, const void *userdata _unused_)
{
    return append_string(iter, PACKAGE_VERSION);
}

static int append_state(DBusMessageIter *iter, const void *userdata)
{
    const struct publisher *publisher = userdata;

    return append_string(iter, state_to_string(manager_state(publisher->manager)));
}

static int append_network(DBusMessageIter *iter, const void *userdata)
{
    const struct publisher *publisher = userdata;
    const struct network *network = manager_network(publisher->manager);
    const struct way_out *way = network_primary(network);
    const char *id = network->id, *name = network->name;
    const char *interface = way ? way->interface : "", *gateway = way ? way->gateway : "";
    const dbus_bool_t known = manager_network_known(publisher->manager);
    DBusMessageIter dictionary;
    int r;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &dictionary))
        return -ENOMEM;
    r = append_entry(&dictionary, "id", DBUS_TYPE_STRING, &id);
    if (r == 0)
        r = append_entry(&dictionary, "name", DBUS_TYPE_STRING, &name);
    if (r == 0)
        r = append_entry(&dictionary, "interface", DBUS_TYPE_STRING, &interface);
    if (r == 0)
        r = append_entry(&dictionary, "gateway", DBUS_TYPE_STRING, &gateway);
    if (r == 0)
        r = append_entry(&dictionary, "known", DBUS_TYPE_BOOLEAN, &known);
    if (r == 0)
        r = append_entry(&dictionary, "since", DBUS_TYPE_UINT64, &network->since);
    return bus_close(iter, &dictionary, r);
}

static int append_accounts(DBusMessageIter *iter, const void *userdata)
{
    const struct publisher *publisher = userdata;
    DBusMessageIter array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "o", &array))
        return -ENOMEM;
    for (struct account *const *at = manager_accounts(publisher->manager); r == 0 && *at; at++)
        r = append_path(&array, publisher_path(*at));
    return bus_close(iter, &array, r);
}

static int append_default_account(DBusMessageIter *iter, const void *userdata)
{
    return append_path(iter, publisher_path(default_of(userdata)));
}

static int append_server(DBusMessageIter *iter, const void *userdata)
{
    return append_working_server(iter, default_of(userdata));
}

static int append_port(DBusMessageIter *iter, const void *userdata)
{
    return append_working_port(iter, default_of(userdata));
}

static int append_security(DBusMessageIter *iter, const void *userdata)
{
    return append_working_security(iter, default_of(userdata));
}

static int append_port25(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, verdict_to_string(publisher_port25(userdata)));
}

static int append_last_reason(DBusMessageIter *iter, const void *userdata)
{
    const struct account *account = default_of(userdata);

    return append_string(iter, account ? account_reason(account) : "");
}

static int append_portal(DBusMessageIter *iter, const void *userdata)
{
    const struct publisher *publisher = userdata;

    return append_string(iter, manager_portal_url(publisher->manager));
}

static int handle_check(DBusMessage *call, void *userdata, DBusMessage **ret_reply _unused_,
                        DBusError *error _unused_)
{
    struct publisher *publisher = userdata;
    struct account *const *accounts = manager_accounts(publisher->manager);
    int r;

    if (!*accounts)
        return 0; /* there is nothing to check */
    r = publisher_wait(publisher, call, NULL);
    if (r < 0)
        return r;
    for (; *accounts; accounts++)
        account_check(*accounts);
    return BUS_LATER;
}

static int reply_path(DBusMessage *call, const struct account *account, DBusMessage **ret_reply)
{
    const char *path = publisher_path(account);
    DBusMessage *reply = dbus_message_new_method_return(call);

    if (!reply ||
        !dbus_message_append_args(reply, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID)) {
        if (reply)
            dbus_message_unref(reply);
        return -ENOMEM;
    }
    *ret_reply = reply;
    return 0;
}

static int handle_get_account(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                              DBusError *error)
{
    struct publisher *publisher = userdata;
    _cleanup_free_ char *safe = NULL;
    const char *name;
    struct account *account;

    if (!dbus_message_get_args(call, error, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
        return 0;
    account = manager_find(publisher->manager, name);
    if (account)
        return reply_path(call, account, ret_reply);
    safe = text_safe(name, strlen(name), ACCOUNT_NAME_MAX);
    if (!safe)
        return -ENOMEM;
    dbus_set_error(error, MAILROAM_ERROR("NoSuchAccount"), "there is no account named '%s'", safe);
    return 0;
}

/* One key and one of its values: checked on `settings`, then written to `file`. 0; -EINVAL with
 * `error` set; -ENOMEM. */
static int take_value(struct account_settings *settings, FILE *file, const char *key,
                      const char *value, DBusError *error)
{
    _cleanup_free_ char *wrong = NULL, *safe = text_safe(key, strlen(key), 80);
    int r = account_settings_set(settings, key, value, &wrong);

    if (!safe)
        return -ENOMEM;
    if (r == ACCOUNT_UNKNOWN_KEY || r == -EINVAL) {
        dbus_set_error(error, MAILROAM_ERROR("InvalidSetting"), "%s: %s", safe,
                       wrong ? wrong : "there is no such setting; mailroam.account(5) lists them");
        return -EINVAL;
    }
    if (r == 0 && fprintf(file, "%s=%s\n", key, value) < 0)
        r = -ENOMEM;
    return r;
}

static int take_entry(struct account_settings *settings, FILE *file, DBusMessageIter *entry,
                      DBusError *error)
{
    DBusMessageIter variant, array;
    const char *key, *value;
    int r = 0;

    dbus_message_iter_get_basic(entry, &key);
    dbus_message_iter_next(entry);
    dbus_message_iter_recurse(entry, &variant);
    if (dbus_message_iter_get_arg_type(&variant) == DBUS_TYPE_STRING) {
        dbus_message_iter_get_basic(&variant, &value);
        return take_value(settings, file, key, value, error);
    }
    if (dbus_message_iter_get_arg_type(&variant) == DBUS_TYPE_ARRAY &&
        dbus_message_iter_get_element_type(&variant) == DBUS_TYPE_STRING) {
        dbus_message_iter_recurse(&variant, &array);
        for (; r == 0 && dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRING;
             dbus_message_iter_next(&array)) {
            dbus_message_iter_get_basic(&array, &value);
            r = take_value(settings, file, key, value, error);
        }
        return r;
    }
    dbus_set_error(error, MAILROAM_ERROR("InvalidSetting"),
                   "a setting's value is a string or an array of strings");
    return -EINVAL;
}

/* The account file that the a{sv} at `iter` makes. 0; -EINVAL with `error` set; -ENOMEM. */
static int file_of(const char *name, DBusMessageIter *iter, char **ret_text, DBusError *error)
{
    _cleanup_(account_settings_freep) struct account_settings *settings =
        account_settings_new(name);
    _cleanup_free_ char *text = NULL, *wrong = NULL;
    DBusMessageIter dictionary;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    int r = 0;

    if (!settings || !file) {
        if (file)
            fclose(file);
        return -ENOMEM;
    }
    fputs("[Account]\n", file);
    dbus_message_iter_recurse(iter, &dictionary);
    for (; r == 0 && dbus_message_iter_get_arg_type(&dictionary) == DBUS_TYPE_DICT_ENTRY;
         dbus_message_iter_next(&dictionary)) {
        DBusMessageIter entry;

        dbus_message_iter_recurse(&dictionary, &entry);
        r = take_entry(settings, file, &entry, error);
    }
    if (fclose(file) != 0 && r == 0)
        r = -ENOMEM;
    if (r < 0)
        return r;
    r = account_settings_complete(settings, &wrong);
    if (r == 0 && settings->disabled)
        r = problem(&wrong, "Enabled: an account that is added is enabled");
    if (r == -EINVAL)
        dbus_set_error(error, MAILROAM_ERROR("InvalidSetting"), "%s", wrong);
    if (r == 0)
        *ret_text = TAKE(text);
    return r;
}

static int handle_add_account(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                              DBusError *error)
{
    struct publisher *publisher = userdata;
    _cleanup_free_ char *text = NULL, *wrong = NULL;
    struct account *account;
    DBusMessageIter iter;
    const char *name;
    int r;

    dbus_message_iter_init(call, &iter);
    dbus_message_iter_get_basic(&iter, &name);
    dbus_message_iter_next(&iter);
    if (account_name_check(name) < 0) {
        dbus_set_error(error, MAILROAM_ERROR("InvalidSetting"),
                       "an account's name is 1 to %d bytes of plain text without '/'",
                       ACCOUNT_NAME_MAX);
        return 0;
    }
    r = file_of(name, &iter, &text, error);
    if (r == -EINVAL)
        return 0;
    if (r == 0)
        r = manager_add(publisher->manager, name, text, &wrong);
    if (r == -ENOMEM)
        return r;
    account = r == 0 ? manager_find(publisher->manager, name) : NULL;
    if (account)
        return reply_path(call, account, ret_reply);
    dbus_set_error(error, r == -EEXIST ? MAILROAM_ERROR("AccountExists") : MAILROAM_ERROR("Failed"),
                   "%s",
                   r == -EEXIST ? "there is an account of this name already"
                   : wrong      ? wrong
                                : "the account could not be taken up; the log says why");
    return 0;
}

static int handle_remove_account(DBusMessage *call, void *userdata,
                                 DBusMessage **ret_reply _unused_, DBusError *error)
{
    struct publisher *publisher = userdata;
    struct account *const *at = manager_accounts(publisher->manager);
    _cleanup_free_ char *wrong = NULL;
    const char *path;
    int r;

    if (!dbus_message_get_args(call, error, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
        return 0;
    while (*at && strcmp(publisher_path(*at), path) != 0)
        at++;
    if (!*at) {
        dbus_set_error(error, MAILROAM_ERROR("NoSuchAccount"), "there is no account at %.*s",
                       DBUS_MAXIMUM_NAME_LENGTH, path);
        return 0;
    }
    r = manager_remove(publisher->manager, *at, &wrong);
    if (r < 0 && wrong) {
        dbus_set_error(error,
                       r == -EPERM ? MAILROAM_ERROR("FoundElsewhere") : MAILROAM_ERROR("Failed"),
                       "%s", wrong);
        return 0;
    }
    return r;
}

static int handle_reload(DBusMessage *call _unused_, void *userdata,
                         DBusMessage **ret_reply _unused_, DBusError *error _unused_)
{
    struct publisher *publisher = userdata;

    return manager_load(publisher->manager);
}

#define ARGUMENTS(...) ((const struct bus_argument[]){__VA_ARGS__, {NULL}})

const struct bus_interface manager_interface = {
    .name = MAILROAM_NAME ".Manager",
    .methods =
        (const struct bus_method[]){
            {"Check", BUS_ANYBODY, NULL, NULL, handle_check},
            {"GetAccount", BUS_ANYBODY, ARGUMENTS({"name", "s"}), ARGUMENTS({"account", "o"}),
             handle_get_account},
            {"AddAccount", BUS_UNCONFINED, ARGUMENTS({"name", "s"}, {"settings", "a{sv}"}),
             ARGUMENTS({"account", "o"}), handle_add_account},
            {"RemoveAccount", BUS_UNCONFINED, ARGUMENTS({"account", "o"}), NULL,
             handle_remove_account},
            {"GetFound", BUS_UNCONFINED, NULL,
             ARGUMENTS({"accounts", "aa{sv}"}, {"remarks", "aa{sv}"}), handle_get_found},
            {"Reload", BUS_UNCONFINED, NULL, NULL, handle_reload},
            {"GetHistory", BUS_ANYBODY, NULL, ARGUMENTS({"trips", "aa{sv}"}), handle_get_history},
            {"Forget", BUS_UNCONFINED, ARGUMENTS({"network", "s"}), NULL, handle_forget},
            {NULL},
        },
    .properties =
        (const struct bus_property[]){
            {"Version", "s", BUS_EMITS_CONST, append_version},
            {"State", "s", BUS_EMITS_CHANGE, append_state},
            {"Network", "a{sv}", BUS_EMITS_CHANGE, append_network},
            {"Accounts", "ao", BUS_EMITS_CHANGE, append_accounts},
            {"DefaultAccount", "o", BUS_EMITS_CHANGE, append_default_account},
            {"WorkingServer", "s", BUS_EMITS_CHANGE, append_server},
            {"WorkingPort", "q", BUS_EMITS_CHANGE, append_port},
            {"WorkingSecurity", "s", BUS_EMITS_CHANGE, append_security},
            {"Port25", "s", BUS_EMITS_CHANGE, append_port25},
            {"LastReason", "s", BUS_EMITS_CHANGE, append_last_reason},
            {"Portal", "s", BUS_EMITS_CHANGE, append_portal},
            {NULL},
        },
    .signals =
        (const struct bus_signal[]){
            {"WorkingPortChanged",
             ARGUMENTS({"account", "o"}, {"server", "s"}, {"port", "q"}, {"security", "s"})},
            {NULL},
        },
};
