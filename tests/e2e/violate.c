/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * violate DEED...: does what a service of ours has no business to do, one thing after another, and
 * prints for each on a line of standard error what came of it: "DEED: done", or the error. It is
 * run in the place of mailroamd and mailroam-probe (sandbox.test).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A deed's argument; each returns less than 0 where it could not be done, with errno. */
static int socket_of(const char *family)
{
    return socket(atoi(family), SOCK_DGRAM, 0);
}

/* Whether there is such a family at all: the kernel has rules of its own for some. */
static int know_family(const char *family)
{
    return socket(atoi(family), SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT ? -1 : 0;
}

static int write_to(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int read_from(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int look_for(const char *path)
{
    struct stat status;

    return stat(path, &status);
}

static int make_code(const char *unused)
{
    (void)unused;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? -1
               : 0;
}

/* Another way to the same: written first, and then made code. */
static int turn_to_code(const char *unused)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)unused;
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int take_personality(const char *unused)
{
    (void)unused;
    return personality(ADDR_NO_RANDOMIZE);
}

static int enter_namespace(const char *flags)
{
    return unshare(atoi(flags));
}

static int set_user_id_bit(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    return fd < 0 ? -1 : fchmod(fd, 04755);
}

/* The kernel has a rule of its own (RLIMIT_RTPRIO); no error but EPERM by the filter is before the
 * arguments are looked at, so the priority is one that there is not: EINVAL says it was asked. */
static int be_first(const char *unused)
{
    const struct sched_param priority = {.sched_priority = 1000};

    (void)unused;
    return sched_setscheduler(0, SCHED_FIFO, &priority) < 0 && errno != EINVAL ? -1 : 0;
}

/* The same with other calls: whether one is looked at, whatever it then finds wrong. */
static int call_wrongly(const char *name)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {
        {"bpf", SYS_bpf},
        {"clock_settime", SYS_clock_settime},
        {"io_setup", SYS_io_setup},
        {"io_uring_setup", SYS_io_uring_setup},
        {"keyctl", SYS_keyctl},
        {"landlock_create_ruleset", SYS_landlock_create_ruleset},
        {"mlock", SYS_mlock},
        {"mount", SYS_mount},
        {"msgget", SYS_msgget},
        {"perf_event_open", SYS_perf_event_open},
        {"pipe2", SYS_pipe2},
        {"process_vm_readv", SYS_process_vm_readv},
        {"ptrace", SYS_ptrace},
        {"seccomp", SYS_seccomp},
        {"setpriority", SYS_setpriority},
        {"splice", SYS_splice},
        {"timer_create", SYS_timer_create},
        {"userfaultfd", SYS_userfaultfd},
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (strcmp(calls[i].name, name) == 0)
            return syscall(calls[i].number, -1, -1, -1, -1, -1, -1) < 0 && errno == EPERM ? -1 : 0;
    errno = ENOSYS;
    return -1;
}

/* Whether it is in this namespace: "mnt:[4026531841]". */
static int be_in_namespace(const char *name)
{
    char path[64], link[64] = "";

    (void)snprintf(path, sizeof(path), "/proc/self/ns/%.*s", (int)strcspn(name, ":"), name);
    errno = EPERM;
    return readlink(path, link, sizeof(link) - 1) > 0 && strcmp(link, name) == 0 ? 0 : -1;
}

static int find_writable(const char *path)
{
    struct statvfs status;

    errno = EROFS;
    return statvfs(path, &status) == 0 && !(status.f_flag & ST_RDONLY) ? 0 : -1;
}

static int read_kernel_log(const char *unused)
{
    enum { SIZE_OF_BUFFER = 10 };

    (void)unused;
    return (int)syscall(SYS_syslog, SIZE_OF_BUFFER, NULL, 0);
}

/* i386's getpid(). */
static int call_i386(const char *unused)
{
    (void)unused;
#ifdef __x86_64__
    long result = 20;
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        _exit(result < 0);
    }
    (void)waitpid(pid, &status, 0);
    errno = EPERM;
    return status == 0 ? 0 : -1;
#else
    return 0;
#endif
}

/* In the keyring that a session's programs share. */
static int keep_key(const char *unused)
{
    (void)unused;
    return (int)syscall(SYS_add_key, "user", "mailroam", "secret", 6, KEY_SPEC_SESSION_KEYRING);
}

static int find_key(const char *unused)
{
    (void)unused;
    return (int)syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "mailroam", 0);
}

/* A setuid program would have the rights of its owner: no_new_privs is what says that it has not.
 */
static int gain_privileges(const char *unused)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    int flag = -1;

    (void)unused;
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "NoNewPrivs: %d", &flag) == 1)
            break;
    errno = EPERM;
    return flag == 0 ? 0 : -1;
}

/* In a user namespace it would have all capabilities; the bounding set is what it could get back.
 */
static int have_capabilities(const char *unused)
{
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long long set = 0;
    char line[256];

    (void)unused;
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "CapBnd: %llx", &set) == 1)
            break;
    errno = EPERM;
    return set ? 0 : -1;
}

static int see_users(const char *unused)
{
    struct stat status;

    (void)unused;
    errno = EPERM;
    return stat("/", &status) == 0 && status.st_uid == 0 ? 0 : -1;
}

static int mask_is_wide(const char *unused)
{
    (void)unused;
    errno = EPERM;
    return umask(0) == 0077 ? -1 : 0;
}

static const struct {
    const char *name;
    int (*act)(const char *argument);
} deeds[] = {
    {"socket", socket_of},
    {"family", know_family},
    {"write", write_to},
    {"read", read_from},
    {"look", look_for},
    {"code", make_code},
    {"turn-to-code", turn_to_code},
    {"personality", take_personality},
    {"unshare", enter_namespace},
    {"setuid-bit", set_user_id_bit},
    {"realtime", be_first},
    {"call", call_wrongly},
    {"i386", call_i386},
    {"keep-key", keep_key},
    {"find-key", find_key},
    {"namespace", be_in_namespace},
    {"writable", find_writable},
    {"kernel-log", read_kernel_log},
    {"privileges", gain_privileges},
    {"capabilities", have_capabilities},
    {"users", see_users},
    {"umask", mask_is_wide},
};

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *argument = strchr(argv[i], '=');
        size_t length = argument ? (size_t)(argument - argv[i]) : strlen(argv[i]);
        const char *result = "there is no such deed";

        for (size_t j = 0; j < sizeof(deeds) / sizeof(*deeds); j++)
            if (strlen(deeds[j].name) == length && strncmp(deeds[j].name, argv[i], length) == 0)
                result = deeds[j].act(argument ? argument + 1 : "") < 0 ? strerror(errno) : "done";
        fprintf(stderr, "%s: %s\n", argv[i], result);
    }
    return 0;
}
