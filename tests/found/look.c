/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * look [-CLIENT]... HOME...: what is found in a home directory, whose .config and etc stand for
 * $XDG_CONFIG_HOME and /etc, and its bus for what Evolution's registry says, a file a source: a
 * line an account and a remark, their fields between tabs. File names are relative to HOME.
 */
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "found/evolution.h"
#include "found/found.h"
#include <glob.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(struct evolution_sources *, evolution_sources_free)

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

/* What the registry says: beneath HOME/bus, in an order that is not that of the UIDs. */
static int hear(struct evolution_sources **ret)
{
    struct registry_source sources[REGISTRY_SOURCES_MAX];
    _cleanup_free_ char *pattern = NULL;
    size_t n = 0, length;
    char *data = NULL;
    glob_t files;
    int r = 0;

    if (asprintf(&pattern, "%s/bus/*.source", home) < 0)
        return -ENOMEM;
    if (glob(pattern, 0, NULL, &files) != 0)
        return 0;
    for (size_t i = files.gl_pathc; r == 0 && i-- > 0 && n < ELEMENTSOF(sources); n++) {
        char *name = strrchr(files.gl_pathv[i], '/') + 1;

        r = file_read(files.gl_pathv[i], 1 << 20, &data, &length);
        if (r < 0)
            break;
        *strrchr(name, '.') = '\0';
        sources[n] = (struct registry_source){name, {data, length}};
    }
    if (r == 0)
        r = evolution_sources_new(ret, sources, n);
    for (size_t i = 0; i < n; i++)
        free((char *)sources[i].data.at);
    globfree(&files);
    return r;
}

/* 0 or negative errno. */
static int look(unsigned clients)
{
    _cleanup_(evolution_sources_freep) struct evolution_sources *told = NULL;
    _cleanup_free_ char *config = NULL, *etc = NULL;
    struct found found;
    int r = hear(&told);

    if (r < 0 || asprintf(&config, "%s/.config", home) < 0 || asprintf(&etc, "%s/etc", home) < 0)
        return -ENOMEM;
    r = found_look(&found, &(struct found_places){home, config, etc, told}, clients);
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
