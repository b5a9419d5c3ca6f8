/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mailroam log, mailroam forget: the daemon's memory of networks. */
#include "cli-html.h"
#include "cli.h"
#include "error.h"
#include "html.h"
#include "judge/verdict.h"
#include "text.h"
#include "words.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GAP         2
#define WORDS_LEAST 24 /* columns; with less, words stand one below the other */

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

struct history {
    struct client_trip *trips;
    size_t n;
};

static void clear_history(struct history *history)
{
    client_trips_free(history->trips, history->n);
}

static DBusMessage *manager_call(const char *method)
{
    return dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH, MAILROAM_MANAGER_INTERFACE,
                                        method);
}

/* As client_call(). */
static int read_history(struct client *client, struct history *ret)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = manager_call("GetHistory"), *reply = NULL;
    int r = call ? client_call(client, call, &reply) : -ENOMEM;

    return r != 0 ? r : client_read_history(reply, &ret->trips, &ret->n);
}

static int print_trip_json(const struct client_trip *trip)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "network", trip->network) &&
        json_put_text(object, "name", trip->network_name) &&
        json_put_text(object, "account", trip->account.name) &&
        json_put_time(object, "arrived", trip->arrived) &&
        (trip->until ? json_put_time(object, "until", trip->until)
                     : json_put_null(object, "until")) &&
        json_put_time(object, "checked_at", trip->account.checked_at) &&
        json_put_working(object, &trip->account.working) &&
        json_put_endpoints(object, &trip->account))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

/* Whether an endpoint before this one has the same verdict. */
static bool verdict_was_named(const struct client_account *account, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(account->endpoints[j].verdict, account->endpoints[i].verdict) == 0)
            return true;
    return false;
}

/* "works: 587/starttls; blocked: 465/tls, 25/starttls", new. */
static char *trip_words(const struct client_account *account)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    bool hosts = false, good = file;

    for (size_t i = 1; i < account->n_endpoints; i++)
        hosts |= strcmp(account->endpoints[i].host, account->endpoints[0].host) != 0;
    for (size_t i = 0; good && i < account->n_endpoints; i++) {
        const char *separator = ": ";

        if (verdict_was_named(account, i))
            continue;
        fprintf(file, "%s%s", i > 0 ? "; " : "", account->endpoints[i].verdict);
        for (size_t j = i; good && j < account->n_endpoints; j++) {
            _cleanup_free_ char *words = NULL;

            if (strcmp(account->endpoints[j].verdict, account->endpoints[i].verdict) != 0)
                continue;
            words = endpoint_words(&account->endpoints[j], hosts);
            good = words && fprintf(file, "%s%s", separator, words) > 0;
            separator = ", ";
        }
    }
    if (file && fclose(file) == 0 && good)
        return text;
    free(text);
    return NULL;
}

struct columns {
    size_t period, network, account; /* 0: not shown */
};

static void fit(size_t *column, size_t columns)
{
    if (columns > *column)
        *column = columns;
}

static enum tone trip_tone(const struct client_account *account)
{
    for (size_t i = 0; i < account->n_endpoints; i++)
        if (strcmp(account->endpoints[i].verdict, verdict_to_string(VERDICT_WORKS)) != 0)
            return account->working.port ? TONE_WARN : TONE_BAD;
    return TONE_GOOD;
}

static int print_trip(const struct screen *screen, const struct columns *columns,
                      const struct client_trip *trip)
{
    _cleanup_free_ char *period = period_words(trip->arrived, trip->until),
                        *words = trip_words(&trip->account);
    size_t account = columns->account ? columns->account + GAP : 0;
    size_t at = columns->period + GAP + columns->network + GAP + account;

    if (!period || !words)
        return -ENOMEM;
    if (at + WORDS_LEAST > screen->width) {
        print_wrapped(screen, TONE_STRONG, trip->network_name, 0, 0);
        print_fact(screen, _("When"), TONE_PLAIN, period);
        if (account)
            print_fact(screen, _("Account"), TONE_PLAIN, trip->account.name);
        print_fact(screen, _("Found"), trip_tone(&trip->account), words);
        return 0;
    }
    print_text(screen, TONE_PLAIN, period, columns->period + GAP);
    print_text(screen, TONE_STRONG, trip->network_name, columns->network + GAP);
    if (account)
        print_text(screen, TONE_PLAIN, trip->account.name, account);
    print_wrapped(screen, trip_tone(&trip->account), words, at, at);
    return 0;
}

static int print_history(const struct history *history, const struct options *options)
{
    struct columns columns = {0};
    struct screen screen;
    const char *account = NULL;
    int r = 0;

    screen_init(&screen);
    for (size_t i = 0; i < history->n; i++) {
        const struct client_trip *trip = &history->trips[i];
        _cleanup_free_ char *period = period_words(trip->arrived, trip->until);

        if (!account_meant(options, &trip->account))
            continue;
        fit(&columns.period, period ? text_columns(&screen, period) : 0);
        fit(&columns.network, text_columns(&screen, trip->network_name));
        if (account && strcmp(account, trip->account.name) != 0)
            columns.account = 1;
        account = trip->account.name;
    }
    for (size_t i = 0; columns.account && i < history->n; i++)
        fit(&columns.account, text_columns(&screen, history->trips[i].account.name));
    for (size_t i = 0; r == 0 && i < history->n; i++)
        if (account_meant(options, &history->trips[i].account))
            r = print_trip(&screen, &columns, &history->trips[i]);
    if (r == 0 && !account)
        puts(_("No network is remembered yet."));
    return r;
}

/* Writes the page. 0, -ENOMEM, or -EIO after saying what went wrong. */
static int write_html(const struct history *history, const struct options *options)
{
    _cleanup_free_ const struct client_trip **trips = calloc(history->n + 1, sizeof(*trips));
    FILE *file;
    size_t n = 0;
    int r;

    if (!trips)
        return -ENOMEM;
    for (size_t i = 0; i < history->n; i++)
        if (account_meant(options, &history->trips[i].account))
            trips[n++] = &history->trips[i];
    file = html_open(options->html);
    if (!file)
        return -EIO;
    r = html_write(file, trips, n);
    if (html_close(file, options->html) < 0)
        return -EIO;
    if (r == 0 && file != stdout)
        printf(ngettext("%zu stay: %s\n", "%zu stays: %s\n", n), n, options->html);
    return r;
}

enum exit_status command_log(const struct options *options)
{
    _cleanup_(clear_history) struct history history = {0};
    _cleanup_(client_freep) struct client *client = NULL;
    enum exit_status status;
    int r;

    if (options->html && options->json)
        return usage_error(options, _("--html and --json are two ways to say it"));
    if (options->html && (!*options->html || !text_is_safe(options->html)))
        return usage_error(options, _("--html %s is no name for a file"), options->html);
    client = client_open_or_say(&status);
    if (!client)
        return status;
    if (!account_exists(client, options->account))
        return EXIT_OTHER;
    r = read_history(client, &history);
    if (r == 0 && options->html) {
        r = write_html(&history, options);
        return r == 0 ? EXIT_WORKS : r == -ENOMEM ? no_memory() : EXIT_OTHER;
    }
    if (r == 0 && !options->json)
        r = print_history(&history, options);
    for (size_t i = 0; r == 0 && options->json && i < history.n; i++)
        if (account_meant(options, &history.trips[i].account))
            r = print_trip_json(&history.trips[i]);
    return r == 0 ? EXIT_WORKS : client_failure(client, r);
}

/* The id that is meant by an id or a name; the argument itself where no trip knows it, and NULL
 * after saying so where several networks have that name. */
static const char *find_network(const struct history *history, const char *argument)
{
    const char *id = NULL;

    for (size_t i = 0; i < history->n; i++)
        if (strcmp(history->trips[i].network, argument) == 0)
            return argument;
    for (size_t i = 0; i < history->n; i++) {
        const struct client_trip *trip = &history->trips[i];

        if (strcmp(trip->network_name, argument) != 0)
            continue;
        if (id && strcmp(id, trip->network) != 0) {
            fprintf(stderr,
                    _("mailroam: several networks are called '%s': forget them by their ids, as %s "
                      "and %s; see: mailroam log --json\n"),
                    argument, id, trip->network);
            return NULL;
        }
        id = trip->network;
    }
    return id ? id : argument;
}

enum exit_status command_forget(const struct options *options)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = NULL, *reply = NULL;
    _cleanup_(clear_history) struct history history = {0};
    _cleanup_(client_freep) struct client *client = NULL;
    const char *id = "";
    int r;

    if (options->all == (options->argument != NULL))
        return usage_error(options, _("forget what? NETWORK or --all"));
    if (options->argument && !*options->argument)
        return usage_error(options, _("NETWORK is empty; --all forgets all of them"));
    r = client_new(&client);
    if (r == 0 && options->argument) {
        r = read_history(client, &history);
        id = r == 0 ? find_network(&history, options->argument) : NULL;
        if (r == 0 && !id)
            return EXIT_OTHER;
    }
    if (r == 0) {
        call = manager_call("Forget");
        r = call && dbus_message_append_args(call, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID)
                ? client_call(client, call, &reply)
                : -ENOMEM;
    }
    if (r != 0)
        return client_failure(client, r);
    if (options->all)
        puts(_("All networks are forgotten."));
    else
        printf(_("The network %s is forgotten.\n"), options->argument);
    return EXIT_WORKS;
}
