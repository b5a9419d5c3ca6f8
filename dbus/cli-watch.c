/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam watch: one line for what is, then one line for each change, until somebody ends it or
 * nobody reads it. The daemon may come and go meanwhile.
 *
 * What is shown is compared as a whole with what was shown last, not taken from the signals: after
 * a restart of the daemon only what really differs makes a line.
 */
#include "cli.h"
#include "error.h"
#include "words.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What was shown last about one subject. */
struct fact {
    char *key;     /* an object path, or "network" */
    char *account; /* the account's name; NULL where it is none */
    char *text;    /* all of it */
    char *working; /* of an account: its working port alone */
};

struct watch {
    const struct options *options;
    struct client *client;
    struct screen screen;
    bool running; /* the daemon's facts were there the last time */
    struct fact *facts;
    size_t n_facts;
};

static void fact_clear(struct fact *fact)
{
    free(fact->key);
    free(fact->account);
    free(fact->text);
    free(fact->working);
}

static void watch_clear(struct watch *watch)
{
    for (size_t i = 0; i < watch->n_facts; i++)
        fact_clear(&watch->facts[i]);
    free(watch->facts);
    client_free(watch->client);
}

static struct fact *fact_find(struct watch *watch, const char *key)
{
    struct fact *grown;
    char *copy;

    for (size_t i = 0; i < watch->n_facts; i++)
        if (strcmp(watch->facts[i].key, key) == 0)
            return &watch->facts[i];
    grown = reallocarray(watch->facts, watch->n_facts + 1, sizeof(*grown));
    if (!grown)
        return NULL;
    watch->facts = grown;
    copy = strdup(key);
    if (!copy)
        return NULL;
    grown[watch->n_facts] = (struct fact){.key = copy};
    return &grown[watch->n_facts++];
}

/* Puts `value`, which it takes, in the place of *place. 1 where it differs, 0, or -ENOMEM. */
static int replace(char **place, char *value)
{
    bool differs = value && (!*place || strcmp(*place, value) != 0);

    if (!value)
        return -ENOMEM;
    free(*place);
    *place = value;
    return differs;
}

/* A new object with the time and the event in it; NULL without memory. */
static json_object *event_new(const char *event)
{
    json_object *object = json_object_new_object();
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (json_put_time(object, "time",
                      (uint64_t)now.tv_sec * SECOND_USEC + (uint64_t)now.tv_nsec / 1000) &&
        json_put_text(object, "event", event))
        return object;
    json_object_put(object);
    return NULL;
}

/* Prints the object, which it takes, where all of it is there. */
static int print_event(json_object *object, bool complete)
{
    if (complete)
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static int print_line(const struct watch *watch, const char *subject, enum tone tone,
                      const char *text)
{
    time_t now = time(NULL);
    char clock[sizeof("HH:MM:SS")] = "";
    struct tm when;

    if (!text)
        return -ENOMEM;
    if (localtime_r(&now, &when))
        strftime(clock, sizeof(clock), "%T", &when);
    print_text(&watch->screen, TONE_FAINT, clock, sizeof("HH:MM:SS") + 1);
    print_text(&watch->screen, TONE_STRONG, subject, 0);
    fputs("  ", stdout);
    print_text(&watch->screen, tone, text, 0);
    putchar('\n');
    fflush(stdout);
    return 0;
}

static int show_network(struct watch *watch)
{
    const struct client_network *network = &watch->client->manager.network;
    struct fact *fact = fact_find(watch, "network");
    _cleanup_free_ char *words = network_words(network);
    json_object *object;
    int r;

    if (!fact || !words)
        return -ENOMEM;
    r = replace(&fact->text,
                format_new("%s %s %s %s %d %llu", network->id, network->name, network->interface,
                           network->gateway, network->known, (unsigned long long)network->since));
    if (r <= 0)
        return r;
    if (!watch->options->json)
        return print_line(watch, _("network"), TONE_PLAIN, words);
    object = event_new("network");
    return print_event(object, json_put_network(object, network));
}

/* The state of the whole, for people only while no account says it. */
static int show_manager(struct watch *watch)
{
    const char *state = watch->client->manager.state;
    struct fact *fact = fact_find(watch, MAILROAM_PATH);
    _cleanup_free_ char *words = state_words(state);
    json_object *object;
    int r;

    if (!fact || !words)
        return -ENOMEM;
    r = replace(&fact->text, strdup(state));
    if (r <= 0)
        return r;
    if (!watch->options->json)
        return watch->client->n_accounts ? 0
                                         : print_line(watch, _("state"), state_tone(state), words);
    object = event_new("state");
    return print_event(object,
                       json_put_null(object, "account") && json_put_text(object, "state", state));
}

static int print_account_event(const struct watch *watch, const struct client_account *account,
                               bool port_changed)
{
    json_object *object = event_new(port_changed ? "working-port" : "state");

    return print_event(object, json_put_text(object, "account", account->name) &&
                                   json_put_text(object, "state", account->state) &&
                                   json_put_working(object, &account->working) &&
                                   json_put_text(object, "provenance", account->provenance));
}

static int show_account(struct watch *watch, const struct client_account *account)
{
    _cleanup_free_ char *working = working_words(account), *line = NULL;
    struct fact *fact = fact_find(watch, account->path);
    bool remembered = strcmp(account->provenance, "remembered") == 0;
    int port_changed, changed;

    if (!fact || !working || replace(&fact->account, strdup(account->name)) < 0)
        return -ENOMEM;
    line = format_new("%s, %s%s", account->state, working,
                      remembered ? _(", remembered from an earlier visit") : "");
    port_changed = replace(&fact->working, TAKE(working));
    changed = replace(&fact->text, line ? format_new("%s, %s", account->provenance, line) : NULL);
    if (port_changed < 0 || changed < 0)
        return -ENOMEM;
    if (!changed)
        return 0;
    return watch->options->json
               ? print_account_event(watch, account, port_changed)
               : print_line(watch, account->name, state_tone(account->state), line);
}

/* Says which accounts are there no more. */
static int show_removed(struct watch *watch)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < watch->n_facts;) {
        struct fact *fact = &watch->facts[i];

        if (!fact->account || client_account_by_path(watch->client, fact->key)) {
            i++;
            continue;
        }
        if (watch->options->json) {
            json_object *object = event_new("removed");

            r = print_event(object, json_put_text(object, "account", fact->account));
        } else {
            r = print_line(watch, fact->account, TONE_PLAIN, _("was removed"));
        }
        fact_clear(fact);
        *fact = watch->facts[--watch->n_facts];
    }
    return r;
}

static int show_daemon(struct watch *watch, bool running)
{
    json_object *object;

    if (!watch->options->json)
        return print_line(watch, "mailroamd", TONE_FAINT,
                          running ? _("is back")
                                  : _("has ended; waiting until it is started again"));
    object = event_new("daemon");
    return print_event(object, json_put(object, "running", json_object_new_boolean(running)));
}

static int show_changes(struct watch *watch)
{
    bool running = client_known(watch->client);
    int r = running == watch->running ? 0 : show_daemon(watch, running);

    watch->running = running;
    if (!running || r < 0)
        return r;
    r = show_network(watch);
    if (r == 0)
        r = show_manager(watch);
    for (size_t i = 0; r == 0 && i < watch->client->n_accounts; i++)
        if (account_meant(watch->options, watch->client->accounts[i]))
            r = show_account(watch, watch->client->accounts[i]);
    return r == 0 ? show_removed(watch) : r;
}

static int follow(struct watch *watch)
{
    int r = 0;

    watch->running = true;
    while (r == 0) {
        r = show_changes(watch);
        if (r < 0)
            return r;
        if (ferror(stdout)) {
            clearerr(stdout);
            return CLIENT_NO_READER;
        }
        r = client_next(watch->client, UINT64_MAX);
        /* The answer to a reading that the daemon did not survive; the bus itself is there. */
        if (r == CLIENT_ERROR && dbus_connection_get_is_connected(watch->client->connection))
            r = 0;
    }
    return r;
}

enum exit_status command_watch(const struct options *options)
{
    _cleanup_(watch_clear) struct watch watch = {.options = options};
    _cleanup_close_ int stop_fd = -1;
    int r;

    stop_fd = stop_signals_open(false);
    screen_init(&watch.screen);
    r = stop_fd < 0 ? stop_fd : client_open(&watch.client, true, stop_fd);
    if (r == 0 && !account_exists(watch.client, options->account))
        return EXIT_OTHER;
    if (r == 0)
        r = follow(&watch);
    return r == CLIENT_STOP || r == CLIENT_NO_READER ? EXIT_WORKS : client_failure(watch.client, r);
}
