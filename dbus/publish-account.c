/* SPDX-License-Identifier: GPL-3.0-or-later */

/* org.mailroam.Mailroam1.Account as one table; the handlers only translate. */
#include "cleanup.h"
#include "error.h"
#include "logins.h"
#include "publish-internal.h"
#include <stdio.h>

static const struct account *account_of(const void *userdata)
{
    const struct published *published = userdata;

    return published->account;
}

static int append_name(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, account_settings(account_of(userdata))->name);
}

static int append_address(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, account_settings(account_of(userdata))->address);
}

static int append_source(DBusMessageIter *iter, const void *userdata)
{
    const struct account_settings *settings = account_settings(account_of(userdata));

    return append_string(iter, settings->n_sources > 0 ? settings->sources[0].client : "");
}

static int append_sources(DBusMessageIter *iter, const void *userdata)
{
    const struct account_settings *settings = account_settings(account_of(userdata));
    DBusMessageIter array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "s", &array))
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < settings->n_sources; i++) {
        const struct account_source *source = &settings->sources[i];
        _cleanup_free_ char *text = NULL;

        r = asprintf(&text, "%s %s", source->client, source->file) < 0
                ? -ENOMEM
                : append_string(&array, text);
    }
    return bus_close(iter, &array, r);
}

static int append_username(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, account_settings(account_of(userdata))->username);
}

static int append_state(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, state_to_string(account_state(account_of(userdata))));
}

static int append_server(DBusMessageIter *iter, const void *userdata)
{
    return append_working_server(iter, account_of(userdata));
}

static int append_port(DBusMessageIter *iter, const void *userdata)
{
    return append_working_port(iter, account_of(userdata));
}

static int append_security(DBusMessageIter *iter, const void *userdata)
{
    return append_working_security(iter, account_of(userdata));
}

static int append_provenance(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, provenance_to_string(account_provenance(account_of(userdata))));
}

static int append_checked_at(DBusMessageIter *iter, const void *userdata)
{
    return append_uint64(iter, account_checked_at(account_of(userdata)));
}

static int append_last_reason(DBusMessageIter *iter, const void *userdata)
{
    return append_string(iter, account_reason(account_of(userdata)));
}

static int append_endpoint(DBusMessageIter *array, const struct finding *finding)
{
    const struct endpoint *endpoint = &finding->endpoint;
    DBusMessageIter structure;
    int r;

    if (!dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &structure))
        return -ENOMEM;
    r = append_string(&structure, endpoint->host);
    if (r == 0)
        r = append_uint16(&structure, endpoint->port);
    if (r == 0)
        r = append_string(&structure, security_to_string(endpoint->security));
    if (r == 0)
        r = append_string(&structure, verdict_to_string(finding->verdict));
    if (r == 0)
        r = append_evidence(&structure, &finding->evidence);
    return bus_close(array, &structure, r);
}

int append_findings(DBusMessageIter *iter, const struct finding *findings, size_t n)
{
    DBusMessageIter array;
    int r = 0;

    if (!dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "(sqssa{sv})", &array))
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = append_endpoint(&array, &findings[i]);
    return bus_close(iter, &array, r);
}

static int append_endpoints(DBusMessageIter *iter, const void *userdata)
{
    const struct account *account = account_of(userdata);

    return append_findings(iter, account_findings(account), account_settings(account)->n_endpoints);
}

static int handle_check(DBusMessage *call, void *userdata, DBusMessage **ret_reply _unused_,
                        DBusError *error _unused_)
{
    struct published *published = userdata;
    int r = publisher_wait(published->publisher, call, published->account);

    if (r < 0)
        return r;
    account_check(published->account);
    return BUS_LATER;
}

/* VerifyLogin() under way. */
struct verification {
    struct bus *bus;
    DBusMessage *call;
};

static DBusMessage *reply_with(DBusMessage *call, const struct finding *finding)
{
    DBusMessage *reply = dbus_message_new_method_return(call);
    DBusMessageIter iter;
    int r = reply ? 0 : -ENOMEM;

    if (r == 0) {
        dbus_message_iter_init_append(reply, &iter);
        r = append_string(&iter, verdict_to_string(finding->verdict));
    }
    if (r == 0)
        r = append_evidence(&iter, &finding->evidence);
    if (r < 0 && reply) {
        dbus_message_unref(reply);
        reply = NULL;
    }
    return reply;
}

static const struct {
    const char *name, *words;
} login_errors[] = {
    [LOGINS_BUSY] = {MAILROAM_ERROR("Busy"), "a login of this account is being checked"},
    [LOGINS_NO_ENDPOINT] = {MAILROAM_ERROR("Offline"),
                            "no port of the account's servers works now"},
    [LOGINS_INSECURE] = {MAILROAM_ERROR("Insecure"),
                         "the port that is used does not prove who it is, or has no TLS: anybody "
                         "on the way could read the password there. MinimumSecurity=verified is "
                         "safe, with Endpoints=465/tls 587/starttls"},
    [LOGINS_NO_SECRET] =
        {MAILROAM_ERROR("NoCredentials"),
         "nothing says where the password is: set PasswordCommand=, or store it in the "
         "keyring, see mailroam.account(5)"},
    [LOGINS_REFUSED] = {MAILROAM_ERROR("LoginStopped"),
                        "the server has refused this login, and another failure might lock the "
                        "account: correct Username=, PasswordCommand=, Mechanisms= or the password "
                        "in the keyring first"},
    [LOGINS_NOT_NOW] = {MAILROAM_ERROR("Failed"), "not now"},
};

static void on_login(const struct finding *finding, const char *problem, enum logins_answer answer,
                     void *userdata)
{
    struct verification *verification = userdata;

    if (finding)
        bus_reply_message(verification->bus, verification->call,
                          reply_with(verification->call, finding));
    else if (problem)
        bus_reply_error(verification->bus, verification->call, MAILROAM_ERROR("CheckFailed"),
                        problem);
    else
        bus_reply_error(verification->bus, verification->call, login_errors[answer].name,
                        login_errors[answer].words);
    free(verification);
}

static void set_error(DBusError *error, int answer)
{
    dbus_set_error_const(error, login_errors[answer].name, login_errors[answer].words);
}

static int handle_verify_login(DBusMessage *call, void *userdata, DBusMessage **ret_reply _unused_,
                               DBusError *error)
{
    struct published *published = userdata;
    struct verification *verification = malloc(sizeof(*verification));
    int r;

    if (!verification)
        return -ENOMEM;
    *verification = (struct verification){published->publisher->bus, dbus_message_ref(call)};
    r = logins_begin(manager_logins(published->publisher->manager), published->account, true,
                     on_login, verification);
    if (r == 0)
        return BUS_LATER;
    dbus_message_unref(call);
    free(verification);
    if (r < 0)
        return r;
    set_error(error, r);
    return 0;
}

static const struct bus_argument login_out[] = {{"verdict", "s"}, {"evidence", "a{sv}"}, {NULL}};
static const struct bus_argument working_port_changed[] = {
    {"server", "s"}, {"port", "q"}, {"security", "s"}, {NULL}};

const struct bus_interface account_interface = {
    .name = MAILROAM_NAME ".Account",
    .methods =
        (const struct bus_method[]){
            {"Check", BUS_ANYBODY, NULL, NULL, handle_check},
            {"VerifyLogin", BUS_UNCONFINED, NULL, login_out, handle_verify_login},
            {NULL},
        },
    .properties =
        (const struct bus_property[]){
            {"Name", "s", BUS_EMITS_CONST, append_name},
            {"Address", "s", BUS_EMITS_CHANGE, append_address},
            {"Source", "s", BUS_EMITS_CHANGE, append_source},
            {"Sources", "as", BUS_EMITS_CHANGE, append_sources},
            {"Username", "s", BUS_EMITS_CHANGE, append_username},
            {"State", "s", BUS_EMITS_CHANGE, append_state},
            {"WorkingServer", "s", BUS_EMITS_CHANGE, append_server, true},
            {"WorkingPort", "q", BUS_EMITS_CHANGE, append_port, true},
            {"WorkingSecurity", "s", BUS_EMITS_CHANGE, append_security, true},
            {"Provenance", "s", BUS_EMITS_CHANGE, append_provenance},
            {"CheckedAt", "t", BUS_EMITS_CHANGE, append_checked_at},
            {"LastReason", "s", BUS_EMITS_CHANGE, append_last_reason},
            {"Endpoints", "a(sqssa{sv})", BUS_EMITS_CHANGE, append_endpoints},
            {NULL},
        },
    .signals =
        (const struct bus_signal[]){
            {"WorkingPortChanged", working_port_changed},
            {NULL},
        },
    .told = publisher_signal_working,
};
