/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The cells of mailroam-probe and mailroam-discover, which read what strangers send. Each wall is
 * put up for itself and stands without the others; none can be taken down again from inside. What a
 * kernel does not have is named and done without: a check that does not run is of no use to
 * anybody.
 *
 * Landlock says which files may be read and which TCP ports connected to, seccomp which calls there
 * are at all: those that glibc, OpenSSL, c-ares and sd-event make in a check, and those that they
 * may come to make (other versions, 32 bits, musl). Any other call kills the process. libcurl, in
 * mailroam-discover, has the C library look names up in a thread; what that tries in vain (modules,
 * which are code, and programs behind sockets) fails, and it goes on to DNS.
 */
#include "contain.h"
#include "cleanup.h"
#include "error.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <openssl/x509.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-id128.h>
#include <time.h>

#define MEMORY_MAX         (128 << 20) /* measured: 11 MB, all 64 endpoints walked to over a lossy path */
#define THREADS_MEMORY_MAX (256 << 20) /* a stack counts whole, though little of it is used */
#define DESCRIPTORS_MAX    4096        /* measured: 2900, all 64 walked to over a short one */
#define CPU_MAX_S          30          /* measured: 0.02 for three endpoints */

struct cell {
    const struct endpoint *endpoints;
    size_t n_endpoints;
    unsigned deadline_s;
    bool discovery;           /* threads; any TCP port, for URLs name them; and more files: */
    const char *const *files; /* to be read, or directories of such; NULL at the end */
};

/* --- resources ------------------------------------------------------------------------------ */

/* RLIMIT_CORE alone keeps nothing from a program that core_pattern(5) pipes to. */
static bool forbid_dumps(const struct cell *cell _unused_)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Sets both limits to `most`, or as near to it as whoever started us allows. */
static bool bound(int resource, rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return false;
    if (limit.rlim_max > most) /* RLIM_INFINITY is the largest number */
        limit.rlim_max = most;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit) == 0;
}

/* Of the data, not of the address space: libraries map files of any size. */
static bool bound_memory(const struct cell *cell)
{
    return bound(RLIMIT_DATA, cell->discovery ? THREADS_MEMORY_MAX : MEMORY_MAX);
}

/* A thread counts as a process; there seccomp alone tells one from the other. */
static bool bound_resources(const struct cell *cell)
{
    return bound(RLIMIT_NOFILE, DESCRIPTORS_MAX) && bound(RLIMIT_CPU, CPU_MAX_S) &&
           (cell->discovery || bound(RLIMIT_NPROC, 0));
}

/* The event loop has its deadline; this one is for a process that has lost its loop. SIGKILL,
 * because no other signal is neither blocked nor ignored nor caught. seccomp leaves no call that
 * would stop the timer. */
static bool set_deadline(const struct cell *cell)
{
    const struct itimerspec when = {.it_value.tv_sec = cell->deadline_s};
    struct sigevent end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    timer_t timer;

    return timer_create(CLOCK_MONOTONIC, &end, &timer) == 0 &&
           timer_settime(timer, 0, &when, NULL) == 0;
}

static bool forbid_privileges(const struct cell *cell _unused_)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* --- Landlock: files and ports -------------------------------------------------------------- */

/* The kernel's own header may be older where we are built than the kernel where we run. A kernel
 * takes a longer structure than it knows as long as the rest is 0. */
struct ruleset {
    uint64_t files, ports, scopes;
};
struct port_rule {
    uint64_t rights, port;
};
enum { RULE_PORT = 2, RIGHT_CONNECT = 1 << 1 };

/* Each version adds to what can be denied: moving files to other directories (2), truncating (3),
 * binding and connecting (4), ioctl (5), abstract sockets and signals (6). */
static struct ruleset all_rights(int version)
{
    int files = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;

    return (struct ruleset){
        .files = (UINT64_C(1) << files) - 1,
        .ports = version >= 4 ? 3 : 0,
        .scopes = version >= 6 ? 3 : 0,
    };
}

/* Takes over `fd`; -1 is a file that is not there, and so will not be read. */
static bool allow_reading(int ruleset, int fd, uint64_t rights)
{
    _cleanup_close_ int file = fd;
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = file};

    return file < 0 ||
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool allow_file(int ruleset, int directory, const char *path)
{
    return allow_reading(ruleset, openat(directory, path, O_PATH | O_CLOEXEC),
                         LANDLOCK_ACCESS_FS_READ_FILE);
}

/* Where Debian keeps what nearly all links lead to: one rule for it takes a tenth of the
 * time of one for each. It is public and nobody's but the distribution's. */
#define VENDOR_ANCHORS "/usr/share/ca-certificates/"

/* 01234567.0 -> Name.pem -> VENDOR_ANCHORS... */
static bool is_vendor_anchor(int directory, const char *name)
{
    char beside[NAME_MAX + 1], target[PATH_MAX];
    ssize_t length = readlinkat(directory, name, beside, sizeof(beside) - 1);

    if (length <= 0)
        return false;
    beside[length] = '\0';
    length = readlinkat(directory, beside, target, sizeof(target));
    return length > (ssize_t)strlen(VENDOR_ANCHORS) &&
           memcmp(target, VENDOR_ANCHORS, strlen(VENDOR_ANCHORS)) == 0;
}

/* In a directory of trust anchors 01234567.0 and so on are links to wherever the distribution and
 * the administrator keep their certificates. */
static bool allow_anchors(int ruleset, const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool fine;

    if (!directory)
        return true;
    fine = allow_reading(ruleset, open(path, O_PATH | O_CLOEXEC),
                         LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
    while (fine && (entry = readdir(directory)))
        if (strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.' &&
            !is_vendor_anchor(dirfd(directory), entry->d_name))
            fine = allow_file(ruleset, dirfd(directory), entry->d_name);
    closedir(directory);
    return fine;
}

/* All that trust.c may come to read: it leaves what it can for later. */
static bool allow_all_anchors(int ruleset)
{
    const char *file = getenv(X509_get_default_cert_file_env());
    const char *directories = getenv(X509_get_default_cert_dir_env());
    _cleanup_free_ char *paths = strdup(directories ? directories : X509_get_default_cert_dir());
    bool fine = paths &&
                allow_file(ruleset, AT_FDCWD, file ? file : X509_get_default_cert_file()) &&
                allow_reading(ruleset, open(VENDOR_ANCHORS, O_PATH | O_CLOEXEC),
                              LANDLOCK_ACCESS_FS_READ_FILE);
    char *rest;

    for (char *path = fine ? strtok_r(paths, ":", &rest) : NULL; path && fine;
         path = strtok_r(NULL, ":", &rest))
        fine = allow_anchors(ruleset, path);
    return fine;
}

/* c-ares reads these two at each look-up, the others it has read. */
static bool allow_host_names(int ruleset)
{
    const char *aliases = getenv("HOSTALIASES");

    return allow_file(ruleset, AT_FDCWD, "/etc/hosts") &&
           (!aliases || allow_file(ruleset, AT_FDCWD, aliases));
}

static bool allow_files(int ruleset, const char *const *files)
{
    bool fine = true;

    for (; files && *files && fine; files++) {
        struct stat status;
        int fd = open(*files, O_PATH | O_CLOEXEC);
        bool directory = fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);

        fine = allow_reading(ruleset, fd,
                             directory ? LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR
                                       : LANDLOCK_ACCESS_FS_READ_FILE);
    }
    return fine;
}

static bool allow_port(int ruleset, uint16_t port)
{
    const struct port_rule rule = {RIGHT_CONNECT, port};

    return syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) == 0;
}

static bool allow_ports(int ruleset, const struct cell *cell)
{
    bool fine = allow_port(ruleset, 53);

    for (size_t i = 0; i < cell->n_endpoints && fine; i++)
        fine = allow_port(ruleset, cell->endpoints[i].port);
    return fine;
}

static bool deny_files_and_ports(const struct cell *cell)
{
    int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset rights = all_rights(version);
    _cleanup_close_ int ruleset = -1;

    if (cell->discovery)
        rights.ports &= ~(uint64_t)RIGHT_CONNECT;
    if (version > 0)
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0);
    return ruleset >= 0 && allow_all_anchors(ruleset) && allow_host_names(ruleset) &&
           allow_files(ruleset, cell->files) &&
           (!(rights.ports & RIGHT_CONNECT) || allow_ports(ruleset, cell)) &&
           syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

/* --- seccomp: calls ------------------------------------------------------------------------- */

/* A call with all its arguments, with some, or one that fails. */
struct rule {
    const char *name;
    uint32_t action;
    unsigned n;
    struct scmp_arg_cmp conditions[3];
};

/* clang-format off */
/* Conditions are on bits, because the upper half of an int's register is anybody's. */
#define BITS(argument, mask, value) {argument, SCMP_CMP_MASKED_EQ, (uint32_t)(mask), value}
#define ALL_BITS                    UINT32_MAX
#define FINE(name)                  {name, SCMP_ACT_ALLOW, 0, {{0}}}
#define FINE_IF(name, n, ...)       {name, SCMP_ACT_ALLOW, n, {__VA_ARGS__}}
#define FAILS(name, error)          {name, SCMP_ACT_ERRNO(error), 0, {{0}}}

static const struct rule rules[] = {
    /* what is open, and what Landlock lets be opened */
    FINE("read"), FINE("readv"), FINE("write"), FINE("writev"), FINE("close"), FINE("lseek"),
    FINE("_llseek"), FINE("stat"), FINE("stat64"), FINE("lstat"), FINE("lstat64"), FINE("fstat"),
    FINE("fstat64"), FINE("fstatat64"), FINE("newfstatat"), FINE("statx"), FINE("getdents"),
    FINE("getdents64"),
    /* sockets that are there */
    FINE("connect"), FINE("getpeername"), FINE("getsockname"), FINE("getsockopt"),
    FINE("setsockopt"), FINE("recv"), FINE("recvfrom"), FINE("recvmsg"), FINE("send"),
    FINE("shutdown"),
    /* no TCP Fast Open: it connects, and Landlock is not asked (seen on Linux 6.18) */
    FINE_IF("sendto", 1, BITS(3, MSG_FASTOPEN, 0)), FINE_IF("sendmsg", 1, BITS(2, MSG_FASTOPEN, 0)),
    /* the event loop */
    FINE("epoll_create1"), FINE("epoll_ctl"), FINE("epoll_wait"), FINE("epoll_pwait"),
    FINE("epoll_pwait2"), FINE("poll"), FINE("ppoll"), FINE("ppoll_time64"), FINE("timerfd_create"),
    FINE("timerfd_settime"), FINE("timerfd_settime64"),
    /* time; where the vDSO does not tell it */
    FINE("clock_gettime"), FINE("clock_gettime64"), FINE("clock_getres"),
    FINE("clock_getres_time64"), FINE("gettimeofday"), FINE("time"),
    /* memory that is never code */
    FINE("brk"), FINE("munmap"), FINE("mremap"), FINE("madvise"), FINE("mlock"),
    FINE_IF("mmap", 2, BITS(2, PROT_EXEC, 0), BITS(3, MAP_SHARED, 0)),
    FINE_IF("mmap2", 2, BITS(2, PROT_EXEC, 0), BITS(3, MAP_SHARED, 0)),
    FINE_IF("mprotect", 1, BITS(2, PROT_EXEC, 0)),
    /* the process by itself, and its end */
    FINE("futex"), FINE("futex_time64"), FINE("getrandom"), FINE("getpid"), FINE("gettid"),
    FINE("getuid"), FINE("getuid32"), FINE("geteuid"), FINE("geteuid32"), FINE("getgid"),
    FINE("getgid32"), FINE("getegid"), FINE("getegid32"), FINE("getrlimit"), FINE("ugetrlimit"),
    FINE("sched_getaffinity"), FINE("sched_yield"), FINE("sysinfo"), FINE("uname"), FINE("rseq"),
    FINE("set_robust_list"), FINE("rt_sigaction"), FINE("rt_sigprocmask"), FINE("rt_sigreturn"),
    FINE("sigreturn"), FINE("restart_syscall"), FINE("exit"), FINE("exit_group"),
    FINE_IF("prlimit64", 1, {2, SCMP_CMP_EQ, 0}), /* reads limits, sets none */
    /* opened to be read */
    FINE_IF("open", 1, BITS(1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
    FINE_IF("openat", 1, BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
    /* no F_SETOWN, which sends signals to others: up to 3 (F_GETFL) and F_SETFL */
    FINE_IF("fcntl", 1, BITS(1, ~3, 0)), FINE_IF("fcntl", 1, BITS(1, ALL_BITS, F_SETFL)),
    FINE_IF("fcntl64", 1, BITS(1, ~3, 0)), FINE_IF("fcntl64", 1, BITS(1, ALL_BITS, F_SETFL)),
    FINE_IF("fcntl", 1, BITS(1, ALL_BITS, F_DUPFD_CLOEXEC)),
    FINE_IF("fcntl64", 1, BITS(1, ALL_BITS, F_DUPFD_CLOEXEC)),
    /* TCP and UDP; below 32 is no MPTCP, which Landlock's ports do not hold back */
    FINE_IF("socket", 3, BITS(0, ALL_BITS, AF_INET), BITS(1, 15, SOCK_STREAM), BITS(2, ~31, 0)),
    FINE_IF("socket", 3, BITS(0, ALL_BITS, AF_INET), BITS(1, 15, SOCK_DGRAM), BITS(2, ~31, 0)),
    FINE_IF("socket", 3, BITS(0, ALL_BITS, AF_INET6), BITS(1, 15, SOCK_STREAM), BITS(2, ~31, 0)),
    FINE_IF("socket", 3, BITS(0, ALL_BITS, AF_INET6), BITS(1, 15, SOCK_DGRAM), BITS(2, ~31, 0)),
    /* What libraries ask in passing and can do without. Standard output then counts as no terminal,
     * and is flushed by hand anyway. */
    {"socket", SCMP_ACT_ERRNO(EAFNOSUPPORT), 1, {{0, SCMP_CMP_LT, AF_INET}}},
    {"socket", SCMP_ACT_ERRNO(EAFNOSUPPORT), 1, {{0, SCMP_CMP_GT, AF_INET6}}},
    FAILS("ioctl", ENOTTY), FAILS("prctl", EINVAL), FAILS("access", EACCES),
    FAILS("faccessat", EACCES), FAILS("faccessat2", EACCES), FAILS("readlink", EACCES),
    FAILS("readlinkat", EACCES), FAILS("statfs", EACCES), FAILS("statfs64", EACCES),
    FAILS("fstatfs", EACCES), FAILS("fstatfs64", EACCES),
};

#ifdef __s390__ /* where the stack comes first */
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* What libcurl and the C library's look-up of names need beside all that. */
static const struct rule discovery_rules[] = {
    /* threads, and no processes: the flags of clone3() stand where nobody can look */
    FINE_IF("clone", 1, BITS(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD)), FAILS("clone3", ENOSYS),
    FINE("set_tid_address"), FINE("munlock"),
    /* between the threads */
    FINE_IF("socketpair", 1, BITS(0, ALL_BITS, AF_UNIX)), FINE("pipe"), FINE("pipe2"),
    FINE("eventfd2"),
    FINE_IF("sendmmsg", 1, BITS(3, MSG_FASTOPEN, 0)),
    /* modules, which are not loaded then, and caches, which are read then */
    {"mmap", SCMP_ACT_ERRNO(EACCES), 1, {BITS(2, PROT_EXEC, PROT_EXEC)}},
    {"mmap", SCMP_ACT_ERRNO(EACCES), 1, {BITS(3, MAP_SHARED, MAP_SHARED)}},
    {"mmap2", SCMP_ACT_ERRNO(EACCES), 1, {BITS(2, PROT_EXEC, PROT_EXEC)}},
    {"mmap2", SCMP_ACT_ERRNO(EACCES), 1, {BITS(3, MAP_SHARED, MAP_SHARED)}},
};
/* clang-format on */

/* Names that the library does not know are passed over, those that this processor does not have
 * are by the library. One that has a rule already: where socket() is a part of socketcall(2),
 * whose arguments nobody can look at. */
static bool add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
    int call = seccomp_syscall_resolve_name(rule->name), r = 0;

    if (call != __NR_SCMP_ERROR)
        r = seccomp_rule_add_array(filter, rule->action, call, rule->n, rule->conditions);
    return r == 0 || r == -EEXIST;
}

static bool deny_calls(const struct cell *cell)
{
    /* A failed assertion or a corrupted heap ends by abort(), and is to be told as such. */
    const struct rule abort_rule =
        FINE_IF("tgkill", 2, BITS(0, ALL_BITS, getpid()), BITS(2, ALL_BITS, SIGABRT));
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool fine = filter &&
                seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
                add_rule(filter, &abort_rule);

    for (size_t i = 0; i < ELEMENTSOF(rules) && fine; i++)
        fine = add_rule(filter, &rules[i]);
    for (size_t i = 0; cell->discovery && i < ELEMENTSOF(discovery_rules) && fine; i++)
        fine = add_rule(filter, &discovery_rules[i]);
    fine = fine && seccomp_load(filter) == 0;
    if (filter)
        seccomp_release(filter);
    return fine;
}

/* --- all of it ------------------------------------------------------------------------------- */

static const char *put_up(const struct cell *cell)
{
    static const struct {
        const char *name;
        bool (*put_up)(const struct cell *cell);
        bool not_with_asan;
    } walls[] = {
        {"a deadline", set_deadline, false},
        {"bounds on resources", bound_resources, false},
        {"a bound on memory", bound_memory, true},
        {"no core dumps", forbid_dumps, true},
        {"no new privileges", forbid_privileges, false},
        {"Landlock", deny_files_and_ports, true},
        {"seccomp", deny_calls, true}, /* the last: it leaves no call for the others */
    };
    static char lacking[128];
    sd_id128_t boot;

    /* Read once and kept: what sd-event's first timer asks for, and any conversion of a time. */
    (void)sd_id128_get_boot(&boot);
    tzset();
    *lacking = '\0';
    for (size_t i = 0; i < ELEMENTSOF(walls); i++) {
        size_t length = strlen(lacking);

        if (!(CONTAIN_ASAN && walls[i].not_with_asan) && !walls[i].put_up(cell))
            (void)snprintf(lacking + length, sizeof(lacking) - length, "%s%s",
                           length > 0 ? ", " : "", walls[i].name);
    }
    return *lacking ? lacking : NULL;
}

const char *contain(const struct endpoint *endpoints, size_t n, unsigned deadline_s)
{
    const struct cell cell = {.endpoints = endpoints, .n_endpoints = n, .deadline_s = deadline_s};

    return put_up(&cell);
}

const char *contain_discovery(const char *const *files, unsigned deadline_s)
{
    const struct cell cell = {.discovery = true, .files = files, .deadline_s = deadline_s};

    return put_up(&cell);
}
