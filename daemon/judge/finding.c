/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Findings as lines of JSON: written by the probe, read by the daemon. The reader trusts nobody:
 * the probe has talked to hostile servers and may be theirs by now.
 */
#include "judge/finding.h"
#include "cleanup.h"
#include "error.h"
#include "json-text.h"
#include <string.h>

static bool add(json_object *object, const char *key, json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

json_object *finding_to_json(const struct finding *finding)
{
    const struct endpoint *endpoint = &finding->endpoint;
    json_object *object = json_object_new_object();

    if (object && add(object, "host", json_object_new_string(endpoint->host)) &&
        add(object, "port", json_object_new_int(endpoint->port)) &&
        add(object, "security", json_object_new_string(security_to_string(endpoint->security))) &&
        add(object, "verdict", json_object_new_string(verdict_to_string(finding->verdict))) &&
        add(object, "evidence", evidence_to_json(&finding->evidence)))
        return object;
    json_object_put(object);
    return NULL;
}

/* The text under `key`, owned by the object, or NULL where there is none or it holds a NUL. */
static const char *text_of(json_object *object, const char *key)
{
    json_object *value;
    const char *text;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

int finding_from_json(json_object *object, struct finding *ret)
{
    struct finding finding = {0};
    const char *host, *security, *verdict;
    json_object *port, *evidence;
    int number, r;

    if (!json_object_is_type(object, json_type_object))
        return -EBADMSG;
    host = text_of(object, "host");
    security = text_of(object, "security");
    verdict = text_of(object, "verdict");
    if (!host || host_check(host) < 0 || !security ||
        security_from_string(security, &finding.endpoint.security) < 0 || !verdict ||
        verdict_from_string(verdict, &finding.verdict) < 0 || finding.verdict == VERDICT_UNKNOWN ||
        !json_object_object_get_ex(object, "port", &port) ||
        !json_object_is_type(port, json_type_int) ||
        !json_object_object_get_ex(object, "evidence", &evidence))
        return -EBADMSG;
    number = json_object_get_int(port);
    if (number < 1 || number > UINT16_MAX)
        return -EBADMSG;
    finding.endpoint.port = (uint16_t)number;
    memcpy(finding.endpoint.host, host, strlen(host) + 1); /* host_check() bounds it */
    r = evidence_from_json(evidence, &finding.evidence);
    if (r < 0)
        return r;
    *ret = finding;
    return 0;
}

int finding_from_line(const char *line, size_t length, struct finding *ret)
{
    json_object *object;
    int r;

    if (length > FINDING_LINE_MAX)
        return -EBADMSG;
    r = json_from_text(line, length, 4, &object, NULL); /* finding, evidence, list, no deeper */
    if (r < 0)
        return r;
    r = finding_from_json(object, ret);
    json_object_put(object);
    return r;
}

int finding_take_login(const struct finding *from, struct finding *to)
{
    static const enum evidence_key texts[] = {EVIDENCE_LOGIN, EVIDENCE_MECHANISM,
                                              EVIDENCE_CHANNEL_BINDING, EVIDENCE_REPLY};
    int r = 0;

    if (!evidence_text(&from->evidence, EVIDENCE_LOGIN))
        return 0;
    for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++) {
        const char *text = evidence_text(&from->evidence, texts[i]);

        if (text)
            r = evidence_set_text(&to->evidence, texts[i], text);
        else
            evidence_unset(&to->evidence, texts[i]);
    }
    if (from->evidence.set[EVIDENCE_CODE])
        evidence_set_number(&to->evidence, EVIDENCE_CODE,
                            evidence_number(&from->evidence, EVIDENCE_CODE));
    else
        evidence_unset(&to->evidence, EVIDENCE_CODE);
    to->verdict = from->verdict;
    return r;
}

int finding_copy(const struct finding *from, struct finding *ret)
{
    struct finding copy = {.endpoint = from->endpoint, .verdict = from->verdict};
    int r = evidence_copy(&from->evidence, &copy.evidence);

    if (r < 0)
        finding_clear(&copy);
    else
        *ret = copy;
    return r;
}

void finding_clear(struct finding *finding)
{
    evidence_clear(&finding->evidence);
}
