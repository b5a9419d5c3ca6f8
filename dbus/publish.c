/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From what the manager and the accounts say to what listeners on the bus hear. Calls to Check()
 * wait here; each is answered exactly once, whatever becomes of the check or the account.
 */
#include "publish.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "publish-internal.h"
#include <string.h>

/* Check() promises an answer within 20 s; the longest check takes CHECK_DEADLINE_S. */
#define ANSWER_WITHIN_US (19 * UINT64_C(1000000))

const char *publisher_path(const struct account *account)
{
    const struct published *published = account ? account_userdata(account) : NULL;

    return published ? bus_object_path(published->object) : "/";
}

enum verdict publisher_port25(const struct publisher *publisher)
{
    const struct account *account = manager_default(publisher->manager);
    size_t n = account ? account_settings(account)->n_endpoints : 0;

    for (size_t i = 0; i < n; i++)
        if (account_findings(account)[i].endpoint.port == 25)
            return account_findings(account)[i].verdict;
    return VERDICT_UNKNOWN;
}

static void publish_working(struct bus_object *object)
{
    bus_object_changed(object, "WorkingServer");
    bus_object_changed(object, "WorkingPort");
    bus_object_changed(object, "WorkingSecurity");
}

static void on_manager_changed(struct manager *manager _unused_, unsigned changes, void *userdata)
{
    struct publisher *publisher = userdata;

    if (changes & MANAGER_NETWORK)
        bus_object_changed(publisher->object, "Network");
    if (changes & MANAGER_ACCOUNTS)
        bus_object_changed(publisher->object, "Accounts");
    if (changes & MANAGER_PORTAL)
        bus_object_changed(publisher->object, "Portal");
    if (changes & MANAGER_DEFAULT) {
        bus_object_changed(publisher->object, "DefaultAccount");
        bus_object_changed(publisher->object, "State");
        bus_object_changed(publisher->object, "LastReason");
        bus_object_changed(publisher->object, "Port25");
        publish_working(publisher->object);
    }
}

void publisher_signal_working(void *userdata)
{
    struct published *published = userdata;
    const struct finding *working = account_working(published->account);
    const char *path = bus_object_path(published->object);
    const char *server = working ? working->endpoint.host : "";
    const char *security = working ? security_to_string(choose_security(working)) : "";
    dbus_uint16_t port = working ? working->endpoint.port : 0;

    if (!working && !published->has_worked)
        return; /* of a new account this goes without saying */
    published->has_worked = true;
    (void)bus_object_emit(published->object, "WorkingPortChanged", DBUS_TYPE_STRING, &server,
                          DBUS_TYPE_UINT16, &port, DBUS_TYPE_STRING, &security, DBUS_TYPE_INVALID);
    (void)bus_object_emit(published->publisher->object, "WorkingPortChanged", DBUS_TYPE_OBJECT_PATH,
                          &path, DBUS_TYPE_STRING, &server, DBUS_TYPE_UINT16, &port,
                          DBUS_TYPE_STRING, &security, DBUS_TYPE_INVALID);
}

static void on_account_changed(struct account *account, unsigned changes, void *userdata)
{
    struct publisher *publisher = userdata;
    struct published *published = account_userdata(account);
    bool is_default = account == manager_default(publisher->manager);

    if (changes & ACCOUNT_SETTINGS) {
        bus_object_changed(published->object, "Address");
        bus_object_changed(published->object, "Username");
        bus_object_changed(published->object, "Source");
        bus_object_changed(published->object, "Sources");
    }
    if (changes & ACCOUNT_ENDPOINTS)
        bus_object_changed(published->object, "Endpoints");
    if (changes & ACCOUNT_CHECKED_AT)
        bus_object_changed(published->object, "CheckedAt");
    if (changes & ACCOUNT_REASON)
        bus_object_changed(published->object, "LastReason");
    if (changes & ACCOUNT_STATE)
        bus_object_changed(published->object, "State");
    if (changes & ACCOUNT_WORKING)
        publish_working(published->object);
    if (changes & ACCOUNT_PROVENANCE)
        bus_object_changed(published->object, "Provenance");
    if (!is_default)
        return;
    if (changes & ACCOUNT_REASON)
        bus_object_changed(publisher->object, "LastReason");
    if (changes & ACCOUNT_STATE)
        bus_object_changed(publisher->object, "State");
    if (changes & ACCOUNT_WORKING)
        publish_working(publisher->object);
    if (changes & (ACCOUNT_ENDPOINTS | ACCOUNT_SETTINGS))
        bus_object_changed(publisher->object, "Port25");
}

static struct waiting *waiting_free(struct waiting *waiting)
{
    sd_event_source_disable_unref(waiting->deadline);
    free(waiting->problem);
    free(waiting);
    return NULL;
}

/* A check that is superseded again and again, or stands in a long line, has no end that can be
 * foretold. */
static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct waiting *waiting = userdata, **at = &waiting->publisher->waiting;

    while (*at != waiting)
        at = &(*at)->next;
    *at = waiting->next;
    bus_reply_error(waiting->publisher->bus, waiting->call, MAILROAM_ERROR("CheckFailed"),
                    "the check is not over yet: the network or the settings changed under way, "
                    "or there are many accounts to check");
    waiting_free(waiting);
    return 0;
}

int publisher_wait(struct publisher *publisher, DBusMessage *call, struct account *account)
{
    struct waiting *waiting = malloc(sizeof(*waiting)), **end = &publisher->waiting;
    int r;

    if (!waiting)
        return -ENOMEM;
    *waiting = (struct waiting){.publisher = publisher, .call = call, .account = account};
    r = sd_event_add_time_relative(publisher->event, &waiting->deadline, CLOCK_MONOTONIC,
                                   ANSWER_WITHIN_US, 0, on_deadline, waiting);
    if (r < 0) {
        waiting_free(waiting);
        return r;
    }
    dbus_message_ref(call);
    while (*end)
        end = &(*end)->next;
    *end = waiting;
    return BUS_LATER;
}

static void answer(struct publisher *publisher, struct waiting *waiting)
{
    enum state state =
        waiting->account ? account_state(waiting->account) : manager_state(publisher->manager);

    if (waiting->problem)
        bus_reply_error(publisher->bus, waiting->call, MAILROAM_ERROR("CheckFailed"),
                        waiting->problem);
    else if (state == STATE_OFFLINE)
        bus_reply_error(publisher->bus, waiting->call, MAILROAM_ERROR("Offline"),
                        "there is no network that leads to the mail server");
    else
        bus_reply(publisher->bus, waiting->call);
}

static bool any_is_checking(const struct publisher *publisher)
{
    for (struct account *const *at = manager_accounts(publisher->manager); *at; at++)
        if (account_is_checking(*at))
            return true;
    return false;
}

/* Answers those who waited for this account, and, when none is being checked, for all. */
static void answer_waiting(struct publisher *publisher, const struct account *account,
                           const char *problem)
{
    bool all = !any_is_checking(publisher);

    for (struct waiting **at = &publisher->waiting; *at;) {
        struct waiting *waiting = *at;
        bool concerned = !waiting->account || waiting->account == account;

        if (concerned && problem && !waiting->problem)
            waiting->problem = strdup(problem); /* without memory the properties still say it */
        if (!concerned || (!waiting->account && !all)) {
            at = &waiting->next;
            continue;
        }
        *at = waiting->next;
        answer(publisher, waiting);
        waiting_free(waiting);
    }
}

static void on_check_ended(struct account *account, const char *problem, void *userdata)
{
    answer_waiting(userdata, account, problem);
}

static int on_added(struct account *account, void *userdata)
{
    struct publisher *publisher = userdata;
    _cleanup_free_ struct published *published = malloc(sizeof(*published));
    _cleanup_free_ char *path =
        bus_path_encode(MAILROAM_PATH "/account", account_settings(account)->name);
    int r;

    if (!published || !path)
        return -ENOMEM;
    *published = (struct published){.publisher = publisher, .account = account};
    r = bus_object_new(&published->object, publisher->bus, path, &account_interface, false,
                       published);
    if (r < 0)
        return r;
    account_set_userdata(account, TAKE(published));
    return 0;
}

static void on_removed(struct account *account, void *userdata)
{
    struct published *published = account_userdata(account);

    answer_waiting(userdata, account, "the account was removed");
    bus_object_free(published->object);
    free(published);
    account_set_userdata(account, NULL);
}

const struct manager_listener publisher_listener = {
    .changed = on_manager_changed,
    .added = on_added,
    .removed = on_removed,
    .account = {.changed = on_account_changed, .check_ended = on_check_ended},
};

int publisher_new(struct publisher **ret, sd_event *event, struct bus *bus)
{
    struct publisher *publisher = calloc(1, sizeof(*publisher));

    if (!publisher)
        return -ENOMEM;
    publisher->event = sd_event_ref(event);
    publisher->bus = bus;
    *ret = publisher;
    return 0;
}

int publisher_set_manager(struct publisher *publisher, struct manager *manager)
{
    publisher->manager = manager;
    return bus_object_new(&publisher->object, publisher->bus, MAILROAM_PATH, &manager_interface,
                          true, publisher);
}

void publisher_stop(struct publisher *publisher)
{
    while (publisher->waiting) {
        struct waiting *waiting = publisher->waiting;

        publisher->waiting = waiting->next;
        bus_reply_error(publisher->bus, waiting->call, MAILROAM_ERROR("Failed"),
                        "mailroamd is stopping");
        waiting_free(waiting);
    }
}

struct publisher *publisher_free(struct publisher *publisher)
{
    if (!publisher)
        return NULL;
    publisher_stop(publisher);
    bus_object_free(publisher->object);
    sd_event_unref(publisher->event);
    free(publisher);
    return NULL;
}
