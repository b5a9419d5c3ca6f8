/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam-notify: puts the parts together. One direction: source -> matters -> server; what a
 * person does with a notification comes back from the server. Ends by SIGTERM or SIGINT, taking its
 * notifications along, as nobody would answer their buttons, unless it is only started anew: then
 * the next process takes them over. Reads its settings again on SIGHUP.
 */
#include "config.h"
#include "error.h"
#include "file.h"
#include "log.h"
#include "notify-deeds.h"
#include "notify-matters.h"
#include "notify-restart.h"
#include "notify-server.h"
#include "notify-source.h"
#include "notify-standing.h"
#include "paths.h"
#include "words.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum exit_status { EXIT_USAGE = 2, EXIT_OTHER = 4 };

#define LEDGER_FILE     "notified"
#define LEDGER_FILE_MAX (1U << 20)

#define STOP_DEADLINE_USEC 1000000

struct app {
    sd_event *event;
    struct bus_connection *connection;
    struct notify_source *source;
    struct notify_server *server;
    struct matters *matters;
    struct notify_settings settings;
    char *ledger_path;               /* NULL: nowhere to keep it */
    char *portal;                    /* where to log in, as published last; or NULL */
    char *asked_network;             /* about which somebody asked for a check; or NULL */
    sd_event_source *later;          /* on while something is held back for a time */
    bool lost;                       /* the bus, which has been said */
    struct restart_question restart; /* asked when it is to stop */
    bool stopping;
};

static void app_clear(struct app *app)
{
    bus_pending_free(app->restart.pending);
    notify_source_free(app->source);
    notify_server_free(app->server);
    matters_free(app->matters);
    bus_connection_free(app->connection);
    sd_event_source_disable_unref(app->later);
    sd_event_unref(app->event);
    free(app->ledger_path);
    free(app->portal);
    free(app->asked_network);
}

/* --- the ledger's file ---------------------------------------------------------------------------
 */

static int read_ledger(struct app *app)
{
    _cleanup_free_ char *text = NULL;
    unsigned left_out = 0;
    size_t length;
    int r;

    app->ledger_path = path_state(LEDGER_FILE);
    if (!app->ledger_path)
        return errno == ENOENT ? 0 : -ENOMEM;
    r = file_read(app->ledger_path, LEDGER_FILE_MAX, &text, &length);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = ledger_parse(matters_ledger(app->matters), text, &left_out);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        log_error("%s: cannot be read: %s", app->ledger_path, strerror(-r));
    if (left_out > 0)
        log_warning("%s: %u lines make no sense and are left out", app->ledger_path, left_out);
    return 0;
}

static int write_ledger(struct app *app)
{
    _cleanup_free_ char *text = ledger_format(matters_ledger(app->matters));
    _cleanup_free_ char *directory = path_state("");
    int r;

    if (!text || !directory)
        return -ENOMEM;
    r = path_make_directories(directory);
    return r < 0 ? r : file_write(app->ledger_path, text, strlen(text));
}

static void save_ledger(struct app *app)
{
    int r;

    if (!ledger_changed(matters_ledger(app->matters)) || !app->ledger_path)
        return;
    r = write_ledger(app);
    if (r < 0)
        log_error("%s: cannot be written: %s", app->ledger_path, strerror(-r));
}

/* --- deciding ------------------------------------------------------------------------------------
 */

static uint64_t date(void)
{
    return (uint64_t)time(NULL);
}

static int carry_out(struct app *app, const struct plan *plan)
{
    int r = 0;

    for (enum matter matter = 0; matter < N_MATTER; matter++)
        switch (plan->steps[matter]) {
        case STEP_KEEP:
            break;
        case STEP_SHOW:
            log_info("telling: %s", matters_notice(app->matters, matter)->summary);
            if (notify_server_show(app->server, matter, matters_notice(app->matters, matter),
                                   matter == MATTER_PORTAL && app->portal) < 0)
                r = -ENOMEM;
            break;
        case STEP_WITHDRAW:
            notify_server_withdraw(app->server, matter);
            break;
        }
    if (plan->held_back)
        notify_server_wake(app->server);
    if (plan->again_at) {
        (void)sd_event_source_set_time(app->later, plan->again_at);
        (void)sd_event_source_set_enabled(app->later, SD_EVENT_ONESHOT);
    }
    return r;
}

static void on_published(const struct published *published, void *userdata)
{
    struct app *app = userdata;
    struct moment moment = {.date = date(), .can_show = notify_server_can_show(app->server)};
    struct plan plan;
    int r;

    if (app->stopping)
        return;
    (void)sd_event_now(app->event, CLOCK_BOOTTIME, &moment.boottime);
    free(app->portal);
    app->portal = published && deed_is_page(published->manager.portal)
                      ? strdup(published->manager.portal) /* without memory without a button */
                      : NULL;
    r = matters_decide(app->matters, published, &app->settings, &moment, &plan);
    if (carry_out(app, &plan) < 0 || r < 0)
        log_error("no memory to tell what there is to tell");
    save_ledger(app);
}

/* Whoever asked for a check wants to hear what came of it, also if it is the same. */
static void on_checked(void *userdata)
{
    struct app *app = userdata;

    if (app->asked_network)
        ledger_forget(matters_ledger(app->matters), app->asked_network);
    free(app->asked_network);
    app->asked_network = NULL;
}

static const struct notify_source_callbacks source_callbacks = {
    .changed = on_published,
    .checked = on_checked,
};

static void on_server_ready(void *userdata)
{
    struct app *app = userdata;

    notify_source_read(app->source);
}

static int on_later(_unused_ sd_event_source *later, _unused_ uint64_t usec, void *userdata)
{
    struct app *app = userdata;

    if (app->stopping)
        return sd_event_exit(app->event, 0);
    notify_source_read(app->source);
    return 0;
}

static void on_notification_closed(enum matter matter, void *userdata)
{
    struct app *app = userdata;

    matters_closed(app->matters, matter);
}

static void on_invoked(enum matter matter, enum deed deed, void *userdata)
{
    struct app *app = userdata;
    const char *network = matters_network(app->matters, matter);

    switch (deed) {
    case DEED_DETAILS:
        deed_details();
        break;
    case DEED_LOGIN:
        if (app->portal)
            deed_login(app->portal);
        break;
    case DEED_CHECK:
        if (network) {
            free(app->asked_network);
            app->asked_network = strdup(network);
        }
        notify_source_check(app->source);
        break;
    case DEED_MUTE:
        if (network && ledger_mute(matters_ledger(app->matters), network, date()) < 0)
            log_error("no memory to leave the network alone");
        save_ledger(app);
        notify_source_read(app->source);
        break;
    case N_DEED:
        break;
    }
}

static const struct notify_server_callbacks server_callbacks = {
    .ready = on_server_ready,
    .closed = on_notification_closed,
    .invoked = on_invoked,
};

/* --- the bus and the loop ------------------------------------------------------------------------
 */

static void on_opened(void *userdata)
{
    struct app *app = userdata;

    bus_connection_is_good(app->connection);
    if (app->lost)
        log_info("the session bus is back");
    app->lost = false;
    notify_server_opened(app->server);
    notify_source_opened(app->source);
}

static DBusHandlerResult on_message(DBusMessage *message, void *userdata)
{
    struct app *app = userdata;

    if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL)
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED; /* libdbus says that there is no such method */
    notify_server_message(app->server, message);
    notify_source_message(app->source, message);
    return DBUS_HANDLER_RESULT_HANDLED;
}

static bool on_closed(const char *problem, void *userdata)
{
    struct app *app = userdata;

    if (!bus_connection_address(app->connection)) {
        log_error("%s", problem);
        (void)sd_event_exit(app->event, EXIT_OTHER);
        return false;
    }
    if (!app->lost)
        log_warning("%s; waiting for it", problem);
    app->lost = true;
    app->restart.pending = bus_pending_free(app->restart.pending);
    notify_server_closed(app->server);
    notify_source_closed(app->source);
    return true;
}

static const struct bus_connection_callbacks connection_callbacks = {
    .opened = on_opened,
    .message = on_message,
    .closed = on_closed,
};

static int on_hangup(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info,
                     void *userdata)
{
    struct app *app = userdata;
    uint64_t now = 0;

    (void)sd_event_now(app->event, CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now);
    if (notify_settings_read(&app->settings) < 0)
        log_error("no memory to read the settings again");
    notify_source_read(app->source);
    (void)sd_notify(false, "READY=1");
    return 0;
}

/* What is being shown has no number yet by which it could be withdrawn, or taken over: that is
 * waited for. */
static void on_end_known(bool is_restart, void *userdata)
{
    struct app *app = userdata;

    for (enum matter matter = 0; !is_restart && matter < N_MATTER; matter++)
        notify_server_withdraw(app->server, matter);
}

static int on_stop(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info,
                   void *userdata)
{
    struct app *app = userdata;

    (void)sd_notify(false, "STOPPING=1");
    if (!app->stopping && restart_ask(&app->restart) < 0)
        on_end_known(false, app);
    app->stopping = true;
    (void)sd_event_source_set_time_relative(app->later, STOP_DEADLINE_USEC);
    return sd_event_source_set_enabled(app->later, SD_EVENT_ONESHOT);
}

static int on_turn(_unused_ sd_event_source *source, void *userdata)
{
    struct app *app = userdata;

    standing_save(app->matters, app->server);
    return app->stopping && !app->restart.pending && !notify_server_busy(app->server)
               ? sd_event_exit(app->event, 0)
               : 0;
}

static int add_sources(struct app *app)
{
    int r = sd_event_add_signal(app->event, NULL, SIGTERM, on_stop, app);

    if (r >= 0)
        r = sd_event_add_signal(app->event, NULL, SIGINT, on_stop, app);
    if (r >= 0)
        r = sd_event_add_post(app->event, NULL, on_turn, app);
    if (r >= 0)
        r = sd_event_add_signal(app->event, NULL, SIGHUP, on_hangup, app);
    if (r >= 0)
        r = sd_event_add_time(app->event, &app->later, CLOCK_BOOTTIME, 0, 0, on_later, app);
    return r < 0 ? r : sd_event_source_set_enabled(app->later, SD_EVENT_OFF);
}

static int prepare(struct app *app)
{
    _cleanup_free_ char *address = NULL;
    int r = sd_event_default(&app->event);

    if (r >= 0)
        r = notify_settings_read(&app->settings);
    if (r >= 0)
        r = matters_new(&app->matters);
    if (r >= 0)
        r = read_ledger(app);
    if (r >= 0)
        r = bus_session_address(&address);
    if (r >= 0)
        r = bus_connection_new(&app->connection, app->event, "session bus", address,
                               &connection_callbacks, app);
    if (r >= 0)
        r = notify_server_new(&app->server, app->connection, &server_callbacks, app);
    if (r >= 0)
        r = notify_source_new(&app->source, app->event, app->connection, &source_callbacks, app);
    if (r >= 0)
        r = standing_load(app->matters, app->server);
    app->restart = (struct restart_question){
        .connection = app->connection, .answered = on_end_known, .userdata = app};
    return r < 0 ? r : add_sources(app);
}

/* The loop's exit status, or negative errno. */
static int run(void)
{
    _cleanup_(app_clear) struct app app = {0};
    int r = prepare(&app);

    if (r < 0)
        return r;
    (void)sd_notify(false, "READY=1");
    r = sd_event_loop(app.event);
    bus_connection_flush(app.connection);
    return r;
}

static void help(void)
{
    fputs(_("Usage: mailroam-notify [OPTION]...\n"
            "Tell the desktop when a network blocks a mail port, and what works instead. Usually\n"
            "started by systemd with the graphical session.\n\n"
            "  -h, --help      show this help\n"
            "      --version   show the version\n\n"
            "What it tells of is set in section [Notify] of mailroam.conf(5).\n"),
          stdout);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    sigset_t handled;
    int option, r;

    words_open();
    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (option == 'h')
            help();
        else if (option == 'V')
            puts("mailroam-notify " PACKAGE_VERSION);
        else
            fputs(_("Try 'mailroam-notify --help'.\n"), stderr);
        return option == '?' ? EXIT_USAGE : fflush(stdout) == 0 ? 0 : EXIT_OTHER;
    }
    if (optind < argc) {
        fputs(_("mailroam-notify: takes no arguments\n"), stderr);
        fputs(_("Try 'mailroam-notify --help'.\n"), stderr);
        return EXIT_USAGE;
    }
    /* sd-event takes them from a descriptor; what the buttons start is reaped by the kernel. */
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &handled, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN);
    r = run();
    if (r < 0)
        log_error("cannot go on: %s", strerror(-r));
    return r < 0 ? EXIT_OTHER : r;
}
