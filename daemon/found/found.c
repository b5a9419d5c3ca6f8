/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What is found, put together: one account for an address at a server, however many clients have
 * it, and a name for each that is the same whenever the same is found.
 */
#include "found/found.h"
#include "account-settings.h"
#include "cleanup.h"
#include "error.h"
#include "found/found-internal.h"
#include "found/readers.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define BYTES_MAX   ((size_t)32 << 20) /* of all files together */
#define PATHS_MAX   1024
#define SOURCES_MAX 32 /* of one account */

static const struct {
    const char *word, *title;
    int (*read)(struct reader *reader);
} clients[N_MAIL_CLIENT] = {
    [MAIL_CLIENT_THUNDERBIRD] = {"thunderbird", "Thunderbird", found_thunderbird},
    [MAIL_CLIENT_EVOLUTION] = {"evolution", "Evolution", found_evolution},
    [MAIL_CLIENT_GNOME] = {"gnome-online-accounts", "GNOME Online Accounts", found_gnome},
    [MAIL_CLIENT_KMAIL] = {"kmail", "KMail", found_kmail},
    [MAIL_CLIENT_GEARY] = {"geary", "Geary", found_geary},
    [MAIL_CLIENT_CLAWS] = {"claws-mail", "Claws Mail", found_claws},
    [MAIL_CLIENT_MSMTP] = {"msmtp", "msmtp", found_msmtp},
    [MAIL_CLIENT_NEOMUTT] = {"neomutt", "NeoMutt", found_neomutt},
    [MAIL_CLIENT_MUTT] = {"mutt", "Mutt", found_mutt},
    [MAIL_CLIENT_AERC] = {"aerc", "aerc", found_aerc},
    [MAIL_CLIENT_HIMALAYA] = {"himalaya", "Himalaya", found_himalaya},
    [MAIL_CLIENT_GIT] = {"git", "git send-email", found_git},
};

const char *mail_client_to_string(enum mail_client client)
{
    return clients[client].word;
}

const char *mail_client_title(enum mail_client client)
{
    return clients[client].title;
}

int mail_client_from_string(const char *text, enum mail_client *ret)
{
    for (int i = 0; i < N_MAIL_CLIENT; i++)
        if (strcmp(clients[i].word, text) == 0) {
            *ret = (enum mail_client)i;
            return 0;
        }
    return -EINVAL;
}

int found_add_path(struct found *found, const char *path, const char *suffix)
{
    size_t length = strlen(path);
    char **paths;

    for (size_t i = 0; i < found->n_paths; i++)
        if (strncmp(found->paths[i], path, length) == 0 &&
            strcmp(found->paths[i] + length, suffix) == 0)
            return 0;
    if (found->n_paths == PATHS_MAX)
        return 0; /* what is beyond is read, but not followed */
    paths = reallocarray(found->paths, found->n_paths + 1, sizeof(*paths));
    if (!paths)
        return -ENOMEM;
    found->paths = paths;
    return asprintf(&paths[found->n_paths], "%s%s", path, suffix) < 0 ? -ENOMEM
                                                                      : (found->n_paths++, 0);
}

int found_add_remark(struct found *found, enum mail_client client, enum remark remark,
                     const char *file, unsigned line, const char *detail)
{
    _cleanup_free_ char *safe = text_safe(file, strlen(file), 4096);
    struct found_remark *remarks, *last;

    if (!safe)
        return -ENOMEM;
    for (size_t i = found->n_remarks; i-- > 0;) {
        const struct found_remark *same = &found->remarks[i];

        if (same->client == client && same->remark == remark && same->line == line &&
            strcmp(same->file, safe) == 0 && strcmp(same->detail, detail) == 0)
            return 0;
    }
    if (found->n_remarks == FOUND_REMARKS_MAX) {
        found->incomplete = true;
        return 0;
    }
    remarks = reallocarray(found->remarks, found->n_remarks + 1, sizeof(*remarks));
    if (!remarks)
        return -ENOMEM;
    found->remarks = remarks;
    last = &remarks[found->n_remarks++];
    *last = (struct found_remark){.client = client, .remark = remark, .line = line};
    last->file = TAKE(safe);
    last->detail = strdup(detail);
    return last->detail ? 0 : -ENOMEM;
}

/* The source is not there yet. */
static int add_source(struct found_account *account, enum mail_client client, const char *file)
{
    struct found_source *sources, *source;
    _cleanup_free_ char *safe = text_safe(file, strlen(file), 4096);

    if (!safe)
        return -ENOMEM;
    for (size_t i = 0; i < account->n_sources; i++)
        if (account->sources[i].client == client && strcmp(account->sources[i].file, safe) == 0)
            return 0;
    if (account->n_sources == SOURCES_MAX)
        return 0;
    sources = reallocarray(account->sources, account->n_sources + 1, sizeof(*sources));
    if (!sources)
        return -ENOMEM;
    account->sources = sources;
    source = &sources[account->n_sources++];
    *source = (struct found_source){client, TAKE(safe)};
    return 0;
}

static bool name_is_taken(const struct found *found, const char *name)
{
    for (size_t i = 0; i < found->n_accounts; i++)
        if (strcasecmp(found->accounts[i].name, name) == 0)
            return true;
    return false;
}

/* Writes the text as a part of a file's name may be, cut at a character's boundary. */
static int tame(const char *text, size_t max, char **ret)
{
    size_t n = strlen(text);

    while (n > max || (n > 0 && (text[n] & 0xC0) == 0x80))
        n--;
    *ret = strndup(text, n);
    if (!*ret)
        return -ENOMEM;
    for (char *c = *ret; *c; c++)
        if (*c == '/' || (c == *ret && *c == '.'))
            *c = '_';
    return 0;
}

/* The address; where that is taken, with the server behind it; where that is, too, with a number.
 */
static int make_name(const struct found *found, const char *address, const char *host, char **ret)
{
    _cleanup_free_ char *base = NULL, *server = NULL;
    int r = tame(*address ? address : host, ACCOUNT_NAME_MAX, &base);

    if (r < 0)
        return r;
    if (!name_is_taken(found, base)) {
        *ret = TAKE(base);
        return 0;
    }
    free(TAKE(base));
    r = tame(*address ? address : host, 24, &base);
    if (r == 0)
        r = tame(host, 32, &server);
    for (int i = 1; r == 0 && i <= FOUND_ACCOUNTS_MAX; i++) {
        _cleanup_free_ char *name = NULL;

        if ((i == 1 ? asprintf(&name, "%s at %s", base, server)
                    : asprintf(&name, "%s at %s %d", base, server, i)) < 0)
            return -ENOMEM;
        if (account_name_check(name) == 0 && !name_is_taken(found, name)) {
            *ret = TAKE(name);
            return 0;
        }
    }
    return -ENOMEM;
}

static struct found_account *same_account(const struct found *found, const char *address,
                                          const char *host)
{
    for (size_t i = 0; i < found->n_accounts; i++)
        if (strcasecmp(found->accounts[i].address, address) == 0 &&
            strcmp(found->accounts[i].preferred.host, host) == 0)
            return &found->accounts[i];
    return NULL;
}

static void account_clear(struct found_account *account)
{
    for (size_t i = 0; i < account->n_sources; i++)
        free(account->sources[i].file);
    free(account->sources);
    free(account->name);
    free(account->address);
    free(account->username);
}

/* What the more believed ones have left open. */
static int complete(struct found_account *account, const char *username,
                    const struct endpoint *preferred)
{
    char *safe;

    if (account->preferred.port == 0)
        account->preferred = *preferred;
    if (*account->username || !*username)
        return 0;
    safe = text_safe(username, strlen(username), 254);
    if (!safe)
        return -ENOMEM;
    free(account->username);
    account->username = safe;
    return 0;
}

int found_add_account(struct found *found, enum mail_client client, const char *file,
                      const char *address, const char *username, const struct endpoint *preferred)
{
    _cleanup_free_ char *safe = text_safe(address, strlen(address), 254);
    struct found_account *accounts, *account;
    int r;

    if (!safe)
        return -ENOMEM;
    account = same_account(found, safe, preferred->host);
    if (account)
        return complete(account, username, preferred) < 0 ? -ENOMEM
                                                          : add_source(account, client, file);
    if (found->n_accounts == FOUND_ACCOUNTS_MAX)
        return found_add_remark(found, client, REMARK_TOO_MANY, file, 0, safe);
    accounts = reallocarray(found->accounts, found->n_accounts + 1, sizeof(*accounts));
    if (!accounts)
        return -ENOMEM;
    found->accounts = accounts;
    account = &accounts[found->n_accounts];
    *account = (struct found_account){.address = TAKE(safe), .preferred = *preferred};
    account->username = text_safe(username, strlen(username), 254);
    r = make_name(found, account->address, preferred->host, &account->name);
    if (r == 0)
        r = account->username ? add_source(account, client, file) : -ENOMEM;
    if (r < 0)
        account_clear(account);
    else
        found->n_accounts++;
    return r;
}

int found_look(struct found *ret, const struct found_places *places, unsigned which)
{
    size_t budget = BYTES_MAX;
    int r = 0;

    *ret = (struct found){.accounts = NULL};
    for (int i = 0; r == 0 && i < N_MAIL_CLIENT; i++) {
        struct reader reader = {
            .found = ret, .places = places, .client = (enum mail_client)i, .budget = &budget};

        if (which & MAIL_CLIENT_BIT(i))
            r = clients[i].read(&reader);
    }
    return r;
}

int found_look_here(struct found *ret, const struct evolution_sources *evolution, unsigned which)
{
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    _cleanup_free_ char *usual = NULL;

    home = home && *home == '/' ? home : NULL;
    if (home && asprintf(&usual, "%s/.config", home) < 0) {
        *ret = (struct found){.accounts = NULL};
        return -ENOMEM;
    }
    config = config && *config == '/' ? config : usual;
    return found_look(ret, &(struct found_places){home, config, "/etc", evolution}, which);
}

void found_clear(struct found *found)
{
    for (size_t i = 0; i < found->n_accounts; i++)
        account_clear(&found->accounts[i]);
    for (size_t i = 0; i < found->n_remarks; i++) {
        free(found->remarks[i].file);
        free(found->remarks[i].detail);
    }
    for (size_t i = 0; i < found->n_paths; i++)
        free(found->paths[i]);
    free(found->accounts);
    free(found->remarks);
    free(found->paths);
    *found = (struct found){.accounts = NULL};
}
