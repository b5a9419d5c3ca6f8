/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What changes the set of accounts: telling the daemon to add one (see cli-add.c), and mailroam
 * remove. Only what can be told without the daemon is checked here; it alone knows what the keys of
 * an account file mean.
 */
#include "cli.h"
#include "error.h"
#include "judge/endpoint.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* The keys that have an option of their own. */
static const char *const option_keys[][2] = {
    {"Address", "ADDRESS"}, {"Server", "--server"}, {"Endpoints", "--endpoint"}};

enum exit_status check_new_account(const struct options *options)
{
    for (size_t i = 0; i < options->n_servers; i++)
        if (host_check(options->servers[i]) < 0)
            return usage_error(options, _("--server %s: neither a host name nor an address"),
                               options->servers[i]);
    for (size_t i = 0; i < options->n_endpoints; i++) {
        _cleanup_free_ char *problem = NULL;
        struct endpoint endpoint;

        if (endpoint_parse_port(options->endpoints[i], &endpoint, &problem) < 0)
            return usage_error(options, _("--endpoint %s: %s"), options->endpoints[i],
                               problem ? problem : _("expected PORT/SECURITY, as in 465/tls"));
    }
    for (size_t i = 0; i < options->n_settings; i++) {
        const char *setting = options->settings[i];
        size_t length = strcspn(setting, "=");

        if (length == 0 || !setting[length])
            return usage_error(options, _("--set %s: expected Key=Value"), setting);
        for (size_t j = 0; j < ELEMENTSOF(option_keys); j++)
            if (strncmp(setting, option_keys[j][0], length) == 0 && !option_keys[j][0][length])
                return usage_error(options, _("--set %s: %s says that"), setting,
                                   option_keys[j][1]);
        for (size_t j = 0; j < i; j++)
            if (strncmp(setting, options->settings[j], length + 1) == 0)
                return usage_error(options, _("--set %.*s is given twice"), (int)length, setting);
    }
    return EXIT_WORKS;
}

/* Appends {key: variant} to an open a{sv}: `as` where `list` is true, else the one text as `s`. */
static bool append_setting(DBusMessageIter *dict, const char *key, const char *const *texts,
                           size_t n, bool list)
{
    DBusMessageIter entry, variant, array;
    bool good =
        dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
        dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
        dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, list ? "as" : "s", &variant);

    if (list)
        good = good && dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "s", &array);
    for (size_t i = 0; good && i < n; i++)
        good =
            dbus_message_iter_append_basic(list ? &array : &variant, DBUS_TYPE_STRING, &texts[i]);
    if (list)
        good = good && dbus_message_iter_close_container(&variant, &array);
    return good && dbus_message_iter_close_container(&entry, &variant) &&
           dbus_message_iter_close_container(dict, &entry);
}

static bool append_endpoints(DBusMessageIter *dict, const struct options *options)
{
    _cleanup_free_ char *joined = strdup(options->n_endpoints ? options->endpoints[0] : "");

    for (size_t i = 1; joined && i < options->n_endpoints; i++) {
        _cleanup_free_ char *before = joined;

        joined = format_new("%s %s", before, options->endpoints[i]);
    }
    return joined && (options->n_endpoints == 0 ||
                      append_setting(dict, "Endpoints", (const char *const *)&joined, 1, false));
}

static bool append_settings(DBusMessageIter *dict, const struct options *options)
{
    if (!append_setting(dict, "Address", &options->argument, 1, false) ||
        !append_setting(dict, "Server", options->servers, options->n_servers, true) ||
        !append_endpoints(dict, options))
        return false;
    for (size_t i = 0; i < options->n_settings; i++) {
        const char *value = strchr(options->settings[i], '=') + 1;
        _cleanup_free_ char *key =
            strndup(options->settings[i], (size_t)(value - 1 - options->settings[i]));

        if (!key || !append_setting(dict, key, &value, 1, false))
            return false;
    }
    return true;
}

static DBusMessage *add_call(const struct options *options)
{
    const char *name = options->name ? options->name : options->argument;
    DBusMessage *call = dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH,
                                                     MAILROAM_MANAGER_INTERFACE, "AddAccount");
    DBusMessageIter iter, dict;

    if (!call)
        return NULL;
    dbus_message_iter_init_append(call, &iter);
    if (dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &name) &&
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict) &&
        append_settings(&dict, options) && dbus_message_iter_close_container(&iter, &dict))
        return call;
    dbus_message_unref(call);
    return NULL;
}

int account_add(struct client *client, const struct options *options, struct client_account **ret)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = add_call(options), *reply = NULL;
    const char *path;
    int r = call ? client_call(client, call, &reply) : -ENOMEM;

    if (r == 0)
        r = client_read(client);
    if (r != 0)
        return r;
    if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_INVALID))
        return -EBADMSG;
    *ret = client_account_by_path(client, path);
    return *ret ? 0 : -EBADMSG;
}

enum exit_status command_remove(const struct options *options)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = NULL, *reply = NULL;
    enum exit_status status;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);
    struct client_account *account;
    int r;

    if (!client)
        return status;
    if (!account_exists(client, options->argument))
        return EXIT_OTHER;
    account = client_account_by_name(client, options->argument);
    call = dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH, MAILROAM_MANAGER_INTERFACE,
                                        "RemoveAccount");
    if (!call ||
        !dbus_message_append_args(call, DBUS_TYPE_OBJECT_PATH, &account->path, DBUS_TYPE_INVALID))
        return no_memory();
    r = client_call(client, call, &reply);
    if (r != 0)
        return client_failure(client, r);
    printf(_("The account %s is removed.\n"), account->name);
    return EXIT_WORKS;
}
