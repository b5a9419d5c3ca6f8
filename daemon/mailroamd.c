/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroamd: puts the rooms together. One direction: watch -> manager -> accounts -> publisher;
 * what the clock and other services say enters at the manager, too.
 * Ends by SIGTERM or SIGINT, reads its files again on SIGHUP, tells systemd how it is.
 */
#include "cleanup.h"
#include "config.h"
#include "error.h"
#include "evolution-registry.h"
#include "journal.h"
#include "log.h"
#include "logins.h"
#include "manager.h"
#include "publish.h"
#include "secret-service.h"
#include "status.h"
#include "surroundings-monitor.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum exit_status { EXIT_USAGE = 2, EXIT_OTHER = 4 };

DEFINE_CLEANUP(struct bus *, bus_free)
DEFINE_CLEANUP(struct publisher *, publisher_free)
DEFINE_CLEANUP(struct manager *, manager_free)
DEFINE_CLEANUP(struct surroundings_monitor *, surroundings_monitor_free)
DEFINE_CLEANUP(struct clock_watch *, clock_watch_free)

static void on_bus_ready(void *userdata _unused_)
{
    journal(EVENT_BUS_READY, NULL, "on the session bus as " MAILROAM_NAME);
    (void)sd_notify(false, "READY=1");
}

static void on_bus_lost(void *userdata _unused_)
{
    journal(EVENT_BUS_LOST, NULL, "the session bus went away; waiting for it to come back");
}

static void on_bus_failed(const char *problem, void *userdata)
{
    journal(EVENT_BUS_FAILED, &(struct event_facts){.reason = problem}, "%s", problem);
    (void)sd_event_exit(userdata, EXIT_OTHER);
}

static const struct bus_callbacks bus_callbacks = {
    .ready = on_bus_ready,
    .lost = on_bus_lost,
    .failed = on_bus_failed,
};

static void on_surroundings(const struct surroundings *surroundings, unsigned changes,
                            void *userdata)
{
    manager_surroundings(userdata, surroundings, changes);
}

static void on_clock(const struct clock_news *news, void *userdata)
{
    manager_clock(userdata, news);
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info _unused_,
                     void *userdata)
{
    uint64_t now = 0;
    int r;

    (void)sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now);
    r = manager_load(userdata);
    if (r < 0)
        log_error("not all files could be read again: %s", strerror(-r));
    (void)sd_notify(false, "READY=1");
    return 0;
}

/* Whatever has happened in this turn of the loop, the status line says how things are now. */
static int on_turn(sd_event_source *source _unused_, void *userdata)
{
    status_update(userdata);
    return 0;
}

static int add_sources(sd_event *event, struct manager *manager)
{
    int r;

    r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL); /* NULL: ends the loop */
    if (r >= 0)
        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
    if (r >= 0)
        r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, manager);
    if (r >= 0)
        r = sd_event_add_post(event, NULL, on_turn, manager);
    if (r >= 0)
        r = sd_event_set_watchdog(event, true);
    return r;
}

/* The loop's exit status, or negative errno. */
static int run(void)
{
    _cleanup_(sd_event_unrefp) sd_event *event = NULL;
    _cleanup_(bus_freep) struct bus *bus = NULL;
    _cleanup_(publisher_freep) struct publisher *publisher = NULL;
    _cleanup_(manager_freep) struct manager *manager = NULL;
    _cleanup_(surroundings_monitor_freep) struct surroundings_monitor *surroundings = NULL;
    _cleanup_(clock_watch_freep) struct clock_watch *clock = NULL;
    int r;

    r = sd_event_default(&event);
    if (r >= 0)
        r = bus_new(&bus, event, MAILROAM_NAME, &bus_callbacks, event);
    if (r >= 0)
        r = publisher_new(&publisher, event, bus);
    if (r >= 0)
        r = manager_new(&manager, event, &publisher_listener, publisher);
    if (r >= 0)
        logins_set_keyring(manager_logins(manager), &secret_service);
    if (r >= 0)
        manager_set_registry(manager, &evolution_registry);
    if (r >= 0)
        r = publisher_set_manager(publisher, manager);
    if (r >= 0)
        r = surroundings_monitor_new(&surroundings, event, on_surroundings, manager);
    if (r >= 0)
        r = clock_watch_new(&clock, event, on_clock, manager);
    if (r >= 0)
        r = add_sources(event, manager);
    if (r >= 0)
        r = manager_load(manager);
    if (r < 0)
        return r;
    r = sd_event_loop(event);
    (void)sd_notify(false, "STOPPING=1\nSTATUS=Stopping");
    publisher_stop(publisher);
    manager = manager_free(manager);
    publisher = publisher_free(publisher);
    bus_flush(bus);
    return r;
}

static void help(void)
{
    printf(
        "Usage: mailroamd [OPTION]...\n"
        "Watch the network, find the port on which mail can be submitted, and publish it on the\n"
        "session bus. Usually started by systemd or D-Bus.\n\n"
        "  -h, --help      show this help\n"
        "      --version   show the version\n\n"
        "Accounts are files in ~/.config/mailroam/accounts, see mailroam.account(5).\n"
        "mailroam(1) shows what was found.\n");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    sigset_t handled;
    int option, r;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (option == 'h')
            help();
        else if (option == 'V')
            puts("mailroamd " PACKAGE_VERSION);
        else
            fputs("Try 'mailroamd --help'.\n", stderr);
        return option == '?' ? EXIT_USAGE : fflush(stdout) == 0 ? 0 : EXIT_OTHER;
    }
    if (optind < argc) {
        fprintf(stderr, "mailroamd: takes no arguments\nTry 'mailroamd --help'.\n");
        return EXIT_USAGE;
    }
    /* sd-event takes them from a descriptor; a write to a closed pipe is an errno, not an end. */
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &handled, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    r = run();
    if (r < 0)
        log_error("cannot go on: %s", strerror(-r));
    return r < 0 ? EXIT_OTHER : r;
}
