/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam doctor: the account files, read as the daemon reads them, and whether the daemon has
 * them. What it publishes does not tell of a file that it has skipped.
 */
#include "account-files.h"
#include "account-settings.h"
#include "cli-doctor.h"
#include "error.h"
#include "found/found.h"
#include "log.h"
#include "settings.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define RELOAD                                                                                     \
    _("Have it read them again: systemctl --user reload mailroamd. If that changes nothing, its "  \
      "$XDG_CONFIG_HOME is another one than yours.")

/* What the reader of the files has complained of, in one text. */
struct complaints {
    char *text; /* NULL: nothing */
    bool out_of_memory;
};

static void complain(int priority, const char *line, void *userdata)
{
    struct complaints *complaints = userdata;
    _cleanup_free_ char *before = TAKE(complaints->text);

    (void)priority;
    complaints->text = format_new("%s%s%s", before ? before : "", before ? "; " : "", line);
    complaints->out_of_memory |= !complaints->text;
}

static void look_at_file(struct doctor *doctor, const char *directory, const char *name)
{
    struct account_settings *settings = NULL;
    struct complaints complaints = {NULL, false};
    bool hides;
    int r;

    log_divert(complain, &complaints);
    r = account_settings_read(&settings, directory, name);
    log_divert(NULL, NULL);
    hides = r == 0 && settings->disabled;
    account_settings_free(settings);
    if (r == -ENOMEM || complaints.out_of_memory)
        doctor->out_of_memory = true;
    else if (r < 0)
        doctor_say(
            doctor, HEALTH_PROBLEM, "account",
            _("Correct the file: see mailroam.account(5). The other accounts go on working."),
            _("%s cannot be used: %s"), name, complaints.text ? complaints.text : strerror(-r));
    else if (hides)
        doctor_say(doctor, HEALTH_OK, "account", "", _("%s is switched off"), name);
    else if (doctor->reached && !client_account_by_name(doctor->client, name))
        doctor_say(doctor, HEALTH_WARN, "account", RELOAD, _("%s is not known to mailroamd"), name);
    else if (complaints.text)
        doctor_say(doctor, HEALTH_WARN, "account", _("See mailroam.account(5) for the keys."),
                   "%s: %s", name, complaints.text);
    else
        doctor_say(doctor, HEALTH_OK, "account", "", _("%s is set up"), name);
    free(complaints.text);
}

/* No account file: that is well where mail clients have accounts. */
static void look_for_accounts(struct doctor *doctor, const char *directory)
{
    struct settings settings = {.clients = MAIL_CLIENTS_ALL};
    struct complaints complaints = {NULL, false};
    struct found found = {.accounts = NULL};
    int r;

    log_divert(complain, &complaints); /* of the settings somebody else tells */
    r = settings_read(&settings);
    log_divert(NULL, NULL);
    free(complaints.text);
    if (r == 0)
        r = found_look_here(&found, NULL, settings.clients);
    settings_clear(&settings);
    if (r < 0)
        doctor->out_of_memory = true;
    else if (found.n_accounts > 0)
        doctor_say(doctor, HEALTH_OK, "accounts", "",
                   ngettext("%zu account is set up in mail clients",
                            "%zu accounts are set up in mail clients", found.n_accounts),
                   found.n_accounts);
    else
        doctor_say(doctor, HEALTH_WARN, "accounts",
                   _("Add yours: mailroam add me@example.org --server mail.example.org"),
                   _("there is no account in %s, nor in a mail client"), directory);
    found_clear(&found);
}

void doctor_accounts(struct doctor *doctor)
{
    _cleanup_(account_files_clear) struct account_files files = {NULL, 0};
    _cleanup_free_ char *directory = account_files_directory();
    struct complaints complaints = {NULL, false};
    bool any = false;
    int r;

    log_divert(complain, &complaints);
    r = account_files_list(&files, NULL);
    log_divert(NULL, NULL);
    if (r == -ENOMEM || complaints.out_of_memory)
        doctor->out_of_memory = true;
    else if (r < 0 || !directory)
        doctor_say(doctor, HEALTH_PROBLEM, "accounts",
                   _("Say where your files are: set $HOME, or make the directory yours."),
                   _("the accounts cannot be read: %s"),
                   complaints.text ? complaints.text : strerror(r < 0 ? -r : ENOENT));
    else if (complaints.text)
        doctor_say(doctor, HEALTH_WARN, "accounts", _("Give the file another name."), "%s",
                   complaints.text);
    free(complaints.text);
    if (r < 0 || !directory)
        return;
    for (size_t i = 0; i < files.n; i++)
        if (!files.items[i].bad) {
            look_at_file(doctor, directory, files.items[i].name);
            any = true;
        }
    if (!any)
        look_for_accounts(doctor, directory);
}
