/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The daemon's section of the settings files. */
#include "settings.h"
#include "cleanup.h"
#include "error.h"
#include "found/found.h"
#include "found/slice.h"
#include "journal.h"
#include "log.h"
#include "settings-files.h"
#include "text.h"
#include <string.h>

#define CONFIRM_DEFAULT_S  (UINT64_C(6) * 3600)
#define CONFIRM_SHORTEST_S 60 /* servers are not to be bothered more often */
#define CONFIRM_LONGEST_S  (UINT64_C(365) * 86400)

static int log_level_from_string(const char *text)
{
    static const char *const words[] = {
        [LOG_ERR] = "err",   [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
    };

    for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
        if (strcmp(text, words[level]) == 0)
            return level;
    return -EINVAL;
}

/* "6h", "90min", "no": µs. */
static int time_span_from_string(const char *text, uint64_t *ret)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    uint64_t number, seconds;
    char *end;

    if (strcmp(text, "no") == 0 || strcmp(text, "0") == 0) {
        *ret = 0;
        return 0;
    }
    if (*text < '0' || *text > '9')
        return -EINVAL;
    number = strtoull(text, &end, 10);
    for (size_t i = 0; i < ELEMENTSOF(units); i++) {
        seconds = units[i].seconds;
        if (strcmp(end, units[i].unit) != 0 || number > CONFIRM_LONGEST_S / seconds ||
            number * seconds < CONFIRM_SHORTEST_S)
            continue;
        *ret = number * seconds * 1000000;
        return 0;
    }
    return -EINVAL;
}

/* "yes", "no", or clients by name. */
static int clients_from_string(const char *text, unsigned *ret)
{
    struct slice word, rest = {text, strlen(text)};
    unsigned clients = 0;

    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) {
        *ret = *text == 'y' ? MAIL_CLIENTS_ALL : 0;
        return 0;
    }
    while (slice_next_item(&rest, ' ', &word)) {
        enum mail_client client;
        char name[40];

        if (!slice_copy(word, name, sizeof(name)) || mail_client_from_string(name, &client) < 0)
            return -EINVAL;
        clients |= MAIL_CLIENT_BIT(client);
    }
    if (clients == 0)
        return -EINVAL;
    *ret = clients;
    return 0;
}

static int on_entry(const struct settings_place *place, const char *section, const char *key,
                    const char *value, void *userdata)
{
    struct settings *settings = userdata;
    _cleanup_free_ char *safe_key = text_safe(key, strlen(key), 80);
    _cleanup_free_ char *safe_value = text_safe(value, strlen(value), 80);
    const struct event_facts facts = {.file = place->path, .line = place->line};

    if (!safe_key || !safe_value)
        return -ENOMEM;
    if (strcmp(section, "Notify") == 0) /* mailroam-notify's */
        return 0;
    if (strcmp(section, "Mailroam") == 0 && strcmp(key, "DefaultAccount") == 0) {
        char *account = *value ? strdup(value) : NULL;

        if (*value && !account)
            return -ENOMEM;
        free(settings->default_account);
        settings->default_account = account;
    } else if (strcmp(section, "Mailroam") == 0 && strcmp(key, "LogLevel") == 0) {
        int level = log_level_from_string(value);

        if (level < 0)
            journal(EVENT_SETTINGS_FILE, &facts,
                    "%s:%u: LogLevel=%s: expected err, warning, notice, info or debug", place->path,
                    place->line, safe_value);
        else
            settings->log_level = level;
    } else if (strcmp(section, "Mailroam") == 0 && strcmp(key, "ConfirmAfter") == 0) {
        if (time_span_from_string(value, &settings->confirm_us) < 0)
            journal(EVENT_SETTINGS_FILE, &facts,
                    "%s:%u: ConfirmAfter=%s: expected no, or a time from 1min to 365d such as "
                    "90min, 6h or 2d",
                    place->path, place->line, safe_value);
    } else if (strcmp(section, "Mailroam") == 0 && strcmp(key, "FindAccounts") == 0) {
        if (clients_from_string(value, &settings->clients) < 0)
            journal(EVENT_SETTINGS_FILE, &facts,
                    "%s:%u: FindAccounts=%s: expected yes, no, or names of mail clients such as "
                    "thunderbird, evolution, msmtp (mailroam.conf(5) has them all)",
                    place->path, place->line, safe_value);
    } else {
        journal(EVENT_UNKNOWN_SETTING, &facts,
                "%s:%u: unknown key %s, or not in section [Mailroam]: ignored", place->path,
                place->line, safe_key);
    }
    return 0;
}

int settings_read(struct settings *ret)
{
    struct settings settings = {.log_level = LOG_INFO,
                                .clients = MAIL_CLIENTS_ALL,
                                .confirm_us = CONFIRM_DEFAULT_S * 1000000};
    int r = settings_files_read(on_entry, &settings);

    if (r < 0) {
        settings_clear(&settings);
        return r;
    }
    *ret = settings;
    return 0;
}

void settings_clear(struct settings *settings)
{
    free(settings->default_account);
    settings->default_account = NULL;
}
