/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam check: asks for a check and shows every verdict the moment it is published.
 *
 * The daemon is heard before it is read and read before it is asked, and what it answers is applied
 * in the order of the bus; so a verdict that lands before the answer to Check is seen, and one that
 * did not change is shown at the end: each endpoint is shown at least once, and again only where
 * its verdict was taken back during the check.
 */
#include "cli.h"
#include "error.h"
#include "json-text.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

enum moment { BEFORE, DURING, AFTER };

/* What was seen of one endpoint, and which verdict the user has been shown in this check. */
struct seen {
    char *key;
    char *facts;
    char *shown; /* NULL: none yet */
};

struct check {
    const struct options *options;
    struct client *client;
    struct screen screen;
    struct endpoint_columns columns;
    bool labelled;
    bool progress; /* a line that is to be taken back stands on the terminal */
    uint64_t started;
    struct seen *seen;
    size_t n_seen;
};

static void check_clear(struct check *check)
{
    for (size_t i = 0; i < check->n_seen; i++) {
        free(check->seen[i].key);
        free(check->seen[i].facts);
        free(check->seen[i].shown);
    }
    free(check->seen);
    client_free(check->client);
}

static void take_back_progress(struct check *check)
{
    if (check->progress)
        fputs("\r\033[K", stdout);
    check->progress = false;
}

/* Finds or makes the record of this endpoint. NULL without memory. */
static struct seen *seen_find(struct check *check, const struct client_account *account,
                              const struct client_endpoint *endpoint)
{
    _cleanup_free_ char *words = endpoint_words(endpoint, true), *key = NULL;
    struct seen *grown;

    key = words ? format_new("%s %s", account->path, words) : NULL;
    if (!key)
        return NULL;
    for (size_t i = 0; i < check->n_seen; i++)
        if (strcmp(check->seen[i].key, key) == 0)
            return &check->seen[i];
    grown = reallocarray(check->seen, check->n_seen + 1, sizeof(*grown));
    if (!grown)
        return NULL;
    check->seen = grown;
    grown[check->n_seen] = (struct seen){.key = TAKE(key)};
    return &grown[check->n_seen++];
}

static json_object *verdict_to_json(const struct client_account *account,
                                    const struct client_endpoint *endpoint)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "event", "verdict") &&
        json_put_text(object, "account", account->name) && json_put_endpoint(object, endpoint))
        return object;
    json_object_put(object);
    return NULL;
}

static int show(struct check *check, const struct client_account *account,
                const struct client_endpoint *endpoint)
{
    int r;

    if (check->options->json)
        return json_print(verdict_to_json(account, endpoint));
    take_back_progress(check);
    r = print_endpoint(&check->screen, &check->columns, check->labelled ? account->name : "",
                       endpoint, true);
    fflush(stdout);
    return r;
}

static int look_at(struct check *check, const struct client_account *account,
                   const struct client_endpoint *endpoint, enum moment moment)
{
    json_object *object = verdict_to_json(account, endpoint);
    const char *text = json_text(object);
    _cleanup_free_ char *facts = text ? strdup(text) : NULL;
    struct seen *seen = seen_find(check, account, endpoint);
    bool changed;

    json_object_put(object);
    if (!facts || !seen)
        return -ENOMEM;
    changed = !seen->facts || strcmp(seen->facts, facts) != 0;
    free(seen->facts);
    seen->facts = TAKE(facts);
    if (!endpoint_decided(endpoint)) {
        free(seen->shown);
        seen->shown = NULL;
        return 0;
    }
    if (moment == BEFORE || (moment == DURING && !changed) ||
        (seen->shown && strcmp(seen->shown, endpoint->verdict) == 0))
        return 0;
    free(seen->shown);
    seen->shown = strdup(endpoint->verdict);
    return seen->shown ? show(check, account, endpoint) : -ENOMEM;
}

static int look(struct check *check, enum moment moment)
{
    const struct client *client = check->client;
    int r = 0;

    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        for (size_t j = 0; r == 0 && j < client->accounts[i]->n_endpoints; j++)
            if (account_meant(check->options, client->accounts[i]))
                r = look_at(check, client->accounts[i], &client->accounts[i]->endpoints[j], moment);
    return r;
}

/* Appends the endpoints of the account that were not shown yet to *text, as far as there is room.
 */
static int append_awaited(struct check *check, const struct client_account *account, char **text)
{
    for (size_t i = 0; i < account->n_endpoints; i++) {
        _cleanup_free_ char *before = NULL, *words = NULL;
        struct seen *seen = seen_find(check, account, &account->endpoints[i]);

        if (!seen)
            return -ENOMEM;
        if (seen->shown || text_columns(&check->screen, *text) > check->screen.width)
            continue;
        words = endpoint_words(&account->endpoints[i], check->columns.host);
        before = TAKE(*text);
        *text = words ? format_new("%s %s", before, words) : NULL;
        if (!*text)
            return -ENOMEM;
    }
    return 0;
}

/* "checking 587/starttls 25/starttls ... 3 s", cut to one line. */
static int show_progress(struct check *check)
{
    _cleanup_free_ char *text = NULL;
    const struct client *client = check->client;
    int r = 0;

    if (!check->screen.terminal || check->options->json)
        return 0;
    text = strdup(_("checking"));
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        if (account_meant(check->options, client->accounts[i]))
            r = append_awaited(check, client->accounts[i], &text);
    if (r < 0)
        return r;
    take_back_progress(check);
    print_cut(&check->screen, TONE_FAINT, text, check->screen.width - sizeof(" ... 20 s"));
    printf(" ... %u s", (unsigned)((client_now() - check->started) / SECOND_USEC));
    fflush(stdout);
    check->progress = true;
    return 0;
}

/* What to do after this check. New, NULL without memory. */
static char *advice_words(const struct client_account *account)
{
    if (!account->working.port || state_tone(account->state) != TONE_WARN)
        return strdup(account_advice(account));
    return format_new(
        _("Set your mail program to port %u with %s while you are here, or let it ask: "
          "mailroam port."),
        account->working.port, security_words(account->working.security));
}

static json_object *result_to_json(const struct client_account *account)
{
    _cleanup_free_ char *faults = faults_words(account), *advice = advice_words(account);
    json_object *object = faults && advice ? json_object_new_object() : NULL;

    if (json_put_text(object, "event", "result") &&
        json_put_text(object, "account", account->name) &&
        json_put_text(object, "state", account->state) &&
        json_put_working(object, &account->working) &&
        json_put_text(object, "explanation", faults) && json_put_text(object, "advice", advice))
        return object;
    json_object_put(object);
    return NULL;
}

static int show_result(struct check *check, const struct client_account *account)
{
    _cleanup_free_ char *working = NULL, *faults = NULL, *advice = NULL, *text = NULL;
    bool good = account->working.port != 0;

    if (check->options->json)
        return json_print(result_to_json(account));
    working = working_words(account);
    faults = faults_words(account);
    advice = advice_words(account);
    if (working && faults && advice)
        text = good ? format_new(_("%s: submit mail to %s.%s%s%s%s"), account->name, working,
                                 *faults ? " " : "", faults, *advice ? " " : "", advice)
                    : format_new(_("%s: no port works.%s%s%s%s"), account->name, *faults ? " " : "",
                                 faults, *advice ? " " : "", advice);
    if (!text)
        return -ENOMEM;
    print_wrapped(&check->screen, good ? TONE_GOOD : TONE_BAD, text, 0, 0);
    return 0;
}

static int begin(struct check *check)
{
    struct client_account *account =
        check->options->account ? client_account_by_name(check->client, check->options->account)
                                : NULL;
    DBusMessage *call = dbus_message_new_method_call(
        MAILROAM_NAME, account ? account->path : MAILROAM_PATH,
        account ? MAILROAM_ACCOUNT_INTERFACE : MAILROAM_MANAGER_INTERFACE, "Check");
    int r = call ? client_begin(check->client, call) : -ENOMEM;

    if (call)
        dbus_message_unref(call);
    return r;
}

/* From the call to its answer. */
static int follow(struct check *check)
{
    uint64_t deadline = check->started + CLIENT_CALL_USEC, tick = check->started + SECOND_USEC;
    int r = show_progress(check);

    while (r == 0 && check->client->call_serial != 0) {
        r = client_next(check->client, tick < deadline ? tick : deadline);
        if (r == 0)
            r = look(check, DURING);
        else if (r == CLIENT_TIMEOUT && tick < deadline) {
            tick += SECOND_USEC;
            r = 0;
        }
        if (r == 0)
            r = show_progress(check);
    }
    take_back_progress(check);
    /* Without a network there is nothing to check, which is a result like any other. */
    if (r == CLIENT_ERROR && strcmp(check->client->error.name, MAILROAM_ERROR "Offline") == 0)
        r = 0;
    return r;
}

static int prepare(struct check *check)
{
    const struct client *client = check->client;
    int r = look(check, BEFORE);

    screen_init(&check->screen);
    check->labelled = client->n_accounts > 1 && !check->options->account;
    check->columns.host = check->labelled; /* before what is to fit is measured */
    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        if (account_meant(check->options, client->accounts[i])) {
            size_t label = text_columns(&check->screen, client->accounts[i]->name);

            r = endpoint_columns_fit(&check->columns, &check->screen, client->accounts[i]);
            if (check->labelled && label > check->columns.label)
                check->columns.label = label;
        }
    check->columns.verdict = strlen("bad-certificate"); /* the longest that may come */
    return r;
}

/* After the check, at the ports it has chosen. The worst that happens is the exit status. */
static enum exit_status log_in_all(struct check *check, enum exit_status status)
{
    for (size_t i = 0; i < check->client->n_accounts; i++) {
        _cleanup_free_ char *path = strdup(check->client->accounts[i]->path);
        enum exit_status of_login;

        if (!path)
            return no_memory();
        if (!account_meant(check->options, check->client->accounts[i]))
            continue;
        of_login = check_login(check->client, path, check->options);
        if (of_login > status)
            status = of_login;
    }
    return status;
}

enum exit_status command_check(const struct options *options)
{
    _cleanup_(check_clear) struct check check = {.options = options};
    enum exit_status status = EXIT_NONE_WORKS;
    int r = client_open(&check.client, true, -1);

    if (r == 0) {
        if (!account_exists(check.client, options->account))
            return EXIT_OTHER;
        if (check.client->n_accounts == 0 && !chosen_account(check.client, options))
            return EXIT_NONE_WORKS;
        check.started = client_now();
        r = prepare(&check);
    }
    if (r == 0)
        r = begin(&check);
    if (r == 0)
        r = follow(&check);
    if (r == 0)
        r = look(&check, AFTER);
    for (size_t i = 0; r == 0 && i < check.client->n_accounts; i++) {
        const struct client_account *account = check.client->accounts[i];

        if (!account_meant(options, account))
            continue;
        if (account->working.port)
            status = EXIT_WORKS;
        r = show_result(&check, account);
    }
    if (r < 0 || r > 0)
        return client_failure(check.client, r);
    return options->login ? log_in_all(&check, status) : status;
}
