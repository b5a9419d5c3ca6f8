/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is in a sandbox, and who is not. This file alone decides it.
 *
 * The peer that the bus knows of a Flatpak application is the xdg-dbus-proxy that filters for it.
 * Flatpak starts it in a file system of its own, with the application's /.flatpak-info at the root;
 * other launchers (Firejail, bubblejail) leave theirs where they are, so the proxy's name counts,
 * too. Neither is the application's to change. An application that talks to the bus without a proxy
 * has the runtime's root. A snap is known by the security label that the kernel noted when it
 * connected.
 *
 * So the question to the kernel is whether the peer's root directory is this process's own. That is
 * more than to look for /proc/PID/root/.flatpak-info, which takes the right to trace the process:
 * the daemon has not got it where systemd gives it a user namespace of its own. Which file system
 * is mounted at whose root everybody may read. Toolboxes and other containers count as sandboxes by
 * this; nothing tells the harmless ones from others.
 *
 * About whom nothing can be learnt, nothing is assumed: the user who is refused here has other
 * ways, and what a sandbox must not do cannot be undone.
 *
 * Refused: a process that has ended, whose number may be another's by now. Without a ProcessFD from
 * the bus (before dbus 1.15.8) a number could be reused before it is asked for, if a process had
 * handed its connection on and ended; a proxy does not, and whoever reaches the bus without one can
 * do worse.
 */
#include "caller.h"
#include "cleanup.h"
#include "observer.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PROXY      "xdg-dbus-proxy"
#define SNAP_LABEL "snap."

static FILE *open_below(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");

    if (!file && fd >= 0)
        close(fd);
    return file;
}

static void fclosep(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* What is mounted at the root of the process whose directory in /proc this is: "DEVICE DIRECTORY",
 * new. NULL where that cannot be read, or where its root is no mount, as after a bare chroot(2). */
static char *root_of(int process)
{
    _cleanup_(fclosep) FILE *file = open_below(process, "mountinfo");
    _cleanup_free_ char *line = NULL;
    char *root = NULL;
    size_t size = 0;

    while (file && getline(&line, &size, file) > 0) {
        int from = 0, to = 0, end = 0;

        /* proc_pid_mountinfo(5): id, parent's id, device, directory, mount point, options; all
         * without spaces. Of several at one point the last lies on top. */
        (void)sscanf(line, "%*u %*u %n%*s %*s%n /%*1[ ]%n", &from, &to, &end);
        if (!end)
            continue;
        free(root);
        root = strndup(line + from, (size_t)(to - from));
    }
    return root;
}

static bool has_name(int process, const char *name)
{
    _cleanup_(fclosep) FILE *file = open_below(process, "comm");
    char comm[32] = "";

    if (!file || !fgets(comm, sizeof(comm), file))
        return false;
    comm[strcspn(comm, "\n")] = '\0';
    return strcmp(comm, name) == 0;
}

/* The process's directory in /proc: whatever is read below it is of this process or nothing. Of the
 * one that `pidfd` (-1: there is none) holds, where it still runs. */
static int open_process(pid_t pid, int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    char path[32];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && pidfd >= 0 && poll(&ended, 1, 0) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static pid_t pid_of(int pidfd)
{
    char path[64], line[64];
    int pid = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file) && sscanf(line, "Pid: %d", &pid) != 1)
        ;
    return pid;
}

static enum caller judge_process(pid_t pid, int pidfd, const char **ret_why)
{
    _cleanup_close_ int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC),
                        process = pid > 0 ? open_process(pid, pidfd) : -1;
    _cleanup_free_ char *own = self < 0 ? NULL : root_of(self),
                        *root = process < 0 ? NULL : root_of(process);

    *ret_why = "nothing can be learnt about the calling process";
    if (!own || !root)
        return CALLER_UNKNOWN;
    *ret_why = "its root directory is another than this service has";
    if (strcmp(own, root) != 0)
        return CALLER_CONFINED;
    *ret_why = "it calls through " PROXY;
    return has_name(process, PROXY) ? CALLER_CONFINED : CALLER_FREE;
}

static bool has_snap_label(const DBusMessageIter *entries)
{
    DBusMessageIter value, bytes;
    const char *label;
    int length = 0;

    if (!bus_properties_find(entries, "LinuxSecurityLabel", DBUS_TYPE_ARRAY, &value) ||
        dbus_message_iter_get_arg_type(&value) != DBUS_TYPE_ARRAY ||
        dbus_message_iter_get_element_type(&value) != DBUS_TYPE_BYTE)
        return false;
    dbus_message_iter_recurse(&value, &bytes);
    dbus_message_iter_get_fixed_array(&bytes, &label, &length);
    return (size_t)length > strlen(SNAP_LABEL) &&
           strncmp(label, SNAP_LABEL, strlen(SNAP_LABEL)) == 0;
}

enum caller caller_judge(DBusMessage *credentials, const char **ret_why)
{
    DBusMessageIter arguments, entries;
    dbus_uint32_t number = 0;
    _cleanup_close_ int pidfd = -1;

    *ret_why = "the bus does not say who it is";
    if (dbus_message_get_type(credentials) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
        !dbus_message_has_signature(credentials, "a{sv}"))
        return CALLER_UNKNOWN;
    dbus_message_iter_init(credentials, &arguments);
    dbus_message_iter_recurse(&arguments, &entries);
    if (has_snap_label(&entries)) {
        *ret_why = "it is a snap";
        return CALLER_CONFINED;
    }
    if (!bus_properties_get(&entries, "ProcessFD", DBUS_TYPE_UNIX_FD, &pidfd) ||
        !bus_properties_get(&entries, "ProcessID", DBUS_TYPE_UINT32, &number))
        return CALLER_UNKNOWN;
    return judge_process(pidfd >= 0 ? pid_of(pidfd) : (pid_t)number, pidfd, ret_why);
}
