/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The section [Notify] of mailroam.conf(5). Other sections are other programs'. */
#include "error.h"
#include "log.h"
#include "notify.h"
#include "settings-files.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define PORT_WANTED_DEFAULT 25

static const char *const words[N_MATTER] = {
    [MATTER_PORTAL] = "Portal",
    [MATTER_MAIL_BLOCKED] = "MailBlocked",
    [MATTER_TAMPERING] = "Tampering",
    [MATTER_PORT_BLOCKED] = "PortBlocked",
    [MATTER_PORT_CHANGED] = "PortChanged",
};

const char *matter_to_string(enum matter matter)
{
    return words[matter];
}

int matter_from_string(const char *text, enum matter *ret)
{
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        if (strcmp(text, words[matter]) == 0) {
            *ret = matter;
            return 0;
        }
    return -EINVAL;
}

bool notify_settings_wants_port(const struct notify_settings *settings, uint16_t port)
{
    for (size_t i = 0; i < settings->n_wanted; i++)
        if (settings->wanted[i] == port)
            return true;
    return false;
}

struct reading {
    struct notify_settings settings;
    bool enabled; /* the switch for all */
};

/* The words that systemd knows. 0 or -EINVAL. */
static int boolean_from_string(const char *text, bool *ret)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
                                                                                "off", "0"};

    for (size_t i = 0; i < ELEMENTSOF(yes); i++)
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *ret = strcmp(text, yes[i]) == 0;
            return 0;
        }
    return -EINVAL;
}

/* "25 587", "no": all or nothing. 0 or -EINVAL. */
static int ports_from_string(const char *text, struct notify_settings *settings)
{
    uint16_t ports[WANTED_PORTS_MAX] = {0};
    size_t n = 0;

    if (strcmp(text, "no") == 0)
        text = "";
    while (*text) {
        char *end;
        unsigned long port;

        if (*text < '0' || *text > '9' || n == WANTED_PORTS_MAX)
            return -EINVAL;
        port = strtoul(text, &end, 10);
        if (port < 1 || port > UINT16_MAX || (*end && *end != ' '))
            return -EINVAL;
        ports[n++] = (uint16_t)port;
        text = end + strspn(end, " ");
    }
    memcpy(settings->wanted, ports, n * sizeof(*ports));
    settings->n_wanted = n;
    return 0;
}

static int on_entry(const struct settings_place *place, const char *section, const char *key,
                    const char *value, void *userdata)
{
    struct reading *reading = userdata;
    _cleanup_free_ char *safe_key = text_safe(key, strlen(key), 80);
    _cleanup_free_ char *safe_value = text_safe(value, strlen(value), 80);
    bool *boolean = NULL;
    enum matter matter;

    if (!safe_key || !safe_value)
        return -ENOMEM;
    if (strcmp(section, "Notify") != 0)
        return 0;
    if (strcmp(key, "WantedPorts") == 0) {
        if (ports_from_string(value, &reading->settings) < 0)
            log_error("%s:%u: WantedPorts=%s: expected no, or up to %d port numbers with spaces "
                      "between",
                      place->path, place->line, safe_value, WANTED_PORTS_MAX);
        return 0;
    }
    if (strcmp(key, "Enabled") == 0)
        boolean = &reading->enabled;
    else if (matter_from_string(key, &matter) == 0)
        boolean = &reading->settings.kinds[matter];
    if (!boolean)
        log_warning("%s:%u: unknown key %s in section [Notify]: ignored", place->path, place->line,
                    safe_key);
    else if (boolean_from_string(value, boolean) < 0)
        log_error("%s:%u: %s=%s: expected yes or no", place->path, place->line, safe_key,
                  safe_value);
    return 0;
}

int notify_settings_read(struct notify_settings *ret)
{
    struct reading reading = {
        .enabled = true,
        .settings = {.wanted = {PORT_WANTED_DEFAULT}, .n_wanted = 1},
    };
    int r;

    for (enum matter matter = 0; matter < N_MATTER; matter++)
        reading.settings.kinds[matter] = true;
    r = settings_files_read(on_entry, &reading);
    if (r < 0)
        return r;
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        reading.settings.kinds[matter] &= reading.enabled;
    *ret = reading.settings;
    return 0;
}
