/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mailroam port: the working port for scripts and mail clients, on one line. */
#include "cli.h"
#include "error.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define FORMAT_DEFAULT "%h %p %s"
/* A daemon that was only now started, or has just changed networks, knows within this time. */
#define PATIENCE_USEC (20 * SECOND_USEC)

/* The first letter behind a `%` that means nothing, 0 where all mean something; 'end' as '\n'. */
static int unknown_conversion(const char *format)
{
    for (const char *at = format; (at = strchr(at, '%')); at += 2)
        if (!at[1] || !strchr("hps%", at[1]))
            return at[1] ? at[1] : '\n';
    return 0;
}

static void print_format(const char *format, const struct client_working *working)
{
    for (; *format; format++) {
        if (*format != '%') {
            putchar(*format);
            continue;
        }
        format++;
        if (*format == 'h')
            fputs(working->server, stdout);
        else if (*format == 'p')
            printf("%u", working->port);
        else if (*format == 's')
            fputs(working->security, stdout);
        else
            putchar('%');
    }
    putchar('\n');
}

static int print_port_json(const struct client_account *account)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "account", account->name) &&
        json_put_text(object, "server", account->working.server) &&
        json_put(object, "port", json_object_new_int(account->working.port)) &&
        json_put_text(object, "security", account->working.security))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

int account_wait_for_port(struct client *client, struct client_account **ret)
{
    _cleanup_free_ char *path = strdup((*ret)->path);
    uint64_t deadline = client_now() + PATIENCE_USEC;
    int r = 0;

    while (path) {
        *ret = client_account_by_path(client, path);
        if (!*ret && client->owner)
            dbus_set_error(&client->error, MAILROAM_ERROR "NoSuchAccount", "the account is gone");
        else if (!*ret)
            dbus_set_error(&client->error, DBUS_ERROR_NO_REPLY, "it left the bus");
        if (!*ret)
            return CLIENT_ERROR;
        if ((*ret)->working.port || !account_checking(*ret) || r == CLIENT_TIMEOUT)
            return 0;
        r = client_next(client, deadline);
        if (r != 0 && r != CLIENT_TIMEOUT)
            return r;
    }
    return -ENOMEM;
}

enum exit_status command_port(const struct options *options)
{
    const char *format = options->format ? options->format : FORMAT_DEFAULT;
    _cleanup_(client_freep) struct client *client = NULL;
    struct client_account *account;
    int unknown = unknown_conversion(format);
    int r;

    if (unknown)
        return unknown == '\n' ? usage_error(options, _("--format ends in a single %%"))
                               : usage_error(options, _("--format has no %%%c"), unknown);
    if (options->format && options->json)
        return usage_error(options, _("--format and --json exclude each other"));
    r = client_open(&client, true, -1);
    if (r != 0)
        return client_failure(client, r);
    account = chosen_account(client, options);
    if (!account)
        return options->account ? EXIT_OTHER : EXIT_NONE_WORKS;
    r = account_wait_for_port(client, &account);
    if (r != 0)
        return client_failure(client, r);
    if (account->working.port == 0)
        return EXIT_NONE_WORKS;
    if (!options->json)
        print_format(format, &account->working);
    else if (print_port_json(account) < 0)
        return no_memory();
    return EXIT_WORKS;
}
