/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * look [-CLIENT]... HOME...: what is found in a home directory, whose .config and etc stand for
 * $XDG_CONFIG_HOME and /etc: a line an account and a remark, their fields between tabs. File names
 * are relative to HOME.
 */
#include "cleanup.h"
#include "error.h"
#include "found/found.h"
#include <stdio.h>
#include <string.h>

static const char *home;

static const char *relative(const char *file)
{
    size_t n = strlen(home);

    return strncmp(file, home, n) == 0 && file[n] == '/' ? file + n + 1 : file;
}

static void print_account(const struct found_account *account)
{
    char buffer[ENDPOINT_STRING_MAX];
    struct endpoint endpoint = account->preferred;

    printf("account\t%s\t%s\t%s\t%s\t", account->name, account->address,
           endpoint.port ? endpoint_format(&endpoint, buffer) : endpoint.host, account->username);
    for (size_t i = 0; i < account->n_sources; i++)
        printf("%s%s %s", i > 0 ? "," : "", mail_client_to_string(account->sources[i].client),
               relative(account->sources[i].file));
    putchar('\n');
}

/* 0 or negative errno. */
static int look(unsigned clients)
{
    _cleanup_free_ char *config = NULL, *etc = NULL;
    struct found found;
    int r;

    if (asprintf(&config, "%s/.config", home) < 0 || asprintf(&etc, "%s/etc", home) < 0)
        return -ENOMEM;
    r = found_look(&found, &(struct found_places){home, config, etc}, clients);
    for (size_t i = 0; i < found.n_accounts; i++)
        print_account(&found.accounts[i]);
    for (size_t i = 0; i < found.n_remarks; i++) {
        const struct found_remark *remark = &found.remarks[i];

        printf("remark\t%s\t%s\t%s:%u\t%s\n", mail_client_to_string(remark->client),
               remark_to_string(remark->remark), relative(remark->file), remark->line,
               remark->detail);
    }
    found_clear(&found);
    return r;
}

int main(int argc, char **argv)
{
    unsigned clients = 0;
    int r = 0;

    for (int i = 1; r == 0 && i < argc; i++) {
        enum mail_client client;

        if (*argv[i] == '-') {
            if (mail_client_from_string(argv[i] + 1, &client) < 0)
                return 2;
            clients |= MAIL_CLIENT_BIT(client);
            continue;
        }
        home = argv[i];
        r = look(clients ? clients : MAIL_CLIENTS_ALL);
        fflush(stdout);
    }
    return r < 0 ? 4 : 0;
}
