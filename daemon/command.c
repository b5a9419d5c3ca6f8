/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Runs a command of the user's. A password manager may do what a daemon has no use for and our unit
 * forbids it: talk to the network, compile as it runs, write anywhere. So it is no child of ours
 * where there is somebody else to start it: systemd-run has it made a service of the user's own,
 * hands our pipe to it and ends as it ends.
 *
 * Always: what was printed is read from the pipe into the caller's buffer and nowhere else, and it
 * is wiped there unless all went well. What it says on standard error is thrown away: whoever has
 * written a password in the command's place has it quoted there by the shell. Whoever holds the
 * pipe open after the end is not waited for.
 *
 * Refused: to ask the manager over D-Bus by ourselves. This knows no bus, and systemd-run does it
 * right in every version.
 */
#include "command.h"
#include "child.h"
#include "cleanup.h"
#include "error.h"
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define UNIT_MAX sizeof("mailroam-command-4294967295-4294967295.service")
#define GRACE_S  5 /* after the limit: for the day on which we are not there to hold it */

struct command {
    sd_event *event;
    command_callback callback;
    void *userdata;
    sd_event_source *child, *output, *deadline;
    pid_t pid;
    char unit[UNIT_MAX]; /* the service's name; "" for a child of ours */
    char *buffer;
    size_t size, length;
    unsigned limit_s;
    bool over;
};

DEFINE_CLEANUP(struct command *, command_free)

/* --- who starts it --------------------------------------------------------------------------- */

/* Whether the user has a manager: it listens there as long as it runs. */
static bool has_manager(void)
{
    const char *directory = getenv("XDG_RUNTIME_DIR");
    _cleanup_free_ char *path = NULL;

    return directory && *directory == '/' &&
           asprintf(&path, "%s/systemd/private", directory) >= 0 && access(path, W_OK) == 0;
}

/* systemd puts variables of its own environment in the place of $NAME, and $ in that of $$. New. */
static char *escape(const char *words)
{
    char *escaped = malloc(2 * strlen(words) + 1), *end = escaped;

    for (; escaped && *words; words++) {
        if (*words == '$')
            *end++ = '$';
        *end++ = *words;
    }
    if (escaped)
        *end = '\0';
    return escaped;
}

static int spawn_through_manager(struct command *command, const char *words,
                                 const int fds[static 3])
{
    static unsigned count;
    _cleanup_free_ char *escaped = escape(words);
    char unit[sizeof("--unit=") + UNIT_MAX], limit[64];
    const char *const arguments[] = {
        "systemd-run", "--user", "--quiet", "--collect", "--wait", "--pipe", unit, limit,
        "--property=IgnoreSIGPIPE=no", /* as in any shell */
        /* else it would be the command, in every log */
        "--description=A command of a mail account", "--", "/bin/sh", "-c", escaped, NULL};

    if (!escaped)
        return -ENOMEM;
    (void)snprintf(command->unit, sizeof(command->unit), "mailroam-command-%u-%u.service",
                   (unsigned)getpid(), ++count);
    (void)snprintf(unit, sizeof(unit), "--unit=%s", command->unit);
    (void)snprintf(limit, sizeof(limit), "--property=RuntimeMaxSec=%us",
                   command->limit_s + GRACE_S);
    return child_spawn(arguments[0], arguments, fds, &command->pid);
}

static int spawn(struct command *command, const char *words, int output)
{
    const char *const arguments[] = {"sh", "-c", words, NULL};
    const int fds[] = {-1, output, -1};

    return has_manager() ? spawn_through_manager(command, words, fds)
                         : child_spawn("/bin/sh", arguments, fds, &command->pid);
}

/* --- its end --------------------------------------------------------------------------------- */

static int on_stopped(sd_event_source *source, const siginfo_t *info _unused_,
                      void *userdata _unused_)
{
    sd_event_source_disable_unref(source);
    return 0;
}

/* systemd-run leaves what it has started to its fate when it is killed. */
static void stop_service(struct command *command)
{
    const char *const arguments[] = {"systemctl", "--user",      "--quiet", "--no-block",
                                     "stop",      command->unit, NULL};
    sd_event_source *source;
    pid_t pid;

    if (child_spawn(arguments[0], arguments, (int[]){-1, -1, -1}, &pid) == 0 &&
        sd_event_add_child(command->event, &source, pid, WEXITED, on_stopped, NULL) < 0)
        (void)waitpid(pid, NULL, 0);
}

static void stop(struct command *command)
{
    if (!command->child || command->over)
        return;
    if (*command->unit)
        stop_service(command);
    (void)kill(-command->pid, SIGKILL);
    command->child = sd_event_source_disable_unref(command->child); /* waits for it */
}

static void end(struct command *command, const char *problem)
{
    if (command->over)
        return;
    command->over = true;
    command->output = sd_event_source_disable_unref(command->output);
    command->deadline = sd_event_source_disable_unref(command->deadline);
    if (problem)
        explicit_bzero(command->buffer, command->size);
    command->callback(problem, problem ? 0 : command->length, command->userdata);
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct command *command = userdata;
    char problem[64];

    stop(command);
    (void)snprintf(problem, sizeof(problem), "it did not end within %u s and was stopped",
                   command->limit_s);
    end(command, problem);
    return 0;
}

/* Reads what is there; true where there was something. */
static bool read_some(struct command *command)
{
    ssize_t n = read(sd_event_source_get_io_fd(command->output), command->buffer + command->length,
                     command->size - command->length);

    command->length += n > 0 ? (size_t)n : 0;
    if (command->length == command->size) {
        stop(command);
        end(command, "it prints more than there can be");
    } else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        (void)sd_event_source_set_enabled(command->output, SD_EVENT_OFF);
    return n > 0;
}

static int on_output(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                     void *userdata)
{
    (void)read_some(userdata);
    return 0;
}

static int on_exit_of_child(sd_event_source *source _unused_, const siginfo_t *info, void *userdata)
{
    struct command *command = userdata;
    char problem[96] = "";

    while (!command->over && read_some(command))
        ;
    if (info->si_code != CLD_EXITED)
        (void)snprintf(problem, sizeof(problem), "it was killed by signal %d", info->si_status);
    else if (info->si_status != 0)
        (void)snprintf(problem, sizeof(problem),
                       "PasswordCommand= ended with status %d: in a terminal it says why",
                       info->si_status);
    end(command, *problem ? problem : NULL);
    return 0;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static int watch_command(struct command *command, int *fd)
{
    int r = sd_event_add_child(command->event, &command->child, command->pid, WEXITED,
                               on_exit_of_child, command);

    if (r < 0) {
        (void)kill(-command->pid, SIGKILL);
        (void)waitpid(command->pid, NULL, 0);
        return r;
    }
    (void)sd_event_source_set_child_process_own(command->child, true);
    r = sd_event_add_io(command->event, &command->output, *fd, EPOLLIN, on_output, command);
    if (r < 0)
        return r;
    (void)sd_event_source_set_io_fd_own(command->output, true);
    TAKE_FD(*fd);
    /* The end is seen after what was printed before it. */
    (void)sd_event_source_set_priority(command->child, SD_EVENT_PRIORITY_NORMAL + 1);
    return sd_event_add_time_relative(command->event, &command->deadline, CLOCK_MONOTONIC,
                                      command->limit_s * (uint64_t)1000000, 0, on_deadline,
                                      command);
}

int command_new(struct command **ret, sd_event *event, const char *words, void *buffer, size_t size,
                unsigned limit_s, command_callback callback, void *userdata)
{
    _cleanup_(command_freep) struct command *command = calloc(1, sizeof(*command));
    _cleanup_close_ int reading = -1, writing = -1;
    int ends[2], r;

    if (!command)
        return -ENOMEM;
    command->event = sd_event_ref(event);
    command->callback = callback;
    command->userdata = userdata;
    command->buffer = buffer;
    command->size = size;
    command->limit_s = limit_s;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    reading = ends[0];
    writing = ends[1];
    if (fcntl(reading, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    r = spawn(command, words, writing);
    if (r == 0)
        r = watch_command(command, &reading);
    if (r < 0)
        return r;
    *ret = TAKE(command);
    return 0;
}

struct command *command_free(struct command *command)
{
    if (!command)
        return NULL;
    stop(command);
    sd_event_source_disable_unref(command->child);
    if (!command->over && command->buffer)
        explicit_bzero(command->buffer, command->size);
    sd_event_source_disable_unref(command->output);
    sd_event_source_disable_unref(command->deadline);
    sd_event_unref(command->event);
    free(command);
    return NULL;
}
