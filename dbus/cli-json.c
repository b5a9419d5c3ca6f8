/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The daemon's facts as JSON: one object a line, with the words of the bus interface. */
#include "cli.h"
#include "error.h"
#include "json-text.h"
#include <stdio.h>

bool json_put(json_object *object, const char *key, json_object *value)
{
    if (object && value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

bool json_put_null(json_object *object, const char *key)
{
    return object && json_object_object_add(object, key, NULL) == 0;
}

bool json_put_text(json_object *object, const char *key, const char *text)
{
    return json_put(object, key, json_object_new_string(text));
}

bool json_put_time(json_object *object, const char *key, uint64_t usec)
{
    return json_put(object, key, json_object_new_uint64(usec));
}

bool json_put_working(json_object *object, const struct client_working *working)
{
    json_object *inner;

    if (working->port == 0)
        return json_put_null(object, "working");
    inner = json_object_new_object();
    /* `inner` belongs to `object` once it is in there, so it goes in first. */
    return json_put(object, "working", inner) && json_put_text(inner, "server", working->server) &&
           json_put(inner, "port", json_object_new_int(working->port)) &&
           json_put_text(inner, "security", working->security);
}

bool json_put_endpoint(json_object *object, const struct client_endpoint *endpoint)
{
    return json_put_text(object, "host", endpoint->host) &&
           json_put(object, "port", json_object_new_int(endpoint->port)) &&
           json_put_text(object, "security", endpoint->security) &&
           json_put_text(object, "verdict", endpoint->verdict) &&
           json_put(object, "evidence", evidence_to_json(&endpoint->evidence));
}

bool json_put_network(json_object *object, const struct client_network *network)
{
    json_object *inner = json_object_new_object();

    return json_put(object, "network", inner) && json_put_text(inner, "id", network->id) &&
           json_put_text(inner, "name", network->name) &&
           json_put_text(inner, "interface", network->interface) &&
           json_put_text(inner, "gateway", network->gateway) &&
           json_put(inner, "known", json_object_new_boolean(network->known)) &&
           json_put_time(inner, "since", network->since);
}

bool json_put_endpoints(json_object *object, const struct client_account *account)
{
    json_object *endpoints = json_object_new_array();

    if (!json_put(object, "endpoints", endpoints))
        return false;
    for (size_t i = 0; i < account->n_endpoints; i++) {
        json_object *row = json_object_new_object();

        if (!row || json_object_array_add(endpoints, row) != 0) {
            json_object_put(row);
            return false;
        }
        if (!json_put_endpoint(row, &account->endpoints[i]))
            return false;
    }
    return true;
}

static bool put_sources(json_object *object, char *const *sources)
{
    json_object *array = json_object_new_array();
    bool good = json_put(object, "sources", array);

    for (; good && sources && *sources; sources++) {
        json_object *text = json_object_new_string(*sources);

        good = text && json_object_array_add(array, text) == 0;
    }
    return good;
}

json_object *account_to_json(const struct client_account *account)
{
    json_object *object = json_object_new_object();

    if (json_put_text(object, "name", account->name) &&
        json_put_text(object, "address", account->address) &&
        json_put_text(object, "state", account->state) &&
        json_put_working(object, &account->working) &&
        json_put_text(object, "provenance", account->provenance) &&
        json_put_text(object, "last_reason", account->last_reason) &&
        json_put_text(object, "source", account->source) && put_sources(object, account->sources) &&
        json_put_time(object, "checked_at", account->checked_at) &&
        json_put_endpoints(object, account))
        return object;
    json_object_put(object);
    return NULL;
}

int json_print(json_object *object)
{
    const char *text = json_text(object);

    if (text) {
        puts(text);
        fflush(stdout);
    }
    json_object_put(object);
    return text ? 0 : -ENOMEM;
}
