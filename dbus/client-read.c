/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * From bus messages to the plain structs of client.h. One table an interface says which property
 * goes where. Text passes text_safe() here and nowhere else; a property of another type than the
 * published one is an error, an unknown one is a newer daemon's and skipped.
 */
#include "client.h"
#include "error.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1024 /* bytes; longer texts are cut, the daemon publishes none */

struct field {
    const char *name;
    int (*read)(DBusMessageIter *value, void *target);
    size_t offset;
};

/* Replaces *target by a safe copy. */
static int set_text(char **target, const char *text)
{
    char *safe = text_safe(text, strlen(text), TEXT_MAX);

    if (!safe)
        return -ENOMEM;
    free(*target);
    *target = safe;
    return 0;
}

static int read_text(DBusMessageIter *value, void *target)
{
    int type = dbus_message_iter_get_arg_type(value);
    const char *text;

    if (type != DBUS_TYPE_STRING && type != DBUS_TYPE_OBJECT_PATH)
        return -EBADMSG;
    dbus_message_iter_get_basic(value, &text);
    return set_text(target, text);
}

static int read_basic(DBusMessageIter *value, int type, void *target)
{
    if (dbus_message_iter_get_arg_type(value) != type)
        return -EBADMSG;
    dbus_message_iter_get_basic(value, target);
    return 0;
}

static int read_uint16(DBusMessageIter *value, void *target)
{
    return read_basic(value, DBUS_TYPE_UINT16, target);
}

static int read_uint32(DBusMessageIter *value, void *target)
{
    return read_basic(value, DBUS_TYPE_UINT32, target);
}

static int read_uint64(DBusMessageIter *value, void *target)
{
    return read_basic(value, DBUS_TYPE_UINT64, target);
}

static int read_bool(DBusMessageIter *value, void *target)
{
    dbus_bool_t flag; /* four bytes on the wire, one in ours */
    int r = read_basic(value, DBUS_TYPE_BOOLEAN, &flag);

    if (r == 0)
        *(bool *)target = flag;
    return r;
}

/* Calls `entry` for each key of the a{sv} at `iter`, with the value taken out of its variant. */
static int read_dict(DBusMessageIter *iter,
                     int (*entry)(const char *key, DBusMessageIter *value, void *userdata),
                     void *userdata)
{
    DBusMessageIter array;

    if (dbus_message_iter_get_arg_type(iter) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(iter) != DBUS_TYPE_DICT_ENTRY)
        return -EBADMSG;
    dbus_message_iter_recurse(iter, &array);
    for (; dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_INVALID;
         dbus_message_iter_next(&array)) {
        DBusMessageIter pair, value;
        const char *key;
        int r;

        dbus_message_iter_recurse(&array, &pair);
        if (dbus_message_iter_get_arg_type(&pair) != DBUS_TYPE_STRING)
            return -EBADMSG;
        dbus_message_iter_get_basic(&pair, &key);
        dbus_message_iter_next(&pair);
        if (dbus_message_iter_get_arg_type(&pair) != DBUS_TYPE_VARIANT)
            return -EBADMSG;
        dbus_message_iter_recurse(&pair, &value);
        r = entry(key, &value, userdata);
        if (r < 0)
            return r;
    }
    return 0;
}

struct fields {
    const struct field *table; /* ended by {NULL} */
    char *target;
};

static int read_field(const char *key, DBusMessageIter *value, void *userdata)
{
    const struct fields *fields = userdata;

    for (const struct field *field = fields->table; field->name; field++)
        if (strcmp(field->name, key) == 0)
            return field->read(value, fields->target + field->offset);
    return 0;
}

static int read_list(DBusMessageIter *value, enum evidence_key key, struct evidence *evidence)
{
    char *items[EVIDENCE_LIST_MAX + 1] = {NULL};
    DBusMessageIter array;
    size_t n = 0;

    if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(value) != DBUS_TYPE_STRING)
        return -EBADMSG;
    dbus_message_iter_recurse(value, &array);
    for (; n < EVIDENCE_LIST_MAX && dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRING;
         dbus_message_iter_next(&array))
        dbus_message_iter_get_basic(&array, &items[n++]);
    return evidence_set_list(evidence, key, items);
}

static int read_evidence_entry(const char *name, DBusMessageIter *value, void *userdata)
{
    struct evidence *evidence = userdata;
    enum evidence_key key;
    dbus_uint32_t number;
    uint64_t time;
    const char *text;
    int r = 0;

    if (evidence_key_from_string(name, &key) < 0)
        return 0;
    switch (evidence_key_type(key)) {
    case EVIDENCE_TEXT:
        r = read_basic(value, DBUS_TYPE_STRING, &text);
        return r < 0 ? r : evidence_set_text(evidence, key, text);
    case EVIDENCE_NUMBER:
        r = read_basic(value, DBUS_TYPE_UINT32, &number);
        if (r == 0)
            evidence_set_number(evidence, key, number);
        return r;
    case EVIDENCE_TIME:
        r = read_basic(value, DBUS_TYPE_UINT64, &time);
        if (r == 0)
            evidence_set_number(evidence, key, time);
        return r;
    case EVIDENCE_LIST:
        return read_list(value, key, evidence);
    }
    return -EBADMSG;
}

static void endpoint_clear(struct client_endpoint *endpoint)
{
    free(endpoint->host);
    free(endpoint->security);
    free(endpoint->verdict);
    evidence_clear(&endpoint->evidence);
}

static int read_endpoint(DBusMessageIter *row, struct client_endpoint *endpoint)
{
    int r = read_text(row, &endpoint->host);

    dbus_message_iter_next(row);
    if (r == 0)
        r = read_uint16(row, &endpoint->port);
    dbus_message_iter_next(row);
    if (r == 0)
        r = read_text(row, &endpoint->security);
    dbus_message_iter_next(row);
    if (r == 0)
        r = read_text(row, &endpoint->verdict);
    dbus_message_iter_next(row);
    return r < 0 ? r : read_dict(row, read_evidence_entry, &endpoint->evidence);
}

static void endpoints_clear(struct client_account *account)
{
    for (size_t i = 0; i < account->n_endpoints; i++)
        endpoint_clear(&account->endpoints[i]);
    free(account->endpoints);
    account->endpoints = NULL;
    account->n_endpoints = 0;
}

static int read_endpoints(DBusMessageIter *value, void *target)
{
    struct client_account *account = target;
    DBusMessageIter array;

    if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(value) != DBUS_TYPE_STRUCT)
        return -EBADMSG;
    endpoints_clear(account);
    dbus_message_iter_recurse(value, &array);
    for (; dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRUCT;
         dbus_message_iter_next(&array)) {
        struct client_endpoint *grown =
            reallocarray(account->endpoints, account->n_endpoints + 1, sizeof(*account->endpoints));
        DBusMessageIter row;
        int r;

        if (!grown)
            return -ENOMEM;
        account->endpoints = grown;
        grown[account->n_endpoints] = (struct client_endpoint){0};
        dbus_message_iter_recurse(&array, &row);
        r = read_endpoint(&row, &grown[account->n_endpoints++]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_network(DBusMessageIter *value, void *target)
{
    static const struct field fields[] = {
        {"id", read_text, offsetof(struct client_network, id)},
        {"name", read_text, offsetof(struct client_network, name)},
        {"interface", read_text, offsetof(struct client_network, interface)},
        {"gateway", read_text, offsetof(struct client_network, gateway)},
        {"known", read_bool, offsetof(struct client_network, known)},
        {"since", read_uint64, offsetof(struct client_network, since)},
        {0},
    };
    struct client_network *network = target;
    int r = 0;

    /* The dictionary is the whole value: what it does not name is not so any more. */
    for (size_t i = 0; r == 0 && i < 4; i++)
        r = set_text((char **)((char *)network + fields[i].offset), "");
    network->known = false;
    network->since = 0;
    return r < 0 ? r : read_dict(value, read_field, &(struct fields){fields, target});
}

int client_read_manager(DBusMessageIter *iter, struct client_manager *manager)
{
    static const struct field fields[] = {
        {"Version", read_text, offsetof(struct client_manager, version)},
        {"State", read_text, offsetof(struct client_manager, state)},
        {"Network", read_network, offsetof(struct client_manager, network)},
        {"DefaultAccount", read_text, offsetof(struct client_manager, default_account)},
        {"Port25", read_text, offsetof(struct client_manager, port25)},
        {"Portal", read_text, offsetof(struct client_manager, portal)},
        {0},
    };

    return read_dict(iter, read_field, &(struct fields){fields, (char *)manager});
}

static void texts_free(char **texts)
{
    for (char **text = texts; text && *text; text++)
        free(*text);
    free(texts);
}

static int read_sources(DBusMessageIter *value, void *target)
{
    char ***sources = target, **texts;
    DBusMessageIter array;
    size_t n = 0;
    int r = 0;

    if (dbus_message_iter_get_arg_type(value) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(value) != DBUS_TYPE_STRING)
        return -EBADMSG;
    texts = calloc((size_t)dbus_message_iter_get_element_count(value) + 1, sizeof(*texts));
    if (!texts)
        return -ENOMEM;
    dbus_message_iter_recurse(value, &array);
    for (; r == 0 && dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRING;
         dbus_message_iter_next(&array))
        r = read_text(&array, &texts[n++]);
    texts_free(*sources);
    *sources = texts;
    return r;
}

int client_read_account(DBusMessageIter *iter, struct client_account *account)
{
    static const struct field fields[] = {
        {"Name", read_text, offsetof(struct client_account, name)},
        {"Address", read_text, offsetof(struct client_account, address)},
        {"Username", read_text, offsetof(struct client_account, username)},
        {"State", read_text, offsetof(struct client_account, state)},
        {"WorkingServer", read_text, offsetof(struct client_account, working.server)},
        {"WorkingPort", read_uint16, offsetof(struct client_account, working.port)},
        {"WorkingSecurity", read_text, offsetof(struct client_account, working.security)},
        {"Provenance", read_text, offsetof(struct client_account, provenance)},
        {"CheckedAt", read_uint64, offsetof(struct client_account, checked_at)},
        {"LastReason", read_text, offsetof(struct client_account, last_reason)},
        {"Source", read_text, offsetof(struct client_account, source)},
        {"Sources", read_sources, offsetof(struct client_account, sources)},
        {"Endpoints", read_endpoints, 0},
        {0},
    };

    return read_dict(iter, read_field, &(struct fields){fields, (char *)account});
}

/* Makes every text empty that is still missing. */
static int fill(char **const *texts, size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = set_text(texts[i], "");
    return r;
}

static int account_init(struct client_account *account)
{
    return fill((char **[]){&account->name, &account->address, &account->username, &account->state,
                            &account->provenance, &account->last_reason, &account->source,
                            &account->working.server, &account->working.security},
                9);
}

static void account_clear(struct client_account *account)
{
    endpoints_clear(account);
    free(account->path);
    free(account->name);
    free(account->address);
    free(account->username);
    free(account->state);
    free(account->provenance);
    free(account->last_reason);
    free(account->source);
    texts_free(account->sources);
    free(account->working.server);
    free(account->working.security);
}

int client_account_new(const char *path, struct client_account **ret)
{
    _cleanup_(client_account_freep) struct client_account *account = calloc(1, sizeof(*account));
    int r;

    if (!account)
        return -ENOMEM;
    account->path = strdup(path); /* an object path holds letters, digits, '_' and '/' only */
    r = account->path ? account_init(account) : -ENOMEM;
    if (r == 0)
        *ret = TAKE(account);
    return r;
}

struct client_account *client_account_free(struct client_account *account)
{
    if (!account)
        return NULL;
    account_clear(account);
    free(account);
    return NULL;
}

static int read_trip(DBusMessageIter *iter, struct client_trip *trip)
{
    static const struct field fields[] = {
        {"network", read_text, offsetof(struct client_trip, network)},
        {"name", read_text, offsetof(struct client_trip, network_name)},
        {"account", read_text, offsetof(struct client_trip, account.name)},
        {"arrived", read_uint64, offsetof(struct client_trip, arrived)},
        {"until", read_uint64, offsetof(struct client_trip, until)},
        {"checked", read_uint64, offsetof(struct client_trip, account.checked_at)},
        {"server", read_text, offsetof(struct client_trip, account.working.server)},
        {"port", read_uint16, offsetof(struct client_trip, account.working.port)},
        {"security", read_text, offsetof(struct client_trip, account.working.security)},
        {"endpoints", read_endpoints, offsetof(struct client_trip, account)},
        {0},
    };
    int r = fill((char **[]){&trip->network, &trip->network_name}, 2);

    if (r == 0)
        r = account_init(&trip->account);
    return r < 0 ? r : read_dict(iter, read_field, &(struct fields){fields, (char *)trip});
}

int client_read_history(DBusMessage *reply, struct client_trip **ret, size_t *ret_n)
{
    struct client_trip *trips = NULL, *grown;
    DBusMessageIter iter, array;
    size_t n = 0;
    int r = 0;

    if (!dbus_message_has_signature(reply, "aa{sv}"))
        return -EBADMSG;
    dbus_message_iter_init(reply, &iter);
    dbus_message_iter_recurse(&iter, &array);
    for (; r == 0 && dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_INVALID;
         dbus_message_iter_next(&array)) {
        grown = reallocarray(trips, n + 1, sizeof(*trips));
        if (!grown) {
            r = -ENOMEM;
            break;
        }
        trips = grown;
        trips[n] = (struct client_trip){0};
        r = read_trip(&array, &trips[n++]);
    }
    if (r < 0) {
        client_trips_free(trips, n);
        return r;
    }
    *ret = trips;
    *ret_n = n;
    return 0;
}

void client_trips_free(struct client_trip *trips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(trips[i].network);
        free(trips[i].network_name);
        account_clear(&trips[i].account);
    }
    free(trips);
}

int client_manager_init(struct client_manager *manager)
{
    return fill((char **[]){&manager->version, &manager->state, &manager->port25,
                            &manager->default_account, &manager->portal, &manager->network.id,
                            &manager->network.name, &manager->network.interface,
                            &manager->network.gateway},
                9);
}

void client_manager_clear(struct client_manager *manager)
{
    free(manager->version);
    free(manager->state);
    free(manager->port25);
    free(manager->default_account);
    free(manager->portal);
    free(manager->network.id);
    free(manager->network.name);
    free(manager->network.interface);
    free(manager->network.gateway);
    *manager = (struct client_manager){0};
}

int client_endpoint_finding(const struct client_endpoint *endpoint, struct finding *ret)
{
    struct finding finding = {.endpoint.port = endpoint->port, .evidence = endpoint->evidence};

    if (verdict_from_string(endpoint->verdict, &finding.verdict) < 0)
        return -EINVAL;
    (void)snprintf(finding.endpoint.host, sizeof(finding.endpoint.host), "%s", endpoint->host);
    (void)security_from_string(endpoint->security, &finding.endpoint.security);
    *ret = finding;
    return 0;
}

static void found_row_clear(struct client_found_row *row)
{
    free(row->client);
    free(row->file);
    free(row->name);
    free(row->address);
    free(row->username);
    free(row->server);
    free(row->security);
    free(row->instead);
    free(row->remark);
    free(row->detail);
    free(row->text);
}

void client_found_clear(struct client_found *found)
{
    for (size_t i = 0; i < found->n_accounts; i++)
        found_row_clear(&found->accounts[i]);
    for (size_t i = 0; i < found->n_remarks; i++)
        found_row_clear(&found->remarks[i]);
    free(found->accounts);
    free(found->remarks);
    *found = (struct client_found){.accounts = NULL};
}

static int read_found_rows(DBusMessageIter *iter, struct client_found_row **rows, size_t *n)
{
    static const struct field fields[] = {
        {"client", read_text, offsetof(struct client_found_row, client)},
        {"file", read_text, offsetof(struct client_found_row, file)},
        {"name", read_text, offsetof(struct client_found_row, name)},
        {"address", read_text, offsetof(struct client_found_row, address)},
        {"username", read_text, offsetof(struct client_found_row, username)},
        {"server", read_text, offsetof(struct client_found_row, server)},
        {"security", read_text, offsetof(struct client_found_row, security)},
        {"instead", read_text, offsetof(struct client_found_row, instead)},
        {"remark", read_text, offsetof(struct client_found_row, remark)},
        {"detail", read_text, offsetof(struct client_found_row, detail)},
        {"text", read_text, offsetof(struct client_found_row, text)},
        {"port", read_uint16, offsetof(struct client_found_row, port)},
        {"line", read_uint32, offsetof(struct client_found_row, line)},
        {0},
    };
    DBusMessageIter array;
    int r = 0;

    if (dbus_message_iter_get_arg_type(iter) != DBUS_TYPE_ARRAY)
        return -EBADMSG;
    *rows = calloc((size_t)dbus_message_iter_get_element_count(iter) + 1, sizeof(**rows));
    if (!*rows)
        return -ENOMEM;
    dbus_message_iter_recurse(iter, &array);
    for (; r == 0 && dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_ARRAY;
         dbus_message_iter_next(&array)) {
        struct client_found_row *row = &(*rows)[(*n)++];

        r = fill((char **[]){&row->client, &row->file, &row->name, &row->address, &row->username,
                             &row->server, &row->security, &row->instead, &row->remark,
                             &row->detail, &row->text},
                 11);
        if (r == 0)
            r = read_dict(&array, read_field, &(struct fields){fields, (char *)row});
    }
    return r;
}

int client_read_found(DBusMessage *reply, struct client_found *ret)
{
    struct client_found found = {.accounts = NULL};
    DBusMessageIter iter;
    int r;

    if (!dbus_message_iter_init(reply, &iter))
        return -EBADMSG;
    r = read_found_rows(&iter, &found.accounts, &found.n_accounts);
    if (r == 0 && !dbus_message_iter_next(&iter))
        r = -EBADMSG;
    if (r == 0)
        r = read_found_rows(&iter, &found.remarks, &found.n_remarks);
    if (r < 0)
        client_found_clear(&found);
    else
        *ret = found;
    return r;
}
