/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mailroam accounts --explain: what was found in mail clients' files, what became of it, and what
 * there is to remark on them. */
#include "cli.h"
#include "error.h"
#include "found/found.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

const char *source_words(const char *source)
{
    enum mail_client client;

    if (strcmp(source, "account-file") == 0)
        return _("an account file");
    return mail_client_from_string(source, &client) == 0 ? mail_client_title(client) : source;
}

int found_read(struct client *client, struct client_found *ret)
{
    _cleanup_(dbus_message_unrefp)
        DBusMessage *reply = NULL,
                    *call = dbus_message_new_method_call(MAILROAM_NAME, MAILROAM_PATH,
                                                         MAILROAM_MANAGER_INTERFACE, "GetFound");
    int r = call ? client_call(client, call, &reply) : -ENOMEM;

    return r == 0 ? client_read_found(reply, ret) : r;
}

/* "smtp.example.org:465/tls", or the server alone. New. */
static char *where_words(const struct client_found_row *row)
{
    return row->port ? format_new(strchr(row->server, ':') ? "[%s]:%u/%s" : "%s:%u/%s", row->server,
                                  row->port, row->security)
                     : strdup(row->server);
}

static int print_found(const struct screen *screen, const struct client_found_row *row, bool again)
{
    _cleanup_free_ char *where = where_words(row),
                        *from = format_new("%s: %s", source_words(row->client), row->file),
                        *fate = *row->instead
                                    ? format_new(_("no: the account file %s stands in its place"),
                                                 row->instead)
                                    : strdup(_("yes"));

    if (!where || !from || !fate)
        return -ENOMEM;
    if (!again) {
        print_wrapped(screen, TONE_STRONG, row->name, 0, 0);
        print_fact(screen, _("Address"), TONE_PLAIN, row->address);
        print_fact(screen, _("Server"), TONE_PLAIN, where);
        print_fact(screen, _("Used"), *row->instead ? TONE_FAINT : TONE_PLAIN, fate);
    }
    print_fact(screen, _("Set up in"), TONE_PLAIN, from);
    return 0;
}

static int print_remark(const struct screen *screen, const struct client_found_row *row)
{
    enum remark remark = N_REMARK;
    bool known = remark_from_string(row->remark, &remark) == 0;
    _cleanup_free_ char *where =
        row->line ? format_new("%s, %s:%u", source_words(row->client), row->file, row->line)
                  : format_new("%s, %s", source_words(row->client), row->file);
    _cleanup_free_ char *words = format_new(*row->detail ? "%s: %s" : "%s%s", row->detail,
                                            known ? _(remark_words(remark)) : row->text);

    if (!where || !words)
        return -ENOMEM;
    print_wrapped(screen, TONE_PLAIN, where, 0, 0);
    printf("  ");
    print_wrapped(screen, known && remark_is_dangerous(remark) ? TONE_BAD : TONE_FAINT, words, 2,
                  2);
    return 0;
}

int found_print(const struct client_found *found)
{
    struct screen screen;
    int r = 0;

    screen_init(&screen);
    for (size_t i = 0; r == 0 && i < found->n_accounts; i++)
        r = print_found(&screen, &found->accounts[i],
                        i > 0 && strcmp(found->accounts[i - 1].name, found->accounts[i].name) == 0);
    if (found->n_accounts == 0)
        fputs(_("No account was found in a mail client.\n"), stdout);
    if (r == 0 && found->n_remarks > 0)
        putchar('\n');
    for (size_t i = 0; r == 0 && i < found->n_remarks; i++)
        r = print_remark(&screen, &found->remarks[i]);
    return r;
}

static bool put_row(json_object *rows, const struct client_found_row *row, bool remark)
{
    json_object *object = json_object_new_object();

    if (!object || json_object_array_add(rows, object) != 0) {
        json_object_put(object);
        return false;
    }
    if (!json_put_text(object, "client", row->client) || !json_put_text(object, "file", row->file))
        return false;
    if (remark)
        return json_put(object, "line", json_object_new_int64(row->line)) &&
               json_put_text(object, "remark", row->remark) &&
               json_put_text(object, "detail", row->detail) &&
               json_put_text(object, "text", row->text);
    return json_put_text(object, "name", row->name) &&
           json_put_text(object, "address", row->address) &&
           json_put_text(object, "username", row->username) &&
           json_put_text(object, "server", row->server) &&
           json_put(object, "port", json_object_new_int64(row->port)) &&
           json_put_text(object, "security", row->security) &&
           json_put_text(object, "instead", row->instead);
}

bool json_put_found(json_object *object, const struct client_found *found)
{
    json_object *accounts = json_object_new_array(), *remarks = json_object_new_array();
    bool good = json_put(object, "found", accounts);

    good = json_put(object, "remarks", remarks) && good;
    for (size_t i = 0; good && i < found->n_accounts; i++)
        good = put_row(accounts, &found->accounts[i], false);
    for (size_t i = 0; good && i < found->n_remarks; i++)
        good = put_row(remarks, &found->remarks[i], true);
    return good;
}
