/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Looks for a password in the user's keyring, by the Secret Service (org.freedesktop.secrets): a
 * connection of its own, a session, one search after the other, one item, and all of it is gone.
 *
 * Always: what is handed over is encrypted, as libdbus and the bus keep copies of messages that
 * nobody wipes; so its "plain" is not used. An item has to name the server and the user, whoever
 * stored it: a password for one server is never shown to another.
 *
 * Refused: to have anything unlocked, as whoever sees a question come up does not know whose it is;
 * to start a service; to choose among several items.
 */
#include "secret-service.h"
#include "cleanup.h"
#include "connection.h"
#include "error.h"
#include "key-exchange.h"
#include <stdio.h>
#include <string.h>

#define SERVICE   "org.freedesktop.secrets"
#define PATH      "/org/freedesktop/secrets"
#define INTERFACE "org.freedesktop.Secret."
#define ALGORITHM "dh-ietf1024-sha256-aes128-cbc-pkcs7"
#define BUS       "session bus"

/* How programs store a server's password. */
static const struct scheme {
    const char *key, *value; /* what says that it is for SMTP */
    const char *server, *user;
} schemes[] = {
    {"service", "smtp", "host", "user"}, /* msmtp */
    {"proto", "SMTP", "host", "login"},  /* Geary */
};

struct keyring_search {
    struct bus_connection *connection;
    DBusPendingCall *pending;
    struct secret *key;
    struct secret *secret; /* the caller's */
    char *server, *user;
    char *session, *item;
    credentials_time unless, changed;
    size_t scheme;
    bool locked; /* something that is locked would do */
    bool over;
    keyring_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

static void end_as(struct keyring_search *search, enum credentials_answer answer,
                   const char *problem)
{
    if (search->over)
        return;
    search->over = true;
    search->key = secret_free(search->key);
    search->callback(answer, search->changed, problem, search->userdata);
}

/* Without a problem there is no password. */
static void end(struct keyring_search *search, const char *problem)
{
    end_as(search, problem ? CREDENTIALS_FAILED : CREDENTIALS_NONE, problem);
}

static void end_locked(struct keyring_search *search)
{
    end(search,
        "the password is in a keyring that is locked: unlock it in the desktop's program for "
        "passwords (Passwords and Keys, KWalletManager), and try again");
}

static void end_by_error(struct keyring_search *search, const char *error)
{
    char problem[512];

    if (strcmp(error, DBUS_ERROR_NAME_HAS_NO_OWNER) == 0 ||
        strcmp(error, DBUS_ERROR_SERVICE_UNKNOWN) == 0)
        return end(search, NULL); /* nobody has a keyring */
    if (strcmp(error, INTERFACE "Error.IsLocked") == 0)
        return end_locked(search);
    (void)snprintf(problem, sizeof(problem), "the keyring does not hand over the password: %s",
                   error);
    end(search, problem);
}

static void end_misunderstood(struct keyring_search *search)
{
    end(search, "the keyring's answer makes no sense");
}

/* The answer that was waited for; NULL where that has ended the search. */
static DBusMessage *take_answer(struct keyring_search *search, const char *signature)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(search->connection, &search->pending);
    const char *error = answer ? dbus_message_get_error_name(answer) : NULL;

    if (!answer || search->over)
        return NULL; /* on_closed() says it */
    if (error) {
        end_by_error(search, error);
        return NULL;
    }
    if (!dbus_message_has_signature(answer, signature)) {
        end_misunderstood(search);
        return NULL;
    }
    return TAKE(answer);
}

static void call(struct keyring_search *search, DBusMessage *message,
                 DBusPendingCallNotifyFunction answered)
{
    if (bus_connection_call(search->connection, message, answered, search, &search->pending) < 0)
        end(search, strerror(ENOMEM));
}

/* --- the item -------------------------------------------------------------------------------- */

/* The bytes under the iterator, and on to what follows. */
static const uint8_t *bytes_of(DBusMessageIter *iter, size_t *ret_n)
{
    const uint8_t *bytes = NULL;
    DBusMessageIter array;
    int n = 0;

    dbus_message_iter_recurse(iter, &array);
    dbus_message_iter_get_fixed_array(&array, &bytes, &n);
    dbus_message_iter_next(iter);
    *ret_n = (size_t)n;
    return bytes;
}

static void on_secret(DBusPendingCall *pending _unused_, void *userdata)
{
    struct keyring_search *search = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = take_answer(search, "(oayays)");
    DBusMessageIter iter, fields;
    const uint8_t *iv, *bytes;
    size_t n_iv, n;
    int r;

    if (!answer)
        return;
    dbus_message_iter_init(answer, &iter);
    dbus_message_iter_recurse(&iter, &fields);
    dbus_message_iter_next(&fields);
    iv = bytes_of(&fields, &n_iv);
    bytes = bytes_of(&fields, &n);
    r = n_iv == KEY_EXCHANGE_IV ? key_exchange_decrypt(search->key, iv, bytes, n, search->secret)
                                : -EBADMSG;
    if (r == -EFBIG)
        end(search, "what the keyring has is longer than a password can be");
    else if (r < 0)
        end_misunderstood(search);
    else
        end_as(search, CREDENTIALS_FOUND, NULL);
}

/* Who does not say when the item was changed may have the password all the same. */
static credentials_time changed_of(DBusMessage *answer)
{
    dbus_uint64_t changed = 0;
    DBusMessageIter iter, value;

    if (!dbus_message_has_signature(answer, "v"))
        return 0;
    dbus_message_iter_init(answer, &iter);
    dbus_message_iter_recurse(&iter, &value);
    if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_UINT64)
        dbus_message_iter_get_basic(&value, &changed);
    return changed <= INT64_MAX ? changed : 0; /* or no file could keep it */
}

/* Asked for before the secret: what is changed between the two has a later time. */
static void on_changed(DBusPendingCall *pending _unused_, void *userdata)
{
    struct keyring_search *search = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer =
        bus_connection_take_answer(search->connection, &search->pending);

    if (!answer || search->over)
        return; /* on_closed() says it */
    search->changed = changed_of(answer);
    if (search->unless && (search->changed == search->unless || search->changed == 0))
        return end_as(search, CREDENTIALS_UNCHANGED, NULL);
    call(search,
         bus_call_new(SERVICE, search->item, INTERFACE "Item", "GetSecret", DBUS_TYPE_OBJECT_PATH,
                      &search->session, DBUS_TYPE_INVALID),
         on_secret);
}

static void take_item(struct keyring_search *search, const char *item)
{
    static const char *const interface = INTERFACE "Item", *const name = "Modified";

    search->item = strdup(item);
    if (!search->item)
        return end(search, strerror(ENOMEM));
    call(search,
         bus_call_new(SERVICE, item, DBUS_INTERFACE_PROPERTIES, "Get", DBUS_TYPE_STRING, &interface,
                      DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID),
         on_changed);
}

/* --- the search ------------------------------------------------------------------------------ */

static void on_items(DBusPendingCall *pending, void *userdata);

static bool append_pair(DBusMessageIter *dictionary, const char *key, const char *value)
{
    DBusMessageIter entry;

    return dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
           dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
           dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &value) &&
           dbus_message_iter_close_container(dictionary, &entry);
}

static void search_next(struct keyring_search *search)
{
    const struct scheme *scheme = &schemes[search->scheme];
    _cleanup_(dbus_message_unrefp) DBusMessage *message = NULL;
    DBusMessageIter iter, pairs;

    if (search->scheme == ELEMENTSOF(schemes)) {
        if (search->locked)
            end_locked(search);
        else
            end(search, NULL);
        return;
    }
    message = bus_call_new(SERVICE, PATH, INTERFACE "Service", "SearchItems", DBUS_TYPE_INVALID);
    if (message)
        dbus_message_iter_init_append(message, &iter);
    if (!message || !dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{ss}", &pairs) ||
        !append_pair(&pairs, scheme->key, scheme->value) ||
        !append_pair(&pairs, scheme->server, search->server) ||
        !append_pair(&pairs, scheme->user, search->user) ||
        !dbus_message_iter_close_container(&iter, &pairs))
        return end(search, strerror(ENOMEM));
    call(search, TAKE(message), on_items);
}

static void on_items(DBusPendingCall *pending _unused_, void *userdata)
{
    struct keyring_search *search = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = take_answer(search, "aoao");
    DBusMessageIter lists, items;
    const char *item = NULL;
    size_t n = 0;

    if (!answer)
        return;
    dbus_message_iter_init(answer, &lists);
    dbus_message_iter_recurse(&lists, &items);
    for (; dbus_message_iter_get_arg_type(&items) != DBUS_TYPE_INVALID; n++) {
        dbus_message_iter_get_basic(&items, &item);
        dbus_message_iter_next(&items);
    }
    dbus_message_iter_next(&lists);
    dbus_message_iter_recurse(&lists, &items);
    search->locked |= dbus_message_iter_get_arg_type(&items) != DBUS_TYPE_INVALID;
    search->scheme++;
    if (n > 1)
        return end(search,
                   "the keyring has several passwords for this server and user: remove those that "
                   "are wrong, or name one by PasswordCommand=");
    if (n == 0)
        return search_next(search);
    take_item(search, item);
}

/* --- the session ----------------------------------------------------------------------------- */

static void on_session(DBusPendingCall *pending _unused_, void *userdata)
{
    struct keyring_search *search = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *answer = take_answer(search, "vo");
    DBusMessageIter iter, output;
    const uint8_t *number;
    const char *session;
    size_t n;
    int r;

    if (!answer)
        return;
    dbus_message_iter_init(answer, &iter);
    dbus_message_iter_recurse(&iter, &output);
    if (dbus_message_iter_get_arg_type(&output) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(&output) != DBUS_TYPE_BYTE)
        return end_misunderstood(search);
    number = bytes_of(&output, &n);
    r = key_exchange_end(search->key, number, n);
    if (r < 0)
        return end_misunderstood(search);
    dbus_message_iter_next(&iter);
    dbus_message_iter_get_basic(&iter, &session);
    search->session = strdup(session);
    if (!search->session)
        return end(search, strerror(ENOMEM));
    search_next(search);
}

static void on_opened(void *userdata)
{
    static const char *const algorithm = ALGORITHM;
    struct keyring_search *search = userdata;
    _cleanup_(dbus_message_unrefp) DBusMessage *message =
        bus_call_new(SERVICE, PATH, INTERFACE "Service", "OpenSession", DBUS_TYPE_STRING,
                     &algorithm, DBUS_TYPE_INVALID);
    uint8_t number[KEY_EXCHANGE_SIZE];
    const uint8_t *bytes = number;
    DBusMessageIter iter, input, array;
    int r = message ? key_exchange_begin(&search->key, number) : -ENOMEM;

    if (r < 0)
        return end(search, strerror(-r));
    dbus_message_iter_init_append(message, &iter);
    if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "ay", &input) ||
        !dbus_message_iter_open_container(&input, DBUS_TYPE_ARRAY, "y", &array) ||
        !dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &bytes, sizeof(number)) ||
        !dbus_message_iter_close_container(&input, &array) ||
        !dbus_message_iter_close_container(&iter, &input))
        return end(search, strerror(ENOMEM));
    call(search, TAKE(message), on_session);
}

static DBusHandlerResult on_message(DBusMessage *message _unused_, void *userdata _unused_)
{
    return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

/* Without a bus there is no keyring. */
static bool on_closed(const char *problem, void *userdata)
{
    struct keyring_search *search = userdata;

    search->pending = bus_pending_free(search->pending);
    end(search, search->key ? problem : NULL);
    return false;
}

static const struct bus_connection_callbacks connection_callbacks = {
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static struct keyring_search *search_free(struct keyring_search *search)
{
    if (!search)
        return NULL;
    bus_pending_free(search->pending);
    bus_connection_free(search->connection);
    secret_free(search->key);
    free(search->server);
    free(search->user);
    free(search->session);
    free(search->item);
    free(search);
    return NULL;
}
DEFINE_CLEANUP(struct keyring_search *, search_free)

static int search_new(struct keyring_search **ret, sd_event *event, const char *server,
                      const char *user, credentials_time unless, struct secret *secret,
                      keyring_callback callback, void *userdata)
{
    _cleanup_(search_freep) struct keyring_search *search = calloc(1, sizeof(*search));
    _cleanup_free_ char *address = NULL;
    int r = search ? bus_session_address(&address) : -ENOMEM;

    if (r < 0)
        return r;
    search->server = strdup(server);
    search->user = strdup(user);
    search->unless = unless;
    search->secret = secret;
    search->callback = callback;
    search->userdata = userdata;
    if (!search->server || !search->user)
        return -ENOMEM;
    r = bus_connection_new(&search->connection, event, BUS, address, &connection_callbacks, search);
    if (r < 0)
        return r;
    *ret = TAKE(search);
    return 0;
}

const struct keyring secret_service = {.search = search_new, .free = search_free};
