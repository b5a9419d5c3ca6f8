/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The dictionary of evidence: one table of keys and types, bounded and safe values, JSON out and
 * in. A set text is never NULL, a set list never empty of its terminator.
 */
#include "judge/evidence.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include <string.h>

static const struct {
    const char *name;
    enum evidence_type type;
} keys[N_EVIDENCE] = {
    [EVIDENCE_HOW] = {"how", EVIDENCE_TEXT},
    [EVIDENCE_BY] = {"by", EVIDENCE_TEXT},
    [EVIDENCE_HOP] = {"hop", EVIDENCE_NUMBER},
    [EVIDENCE_CONFIDENCE] = {"confidence", EVIDENCE_TEXT},
    [EVIDENCE_ADDRESS] = {"address", EVIDENCE_TEXT},
    [EVIDENCE_FAMILY] = {"family", EVIDENCE_TEXT},
    [EVIDENCE_CONNECT_MS] = {"connect_ms", EVIDENCE_NUMBER},
    [EVIDENCE_TOTAL_MS] = {"total_ms", EVIDENCE_NUMBER},
    [EVIDENCE_GREETING] = {"greeting", EVIDENCE_TEXT},
    [EVIDENCE_CODE] = {"code", EVIDENCE_NUMBER},
    [EVIDENCE_REPLY] = {"text", EVIDENCE_TEXT},
    [EVIDENCE_TLS] = {"tls", EVIDENCE_TEXT},
    [EVIDENCE_CIPHER] = {"cipher", EVIDENCE_TEXT},
    [EVIDENCE_ISSUER] = {"issuer", EVIDENCE_TEXT},
    [EVIDENCE_SUBJECT] = {"subject", EVIDENCE_TEXT},
    [EVIDENCE_EXPIRES] = {"expires", EVIDENCE_TIME},
    [EVIDENCE_CERTIFICATE] = {"certificate", EVIDENCE_TEXT},
    [EVIDENCE_PIN] = {"pin", EVIDENCE_TEXT},
    [EVIDENCE_AUTH] = {"auth", EVIDENCE_LIST},
    [EVIDENCE_SIZE] = {"size", EVIDENCE_NUMBER},
    [EVIDENCE_EXTENSIONS] = {"extensions", EVIDENCE_LIST},
    [EVIDENCE_EXPECTED] = {"expected", EVIDENCE_TEXT},
    [EVIDENCE_FOUND] = {"found", EVIDENCE_TEXT},
    [EVIDENCE_LOGIN] = {"login", EVIDENCE_TEXT},
    [EVIDENCE_MECHANISM] = {"mechanism", EVIDENCE_TEXT},
    [EVIDENCE_CHANNEL_BINDING] = {"channel-binding", EVIDENCE_TEXT},
};

const char *evidence_key_to_string(enum evidence_key key)
{
    return keys[key].name;
}

enum evidence_type evidence_key_type(enum evidence_key key)
{
    return keys[key].type;
}

int evidence_key_from_string(const char *text, enum evidence_key *ret)
{
    for (int i = 0; i < N_EVIDENCE; i++)
        if (strcmp(text, keys[i].name) == 0) {
            *ret = (enum evidence_key)i;
            return 0;
        }
    return -EINVAL;
}

static char **list_free(char **list)
{
    for (char **item = list; list && *item; item++)
        free(*item);
    free(list);
    return NULL;
}
DEFINE_CLEANUP(char **, list_free)

void evidence_unset(struct evidence *evidence, enum evidence_key key)
{
    if (!evidence->set[key])
        return;
    evidence->set[key] = false;
    switch (keys[key].type) {
    case EVIDENCE_TEXT:
        free(evidence->values[key].text);
        break;
    case EVIDENCE_LIST:
        list_free(evidence->values[key].list);
        break;
    case EVIDENCE_NUMBER:
    case EVIDENCE_TIME:
        break;
    }
}

int evidence_set_bytes(struct evidence *evidence, enum evidence_key key, const void *text, size_t n)
{
    char *safe = text_safe(text, n, EVIDENCE_TEXT_MAX);

    if (!safe)
        return -ENOMEM;
    evidence_unset(evidence, key);
    evidence->values[key].text = safe;
    evidence->set[key] = true;
    return 0;
}

int evidence_set_text(struct evidence *evidence, enum evidence_key key, const char *text)
{
    return evidence_set_bytes(evidence, key, text, strlen(text));
}

void evidence_set_number(struct evidence *evidence, enum evidence_key key, uint64_t number)
{
    evidence->values[key].number =
        keys[key].type == EVIDENCE_NUMBER && number > UINT32_MAX ? UINT32_MAX : number;
    evidence->set[key] = true;
}

int evidence_set_list(struct evidence *evidence, enum evidence_key key, char *const *items)
{
    _cleanup_(list_freep) char **list = calloc(EVIDENCE_LIST_MAX + 1, sizeof(*list));

    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < EVIDENCE_LIST_MAX && items[i]; i++) {
        list[i] = text_safe(items[i], strlen(items[i]), EVIDENCE_TEXT_MAX);
        if (!list[i])
            return -ENOMEM;
    }
    evidence_unset(evidence, key);
    evidence->values[key].list = TAKE(list);
    evidence->set[key] = true;
    return 0;
}

const char *evidence_text(const struct evidence *evidence, enum evidence_key key)
{
    return evidence->set[key] ? evidence->values[key].text : NULL;
}

uint64_t evidence_number(const struct evidence *evidence, enum evidence_key key)
{
    return evidence->set[key] ? evidence->values[key].number : 0;
}

char *const *evidence_list(const struct evidence *evidence, enum evidence_key key)
{
    return evidence->set[key] ? evidence->values[key].list : NULL;
}

int evidence_copy(const struct evidence *from, struct evidence *to)
{
    int r = 0;

    for (int i = 0; r == 0 && i < N_EVIDENCE; i++) {
        enum evidence_key key = (enum evidence_key)i;

        if (!from->set[key])
            continue;
        switch (keys[key].type) {
        case EVIDENCE_TEXT:
            r = evidence_set_text(to, key, from->values[key].text);
            break;
        case EVIDENCE_LIST:
            r = evidence_set_list(to, key, from->values[key].list);
            break;
        case EVIDENCE_NUMBER:
        case EVIDENCE_TIME:
            evidence_set_number(to, key, from->values[key].number);
            break;
        }
    }
    return r;
}

void evidence_clear(struct evidence *evidence)
{
    for (int key = 0; key < N_EVIDENCE; key++)
        evidence_unset(evidence, (enum evidence_key)key);
}

static json_object *list_to_json(char *const *list)
{
    json_object *array = json_object_new_array();

    for (; array && *list; list++) {
        json_object *item = json_object_new_string(*list);

        if (!item || json_object_array_add(array, item) < 0) {
            json_object_put(item);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

json_object *evidence_to_json(const struct evidence *evidence)
{
    json_object *object = json_object_new_object();

    for (int key = 0; object && key < N_EVIDENCE; key++) {
        json_object *value = NULL;

        if (!evidence->set[key])
            continue;
        switch (keys[key].type) {
        case EVIDENCE_TEXT:
            value = json_object_new_string(evidence->values[key].text);
            break;
        case EVIDENCE_NUMBER:
        case EVIDENCE_TIME:
            value = json_object_new_int64((int64_t)evidence->values[key].number);
            break;
        case EVIDENCE_LIST:
            value = list_to_json(evidence->values[key].list);
            break;
        }
        if (!value || json_object_object_add(object, keys[key].name, value) < 0) {
            json_object_put(value);
            json_object_put(object);
            return NULL;
        }
    }
    return object;
}

static int number_from_json(json_object *value, uint64_t max, uint64_t *ret)
{
    int64_t number;

    if (!json_object_is_type(value, json_type_int))
        return -EBADMSG;
    number = json_object_get_int64(value);
    if (number < 0 || (uint64_t)number > max)
        return -EBADMSG;
    *ret = (uint64_t)number;
    return 0;
}

static int list_from_json(json_object *value, struct evidence *evidence, enum evidence_key key)
{
    char *items[EVIDENCE_LIST_MAX + 1] = {0};
    size_t n;

    if (!json_object_is_type(value, json_type_array))
        return -EBADMSG;
    n = json_object_array_length(value);
    for (size_t i = 0; i < n && i < EVIDENCE_LIST_MAX; i++) {
        json_object *item = json_object_array_get_idx(value, i);

        if (!json_object_is_type(item, json_type_string))
            return -EBADMSG;
        items[i] = (char *)json_object_get_string(item); /* only read by evidence_set_list() */
    }
    return evidence_set_list(evidence, key, items);
}

static int value_from_json(json_object *value, struct evidence *evidence, enum evidence_key key)
{
    bool number = keys[key].type == EVIDENCE_NUMBER;
    uint64_t seen = 0;
    int r;

    switch (keys[key].type) {
    case EVIDENCE_TEXT:
        if (!json_object_is_type(value, json_type_string))
            return -EBADMSG;
        return evidence_set_bytes(evidence, key, json_object_get_string(value),
                                  (size_t)json_object_get_string_len(value));
    case EVIDENCE_LIST:
        return list_from_json(value, evidence, key);
    case EVIDENCE_NUMBER:
    case EVIDENCE_TIME:
        r = number_from_json(value, number ? UINT32_MAX : INT64_MAX, &seen);
        if (r < 0)
            return r;
        evidence_set_number(evidence, key, seen);
        return 0;
    }
    return -EBADMSG;
}

int evidence_from_json(json_object *object, struct evidence *evidence)
{
    struct evidence read = {0};

    if (!json_object_is_type(object, json_type_object))
        return -EBADMSG;
    json_object_object_foreach(object, name, value)
    {
        enum evidence_key key;
        int r;

        if (evidence_key_from_string(name, &key) < 0)
            continue;
        r = value_from_json(value, &read, key);
        if (r < 0) {
            evidence_clear(&read);
            return r;
        }
    }
    evidence_clear(evidence);
    *evidence = read;
    return 0;
}
