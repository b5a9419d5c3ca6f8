/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mailroam status, mailroam accounts: what the daemon publishes at this moment, read once. */
#include "cli.h"
#include "error.h"
#include <stdio.h>
#include <string.h>

#define NO_ACCOUNT                                                                                 \
    "No mail account is set up yet. Add yours:\n"                                                  \
    "  mailroam add me@example.org --server mail.example.org\n"

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

static int print_status_json(const struct client *client, const struct options *options)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "version", client->manager.version) &&
        json_put_text(object, "state", client->manager.state) &&
        json_put_network(object, &client->manager.network) && put_default_account(object, client) &&
        json_put_text(object, "port25", client->manager.port25) &&
        json_put(object, "accounts", accounts_to_json(client, options)))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static const char *default_mark(const struct client *client, const struct client_account *account)
{
    return client->n_accounts > 1 && strcmp(client->manager.default_account, account->path) == 0
               ? " (default)"
               : "";
}

static int print_status(const struct client *client, const struct options *options)
{
    _cleanup_free_ char *network = network_words(&client->manager.network);
    struct screen screen;
    int r = 0;

    if (!network)
        return -ENOMEM;
    screen_init(&screen);
    print_text(&screen, TONE_STRONG, "Network", 12);
    print_wrapped(&screen, TONE_PLAIN, network, 12, 12);
    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        if (account_meant(options, client->accounts[i])) {
            putchar('\n');
            r = print_account(&screen, client->accounts[i],
                              default_mark(client, client->accounts[i]));
        }
    if (client->n_accounts == 0)
        printf("\n" NO_ACCOUNT);
    return r;
}

enum exit_status command_status(const struct options *options)
{
    enum exit_status status;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);

    if (!client)
        return status;
    if (!account_exists(client, options->account))
        return EXIT_OTHER;
    if ((options->json ? print_status_json(client, options) : print_status(client, options)) < 0)
        return no_memory();
    for (size_t i = 0; i < client->n_accounts; i++)
        if (account_meant(options, client->accounts[i]) && client->accounts[i]->working.port)
            return EXIT_WORKS;
    return EXIT_NONE_WORKS;
}

static int print_accounts_json(const struct client *client, const struct options *options)
{
    json_object *object = json_object_new_object();

    if (put_default_account(object, client) &&
        json_put(object, "accounts", accounts_to_json(client, options)))
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
        size_t at = name + 2 + address + 2;

        rest = working
                   ? format_new("%s, %s%s", account->state, working, default_mark(client, account))
                   : NULL;
        if (!rest)
            return -ENOMEM;
        if (at + 24 > screen.width) { /* too narrow for columns */
            print_wrapped(&screen, TONE_STRONG, account->name, 0, 0);
            print_fact(&screen, "Address", TONE_PLAIN, account->address);
            print_fact(&screen, "State", state_tone(account->state), rest);
            continue;
        }
        print_text(&screen, TONE_STRONG, account->name, name + 2);
        print_text(&screen, TONE_PLAIN, account->address, address + 2);
        print_wrapped(&screen, state_tone(account->state), rest, at, at);
    }
    if (client->n_accounts == 0)
        printf(NO_ACCOUNT);
    return 0;
}

enum exit_status command_accounts(const struct options *options)
{
    enum exit_status status;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);

    if (!client)
        return status;
    if ((options->json ? print_accounts_json(client, options) : print_accounts(client)) < 0)
        return no_memory();
    return EXIT_WORKS;
}
