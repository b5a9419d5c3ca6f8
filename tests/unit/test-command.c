/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Commands of the user's: what they print, how they end, and what is left of them. Where the user
 * has a systemd (tests/e2e/user-manager.test runs this there) it has to be what starts them. */
#include "cleanup.h"
#include "command.h"
#include "error.h"
#include "tap.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "hunter2hunter2"

static sd_event *event;
static char buffer[256];
static char *said; /* the problem */
static size_t length;
static int endings;

static void on_end(const char *problem, size_t n, void *userdata _unused_)
{
    free(said);
    said = problem ? strdup(problem) : NULL;
    length = n;
    endings++;
    (void)sd_event_exit(event, 0);
}

static bool wiped(void)
{
    for (size_t i = 0; i < sizeof(buffer); i++)
        if (buffer[i])
            return false;
    return true;
}

static struct command *start(const char *words, unsigned limit_s)
{
    struct command *command = NULL;

    event = sd_event_unref(event);
    memset(buffer, 0, sizeof(buffer));
    endings = 0;
    if (sd_event_new(&event) < 0 ||
        command_new(&command, event, words, buffer, sizeof(buffer), limit_s, on_end, NULL) < 0)
        ok(false, "it is started: %s", words);
    return command;
}

/* Until it has ended. */
static void run(const char *words, unsigned limit_s)
{
    struct command *command = start(words, limit_s);

    if (command)
        (void)sd_event_loop(event);
    ok(endings == 1, "it ends once");
    command_free(command);
}

static bool has_manager(void)
{
    const char *directory = getenv("XDG_RUNTIME_DIR");
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/systemd/private", directory ? directory : "");
    return access(path, F_OK) == 0;
}

static void test_output(void)
{
    run("printf '" SECRET "\\nanother line'", 20);
    ok(!said && length == strlen(SECRET "\nanother line") &&
           memcmp(buffer, SECRET "\nanother line", length) == 0,
       "what it prints: %s", said ? said : "as it was");
    run("printf 'a\\0b'", 20);
    ok(!said && length == 3 && memcmp(buffer, "a\0b", 3) == 0, "also a NUL");
    run("NAME='it is 100% ${quoted}'; printf %s \"$NAME\"", 20);
    is_string(buffer, "it is 100% ${quoted}", "the shell's variables are the shell's");
    run("true", 20);
    ok(!said && length == 0, "nothing");
    run("cat; printf x", 20);
    ok(!said && length == 1, "it has nothing to read");
    run("grep -c . /proc/self/cgroup >/dev/null; cat /proc/self/cgroup", 20);
    ok((strstr(buffer, "/mailroam-command-") != NULL) == has_manager(),
       has_manager() ? "it runs as a service of its own" : "it runs as our child");
    run("{ sleep 3; } & printf x", 20);
    ok(!said && length == 1, "what it leaves behind is not waited for");
}

static void test_failures(void)
{
    run("printf " SECRET "; exit 3", 20);
    ok(said && strstr(said, "status 3"), "a status: %s", said ? said : "");
    ok(wiped(), "what it printed is wiped");
    run("no-such-password-manager", 20);
    ok(said && strstr(said, "status 127"), "no such program: %s", said ? said : "");
    run("printf " SECRET "; kill -KILL $$", 20);
    ok(said && (strstr(said, "killed by signal 9") || has_manager()) && wiped(), "killed: %s",
       said ? said : "");
    run("yes " SECRET, 20);
    ok(said && strstr(said, "more than there can be"), "a flood: %s", said ? said : "");
    ok(wiped(), "which is wiped");
}

static int on_tick(sd_event_source *source, uint64_t now _unused_, void *userdata)
{
    if (kill(*(pid_t *)userdata, 0) < 0)
        return sd_event_exit(sd_event_source_get_event(source), 0);
    (void)sd_event_source_set_time_relative(source, 10000);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_late(sd_event_source *source, uint64_t usec _unused_, void *userdata _unused_)
{
    return sd_event_exit(sd_event_source_get_event(source), 1);
}

/* The process that printed its number is gone, soon. */
static bool gone(pid_t pid)
{
    _cleanup_(sd_event_unrefp) sd_event *waiting = NULL;

    return sd_event_new(&waiting) >= 0 &&
           sd_event_add_time_relative(waiting, NULL, CLOCK_MONOTONIC, 0, 1, on_tick, &pid) >= 0 &&
           sd_event_add_time_relative(waiting, NULL, CLOCK_MONOTONIC, 10000000, 1, on_late, NULL) >=
               0 &&
           sd_event_loop(waiting) == 0;
}

static void test_stopped(void)
{
    char path[] = "/tmp/mailroam-command.XXXXXX", words[128];
    int fd = mkstemp(path);
    struct command *command;
    pid_t pid = 0;
    FILE *file;

    (void)snprintf(words, sizeof(words), "echo $$ >%s; printf " SECRET "; exec sleep 60", path);
    run(words, 2);
    ok(said && strstr(said, "did not end within 2 s"), "one that hangs: %s", said ? said : "");
    ok(wiped(), "what it printed is wiped");
    file = fopen(path, "r");
    ok(file && fscanf(file, "%d", &pid) == 1 && pid > 0 && gone(pid), "and it is gone");
    if (file)
        fclose(file);

    command = start(words, 20);
    while (command && !buffer[0] && sd_event_run(event, UINT64_MAX) >= 0)
        ;
    ok(strcmp(buffer, SECRET) == 0, "one that is given up in the middle");
    command = command_free(command);
    ok(!command && wiped() && endings == 0, "is wiped, and not told of");
    /* What stops a service is a child of ours for a moment. */
    file = fopen(path, "r");
    ok(file && fscanf(file, "%d", &pid) == 1 && pid > 0 && gone(pid), "and it is gone");
    if (file)
        fclose(file);
    close(fd);
    (void)unlink(path);
}

int main(void)
{
    sigset_t children;

    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &children, NULL);
    test_output();
    test_failures();
    test_stopped();
    sd_event_unref(event);
    free(said);
    return tap_done();
}
