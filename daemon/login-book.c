/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The book of logins. Whoever cannot tell whether a login failed reckons that it did. */
#include "login-book.h"
#include "cleanup.h"
#include "error.h"
#include "json-text.h"
#include "text.h"
#include <nettle/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define DEPTH      4 /* file, list, entry: nothing is deeper */
#define SALT_SIZE  16
#define SALT_MAX   (2 * SALT_SIZE + 1)
#define DIGEST_MAX (2 * SHA256_DIGEST_SIZE + 1)

struct entry {
    char *user, *server;
    char *account;           /* whose login was refused */
    char *network;           /* where a login came to an end last */
    char digest[DIGEST_MAX]; /* of that account's settings then */
    unsigned refusals;
    uint64_t changed; /* the last login's */
    uint64_t later;   /* µs since 1970: not before */
};

struct login_book {
    char salt[SALT_MAX];
    struct entry entries[LOGIN_BOOK_MAX]; /* the latest first */
    size_t n;
};

static void entry_clear(struct entry *entry)
{
    free(entry->user);
    free(entry->server);
    free(entry->account);
    free(entry->network);
    *entry = (struct entry){0};
}

static void to_hex(const uint8_t *bytes, size_t n, char *ret)
{
    for (size_t i = 0; i < n; i++)
        (void)sprintf(ret + 2 * i, "%02x", bytes[i]);
}

/* What a change of settings changes. A command may hold what nobody should read, so it is a digest,
 * and no list of digests that somebody has made before tells what of. The salt is the book's own:
 * one that could be lost without the book would have refusals forgotten. */
static void digest_of(const struct login_book *book, const struct account_settings *settings,
                      char ret[static DIGEST_MAX])
{
    const char *const texts[] = {settings->username, settings->password_command,
                                 settings->mechanisms};
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx hash;

    hmac_sha256_set_key(&hash, strlen(book->salt), (const uint8_t *)book->salt);
    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        hmac_sha256_update(&hash, texts[i] ? strlen(texts[i]) + 1 : 0, (const uint8_t *)texts[i]);
    for (char **server = settings->servers; server && *server; server++)
        hmac_sha256_update(&hash, strlen(*server) + 1, (const uint8_t *)*server);
    hmac_sha256_digest(&hash, sizeof(digest), digest);
    to_hex(digest, sizeof(digest), ret);
}

/* Whether the credential is one of the account's. */
static bool concerns(const struct entry *entry, const struct account_settings *settings)
{
    if (strcmp(entry->user, settings->username) != 0)
        return false;
    for (char **server = settings->servers; server && *server; server++)
        if (strcasecmp(*server, entry->server) == 0)
            return true;
    return false;
}

/* Whether what was refused is no more what the account would log in with. A change of the password
 * is one to another time, not to a later one: a clock may have been wrong, a file restored. */
static bool is_outdated(const struct login_book *book, const struct entry *entry,
                        const struct login_intent *intent)
{
    char digest[DIGEST_MAX];

    if (entry->changed && intent->changed && entry->changed != intent->changed &&
        strcasecmp(entry->server, intent->server) == 0)
        return true;
    digest_of(book, intent->settings, digest);
    return strcmp(entry->account, intent->settings->name) == 0 &&
           strcmp(entry->digest, digest) != 0;
}

enum login_leave login_book_ask(const struct login_book *book, const struct login_intent *intent,
                                bool asked, uint64_t now)
{
    for (size_t i = 0; i < book->n; i++) {
        const struct entry *entry = &book->entries[i];
        bool changed;

        if (!concerns(entry, intent->settings))
            continue;
        changed = is_outdated(book, entry, intent);
        if (!changed && entry->refusals >= (asked ? LOGIN_FAILURES : 1))
            return LEAVE_REFUSED;
        if (asked)
            continue;
        if (!changed && *intent->network && strcmp(entry->network, intent->network) == 0)
            return LEAVE_DONE;
        /* A clock that was set back must not keep it waiting for years. */
        if (now < entry->later && entry->later - now <= LOGIN_LATER_US)
            return LEAVE_LATER;
    }
    return LEAVE_GIVEN;
}

/* Its place, or how many there are. */
static size_t find(const struct login_book *book, const char *user, const char *server)
{
    size_t at = 0;

    while (at < book->n && (strcmp(book->entries[at].user, user) != 0 ||
                            strcasecmp(book->entries[at].server, server) != 0))
        at++;
    return at;
}

uint64_t login_book_refused(const struct login_book *book, const struct login_intent *intent)
{
    size_t at = find(book, intent->settings->username, intent->server);

    return at < book->n && book->entries[at].refusals > 0 ? book->entries[at].changed : 0;
}

/* Puts it first; of too many the last is forgotten. Takes the entry over. */
static void put_first(struct login_book *book, struct entry *entry)
{
    if (book->n == LOGIN_BOOK_MAX)
        entry_clear(&book->entries[--book->n]);
    memmove(book->entries + 1, book->entries, book->n * sizeof(*entry));
    book->entries[0] = *entry;
    book->n++;
}

static int replace(char **text, const char *by)
{
    char *copy = strdup(by);

    if (!copy)
        return -ENOMEM;
    free(*text);
    *text = copy;
    return 0;
}

int login_book_begin(struct login_book *book, const struct login_intent *intent)
{
    const struct account_settings *settings = intent->settings;
    size_t at = find(book, settings->username, intent->server);
    struct entry *entry = &book->entries[at < book->n ? at : 0];
    int r;

    if (at == book->n) {
        struct entry new = {.user = strdup(settings->username),
                            .server = strdup(intent->server),
                            .account = strdup(settings->name),
                            .network = strdup("")};

        if (!new.user || !new.server || !new.account || !new.network) {
            entry_clear(&new);
            return -ENOMEM;
        }
        put_first(book, &new);
    } else if (is_outdated(book, entry, intent)) {
        entry->refusals = 0;
    }
    r = replace(&entry->account, settings->name);
    if (r < 0)
        return r;
    digest_of(book, settings, entry->digest);
    entry->changed = intent->changed;
    entry->refusals++;
    return 0;
}

void login_book_note(struct login_book *book, const struct login_intent *intent,
                     enum login_outcome outcome, uint64_t now)
{
    size_t at = find(book, intent->settings->username, intent->server);
    struct entry *entry = &book->entries[at];

    if (at == book->n)
        return;
    if (outcome == LOGIN_ACCEPTED)
        entry->refusals = 0;
    else if (outcome != LOGIN_REFUSED && entry->refusals > 0)
        entry->refusals--;
    entry->later = outcome == LOGIN_DEFERRED ? now + LOGIN_LATER_US : 0;
    if (outcome != LOGIN_DEFERRED && outcome != LOGIN_NONE)
        (void)replace(&entry->network,
                      intent->network); /* without memory: once more, at the worst */
}

/* --- the file -------------------------------------------------------------------------------- */

static bool add(json_object *object, const char *key, json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool add_entry(json_object *list, const struct entry *entry)
{
    json_object *object = json_object_new_object();

    if (!object || json_object_array_add(list, object) < 0) {
        json_object_put(object);
        return false;
    }
    return add(object, "user", json_object_new_string(entry->user)) &&
           add(object, "server", json_object_new_string(entry->server)) &&
           add(object, "account", json_object_new_string(entry->account)) &&
           add(object, "network", json_object_new_string(entry->network)) &&
           add(object, "settings", json_object_new_string(entry->digest)) &&
           add(object, "refusals", json_object_new_int((int)entry->refusals)) &&
           add(object, "changed", json_object_new_int64((int64_t)entry->changed)) &&
           add(object, "later", json_object_new_int64((int64_t)entry->later));
}

char *login_book_write(const struct login_book *book)
{
    json_object *file = json_object_new_object(), *list = json_object_new_array();
    bool fine = file && add(file, "version", json_object_new_int(1));
    const char *text;
    char *copy = NULL;

    fine = fine && add(file, "salt", json_object_new_string(book->salt));
    fine = file && add(file, "logins", list) && fine;
    for (size_t i = 0; fine && i < book->n; i++)
        fine = add_entry(list, &book->entries[i]);
    text = fine ? json_text(file) : NULL;
    if (text && asprintf(&copy, "%s\n", text) < 0)
        copy = NULL;
    json_object_put(file);
    return copy;
}

static char *text_of(json_object *object, const char *key)
{
    json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string) ||
        !text_is_safe(json_object_get_string(value)))
        return NULL;
    return strndup(json_object_get_string(value), 512);
}

static int64_t number_of(json_object *object, const char *key)
{
    json_object *value;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_int)
               ? json_object_get_int64(value)
               : -1;
}

static void read_entry(struct login_book *book, json_object *object)
{
    struct entry entry = {.user = text_of(object, "user"),
                          .server = text_of(object, "server"),
                          .account = text_of(object, "account"),
                          .network = text_of(object, "network")};
    _cleanup_free_ char *digest = text_of(object, "settings");
    int64_t refusals = number_of(object, "refusals"), later = number_of(object, "later");
    int64_t changed = number_of(object, "changed"); /* older versions did not write it */

    if (!entry.user || !entry.server || !entry.account || !entry.network || !digest ||
        strlen(digest) >= sizeof(entry.digest) || refusals < 0 || later < 0 ||
        book->n == LOGIN_BOOK_MAX || find(book, entry.user, entry.server) < book->n) {
        entry_clear(&entry);
        return;
    }
    strcpy(entry.digest, digest);
    entry.refusals = refusals > LOGIN_FAILURES ? LOGIN_FAILURES : (unsigned)refusals;
    entry.changed = changed > 0 ? (uint64_t)changed : 0;
    entry.later = (uint64_t)later;
    book->entries[book->n++] = entry;
}

/* The file's; without one, a new one: then no digest in the file is any that is known. */
static int read_salt(struct login_book *book, json_object *file)
{
    _cleanup_free_ char *text =
        json_object_is_type(file, json_type_object) ? text_of(file, "salt") : NULL;
    uint8_t salt[SALT_SIZE];

    if (text && strlen(text) == SALT_MAX - 1) {
        strcpy(book->salt, text);
        return 0;
    }
    if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
        return -EIO;
    to_hex(salt, sizeof(salt), book->salt);
    return 0;
}

struct login_book *login_book_new(const char *text, size_t length)
{
    struct login_book *book = calloc(1, sizeof(*book));
    json_object *file = NULL, *list = NULL;

    if (!book)
        return NULL;
    if (text && json_from_text(text, length, DEPTH, &file, NULL) != 0)
        file = NULL;
    if (read_salt(book, file) < 0) {
        json_object_put(file);
        return login_book_free(book);
    }
    if (json_object_is_type(file, json_type_object) &&
        json_object_object_get_ex(file, "logins", &list) &&
        json_object_is_type(list, json_type_array))
        for (size_t i = 0; i < json_object_array_length(list); i++)
            read_entry(book, json_object_array_get_idx(list, i));
    json_object_put(file);
    return book;
}

struct login_book *login_book_free(struct login_book *book)
{
    if (!book)
        return NULL;
    for (size_t i = 0; i < book->n; i++)
        entry_clear(&book->entries[i]);
    free(book);
    return NULL;
}
