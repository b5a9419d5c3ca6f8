/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam doctor: the programs, the directories and the kernel. What the daemon would use is
 * looked at where the daemon looks, as far as it runs and can be asked.
 */
#include "cli-doctor.h"
#include "config.h"
#include "error.h"
#include "paths.h"
#include "words.h"
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PROBE        "mailroam-probe"
#define LANDLOCK_TCP 4 /* the version that knows TCP ports (Linux 6.7) */

/* --- mailroam-probe -------------------------------------------------------------------------- */

DEFINE_CLEANUP(DBusMessage *, dbus_message_unref)

/* The process whose /proc entry tells where the daemon stands; our own where it does not run. */
static pid_t daemon_process(const struct doctor *doctor)
{
    _cleanup_(dbus_message_unrefp) DBusMessage *call = NULL, *reply = NULL;
    const char *owner = doctor->reached ? doctor->client->owner : NULL;
    dbus_uint32_t pid = 0;

    if (!owner)
        return getpid();
    call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                        "GetConnectionUnixProcessID");
    if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID) ||
        client_call(doctor->client, call, &reply) != 0 ||
        !dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &pid, DBUS_TYPE_INVALID))
        return getpid();
    return (pid_t)pid;
}

/* Where the daemon takes the probe from: beside itself, else where it was installed; whoever
 * listens to a socket will have it from there, too. New. */
static char *probe_path(const struct doctor *doctor)
{
    _cleanup_free_ char *link = format_new("/proc/%d/exe", (int)daemon_process(doctor));
    const char *told = getenv("MAILROAM_PROBE");
    char program[PATH_MAX], *path;
    ssize_t length;

    if (told && *told && strncmp(told, "unix:", 5) != 0)
        return strdup(told);
    length = link ? readlink(link, program, sizeof(program) - 1) : -1;
    if (length > 0) {
        program[length] = '\0';
        path = format_new("%s/" PROBE, dirname(program));
        if (!path || access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return strdup(BINDIR "/" PROBE);
}

/* Whether it can be started at all and tells its version, which goes into `line`. */
static bool probe_runs(const char *path, char *line, size_t size)
{
    int pipe_fds[2], status = 0;
    ssize_t n;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return false;
    pid = fork();
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
        alarm(5); /* what hangs does not run */
        execl(path, PROBE, "--version", (char *)NULL);
        _exit(127);
    }
    close(pipe_fds[1]);
    n = pid > 0 ? read(pipe_fds[0], line, size - 1) : -1;
    close(pipe_fds[0]);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && n > 0;
}

void doctor_probe(struct doctor *doctor)
{
    _cleanup_free_ char *path = probe_path(doctor);
    char line[128];

    if (!path)
        doctor->out_of_memory = true;
    else if (access(path, X_OK) < 0)
        doctor_say(doctor, HEALTH_PROBLEM, "probe", _("Install Mailroam again, all of it."),
                   _("%s, which does the checks, cannot be run: %s"), path, strerror(errno));
    else if (!probe_runs(path, line, sizeof(line)))
        doctor_say(
            doctor, HEALTH_PROBLEM, "probe",
            _("Run it by hand to see why: mailroam-probe --version; a library may be missing."),
            _("%s, which does the checks, does not run"), path);
    else if (strcmp(line, PROBE " " PACKAGE_VERSION) != 0)
        doctor_say(doctor, HEALTH_WARN, "probe", _("Install Mailroam again, all of it."),
                   _("%s is of another version: %s"), path, line);
    else
        doctor_say(doctor, HEALTH_OK, "probe", "", _("%s can be run"), path);
}

/* --- what was learnt ------------------------------------------------------------------------- */

/* The first directory on the way up that is there, in the place of `path`. */
static void cut_to_existing(char *path)
{
    while (access(path, F_OK) < 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');

        if (!slash || slash == path)
            return;
        *slash = '\0';
    }
}

static void look_at_damage(struct doctor *doctor, const char *file)
{
    _cleanup_free_ char *pattern = format_new("%s.broken-*", file);
    glob_t found = {0};

    if (!pattern) {
        doctor->out_of_memory = true;
        return;
    }
    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
        doctor_say(doctor, HEALTH_WARN, "state",
                   _("Keep it for a bug report, or delete it: nothing reads it any more."),
                   _("something damaged this file once, and what could not be read was kept: %s"),
                   found.gl_pathv[0]);
    globfree(&found);
}

void doctor_state(struct doctor *doctor)
{
    _cleanup_free_ char *file = path_state("networks.json"), *directory = path_state("");

    if (!file || !directory) {
        doctor_say(doctor, HEALTH_PROBLEM, "state", _("Set $HOME, or $XDG_STATE_HOME."),
                   _("there is no place for what is learnt about networks"));
        return;
    }
    cut_to_existing(directory);
    if (access(directory, W_OK | X_OK) < 0)
        doctor_say(doctor, HEALTH_PROBLEM, "state",
                   _("Make it yours and writable; until then what is learnt lasts until mailroamd "
                     "ends."),
                   _("what is learnt about networks cannot be kept in %s: %s"), directory,
                   strerror(errno));
    else if (access(file, F_OK) == 0 && access(file, R_OK) < 0)
        doctor_say(doctor, HEALTH_PROBLEM, "state", _("Make it yours and readable."),
                   _("%s cannot be read: %s"), file, strerror(errno));
    else
        doctor_say(doctor, HEALTH_OK, "state", "", _("what is learnt about networks is kept in %s"),
                   file);
    look_at_damage(doctor, file);
}

/* --- the kernel ------------------------------------------------------------------------------ */

/* Without a filter the kernel finds a fault with the filter, if it knows filters. */
static bool has_seccomp(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}

static bool has_user_namespaces(void)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void doctor_kernel(struct doctor *doctor)
{
    int landlock =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (has_seccomp())
        doctor_say(doctor, HEALTH_OK, "seccomp", "",
                   _("the kernel can take calls away from the probe"));
    else
        doctor_say(
            doctor, HEALTH_WARN, "seccomp",
            _("Use a kernel with CONFIG_SECCOMP_FILTER if you can; checks work all the same."),
            _("the kernel cannot take calls away from the probe, which reads what strangers "
              "send"));
    if (landlock >= LANDLOCK_TCP)
        doctor_say(doctor, HEALTH_OK, "landlock", "",
                   _("the kernel can keep the probe from files and ports"));
    else
        doctor_say(doctor, HEALTH_WARN, "landlock",
                   _("Use Linux 6.7 or later with landlock among its security modules if you can; "
                     "checks work all the same."),
                   landlock > 0 ? _("the kernel can keep the probe from files, not from ports")
                                : _("the kernel cannot keep the probe from files and ports"));
    if (has_user_namespaces())
        doctor_say(doctor, HEALTH_OK, "namespaces", "", _("user namespaces can be used"));
    else
        doctor_say(
            doctor, HEALTH_WARN, "namespaces",
            _("Allow them if you can (sysctl user.max_user_namespaces). If the units fail with "
              "217/USER or 226/NAMESPACE, "
              "see SANDBOX in mailroamd(1)."),
            _("user namespaces cannot be used: mailroamd and the probe run with a smaller "
              "sandbox"));
}
