/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From the command line to the daemon, and what to say where the way is closed. */
#include "cli.h"
#include "config.h"
#include "error.h"
#include "text.h"
#include "words.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

/* What a failure of the bus means to the user. */
static const struct {
    const char *name; /* ended by '*': every name that begins so */
    const char *what, *advice;
} unreachable[] = {
    {DBUS_ERROR_SERVICE_UNKNOWN, N_("mailroamd does not run and the bus cannot start it"),
     N_("Install it for good with: systemctl --user enable --now mailroamd")},
    {DBUS_ERROR_NAME_HAS_NO_OWNER, N_("mailroamd does not run"),
     N_("Start it with: systemctl --user start mailroamd")},
    {"org.freedesktop.DBus.Error.Spawn.*", N_("mailroamd could not be started"),
     N_("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd")},
    {"org.freedesktop.systemd1.*", N_("mailroamd could not be started"),
     N_("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd")},
    {DBUS_ERROR_NO_REPLY, N_("mailroamd ended, or did not answer in time"),
     N_("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd")},
    {DBUS_ERROR_TIMEOUT, N_("mailroamd did not answer in time"),
     N_("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd")},
    {DBUS_ERROR_TIMED_OUT, N_("mailroamd could not be started in time"),
     N_("See why: systemctl --user status mailroamd; journalctl --user -u mailroamd")},
    {DBUS_ERROR_DISCONNECTED, N_("the session bus went away"),
     N_("Log in again, or start the bus again")},
};

static bool name_matches(const char *name, const char *pattern)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? strncmp(name, pattern, n - 1) == 0 : strcmp(name, pattern) == 0;
}

static enum exit_status bus_failure(const struct client *client)
{
    const char *message = client->error.message ? client->error.message : "";
    _cleanup_free_ char *said = text_safe(message, strlen(message), 1024);

    if (!client->connection) {
        fprintf(
            stderr,
            _("mailroam: the session bus cannot be reached: %s\n"
              "Run it in a login session, or say where the bus is in $DBUS_SESSION_BUS_ADDRESS.\n"),
            said ? said : "");
        return EXIT_UNREACHABLE;
    }
    for (size_t i = 0; i < ELEMENTSOF(unreachable); i++)
        if (name_matches(client->error.name, unreachable[i].name)) {
            fprintf(stderr, "mailroam: %s: %s\n%s.\n", _(unreachable[i].what), said ? said : "",
                    _(unreachable[i].advice));
            return EXIT_UNREACHABLE;
        }
    fprintf(stderr, "mailroam: %s\n", said && *said ? said : client->error.name);
    return EXIT_OTHER;
}

enum exit_status no_memory(void)
{
    fprintf(stderr, _("mailroam: there is not enough memory\n"));
    return EXIT_OTHER;
}

enum exit_status client_failure(const struct client *client, int r)
{
    if (r == CLIENT_ERROR)
        return bus_failure(client);
    if (r == CLIENT_TIMEOUT) {
        fprintf(stderr, _("mailroam: mailroamd did not answer in time\n"
                          "See why: systemctl --user status mailroamd.\n"));
        return EXIT_UNREACHABLE;
    }
    if (r == CLIENT_STOP || r == CLIENT_NO_READER)
        return EXIT_OTHER; /* whoever did that knows */
    if (r == -ENOMEM)
        return no_memory();
    if (r == -EBADMSG)
        fprintf(
            stderr,
            _("mailroam: what answers as %s does not speak its interface; is it another version? "
              "mailroam is %s\n"),
            MAILROAM_NAME, PACKAGE_VERSION);
    else
        fprintf(stderr, _("mailroam: the session bus cannot be read: %s\n"), strerror(-r));
    return EXIT_OTHER;
}

int client_open(struct client **ret, bool subscribe, int stop_fd)
{
    int r = client_new(ret);

    if (r != 0)
        return r;
    (*ret)->stop_fd = stop_fd;
    r = subscribe ? client_subscribe(*ret) : 0;
    return r != 0 ? r : client_read(*ret);
}

struct client *client_open_or_say(enum exit_status *ret_status)
{
    struct client *client = NULL;
    int r = client_open(&client, false, -1);

    if (r == 0)
        return client;
    *ret_status = client_failure(client, r);
    return client_free(client);
}

int stop_signals_open(bool resize)
{
    sigset_t signals;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (resize)
        sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int stop_signals_take(int fd)
{
    struct signalfd_siginfo info;

    return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

bool account_exists(const struct client *client, const char *name)
{
    if (!name || client_account_by_name(client, name))
        return true;
    fprintf(stderr, _("mailroam: there is no account '%s'; see: mailroam accounts\n"), name);
    return false;
}

bool account_meant(const struct options *options, const struct client_account *account)
{
    return !options->account || strcmp(options->account, account->name) == 0;
}

struct client_account *chosen_account(const struct client *client, const struct options *options)
{
    struct client_account *account =
        client_account_by_path(client, client->manager.default_account);

    if (!account_exists(client, options->account))
        return NULL;
    if (options->account)
        return client_account_by_name(client, options->account);
    if (!account && client->n_accounts)
        account = client->accounts[0];
    if (!account)
        fprintf(stderr, _("mailroam: no mail account is set up; see: mailroam help add\n"));
    return account;
}
