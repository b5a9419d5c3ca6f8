/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Runs mailroam-probe and reads its findings. Whatever the probe does (hangs, floods, prints
 * rubbish, dies), the check ends once, within its deadline, and its process is gone with it. A
 * check that has all verdicts is over at once; its probe may still be saying QUIT.
 */
#include "check.h"
#include "cleanup.h"
#include "error.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

struct check {
    sd_event *event;
    const struct account_settings *settings;
    const struct check_callbacks *callbacks;
    void *userdata;
    sd_event_source *child, *output, *deadline;
    char *line; /* FINDING_LINE_MAX bytes, while the check is not over */
    size_t n_line;
    bool *found; /* beside the settings' endpoints */
    size_t n_found;
    bool over;
};

DEFINE_CLEANUP(struct check *, check_free)

/* The probe stands beside this program, in a build tree as where it is installed. */
static const char *probe_path(void)
{
    static char path[PATH_MAX];
    const char *told = getenv("MAILROAM_PROBE");
    ssize_t length;
    char *slash;

    if (told && *told)
        return told;
    length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("mailroam-probe"));
    if (length > 0) {
        path[length] = '\0';
        slash = strrchr(path, '/');
        strcpy(slash + 1, "mailroam-probe");
        if (access(path, X_OK) == 0)
            return path;
    }
    return BINDIR "/mailroam-probe";
}

/* Nothing is read any more, and nobody is told anything after `problem`. */
static void end(struct check *check, const char *problem)
{
    if (check->over)
        return;
    check->over = true;
    check->output = sd_event_source_disable_unref(check->output);
    free(TAKE(check->line));
    check->callbacks->ended(problem, check->userdata);
}

/* One line of the probe. False where it cannot be its own word. */
static bool take_line(struct check *check, const char *line, size_t length)
{
    const struct account_settings *settings = check->settings;
    struct finding finding;
    size_t i = 0;

    if (finding_from_line(line, length, &finding) < 0)
        return false;
    while (i < settings->n_endpoints && !endpoint_equal(&settings->endpoints[i], &finding.endpoint))
        i++;
    if (i == settings->n_endpoints || check->found[i]) {
        finding_clear(&finding);
        return false;
    }
    check->found[i] = true;
    check->n_found++;
    check->callbacks->found(i, &finding, check->userdata);
    return true;
}

/* All complete lines in the buffer. False where the output is to be read no further. */
static bool take_lines(struct check *check)
{
    char *start = check->line, *stop, *buffer_end = check->line + check->n_line;

    while ((stop = memchr(start, '\n', (size_t)(buffer_end - start)))) {
        if (!take_line(check, start, (size_t)(stop - start))) {
            end(check, "mailroam-probe printed what is no finding");
            return false;
        }
        if (check->n_found == check->settings->n_endpoints) {
            end(check, NULL);
            return false;
        }
        start = stop + 1;
    }
    check->n_line = (size_t)(buffer_end - start);
    memmove(check->line, start, check->n_line);
    if (check->n_line < FINDING_LINE_MAX)
        return true;
    end(check, "mailroam-probe printed a line without an end");
    return false;
}

/* Reads what is there. A turn of the loop takes at most one buffer, so a flood starves nobody. */
static int on_output(sd_event_source *source, int fd, uint32_t events _unused_, void *userdata)
{
    struct check *check = userdata;
    ssize_t n = read(fd, check->line + check->n_line, FINDING_LINE_MAX - check->n_line);

    if (n > 0) {
        check->n_line += (size_t)n;
        (void)take_lines(check);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF); /* on_exit() has the last word */
    }
    return 0;
}

static int on_exit_of_probe(sd_event_source *source _unused_, const siginfo_t *info, void *userdata)
{
    struct check *check = userdata;
    char problem[128];

    check->deadline = sd_event_source_disable_unref(check->deadline);
    /* What it has printed before it ended counts. */
    while (!check->over) {
        size_t before = check->n_line, found = check->n_found;

        (void)on_output(check->output, sd_event_source_get_io_fd(check->output), 0, check);
        if (!check->over && check->n_line == before && check->n_found == found)
            break;
    }
    if (info->si_code != CLD_EXITED)
        (void)snprintf(problem, sizeof(problem), "mailroam-probe was killed by signal %d (%s)",
                       info->si_status, strsignal(info->si_status));
    else if (info->si_status == 127)
        (void)snprintf(problem, sizeof(problem), "mailroam-probe could not be started");
    else
        (void)snprintf(problem, sizeof(problem),
                       "mailroam-probe ended with status %d before all verdicts", info->si_status);
    end(check, problem);
    return 0;
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct check *check = userdata;

    check->child = sd_event_source_disable_unref(check->child); /* kills */
    end(check, "mailroam-probe did not end in time and was stopped");
    return 0;
}

/* The arguments for the probe, in one piece of memory. NULL without memory. */
static char **arguments_of(const struct account_settings *settings, const char *path, bool expected)
{
    const size_t n = 11 + settings->n_endpoints + 1;
    char **arguments =
        calloc(1, n * sizeof(*arguments) + settings->n_endpoints * ENDPOINT_STRING_MAX);
    char *text = arguments ? (char *)(arguments + n) : NULL;
    size_t at = 0;

    if (!arguments)
        return NULL;
#define ADD(word) arguments[at++] = (char *)(word) /* posix_spawn() only reads them */
    ADD(path);
    ADD("--json");
    ADD("--timeout=15");
    if (settings->ca_file) {
        ADD("--ca-file");
        ADD(settings->ca_file);
    }
    if (settings->pin) {
        ADD("--pin");
        ADD(settings->pin);
    }
    if (expected) {
        ADD("--expected");
        ADD("-");
    }
    ADD("--");
    for (size_t i = 0; i < settings->n_endpoints; i++, text += ENDPOINT_STRING_MAX)
        ADD(endpoint_format(&settings->endpoints[i], text));
#undef ADD
    return arguments;
}

static int print_line(int fd, const struct finding *finding)
{
    json_object *object = finding_to_json(finding);
    const char *text =
        object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
    int r = !text ? -ENOMEM : dprintf(fd, "%s\n", text) < 0 ? -errno : 0;

    json_object_put(object);
    return r;
}

/* What the probe reads from its standard input: a file in memory, so nobody waits for a reader. The
 * descriptor, or negative errno. */
static int expected_file(const struct finding *expected, size_t n)
{
    int fd = memfd_create("expected", MFD_CLOEXEC), r = fd < 0 ? -errno : 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = print_line(fd, &expected[i]);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return r;
}

/* Starts the process with its standard input on `input` (-1: there is nothing to read) and its
 * output on `output`. 0 or negative errno. */
static int spawn(const struct account_settings *settings, int input, int output, pid_t *ret)
{
    const char *path = probe_path();
    _cleanup_free_ char **arguments = arguments_of(settings, path, input >= 0);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, broken_pipe;
    int error;

    if (!arguments || posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    sigemptyset(&none);
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none); /* ours blocks what sd-event waits for */
    posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = input >= 0 ? posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
                       : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                                          O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn(ret, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int watch_probe(struct check *check, pid_t pid, int *output)
{
    int r;

    r = sd_event_add_child(check->event, &check->child, pid, WEXITED, on_exit_of_probe, check);
    if (r < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r;
    }
    (void)sd_event_source_set_child_process_own(check->child, true); /* dies with the source */
    r = sd_event_add_io(check->event, &check->output, *output, EPOLLIN, on_output, check);
    if (r < 0)
        return r;
    (void)sd_event_source_set_io_fd_own(check->output, true);
    *output = -1;
    /* The end is seen after what was printed before it. */
    (void)sd_event_source_set_priority(check->child, SD_EVENT_PRIORITY_NORMAL + 1);
    return sd_event_add_time_relative(check->event, &check->deadline, CLOCK_MONOTONIC,
                                      CHECK_DEADLINE_S * (uint64_t)1000000, 0, on_deadline, check);
}

int check_new(struct check **ret, sd_event *event, const struct account_settings *settings,
              const struct finding *expected, size_t n_expected,
              const struct check_callbacks *callbacks, void *userdata)
{
    _cleanup_(check_freep) struct check *check = calloc(1, sizeof(*check));
    _cleanup_close_ int reading = -1, writing = -1, input = -1;
    int ends[2], r;
    pid_t pid = 0;

    if (!check)
        return -ENOMEM;
    check->event = sd_event_ref(event);
    check->settings = settings;
    check->callbacks = callbacks;
    check->userdata = userdata;
    check->found = calloc(settings->n_endpoints, sizeof(*check->found));
    check->line = malloc(FINDING_LINE_MAX);
    if (!check->found || !check->line)
        return -ENOMEM;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    reading = ends[0];
    writing = ends[1];
    if (fcntl(reading, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    if (n_expected > 0) {
        input = expected_file(expected, n_expected);
        if (input < 0)
            return input;
    }
    r = spawn(settings, input, writing, &pid);
    if (r == 0)
        r = watch_probe(check, pid, &reading);
    if (r < 0)
        return r;
    *ret = TAKE(check);
    return 0;
}

struct check *check_free(struct check *check)
{
    if (!check)
        return NULL;
    sd_event_source_disable_unref(check->child);
    sd_event_source_disable_unref(check->output);
    sd_event_source_disable_unref(check->deadline);
    sd_event_unref(check->event);
    free(check->found);
    free(check->line);
    free(check);
    return NULL;
}
