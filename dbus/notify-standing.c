/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What stands, as JSON in $XDG_RUNTIME_DIR/mailroam/standing: which server shows it, and of each
 * matter the network, the server's number and the text. Without such a directory nothing is kept.
 *
 * Refused: texts that are not safe to show, and matters that are not known.
 */
#include "notify-standing.h"
#include "error.h"
#include "file.h"
#include "log.h"
#include "paths.h"
#include "text.h"
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define STANDING_FILE     "standing"
#define STANDING_FILE_MAX (1U << 16)

static void json_put(json_object **object)
{
    json_object_put(*object);
}

/* A text of the object; NULL where there is none, or one with control characters but for the ends
 * of lines. */
static const char *text_of(json_object *object, const char *key)
{
    json_object *value = NULL;
    const char *text;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n"));

        if (!copy || !text_is_safe(copy))
            return NULL;
    }
    return text;
}

static int load_entry(struct matters *matters, struct notify_server *server, const char *identity,
                      const char *word, json_object *entry)
{
    const char *network = text_of(entry, "network"), *summary = text_of(entry, "summary"),
               *body = text_of(entry, "body");
    const struct notice notice = {(char *)summary, (char *)body};
    json_object *id = NULL, *login = NULL;
    struct notify_shown shown = {.notice = &notice};
    enum matter matter;
    int r;

    (void)json_object_object_get_ex(entry, "id", &id);
    (void)json_object_object_get_ex(entry, "login", &login);
    shown.id = (dbus_uint32_t)json_object_get_int64(id);
    shown.login = json_object_get_boolean(login);
    if (!network || !summary || !body || shown.id == 0 || matter_from_string(word, &matter) < 0)
        return 0;
    r = matters_adopt(matters, matter, network, &notice);
    return r < 0 ? r : notify_server_adopt(server, identity, matter, &shown);
}

int standing_load(struct matters *matters, struct notify_server *server)
{
    _cleanup_free_ char *path = path_runtime(STANDING_FILE), *text = NULL;
    _cleanup_(json_put) json_object *file = NULL;
    json_object *entries = NULL;
    const char *identity;
    size_t length;
    int r;

    if (!path)
        return errno == ENOENT ? 0 : -ENOMEM;
    r = file_read(path, STANDING_FILE_MAX, &text, &length);
    if (r < 0)
        return r == -ENOMEM ? r : 0; /* the first start of the session */
    file = json_tokener_parse(text);
    identity = file ? text_of(file, "server") : NULL;
    if (!identity || !json_object_object_get_ex(file, "standing", &entries) ||
        !json_object_is_type(entries, json_type_object))
        return 0;
    json_object_object_foreach(entries, word, entry)
    {
        if (json_object_is_type(entry, json_type_object) &&
            load_entry(matters, server, identity, word, entry) < 0)
            return -ENOMEM;
    }
    return 0;
}

static void put(json_object *object, const char *key, json_object *value)
{
    if (json_object_object_add(object, key, value) != 0)
        json_object_put(value); /* without memory: an entry that lacks something is left out */
}

static int save(const struct matters *matters, const struct notify_server *server,
                const char *directory, const char *path)
{
    _cleanup_(json_put) json_object *file = json_object_new_object();
    json_object *entries = json_object_new_object();
    const char *text;
    int r;

    put(file, "server", json_object_new_string(notify_server_identity(server)));
    put(file, "standing", entries);
    for (enum matter matter = 0; matter < N_MATTER; matter++) {
        struct notify_shown shown = notify_server_shown(server, matter);
        const char *network = matters_network(matters, matter);
        json_object *entry;

        if (!shown.notice || !network)
            continue;
        entry = json_object_new_object();
        put(entry, "network", json_object_new_string(network));
        put(entry, "id", json_object_new_int64(shown.id));
        put(entry, "summary", json_object_new_string(shown.notice->summary));
        put(entry, "body", json_object_new_string(shown.notice->body));
        put(entry, "login", json_object_new_boolean(shown.login));
        put(entries, matter_to_string(matter), entry);
    }
    text = json_object_to_json_string_ext(file, JSON_C_TO_STRING_PRETTY);
    r = text ? path_make_directories(directory) : -ENOMEM;
    return r < 0 ? r : file_write(path, text, strlen(text));
}

void standing_save(const struct matters *matters, struct notify_server *server)
{
    _cleanup_free_ char *directory = path_runtime(""), *path = path_runtime(STANDING_FILE);
    int r;

    if (!notify_server_changed(server) || !directory || !path)
        return;
    r = save(matters, server, directory, path);
    if (r < 0)
        log_error("%s: cannot be written: %s", path, strerror(-r));
}
