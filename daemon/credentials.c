/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Fetches secrets. One goes from where it is kept into locked memory, and nowhere else.
 *
 * Only a keyring says when a secret was changed. A command says nothing; a systemd credential is
 * written anew each time the service starts, so the time of its file tells of that alone.
 */
#include "credentials.h"
#include "cleanup.h"
#include "command.h"
#include "error.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_LIMIT_S 60 /* it may ask the user something */

struct credentials {
    struct secret *secret;
    struct command *command;
    const struct keyring *keyring;
    struct keyring_search *search;
    sd_event_source *defer;
    credentials_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct credentials *, credentials_free)

static void end(struct credentials *credentials, enum credentials_answer answer,
                const char *problem)
{
    credentials->callback(answer, NULL, 0, problem, credentials->userdata);
}

static void give(struct credentials *credentials, credentials_time changed)
{
    if (secret_cut(credentials->secret) < 0)
        end(credentials, CREDENTIALS_FAILED, "no password came from where it is to be had");
    else
        credentials->callback(CREDENTIALS_FOUND, TAKE(credentials->secret), changed, NULL,
                              credentials->userdata);
}

static void on_command(const char *problem, size_t length, void *userdata)
{
    struct credentials *credentials = userdata;

    if (problem) {
        end(credentials, CREDENTIALS_FAILED, problem);
        return;
    }
    credentials->secret->length = length;
    give(credentials, 0);
}

static void on_searched(enum credentials_answer answer, credentials_time changed,
                        const char *problem, void *userdata)
{
    if (answer == CREDENTIALS_FOUND)
        give(userdata, changed);
    else
        end(userdata, answer, problem);
}

static int on_defer(sd_event_source *source _unused_, void *userdata)
{
    give(userdata, 0);
    return 0;
}

/* The systemd credential's file, or -1. */
static int open_credential(const char *account)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    _cleanup_free_ char *path = NULL;

    if (!directory || *directory != '/' ||
        asprintf(&path, "%s/mailroam.%s", directory, account) < 0)
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int read_credential(struct credentials *credentials, sd_event *event, int fd)
{
    int r = secret_read(credentials->secret, fd);

    if (r != 0)
        return r < 0 ? r : -EIO; /* it is a file: nothing comes later */
    return sd_event_add_defer(event, &credentials->defer, on_defer, credentials);
}

static int ask(struct credentials *credentials, sd_event *event,
               const struct account_settings *settings, const char *server, credentials_time unless,
               int fd)
{
    if (settings->password_command)
        return command_new(&credentials->command, event, settings->password_command,
                           credentials->secret->bytes, credentials->secret->size, COMMAND_LIMIT_S,
                           on_command, credentials);
    if (fd >= 0)
        return read_credential(credentials, event, fd);
    return credentials->keyring->search(&credentials->search, event, server, settings->username,
                                        unless, credentials->secret, on_searched, credentials);
}

int credentials_new(struct credentials **ret, sd_event *event,
                    const struct account_settings *settings, const char *server,
                    credentials_time unless, const struct keyring *keyring,
                    credentials_callback callback, void *userdata)
{
    _cleanup_(credentials_freep) struct credentials *credentials = calloc(1, sizeof(*credentials));
    _cleanup_close_ int fd = settings->password_command ? -1 : open_credential(settings->name);
    int r;

    if (!credentials)
        return -ENOMEM;
    if (!settings->password_command && fd < 0 && !keyring)
        return CREDENTIALS_NONE;
    if (unless && (settings->password_command || fd >= 0))
        return CREDENTIALS_UNCHANGED; /* as far as anybody can tell */
    credentials->keyring = keyring;
    credentials->callback = callback;
    credentials->userdata = userdata;
    r = secret_new(&credentials->secret, SECRET_MAX);
    if (r == 0)
        r = ask(credentials, event, settings, server, unless, fd);
    if (r < 0)
        return r;
    *ret = TAKE(credentials);
    return 0;
}

struct credentials *credentials_free(struct credentials *credentials)
{
    if (!credentials)
        return NULL;
    command_free(credentials->command); /* before what they write to */
    if (credentials->search)
        credentials->keyring->free(credentials->search);
    sd_event_source_disable_unref(credentials->defer);
    secret_free(credentials->secret);
    free(credentials);
    return NULL;
}
