/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The file of the memory, version 1. The reader trusts nobody: an editor, a disk or another program
 * may have been at it. It takes no entry in part: a network, a trip or a check of an account is as
 * it was written, or is left out. Unknown keys are skipped, so a later version of the same format
 * may add some; what must not be misread gets another number.
 */
#include "memory/memory-file.h"
#include "cleanup.h"
#include "error.h"
#include "journal.h"
#include "json-text.h"
#include "log.h"
#include "text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define DEPTH                                                                                      \
    12             /* file, networks, network, checks, check, findings, finding, evidence, list: 9 \
                    */
#define SAID_MAX 8 /* lines in the log; what follows is only counted */

DEFINE_CLEANUP(json_object *, json_object_put)
DEFINE_CLEANUP(struct memory_result *, memory_result_free)
DEFINE_CLEANUP(struct memory_network *, memory_network_free)
DEFINE_CLEANUP(struct memory_trip *, memory_trip_free)

struct reader {
    const char *path;
    unsigned n_dropped;
};

_printf_(2, 3) static void drop(struct reader *reader, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list arguments;

    if (reader->n_dropped++ >= SAID_MAX)
        return;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    log_warning("%s: %s: left out", reader->path, text ? text : "an entry");
}

/* A text under `key` that is safe, not empty, and fits. */
static bool read_text(json_object *object, const char *key, char *ret, size_t size)
{
    json_object *value;
    const char *text;
    size_t length;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return false;
    text = json_object_get_string(value);
    length = (size_t)json_object_get_string_len(value);
    if (length == 0 || length >= size || strlen(text) != length || !text_is_safe(text))
        return false;
    memcpy(ret, text, length + 1);
    return true;
}

static bool read_number(json_object *object, const char *key, int64_t max, int64_t *ret)
{
    json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_int))
        return false;
    *ret = json_object_get_int64(value);
    return *ret >= 0 && *ret <= max;
}

static bool read_time(json_object *object, const char *key, uint64_t *ret)
{
    int64_t number;

    if (!read_number(object, key, INT64_MAX, &number))
        return false;
    *ret = (uint64_t)number;
    return true;
}

/* The array under `key`, or NULL. */
static json_object *array_of(json_object *object, const char *key)
{
    json_object *value;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_array)
               ? value
               : NULL;
}

static int read_findings(json_object *array, struct memory_result *result)
{
    size_t n = array ? json_object_array_length(array) : 0;
    int r = 0;

    if (n == 0 || n > ACCOUNT_ENDPOINTS_MAX)
        return -EBADMSG;
    result->findings = calloc(n, sizeof(*result->findings));
    if (!result->findings)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = finding_from_json(json_object_array_get_idx(array, i), &result->findings[i]);
        if (r == 0)
            result->n_findings++;
    }
    return r;
}

/* 0, -EBADMSG, -ENOMEM; so do the other readers of one entry. */
static int read_result(json_object *object, struct memory_result **ret)
{
    _cleanup_(memory_result_freep) struct memory_result *result = calloc(1, sizeof(*result));
    json_object *chosen;
    int64_t took_ms, index;
    int r;

    if (!result)
        return -ENOMEM;
    if (!json_object_is_type(object, json_type_object) ||
        !read_text(object, "account", result->account, sizeof(result->account)) ||
        account_name_check(result->account) < 0 || !read_time(object, "at", &result->at) ||
        !read_number(object, "took_ms", UINT32_MAX, &took_ms))
        return -EBADMSG;
    r = read_findings(array_of(object, "findings"), result);
    if (r < 0)
        return r;
    result->took_ms = (uint32_t)took_ms;
    result->chosen = -1;
    if (json_object_object_get_ex(object, "chosen", &chosen)) {
        if (!read_number(object, "chosen", (int64_t)result->n_findings - 1, &index))
            return -EBADMSG;
        result->chosen = (ssize_t)index;
    }
    *ret = TAKE(result);
    return 0;
}

static int read_results(struct reader *reader, json_object *array, struct memory_network *network)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        _cleanup_(memory_result_freep) struct memory_result *result = NULL;
        int r = read_result(json_object_array_get_idx(array, i), &result);

        if (r == -EBADMSG || (r == 0 && (network->results.n == MEMORY_RESULTS_MAX ||
                                         memory_find_result(network, result->account)))) {
            drop(reader, "network '%s', check %zu", network->name, i + 1);
            continue;
        }
        if (r == 0)
            r = memory_list_add(&network->results, network->results.n, result);
        if (r < 0)
            return r;
        (void)TAKE(result);
    }
    return 0;
}

static int read_network(struct reader *reader, json_object *object, struct memory_network **ret)
{
    _cleanup_(memory_network_freep) struct memory_network *network = calloc(1, sizeof(*network));
    json_object *checks = array_of(object, "checks");
    int r;

    if (!network)
        return -ENOMEM;
    if (!checks || !read_text(object, "id", network->id, sizeof(network->id)) ||
        !read_text(object, "name", network->name, sizeof(network->name)) ||
        !read_time(object, "first", &network->first) || !read_time(object, "last", &network->last))
        return -EBADMSG;
    r = read_results(reader, checks, network);
    if (r == 0)
        *ret = TAKE(network);
    return r;
}

static int read_trip(json_object *object, struct memory_trip **ret)
{
    _cleanup_(memory_trip_freep) struct memory_trip *trip = calloc(1, sizeof(*trip));
    json_object *check;
    int r;

    if (!trip)
        return -ENOMEM;
    if (!json_object_object_get_ex(object, "check", &check) ||
        !read_text(object, "network", trip->id, sizeof(trip->id)) ||
        !read_text(object, "name", trip->name, sizeof(trip->name)) ||
        !read_time(object, "arrived", &trip->arrived) || !read_time(object, "until", &trip->until))
        return -EBADMSG;
    r = read_result(check, &trip->result);
    if (r == 0)
        *ret = TAKE(trip);
    return r;
}

static int read_networks(struct reader *reader, json_object *array, struct memory_content *content)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        _cleanup_(memory_network_freep) struct memory_network *network = NULL;
        int r = read_network(reader, json_object_array_get_idx(array, i), &network);

        if (r == -EBADMSG || (r == 0 && (content->networks.n == MEMORY_NETWORKS_MAX ||
                                         memory_find_network(content, network->id)))) {
            drop(reader, "network %zu", i + 1);
            continue;
        }
        if (r == 0 && network->results.n == 0)
            continue; /* nothing is known of it any more */
        if (r == 0)
            r = memory_list_add(&content->networks, content->networks.n, network);
        if (r < 0)
            return r;
        (void)TAKE(network);
    }
    return 0;
}

static int read_trips(struct reader *reader, json_object *array, struct memory_content *content)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        _cleanup_(memory_trip_freep) struct memory_trip *trip = NULL;
        int r = read_trip(json_object_array_get_idx(array, i), &trip);

        if (r == -EBADMSG || (r == 0 && content->trips.n == MEMORY_TRIPS_MAX)) {
            drop(reader, "trip %zu", i + 1);
            continue;
        }
        if (r == 0)
            r = memory_list_add(&content->trips, content->trips.n, trip);
        if (r < 0)
            return r;
        (void)TAKE(trip);
    }
    return 0;
}

static bool read_salt(json_object *root, uint8_t salt[static MEMORY_SALT_SIZE])
{
    char text[2 * MEMORY_SALT_SIZE + 1];

    if (!read_text(root, "salt", text, sizeof(text)) || strlen(text) != sizeof(text) - 1 ||
        strspn(text, "0123456789abcdef") != sizeof(text) - 1)
        return false;
    for (size_t i = 0; i < MEMORY_SALT_SIZE; i++)
        (void)sscanf(&text[2 * i], "%2hhx", &salt[i]);
    return true;
}

/* What the whole is, before what is in it: a sentence on what is wrong, or NULL. Without the salt
 * no network would be known again by its id. */
static const char *check_root(json_object *root, uint8_t salt[static MEMORY_SALT_SIZE])
{
    int64_t version;

    if (!read_number(root, "version", INT64_MAX, &version) || version < 1)
        return "this is not what Mailroam has learnt about networks";
    if (version > VERSION)
        return "a newer version of Mailroam has written this";
    if (!read_salt(root, salt))
        return "the salt is missing";
    if (!array_of(root, "networks") || !array_of(root, "trips"))
        return "the networks or the trips are missing";
    return NULL;
}

/* As json_from_text(), but for white space at the end. */
static int parse(const char *text, size_t length, json_object **ret, const char **ret_problem)
{
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) && text[length - 1])
        length--;
    return json_from_text(text, length, DEPTH, ret, ret_problem);
}

int memory_file_read(const char *path, const char *text, size_t length, struct memory_content *ret)
{
    struct reader reader = {.path = path};
    struct memory_content content = {.networks = {.n = 0}};
    const char *problem = NULL;
    _cleanup_(json_object_putp) json_object *root = NULL;
    int r = parse(text, length, &root, &problem);

    if (r == -ENOMEM)
        return r; /* nothing is wrong with the file */
    if (root)
        problem = check_root(root, content.salt);
    if (problem) {
        journal(EVENT_MEMORY_BROKEN, &(struct event_facts){.file = path, .reason = problem},
                "%s: cannot be used: %s", path, problem);
        return MEMORY_FILE_BROKEN;
    }
    r = read_networks(&reader, array_of(root, "networks"), &content);
    if (r == 0)
        r = read_trips(&reader, array_of(root, "trips"), &content);
    if (r < 0) {
        memory_content_clear(&content);
        return r;
    }
    if (reader.n_dropped > SAID_MAX)
        log_warning("%s: %u entries were left out in all", path, reader.n_dropped);
    *ret = content;
    return reader.n_dropped ? MEMORY_FILE_DROPPED : 0;
}

static bool put(json_object *object, const char *key, json_object *value)
{
    if (object && value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool put_text(json_object *object, const char *key, const char *text)
{
    return put(object, key, json_object_new_string(text));
}

static bool put_number(json_object *object, const char *key, uint64_t number)
{
    return put(object, key, json_object_new_int64((int64_t)number));
}

static bool append(json_object *array, json_object *value)
{
    if (array && value && json_object_array_add(array, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

/* The object with its array, or NULL, and then neither is left. */
static json_object *finish(json_object *object, const char *key, json_object *array, bool good)
{
    if (!good)
        json_object_put(array);
    else if (put(object, key, array))
        return object;
    json_object_put(object);
    return NULL;
}

static json_object *result_to_json(const struct memory_result *result)
{
    json_object *object = json_object_new_object(), *findings = json_object_new_array();
    bool good = put_text(object, "account", result->account) &&
                put_number(object, "at", result->at) &&
                put_number(object, "took_ms", result->took_ms) &&
                (result->chosen < 0 || put_number(object, "chosen", (uint64_t)result->chosen));

    for (size_t i = 0; good && i < result->n_findings; i++)
        good = append(findings, finding_to_json(&result->findings[i]));
    return finish(object, "findings", findings, good);
}

static json_object *network_to_json(const void *item)
{
    const struct memory_network *network = item;
    json_object *object = json_object_new_object(), *checks = json_object_new_array();
    bool good = put_text(object, "id", network->id) && put_text(object, "name", network->name) &&
                put_number(object, "first", network->first) &&
                put_number(object, "last", network->last);

    for (size_t i = 0; good && i < network->results.n; i++)
        good = append(checks, result_to_json(network->results.items[i]));
    return finish(object, "checks", checks, good);
}

static json_object *trip_to_json(const void *item)
{
    const struct memory_trip *trip = item;
    json_object *object = json_object_new_object();

    if (put_text(object, "network", trip->id) && put_text(object, "name", trip->name) &&
        put_number(object, "arrived", trip->arrived) && put_number(object, "until", trip->until) &&
        put(object, "check", result_to_json(trip->result)))
        return object;
    json_object_put(object);
    return NULL;
}

/* A list as `"key":[...]`, as far as it fits into what is left of the file. */
static int write_list(FILE *file, const char *key, const struct memory_list *list, size_t room,
                      json_object *(*to_json)(const void *item))
{
    size_t used = 0;

    fprintf(file, ",\n\"%s\":[", key);
    for (size_t i = 0; i < list->n && used <= room; i++) {
        _cleanup_(json_object_putp) json_object *object = to_json(list->items[i]);
        const char *text = json_text(object);

        if (!text)
            return -ENOMEM;
        used += strlen(text) + 2;
        if (used <= room)
            fprintf(file, "%s\n%s", i > 0 ? "," : "", text);
    }
    fputs("\n]", file);
    return 0;
}

int memory_file_write(const struct memory_content *content, char **ret_text, size_t *ret_length)
{
    _cleanup_free_ char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    bool failed;
    int r;

    if (!file)
        return -ENOMEM;
    fprintf(file, "{\"version\":%d,\"salt\":\"", VERSION);
    for (size_t i = 0; i < MEMORY_SALT_SIZE; i++)
        fprintf(file, "%02x", content->salt[i]);
    fputc('"', file);
    r = write_list(file, "networks", &content->networks, MEMORY_FILE_MAX * 3 / 4, network_to_json);
    if (r == 0)
        r = write_list(file, "trips", &content->trips, MEMORY_FILE_MAX / 8, trip_to_json);
    fputs("}\n", file);
    failed = ferror(file) || r < 0;
    if (fclose(file) != 0 || failed)
        return -ENOMEM;
    *ret_text = TAKE(text);
    *ret_length = length;
    return 0;
}
