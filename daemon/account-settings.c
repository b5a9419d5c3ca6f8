/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Account settings: one table of keys, each with the one function that understands its value. */
#include "account-settings.h"
#include "cleanup.h"
#include "config-file.h"
#include "error.h"
#include "journal.h"
#include "judge/mechanism.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

static int set_text(char **text, const char *value)
{
    char *copy = NULL;

    if (*value) {
        copy = strdup(value);
        if (!copy)
            return -ENOMEM;
    }
    free(*text);
    *text = copy;
    return 0;
}

static int set_server(struct account_settings *settings, const char *value, char **ret_problem)
{
    size_t n = 0;
    char **servers;

    if (host_check(value) < 0)
        return problem(ret_problem, "expected a host name or an address");
    while (settings->servers && settings->servers[n])
        n++;
    servers = reallocarray(settings->servers, n + 2, sizeof(*servers));
    if (!servers)
        return -ENOMEM;
    settings->servers = servers;
    servers[n + 1] = NULL;
    servers[n] = strdup(value);
    return servers[n] ? 0 : -ENOMEM;
}

static int set_endpoints(struct account_settings *settings, const char *value, char **ret_problem)
{
    _cleanup_free_ char *copy = strdup(value);
    struct endpoint ports[ACCOUNT_ENDPOINTS_MAX];
    size_t n = 0;
    char *rest, *word;

    if (!copy)
        return -ENOMEM;
    for (word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        int r;

        if (n == ELEMENTSOF(ports))
            return problem(ret_problem, "expected at most %zu endpoints", ELEMENTSOF(ports));
        r = endpoint_parse_port(word, &ports[n++], ret_problem);
        if (r < 0)
            return r;
    }
    free(settings->ports);
    settings->n_ports = 0;
    settings->ports = NULL; /* empty: back to the default ones */
    if (n == 0)
        return 0;
    settings->ports = malloc(n * sizeof(*ports));
    if (!settings->ports)
        return -ENOMEM;
    memcpy(settings->ports, ports, n * sizeof(*ports));
    settings->n_ports = n;
    return 0;
}

static int set_login_check(struct account_settings *settings, const char *value, char **ret_problem)
{
    bool once = strcmp(value, "once-per-network") == 0;

    if (!once && strcmp(value, "no") != 0)
        return problem(ret_problem, "expected no or once-per-network");
    settings->login_check = once ? LOGIN_CHECK_ONCE_PER_NETWORK : LOGIN_CHECK_NO;
    return 0;
}

static int set_minimum(struct account_settings *settings, const char *value, char **ret_problem)
{
    if (minimum_security_from_string(value, &settings->minimum) < 0)
        return problem(ret_problem, "expected verified, encrypted or none");
    return 0;
}

static int set_ca_file(struct account_settings *settings, const char *value, char **ret_problem)
{
    if (*value && *value != '/')
        return problem(ret_problem, "expected an absolute path");
    if (*value && access(value, R_OK) < 0)
        return problem(ret_problem, "cannot be read: %s", strerror(errno));
    return set_text(&settings->ca_file, value);
}

static int set_pin(struct account_settings *settings, const char *value, char **ret_problem)
{
    if (*value && pin_check(value) < 0)
        return problem(ret_problem, "expected sha256// and 44 characters of Base64");
    return set_text(&settings->pin, value);
}

static int set_address(struct account_settings *settings, const char *value,
                       char **ret_problem _unused_)
{
    return set_text(&settings->address, value);
}

static int set_username(struct account_settings *settings, const char *value,
                        char **ret_problem _unused_)
{
    return set_text(&settings->username, value);
}

static int set_password_command(struct account_settings *settings, const char *value,
                                char **ret_problem _unused_)
{
    return set_text(&settings->password_command, value);
}

static int set_mechanisms(struct account_settings *settings, const char *value, char **ret_problem)
{
    unsigned set;
    int r = mechanisms_parse(value, &set, ret_problem);

    if (r < 0)
        return r;
    return set_text(&settings->mechanisms, value);
}

static int set_enabled(struct account_settings *settings, const char *value, char **ret_problem)
{
    settings->disabled = strcmp(value, "no") == 0;
    return settings->disabled || strcmp(value, "yes") == 0
               ? 0
               : problem(ret_problem, "expected yes or no");
}

static const struct {
    const char *key;
    int (*set)(struct account_settings *settings, const char *value, char **ret_problem);
} keys[] = {
    {"Address", set_address},
    {"Server", set_server},
    {"Endpoints", set_endpoints},
    {"Username", set_username},
    {"PasswordCommand", set_password_command},
    {"LoginCheck", set_login_check},
    {"Mechanisms", set_mechanisms},
    {"CAFile", set_ca_file},
    {"Pin", set_pin},
    {"MinimumSecurity", set_minimum},
    {"Enabled", set_enabled},
};

int account_settings_set(struct account_settings *settings, const char *key, const char *value,
                         char **ret_problem)
{
    for (size_t i = 0; i < ELEMENTSOF(keys); i++)
        if (strcmp(key, keys[i].key) == 0) {
            if (!text_is_safe(value))
                return problem(ret_problem, "expected text without control characters");
            return keys[i].set(settings, value, ret_problem);
        }
    return ACCOUNT_UNKNOWN_KEY;
}

int account_settings_complete(struct account_settings *settings, char **ret_problem)
{
    const struct endpoint *ports = settings->ports ? settings->ports : endpoint_defaults;
    size_t n_ports = settings->ports ? settings->n_ports : ELEMENTSOF(endpoint_defaults);
    size_t n_servers = 0, n = 0;

    while (settings->servers && settings->servers[n_servers])
        n_servers++;
    if (n_servers == 0 && !settings->disabled)
        return problem(ret_problem, "Server= is missing: expected the mail server's host name");
    if (n_servers * n_ports > ACCOUNT_ENDPOINTS_MAX)
        return problem(ret_problem, "%zu servers with %zu endpoints each: at most %d altogether",
                       n_servers, n_ports, ACCOUNT_ENDPOINTS_MAX);
    if (!settings->address)
        settings->address = strdup(settings->username ? settings->username : "");
    if (settings->address && !settings->username)
        settings->username = strdup(settings->address);
    settings->endpoints = calloc(n_servers * n_ports + 1, sizeof(*settings->endpoints));
    if (!settings->address || !settings->username || !settings->endpoints)
        return -ENOMEM;
    for (size_t i = 0; i < n_servers * n_ports; i++) {
        struct endpoint *endpoint = &settings->endpoints[n++];
        bool twice = false;

        *endpoint = ports[i % n_ports];
        strcpy(endpoint->host, settings->servers[i / n_ports]); /* host_check() bounds it */
        for (size_t j = 0; j + 1 < n; j++)
            twice |= endpoint_equal(&settings->endpoints[j], endpoint);
        if (twice)
            n--;
    }
    settings->n_endpoints = n;
    return 0;
}

int account_name_check(const char *name)
{
    size_t length = strlen(name);

    return length == 0 || length > ACCOUNT_NAME_MAX || *name == '.' || strchr(name, '/') ||
                   !text_is_safe(name)
               ? -EINVAL
               : 0;
}

struct account_settings *account_settings_new(const char *name)
{
    _cleanup_(account_settings_freep) struct account_settings *settings =
        calloc(1, sizeof(*settings));

    if (!settings)
        return NULL;
    settings->name = strdup(name);
    return settings->name ? TAKE(settings) : NULL;
}

struct account_settings *account_settings_free(struct account_settings *settings)
{
    if (!settings)
        return NULL;
    for (char **server = settings->servers; server && *server; server++)
        free(*server);
    free(settings->servers);
    free(settings->name);
    free(settings->address);
    free(settings->username);
    free(settings->password_command);
    free(settings->mechanisms);
    free(settings->ca_file);
    free(settings->pin);
    free(settings->ports);
    free(settings->endpoints);
    for (size_t i = 0; i < settings->n_sources; i++) {
        free(settings->sources[i].client);
        free(settings->sources[i].file);
    }
    free(settings->sources);
    free(settings);
    return NULL;
}

int account_settings_add_source(struct account_settings *settings, const char *client,
                                const char *file)
{
    struct account_source *sources =
        reallocarray(settings->sources, settings->n_sources + 1, sizeof(*sources));
    struct account_source *source;

    if (!sources)
        return -ENOMEM;
    settings->sources = sources;
    source = &sources[settings->n_sources++];
    *source = (struct account_source){strdup(client), strdup(file)};
    return source->client && source->file ? 0 : -ENOMEM;
}

bool account_settings_are_found(const struct account_settings *settings)
{
    return settings->n_sources > 0 && strcmp(settings->sources[0].client, ACCOUNT_FILE) != 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool account_settings_equal(const struct account_settings *a, const struct account_settings *b)
{
    if (a->n_endpoints != b->n_endpoints || a->login_check != b->login_check ||
        a->minimum != b->minimum || !same_text(a->address, b->address) ||
        !same_text(a->username, b->username) ||
        !same_text(a->password_command, b->password_command) ||
        !same_text(a->mechanisms, b->mechanisms) || !same_text(a->ca_file, b->ca_file) ||
        !same_text(a->pin, b->pin))
        return false;
    for (size_t i = 0; i < a->n_endpoints; i++)
        if (!endpoint_equal(&a->endpoints[i], &b->endpoints[i]))
            return false;
    return true;
}

struct reading {
    const char *path;
    struct account_settings *settings;
    bool bad;
};

static int on_entry(const char *section, const char *key, const char *value, unsigned line,
                    void *userdata)
{
    struct reading *reading = userdata;
    _cleanup_free_ char *safe_key = text_safe(key, strlen(key), 80);
    _cleanup_free_ char *safe_value = text_safe(value, strlen(value), 80);
    _cleanup_free_ char *wrong = NULL;
    const struct event_facts facts = {.file = reading->path, .line = line};
    int r = ACCOUNT_UNKNOWN_KEY;

    if (!safe_key || !safe_value)
        return -ENOMEM;
    if (strcmp(section, "Account") == 0)
        r = account_settings_set(reading->settings, key, value, &wrong);
    if (r == ACCOUNT_UNKNOWN_KEY) {
        journal(EVENT_UNKNOWN_SETTING, &facts,
                "%s:%u: unknown key %s, or not in section [Account]: ignored", reading->path, line,
                safe_key);
        return 0;
    }
    if (r == -EINVAL) {
        /* A command may hold what nobody should read in a log. */
        journal(EVENT_ACCOUNT_FILE, &facts, "%s:%u: %s=%s: %s", reading->path, line, safe_key,
                strcmp(key, "PasswordCommand") == 0 ? "..." : safe_value, wrong);
        reading->bad = true;
        return 0;
    }
    return r;
}

int account_settings_read(struct account_settings **ret, const char *directory, const char *name)
{
    _cleanup_(account_settings_freep) struct account_settings *settings =
        account_settings_new(name);
    _cleanup_free_ char *path = NULL, *wrong = NULL;
    struct reading reading = {.settings = settings};
    struct event_facts facts = {.file = NULL};
    unsigned line = 0;
    int r;

    if (!settings || asprintf(&path, "%s/%s.account", directory, name) < 0)
        return -ENOMEM;
    reading.path = facts.file = path;
    r = config_file_read(path, on_entry, &reading, &line);
    if (r == -EBADMSG) {
        journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.file = path, .line = line},
                "%s:%u: neither [Section] nor Key=Value: the account is skipped", path, line);
        return -EINVAL;
    }
    if (r < 0) {
        journal(EVENT_ACCOUNT_FILE, &facts, "%s: cannot be read: %s", path, strerror(-r));
        return r;
    }
    r = reading.bad ? -EINVAL : account_settings_complete(settings, &wrong);
    if (wrong)
        journal(EVENT_ACCOUNT_FILE, &facts, "%s: %s", path, wrong);
    if (r == -EINVAL)
        journal(EVENT_ACCOUNT_FILE, &facts, "%s: the account is skipped until that is mended",
                path);
    if (r == 0)
        r = account_settings_add_source(settings, ACCOUNT_FILE, path);
    if (r < 0)
        return r;
    *ret = TAKE(settings);
    return 0;
}
