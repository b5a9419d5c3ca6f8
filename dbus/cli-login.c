/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam check --login: has the daemon log in, or does it itself where the daemon knows no
 * password and there is somebody to ask. What is typed goes to a mailroam-probe of our own, and
 * never over the bus.
 */
#include "account-files.h"
#include "check-request.h"
#include "check.h"
#include "cli.h"
#include "error.h"
#include "judge/observation.h"
#include "prober.h"
#include "prompt.h"
#include "words.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#define WAIT_USEC (100 * SECOND_USEC) /* a password manager may have to ask first */

DEFINE_CLEANUP(struct secret *, secret_free)
DEFINE_CLEANUP(struct account_settings *, account_settings_free)
DEFINE_CLEANUP(struct prober *, prober_free)

static bool is_accepted(const struct finding *finding)
{
    const char *login = evidence_text(&finding->evidence, EVIDENCE_LOGIN);

    return login && strcmp(login, login_outcome_to_string(LOGIN_ACCEPTED)) == 0;
}

/* The exit status that goes with what was found. */
static enum exit_status show(const struct options *options, const struct client_account *account,
                             const struct finding *finding)
{
    _cleanup_free_ char *words = finding_explain(finding);
    char endpoint[ENDPOINT_STRING_MAX];

    if (options->json) {
        json_object *object = finding_to_json(finding);

        if (!json_put_text(object, "event", "login") ||
            !json_put_text(object, "account", account->name)) {
            json_object_put(object);
            return no_memory();
        }
        if (json_print(object) < 0)
            return no_memory();
    } else if (!words) {
        return no_memory();
    } else {
        printf(is_accepted(finding) ? _("%s: the login works at %s: %s\n")
                                    : _("%s: the login was not made at %s: %s\n"),
               account->name, endpoint_format(&finding->endpoint, endpoint), words);
    }
    return is_accepted(finding) ? EXIT_WORKS : EXIT_NONE_WORKS;
}

/* --- by a probe of our own -------------------------------------------------------------------- */

struct login {
    sd_event *event;
    struct finding finding;
    bool found;
};

static enum prober_wish on_line(const char *line, size_t length, void *userdata)
{
    struct login *login = userdata;

    login->found = !login->found && finding_from_line(line, length, &login->finding) == 0;
    return login->found ? PROBER_ENOUGH : PROBER_NOT_SO;
}

static void on_ended(const char *problem, void *userdata)
{
    struct login *login = userdata;

    if (problem)
        fprintf(stderr, "mailroam: %s\n", problem);
    (void)sd_event_exit(login->event, problem ? -EIO : 0);
}

static int run_probe(struct login *login, const struct account_settings *settings,
                     const struct endpoint *endpoint, const struct secret *secret)
{
    static const struct prober_callbacks callbacks = {.line = on_line, .ended = on_ended};
    _cleanup_free_ char *request = login_request(settings, endpoint, NULL);
    _cleanup_(prober_freep) struct prober *prober = NULL;
    int r = request ? sd_event_new(&login->event) : -ENOMEM;
    sigset_t ended;

    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &ended, NULL); /* as sd-event wants it to wait for children */
    if (r >= 0)
        r = prober_new(&prober, login->event, request, secret->bytes, secret->length,
                       CHECK_DEADLINE_S, &callbacks, login);
    return r < 0 ? r : sd_event_loop(login->event);
}

static int ask(const struct account_settings *settings, struct secret **ret)
{
    _cleanup_(secret_freep) struct secret *secret = NULL;
    _cleanup_free_ char *question = format_new(_("Password of %s: "), settings->username);
    int r = question ? secret_new(&secret, SECRET_MAX) : -ENOMEM;

    if (r == 0)
        r = prompt_secret(secret, question);
    if (r == 0)
        r = secret_cut(secret);
    if (r == 0)
        *ret = TAKE(secret);
    return r;
}

/* The daemon knows no password. -ENXIO: nor is there anybody to ask, or an account file to go by.
 */
static int log_in(const struct client_account *account, const struct endpoint *endpoint,
                  struct finding *ret)
{
    _cleanup_free_ char *directory = account_files_directory();
    _cleanup_(account_settings_freep) struct account_settings *settings = NULL;
    _cleanup_(secret_freep) struct secret *secret = NULL;
    struct login login = {.event = NULL};
    int r;

    if (!directory || account_settings_read(&settings, directory, account->name) < 0)
        return -ENXIO;
    r = ask(settings, &secret);
    if (r == 0)
        r = run_probe(&login, settings, endpoint, secret);
    sd_event_unref(login.event);
    if (r == 0 && login.found)
        *ret = login.finding;
    else
        finding_clear(&login.finding);
    return r == 0 && !login.found ? -EIO : r;
}

/* --- by the daemon -----------------------------------------------------------------------------
 */

/* The endpoint in use, as it was found; its evidence is the account's. */
static const struct client_endpoint *endpoint_in_use(const struct client_account *account)
{
    for (size_t i = 0; i < account->n_endpoints; i++)
        if (account->endpoints[i].port == account->working.port &&
            strcmp(account->endpoints[i].host, account->working.server) == 0)
            return &account->endpoints[i];
    return NULL;
}

static int verify(struct client *client, const char *path)
{
    DBusMessage *call = dbus_message_new_method_call(MAILROAM_NAME, path,
                                                     MAILROAM_ACCOUNT_INTERFACE, "VerifyLogin");
    uint64_t deadline = client_now() + WAIT_USEC;
    int r = call ? client_begin(client, call) : -ENOMEM;

    if (call)
        dbus_message_unref(call);
    while (r == 0 && client->call_serial != 0)
        r = client_next(client, deadline);
    return r;
}

enum exit_status check_login(struct client *client, const char *path, const struct options *options)
{
    const struct client_endpoint *endpoint;
    const struct client_account *account;
    struct finding finding = {.verdict = VERDICT_UNKNOWN};
    enum exit_status status;
    int r = verify(client, path);

    account = client_account_by_path(client, path);
    endpoint = account ? endpoint_in_use(account) : NULL;
    if (endpoint && client_endpoint_finding(endpoint, &finding) == 0) {
        if (r == 0)
            return show(options, account, &finding); /* the evidence is lent */
        if (r == CLIENT_ERROR && strcmp(client->error.name, MAILROAM_ERROR "NoCredentials") == 0) {
            const struct endpoint where = finding.endpoint;

            finding = (struct finding){.verdict = VERDICT_UNKNOWN};
            r = log_in(account, &where, &finding);
            if (r == 0) {
                status = show(options, account, &finding);
                finding_clear(&finding);
                return status;
            }
            if (r != -ENXIO) {
                fprintf(stderr, _("mailroam: %s: no login was made: %s\n"), account->name,
                        r == -EBADMSG ? _("no password was given") : strerror(-r));
                return EXIT_OTHER;
            }
            r = CLIENT_ERROR;
        }
    }
    return client_failure(client, r == 0 ? -EIO : r);
}
