/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who counts as sandboxed, by what a bus may say of a caller; about real processes of the kernel.
 * What a bus really says, of real sandboxes, is in tests/bus/sandbox.test.
 */
#include "caller.h"
#include "cleanup.h"
#include "tap.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What is said of the caller: each part may be left out. */
struct credentials {
    pid_t pid;         /* 0: left out */
    int pidfd;         /* 0: left out */
    const char *label; /* NULL: left out */
    bool is_odd;       /* the number comes as text */
};

static void append(DBusMessageIter *entries, const char *key, int type, const char *signature,
                   const void *value)
{
    DBusMessageIter entry, variant, array;

    dbus_message_iter_open_container(entries, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
    dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
    dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant);
    if (type == DBUS_TYPE_ARRAY) {
        dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "y", &array);
        dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &value,
                                             (int)strlen(value) + 1);
        dbus_message_iter_close_container(&variant, &array);
    } else {
        dbus_message_iter_append_basic(&variant, type, value);
    }
    dbus_message_iter_close_container(&entry, &variant);
    dbus_message_iter_close_container(entries, &entry);
}

static void judge(struct credentials given, enum caller expected, const char *name)
{
    DBusMessage *answer = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
    dbus_uint32_t pid = (dbus_uint32_t)given.pid;
    const char *why = NULL, *text = "1";
    DBusMessageIter iter, entries;

    dbus_message_iter_init_append(answer, &iter);
    dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &entries);
    if (given.is_odd)
        append(&entries, "ProcessID", DBUS_TYPE_STRING, "s", &text);
    else if (given.pid)
        append(&entries, "ProcessID", DBUS_TYPE_UINT32, "u", &pid);
    if (given.pidfd)
        append(&entries, "ProcessFD", DBUS_TYPE_UNIX_FD, "h", &given.pidfd);
    if (given.label)
        append(&entries, "LinuxSecurityLabel", DBUS_TYPE_ARRAY, "ay", given.label);
    dbus_message_iter_close_container(&iter, &entries);
    is_number(caller_judge(answer, &why), expected, "%s", name);
    if (expected != CALLER_FREE)
        ok(why && *why, "... which is said: %s", why);
    dbus_message_unref(answer);
}

static void no_answers(void)
{
    DBusMessage *call = dbus_message_new_method_call(NULL, "/", NULL, "Get"), *error, *empty;
    const char *why;

    dbus_message_set_serial(call, 1);
    error = dbus_message_new_error(call, DBUS_ERROR_NAME_HAS_NO_OWNER, "gone");
    empty = dbus_message_new_method_return(call);
    is_number(caller_judge(error, &why), CALLER_UNKNOWN, "a bus that knows it no more");
    is_number(caller_judge(empty, &why), CALLER_UNKNOWN, "an answer without contents");
    dbus_message_unref(empty);
    dbus_message_unref(error);
    dbus_message_unref(call);
}

/* A process that has become something (`become` returns whether) and waits to be killed. */
static pid_t start(bool (*become)(void))
{
    int ready[2];
    char done = 0;
    pid_t pid;

    if (pipe(ready) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[0]);
        done = become() ? 1 : 0;
        if (write(ready[1], &done, 1) == 1 && done)
            for (;;)
                pause();
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &done, 1) != 1 || !done) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool become_nothing(void)
{
    return true;
}

static bool become_proxy(void)
{
    return prctl(PR_SET_NAME, "xdg-dbus-proxy") == 0;
}

static bool become_similar(void)
{
    return prctl(PR_SET_NAME, "xdg-dbus-prox") == 0;
}

static bool enter_namespaces(void)
{
    return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0;
}

static bool become_mounted(void) /* other mounts, the same root */
{
    return enter_namespaces() && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static bool become_rooted(void)
{
    return become_mounted() && chroot("/tmp") == 0;
}

static bool become_jailed(void) /* a root that is no mount */
{
    return enter_namespaces() && chroot("/usr") == 0;
}

static void processes(void)
{
    static const struct {
        bool (*become)(void);
        enum caller expected;
        const char *name;
    } rows[] = {
        {become_nothing, CALLER_FREE, "a process like any other"},
        {become_proxy, CALLER_CONFINED, "xdg-dbus-proxy"},
        {become_similar, CALLER_FREE, "a name that is almost the proxy's"},
        {become_mounted, CALLER_FREE, "mounts of its own below the same root"},
        {become_rooted, CALLER_CONFINED, "another root"},
        {become_jailed, CALLER_UNKNOWN, "a bare chroot"},
    };

    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        pid_t pid = start(rows[i].become);

        if (pid < 0) {
            skip(rows[i].name, "not allowed here");
            continue;
        }
        judge((struct credentials){.pid = pid}, rows[i].expected, rows[i].name);
        end(pid);
        judge((struct credentials){.pid = pid}, CALLER_UNKNOWN, "... and when it has ended");
    }
}

static void pidfds(void)
{
    pid_t pid = start(become_nothing), proxy = start(become_proxy);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), proxys = (int)syscall(SYS_pidfd_open, proxy, 0);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        skip("a process held by a descriptor", "no pidfd_open(2) here (valgrind has none)");
        end(pid);
        end(proxy);
        close(file);
        return;
    }
    judge((struct credentials){.pidfd = fd}, CALLER_FREE, "a process held by a descriptor");
    judge((struct credentials){.pidfd = proxys, .pid = getpid()}, CALLER_CONFINED,
          "the descriptor counts before the number");
    judge((struct credentials){.pidfd = file, .pid = getpid()}, CALLER_UNKNOWN,
          "a descriptor of no process");
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
    judge((struct credentials){.pidfd = fd, .pid = getpid()}, CALLER_UNKNOWN,
          "the descriptor of a process that has ended");
    end(pid);
    end(proxy);
    close(fd);
    close(proxys);
    close(file);
}

int main(void)
{
    pid_t self = getpid();

    judge((struct credentials){.pid = self}, CALLER_FREE, "this process itself");
    judge((struct credentials){0}, CALLER_UNKNOWN, "no number");
    judge((struct credentials){.pid = self, .is_odd = true}, CALLER_UNKNOWN, "a number as text");
    judge((struct credentials){.pid = -1}, CALLER_UNKNOWN, "a number that none has");
    judge((struct credentials){.pid = self, .label = "snap.mail.mail (enforce)"}, CALLER_CONFINED,
          "the label of a snap");
    judge((struct credentials){.label = "snap.mail.mail"}, CALLER_CONFINED, "... and no number");
    judge((struct credentials){.pid = self, .label = "unconfined"}, CALLER_FREE, "another label");
    judge((struct credentials){.pid = self, .label = "snapper"}, CALLER_FREE, "a similar one");
    no_answers();
    processes();
    pidfds();
    return tap_done();
}
