/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam status, mailroam accounts: what the daemon publishes at this moment; with --watch status
 * shows it again whenever it has changed. What is shown is compared as a whole with what was shown
 * last, so neither signals that change nothing nor a restart of the daemon make it repeat itself.
 * On a terminal it never takes more lines than that has: what was scrolled away could not be drawn
 * over.
 */
#include "cli-bar.h"
#include "error.h"
#include "json-text.h"
#include "words.h"
#include <fcntl.h>
#include <libintl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NO_ACCOUNT                                                                                 \
    _("No mail account is set up yet. Add yours:\n"                                                \
      "  mailroam add me@example.org --server mail.example.org\n")

static json_object *accounts_to_json(const struct client *client, const struct options *options)
{
    json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < client->n_accounts; i++) {
        json_object *account;

        if (!account_meant(options, client->accounts[i]))
            continue;
        account = account_to_json(client->accounts[i]);
        if (!account || json_object_array_add(array, account) != 0) {
            json_object_put(account);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

static bool put_default_account(json_object *object, const struct client *client)
{
    const struct client_account *account =
        client_account_by_path(client, client->manager.default_account);

    return account ? json_put_text(object, "default_account", account->name)
                   : json_put_null(object, "default_account");
}

/* New, NULL without memory. */
static json_object *status_to_json(const struct client *client, const struct options *options)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "version", client->manager.version) &&
        json_put_text(object, "state", client->manager.state) &&
        json_put_network(object, &client->manager.network) && put_default_account(object, client) &&
        json_put_text(object, "port25", client->manager.port25) &&
        json_put(object, "accounts", accounts_to_json(client, options)))
        return object;
    json_object_put(object);
    return NULL;
}

static const char *default_mark(const struct client *client, const struct client_account *account)
{
    return client->n_accounts > 1 && strcmp(client->manager.default_account, account->path) == 0
               ? _(" (default)")
               : "";
}

static int print_status(const struct client *client, const struct options *options,
                        const struct screen *screen)
{
    _cleanup_free_ char *network = network_words(&client->manager.network);
    int r = 0;

    if (!network)
        return -ENOMEM;
    print_text(screen, TONE_STRONG, _("Network"), 12);
    print_wrapped(screen, TONE_PLAIN, network, 12, 12);
    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        if (account_meant(options, client->accounts[i])) {
            putchar('\n');
            r = print_account(screen, client->accounts[i],
                              default_mark(client, client->accounts[i]));
        }
    if (client->n_accounts == 0)
        printf("\n%s", NO_ACCOUNT);
    return r;
}

static enum exit_status status_of(const struct client *client, const struct options *options)
{
    for (size_t i = 0; i < client->n_accounts; i++)
        if (account_meant(options, client->accounts[i]) && client->accounts[i]->working.port)
            return EXIT_WORKS;
    return EXIT_NONE_WORKS;
}

/* --format: of the account that --account names, else of the default one. */
static int show_bar(const struct client *client, const struct options *options, enum bar bar,
                    int *status)
{
    _cleanup_(bar_clear) struct bar_text text = {0};
    struct client_account *account = NULL;
    int r;

    if (client_known(client) && (options->account || client->n_accounts))
        account = chosen_account(client, options);
    r = client_known(client) ? bar_describe(&text, client, account) : bar_describe_absence(&text);
    if (r == 0)
        r = bar_print(&text, bar);
    if (r == 0)
        *status = bar_exit_status(&text, bar, (enum exit_status) * status);
    return r;
}

static enum exit_status status_for_bar(const struct options *options, enum bar bar)
{
    _cleanup_(client_freep) struct client *client = NULL;
    int status = EXIT_UNREACHABLE, r = client_open(&client, false, -1);

    if (r < 0)
        return client_failure(client, r);
    if (r == 0 && !account_exists(client, options->account))
        return EXIT_OTHER;
    if (r == 0)
        status = (int)status_of(client, options);
    if (show_bar(client, options, bar, &status) < 0)
        return no_memory();
    return (enum exit_status)status;
}

static enum exit_status status_once(const struct options *options)
{
    enum exit_status status;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);
    struct screen screen;
    int r;

    if (!client)
        return status;
    if (!account_exists(client, options->account))
        return EXIT_OTHER;
    screen_init(&screen);
    r = options->json ? json_print(status_to_json(client, options))
                      : print_status(client, options, &screen);
    return r < 0 ? no_memory() : status_of(client, options);
}

struct watched {
    const struct options *options;
    const enum bar *bar; /* NULL: no bar */
    struct client *client;
    int signals;
    char *shown; /* all that was to be shown the last time; NULL: nothing yet */
};

static void watched_clear(struct watched *watched)
{
    client_free(watched->client);
    if (watched->signals >= 0)
        close(watched->signals);
    free(watched->shown);
}

static int show_absence(const struct watched *watched)
{
    json_object *object;

    if (watched->options->json) {
        object = json_object_new_object();
        if (json_put(object, "running", json_object_new_boolean(false)))
            return json_print(object);
        json_object_put(object);
        return -ENOMEM;
    }
    puts(_("mailroamd has ended; waiting until it is started again."));
    return 0;
}

/* Prints as many of the lines as the screen has, and how many there would be. */
static void print_lines(const struct screen *screen, FILE *lines)
{
    _cleanup_free_ char *line = NULL, *rest = NULL;
    size_t size = 0, n = 0, shown;

    while (getline(&line, &size, lines) > 0)
        n++;
    rewind(lines);
    /* The cursor stands below the last line, and a line of ours says that there is more. */
    shown = n < screen->height ? n : screen->height > 2 ? screen->height - 2 : 0;
    for (size_t i = 0; i < shown && getline(&line, &size, lines) > 0; i++)
        fputs(line, stdout);
    if (shown == n)
        return;
    rest =
        format_new(ngettext("... and %zu more line: this window is too low for it",
                            "... and %zu more lines: this window is too low for them", n - shown),
                   n - shown);
    print_cut(screen, TONE_FAINT, rest ?: "...", screen->width);
    putchar('\n');
}

/* Everything that is printed goes to standard output, so a file takes its place meanwhile. */
static int print_status_cut(const struct client *client, const struct options *options,
                            const struct screen *screen)
{
    _cleanup_close_ int terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    FILE *lines = tmpfile();
    int r;

    if (terminal < 0 || !lines || fflush(stdout) != 0 || dup2(fileno(lines), STDOUT_FILENO) < 0) {
        if (lines)
            fclose(lines);
        return print_status(client, options, screen); /* uncut is better than nothing */
    }
    r = print_status(client, options, screen);
    fflush(stdout);
    (void)dup2(terminal, STDOUT_FILENO);
    rewind(lines);
    if (r == 0)
        print_lines(screen, lines);
    fclose(lines);
    return r;
}

/* Shows all of it: over what stood on the terminal, or as a block of its own. */
static int show(struct watched *watched, const struct screen *screen)
{
    const struct options *options = watched->options;
    bool known = client_known(watched->client);
    int ignored = EXIT_WORKS, r;

    if (watched->bar)
        return show_bar(watched->client, options, *watched->bar, &ignored);
    if (known && options->json)
        return json_print(status_to_json(watched->client, options));
    if (!options->json && screen->terminal)
        fputs("\033[H\033[2J", stdout);
    else if (!options->json && watched->shown)
        putchar('\n');
    if (!known)
        r = show_absence(watched);
    else
        r = screen->height == SIZE_MAX ? print_status(watched->client, options, screen)
                                       : print_status_cut(watched->client, options, screen);
    fflush(stdout);
    return r;
}

/* Shows what is, if that is not what was shown already, or `again` asks for it. */
static int show_change(struct watched *watched, bool again)
{
    struct screen screen;
    json_object *object = client_known(watched->client)
                              ? status_to_json(watched->client, watched->options)
                              : json_object_new_object();
    const char *text = json_text(object);
    _cleanup_free_ char *now = text ? strdup(text) : NULL;
    int r;

    json_object_put(object);
    if (!now)
        return -ENOMEM;
    if (!again && watched->shown && strcmp(watched->shown, now) == 0)
        return 0;
    screen_init(&screen);
    r = show(watched, &screen);
    free(watched->shown);
    watched->shown = TAKE(now);
    if (r == 0 && ferror(stdout)) {
        clearerr(stdout);
        return CLIENT_NO_READER;
    }
    return r;
}

static bool is_being_read(const struct client *client)
{
    return client->manager_serial || client->accounts_serial;
}

/* Shows what is and then each change, until a signal ends it. */
static int follow(struct watched *watched)
{
    int r = show_change(watched, false);

    while (r == 0) {
        bool resized = false;

        r = client_next(watched->client, UINT64_MAX);
        if (r == CLIENT_STOP && stop_signals_take(watched->signals) == SIGWINCH) {
            resized = true;
            r = 0;
        }
        /* The answer to a reading that the daemon did not survive; the bus itself is there. */
        if (r == CLIENT_ERROR && dbus_connection_get_is_connected(watched->client->connection))
            r = 0;
        /* A daemon that is being read has said half of it yet. */
        if (r == 0 && (client_known(watched->client) || !is_being_read(watched->client)))
            r = show_change(watched, resized);
    }
    return r;
}

static enum exit_status status_watch(const struct options *options, const enum bar *bar)
{
    _cleanup_(watched_clear) struct watched watched = {.options = options, .bar = bar};
    int r;

    watched.signals = stop_signals_open(true);
    r = watched.signals < 0 ? watched.signals : client_open(&watched.client, true, watched.signals);
    /* A bar starts its programs once: what is not there yet is shown as such, and waited for. */
    if (bar && r == CLIENT_ERROR && watched.client->connection &&
        dbus_connection_get_is_connected(watched.client->connection))
        r = 0;
    if (r == 0 && client_known(watched.client) && !account_exists(watched.client, options->account))
        return EXIT_OTHER;
    if (r == 0)
        r = follow(&watched);
    return r == CLIENT_STOP || r == CLIENT_NO_READER ? EXIT_WORKS
                                                     : client_failure(watched.client, r);
}

enum exit_status command_status(const struct options *options)
{
    enum bar bar;

    if (options->format && options->json)
        return usage_error(options, _("--format and --json are two ways to say it"));
    if (options->format && bar_from_string(options->format, &bar) < 0)
        return usage_error(options, _("--format is waybar, i3blocks or plain, not '%s'"),
                           options->format);
    if (options->format && options->watch && bar == BAR_I3BLOCKS)
        return usage_error(options, _("--watch is not for i3blocks, which asks again by itself"));
    if (options->watch)
        return status_watch(options, options->format ? &bar : NULL);
    return options->format ? status_for_bar(options, bar) : status_once(options);
}

static int print_accounts_json(const struct client *client, const struct options *options,
                               const struct client_found *found)
{
    json_object *object = json_object_new_object();

    if (put_default_account(object, client) &&
        json_put(object, "accounts", accounts_to_json(client, options)) &&
        (!found || json_put_found(object, found)))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static int print_accounts(const struct client *client)
{
    size_t name = 0, address = 0;
    struct screen screen;

    screen_init(&screen);
    for (size_t i = 0; i < client->n_accounts; i++) {
        size_t n = text_columns(&screen, client->accounts[i]->name),
               a = text_columns(&screen, client->accounts[i]->address);

        name = n > name ? n : name;
        address = a > address ? a : address;
    }
    for (size_t i = 0; i < client->n_accounts; i++) {
        const struct client_account *account = client->accounts[i];
        _cleanup_free_ char *working = working_words(account), *rest = NULL;
        _cleanup_free_ char *sources = sources_words(account), *from = NULL;
        size_t at = name + 2 + address + 2;

        from = !sources                    ? NULL
               : account_is_found(account) ? format_new(_(", from %s"), sources)
                                           : strdup("");
        rest = working && from ? format_new("%s, %s%s%s", account->state, working, from,
                                            default_mark(client, account))
                               : NULL;
        if (!rest)
            return -ENOMEM;
        if (at + 24 > screen.width) { /* too narrow for columns */
            print_wrapped(&screen, TONE_STRONG, account->name, 0, 0);
            print_fact(&screen, _("Address"), TONE_PLAIN, account->address);
            print_fact(&screen, _("State"), state_tone(account->state), rest);
            continue;
        }
        print_text(&screen, TONE_STRONG, account->name, name + 2);
        print_text(&screen, TONE_PLAIN, account->address, address + 2);
        print_wrapped(&screen, state_tone(account->state), rest, at, at);
    }
    if (client->n_accounts == 0)
        fputs(NO_ACCOUNT, stdout);
    return 0;
}

enum exit_status command_accounts(const struct options *options)
{
    enum exit_status status;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);

    _cleanup_(client_found_clear) struct client_found found = {.accounts = NULL};
    int r;

    if (!client)
        return status;
    r = options->explain ? found_read(client, &found) : 0;
    if (r != 0)
        return client_failure(client, r);
    if (options->json)
        r = print_accounts_json(client, options, options->explain ? &found : NULL);
    else
        r = options->explain ? found_print(&found) : print_accounts(client);
    return r < 0 ? no_memory() : EXIT_WORKS;
}
