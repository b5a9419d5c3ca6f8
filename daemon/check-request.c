/* SPDX-License-Identifier: GPL-3.0-or-later */

/* An account's check as a line of JSON. What other networks have shown goes along as it came, so
 * that it is the probe that compares. */
#include "check-request.h"
#include "check.h"
#include "cleanup.h"
#include "json-text.h"
#include <stdbool.h>
#include <stdio.h>

#define VERSION 1 /* REQUEST_VERSION of the probe; tests/unit/test-request.c compares */

static bool add(json_object *object, const char *key, json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool append(json_object *list, json_object *value)
{
    if (value && json_object_array_add(list, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool append_endpoint(json_object *list, const struct endpoint *endpoint)
{
    json_object *object = json_object_new_object();

    return append(list, object) && add(object, "host", json_object_new_string(endpoint->host)) &&
           add(object, "port", json_object_new_int(endpoint->port)) &&
           add(object, "security", json_object_new_string(security_to_string(endpoint->security)));
}

static bool fill(json_object *request, const struct account_settings *settings,
                 const struct endpoint *asked, size_t n_asked, const struct finding *expected,
                 size_t n_expected)
{
    json_object *endpoints = json_object_new_array(), *findings = NULL;
    bool fine = add(request, "version", json_object_new_int(VERSION)) &&
                add(request, "timeout", json_object_new_int(CHECK_TIMEOUT_S));

    fine = add(request, "endpoints", endpoints) && fine;
    for (size_t i = 0; i < n_asked && fine; i++)
        fine = append_endpoint(endpoints, &asked[i]);
    if (fine && settings->ca_file)
        fine = add(request, "ca_file", json_object_new_string(settings->ca_file));
    if (fine && settings->pin)
        fine = add(request, "pin", json_object_new_string(settings->pin));
    if (fine && n_expected > 0)
        fine = add(request, "expected", findings = json_object_new_array());
    for (size_t i = 0; i < n_expected && fine; i++)
        fine = append(findings, finding_to_json(&expected[i]));
    return fine;
}

/* The request as a line; takes it over. */
static char *line_of(json_object *request, bool fine)
{
    const char *text = fine ? json_text(request) : NULL;
    char *line = NULL;

    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    json_object_put(request);
    return line;
}

char *check_request(const struct account_settings *settings, const struct finding *expected,
                    size_t n_expected)
{
    json_object *request = json_object_new_object();

    return line_of(request, request && fill(request, settings, settings->endpoints,
                                            settings->n_endpoints, expected, n_expected));
}

char *login_request(const struct account_settings *settings, const struct endpoint *endpoint,
                    const struct finding *expected)
{
    json_object *request = json_object_new_object();
    bool fine = request && fill(request, settings, endpoint, 1, expected, expected ? 1 : 0) &&
                add(request, "user", json_object_new_string(settings->username));

    if (fine && settings->mechanisms)
        fine = add(request, "mechanisms", json_object_new_string(settings->mechanisms));
    return line_of(request, fine);
}
