/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Trying what was named: one check as the daemon will do it, of each server with each port that was
 * named for one of them and with the usual ones, because few providers name all ports that they
 * have, and one that is not named may be the only one a hotel lets through.
 */
#include "account-settings.h"
#include "check.h"
#include "cli-add.h"
#include "error.h"
#include "words.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

DEFINE_CLEANUP(struct account_settings *, account_settings_free)
DEFINE_CLEANUP(struct check *, check_free)

struct trial {
    struct addition *addition;
    struct account_settings *settings;
    struct finding *findings; /* beside the settings' endpoints */
    bool *found;
    struct endpoint_columns columns;
    sd_event *event;
    bool gone, stopped; /* the probe has ended; somebody wants us to end */
    int error;
};

static void trial_clear(struct trial *trial)
{
    for (size_t i = 0; trial->found && i < trial->settings->n_endpoints; i++)
        if (trial->found[i])
            finding_clear(&trial->findings[i]);
    free(trial->findings);
    free(trial->found);
    account_settings_free(trial->settings);
    sd_event_unref(trial->event);
}

/* --- what is tried --------------------------------------------------------------------------- */

static void add_server(struct addition *addition, const char *host)
{
    for (size_t i = 0; i < addition->n_servers; i++)
        if (strcmp(addition->servers[i], host) == 0)
            return;
    addition->servers[addition->n_servers++] = host;
}

static int add_endpoint(struct addition *addition, const struct endpoint *endpoint)
{
    _cleanup_free_ char *words =
        format_new("%u/%s", endpoint->port, security_to_string(endpoint->security));

    if (!words)
        return -ENOMEM;
    for (size_t i = 0; i < addition->n_endpoints; i++)
        if (strcmp(addition->endpoints[i], words) == 0)
            return 0;
    addition->endpoints[addition->n_endpoints++] = TAKE(words);
    return 0;
}

/* Fills servers and endpoints; what the user has given counts instead of what was named. */
static int collect(struct addition *addition)
{
    const struct options *options = addition->options;
    size_t n = addition->n_named + ELEMENTSOF(endpoint_defaults) + options->n_endpoints;
    int r = 0;

    addition->servers = calloc(addition->n_named, sizeof(*addition->servers));
    addition->endpoints = calloc(n, sizeof(*addition->endpoints));
    addition->n_servers = addition->n_endpoints = 0;
    if (!addition->servers || !addition->endpoints)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < addition->n_named; i++) {
        add_server(addition, addition->named[i].endpoint.host);
        if (options->n_endpoints == 0)
            r = add_endpoint(addition, &addition->named[i].endpoint);
    }
    for (size_t i = 0; r == 0 && i < options->n_endpoints; i++) {
        addition->endpoints[i] = strdup(options->endpoints[i]);
        r = addition->endpoints[i] ? 0 : -ENOMEM;
        addition->n_endpoints += r == 0;
    }
    for (size_t i = 0; r == 0 && options->n_endpoints == 0 && i < ELEMENTSOF(endpoint_defaults);
         i++)
        r = add_endpoint(addition, &endpoint_defaults[i]);
    return r;
}

/* One key of the account to be; says what is wrong with it. */
static int set(struct account_settings *settings, const char *key, const char *value)
{
    _cleanup_free_ char *problem = NULL;
    int r = account_settings_set(settings, key, value, &problem);

    if (r == -ENOMEM)
        return r;
    if (r == 0)
        return 0;
    fprintf(stderr, "mailroam: %s: %s\n", key, problem ? problem : _("there is no such key"));
    return -EINVAL;
}

static int make_settings(struct addition *addition, struct account_settings **ret)
{
    const struct options *options = addition->options;
    _cleanup_(account_settings_freep) struct account_settings *settings =
        account_settings_new(options->name ? options->name : options->argument);
    _cleanup_free_ char *problem = NULL, *joined = strdup("");
    int r = settings && joined ? set(settings, "Address", options->argument) : -ENOMEM;

    for (size_t i = 0; r == 0 && i < addition->n_servers; i++)
        r = set(settings, "Server", addition->servers[i]);
    for (size_t i = 0; joined && i < addition->n_endpoints; i++) {
        _cleanup_free_ char *before = joined;

        joined = format_new("%s %s", before, addition->endpoints[i]);
    }
    if (r == 0)
        r = joined ? set(settings, "Endpoints", joined) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < options->n_settings; i++) {
        const char *value = strchr(options->settings[i], '=') + 1;
        _cleanup_free_ char *key =
            strndup(options->settings[i], (size_t)(value - 1 - options->settings[i]));

        r = key ? set(settings, key, value) : -ENOMEM;
    }
    if (r == 0)
        r = account_settings_complete(settings, &problem);
    if (problem)
        fprintf(stderr, "mailroam: %s\n", problem);
    if (r == 0)
        *ret = TAKE(settings);
    return r;
}

/* --- trying ---------------------------------------------------------------------------------- */

static struct client_endpoint endpoint_of(const struct endpoint *endpoint, enum verdict verdict)
{
    return (struct client_endpoint){
        .host = (char *)endpoint->host,
        .port = endpoint->port,
        .security = (char *)security_to_string(endpoint->security),
        .verdict = (char *)verdict_to_string(verdict),
    };
}

static int fit_columns(struct trial *trial)
{
    size_t n = trial->settings->n_endpoints;
    _cleanup_free_ struct client_endpoint *rows = calloc(n, sizeof(*rows));
    struct client_account account = {.endpoints = rows, .n_endpoints = n};

    for (size_t i = 0; rows && i < n; i++)
        rows[i] = endpoint_of(&trial->settings->endpoints[i], VERDICT_UNKNOWN);
    trial->columns.host = true; /* whose it is, is what this is about */
    trial->columns.verdict = strlen("bad-certificate");
    return rows ? endpoint_columns_fit(&trial->columns, &trial->addition->screen, &account)
                : -ENOMEM;
}

static int print_verdict(json_object *object, const struct client_endpoint *endpoint)
{
    if (json_put_text(object, "event", "verdict") && json_put_endpoint(object, endpoint))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static void on_found(size_t i, struct finding *finding, void *userdata)
{
    struct trial *trial = userdata;
    struct addition *addition = trial->addition;
    struct client_endpoint endpoint = endpoint_of(&finding->endpoint, finding->verdict);

    trial->findings[i] = *finding;
    trial->found[i] = true;
    endpoint.evidence = finding->evidence; /* lent */
    progress_take_back(addition);
    if (addition->options->json)
        trial->error = print_verdict(json_object_new_object(), &endpoint);
    else
        trial->error = print_endpoint(&addition->screen, &trial->columns, "", &endpoint, false);
    fflush(stdout);
    progress_show(addition, _("trying ..."));
}

static void on_ended(const char *problem, void *userdata)
{
    struct trial *trial = userdata;

    progress_take_back(trial->addition);
    if (problem)
        fprintf(stderr, "mailroam: %s\n", problem);
}

static void on_gone(void *userdata)
{
    struct trial *trial = userdata;

    trial->gone = true;
}

static int on_stop(sd_event_source *source, int fd _unused_, uint32_t events _unused_,
                   void *userdata)
{
    struct trial *trial = userdata;

    trial->stopped = true;
    return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* 0, ADD_STOP or negative errno. */
static int try(struct trial *trial)
{
    static const struct check_callbacks callbacks = {on_found, on_ended, on_gone};
    _cleanup_(check_freep) struct check *check = NULL;
    sigset_t child;
    int r = sd_event_new(&trial->event);

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL); /* as sd_event_add_child() wants it */
    if (r >= 0)
        r = sd_event_add_io(trial->event, NULL, trial->addition->stop_fd, EPOLLIN, on_stop, trial);
    if (r >= 0)
        r = check_new(&check, trial->event, trial->settings, NULL, 0, &callbacks, trial);
    if (r < 0)
        return r;
    progress_show(trial->addition, _("trying ..."));
    /* To its end, for the servers' sake; the probe and the check both have a deadline. */
    while (r >= 0 && !trial->stopped && !trial->gone)
        r = sd_event_run(trial->event, UINT64_MAX);
    progress_take_back(trial->addition);
    return r < 0 ? r : trial->stopped ? ADD_STOP : trial->error;
}

/* --- what is worth adding -------------------------------------------------------------------- */

/* Whether an endpoint of this host and these words had a verdict that `judge` says yes to. */
static bool any(const struct trial *trial, const char *host, const char *words,
                bool (*judge)(enum verdict verdict))
{
    for (size_t i = 0; i < trial->settings->n_endpoints; i++) {
        const struct endpoint *endpoint = &trial->settings->endpoints[i];
        char port[sizeof("65535/starttls")];

        (void)snprintf(port, sizeof(port), "%u/%s", endpoint->port,
                       security_to_string(endpoint->security));
        if (trial->found[i] && (!host || strcmp(endpoint->host, host) == 0) &&
            (!words || strcmp(port, words) == 0) && judge(trial->findings[i].verdict))
            return true;
    }
    return false;
}

static bool is_good(enum verdict verdict)
{
    return verdict == VERDICT_WORKS;
}

/* Nothing that the server itself has said keeps this port from working elsewhere. */
static bool is_hopeful(enum verdict verdict)
{
    return verdict != VERDICT_REFUSED && verdict != VERDICT_NO_AUTH &&
           verdict != VERDICT_CLEARTEXT && verdict != VERDICT_NOT_SMTP &&
           verdict != VERDICT_REJECTED && verdict != VERDICT_UNRESOLVED;
}

static bool was_named(const struct addition *addition, const char *words)
{
    for (size_t i = 0; i < addition->n_named; i++) {
        const struct endpoint *endpoint = &addition->named[i].endpoint;
        char port[sizeof("65535/starttls")];

        (void)snprintf(port, sizeof(port), "%u/%s", endpoint->port,
                       security_to_string(endpoint->security));
        if (strcmp(port, words) == 0)
            return true;
    }
    return false;
}

/* Of guesses the first server that works is meant, and one that does not is nothing. */
static int choose_guess(struct addition *addition, const struct trial *trial)
{
    for (size_t i = 0; i < addition->n_servers; i++)
        if (any(trial, addition->servers[i], NULL, is_good)) {
            addition->servers[0] = addition->servers[i];
            addition->n_servers = 1;
            return 0;
        }
    return ADD_NOTHING;
}

/* Ports that nobody named stay unless the servers themselves have no use for them. */
static void choose_endpoints(struct addition *addition, const struct trial *trial)
{
    bool guess = strcmp(addition->source, "guess") == 0;
    size_t n = 0;

    for (size_t i = 0; i < addition->n_endpoints; i++) {
        char *words = addition->endpoints[i];
        bool keep = addition->options->n_endpoints > 0 || (!guess && was_named(addition, words)) ||
                    any(trial, guess ? addition->servers[0] : NULL, words, is_hopeful);

        if (keep)
            addition->endpoints[n++] = words;
        else
            free(words);
    }
    addition->n_endpoints = n;
}

int addition_check(struct addition *addition)
{
    _cleanup_(trial_clear) struct trial trial = {.addition = addition};
    int r = collect(addition);

    if (r == 0)
        r = make_settings(addition, &trial.settings);
    if (r != 0)
        return r;
    trial.findings = calloc(trial.settings->n_endpoints, sizeof(*trial.findings));
    trial.found = calloc(trial.settings->n_endpoints, sizeof(*trial.found));
    r = trial.findings && trial.found ? fit_columns(&trial) : -ENOMEM;
    if (r == 0)
        r = try(&trial);
    if (r != 0)
        return r;
    addition->works = any(&trial, NULL, NULL, is_good);
    if (strcmp(addition->source, "guess") == 0)
        r = choose_guess(addition, &trial);
    if (r == 0)
        choose_endpoints(addition, &trial);
    return r;
}
