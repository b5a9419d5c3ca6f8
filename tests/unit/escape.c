/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Breaks out of the cells of mailroam-probe and mailroam-discover. Each attempt is made by a child
 * of its own behind contain() and has to end as the wall before it says: killed, or refused with an
 * errno. What a check, or a search, needs to do has to succeed.
 *
 *     escape                        the tests
 *     escape --without COMMAND...   runs COMMAND as on a kernel without Landlock and seccomp
 */
#include "cleanup.h"
#include "contain.h"
#include "tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/landlock.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define DEADLINE_S 2  /* of what is to be killed by it */
#define PATIENCE_S 30 /* of what is not, on a machine that has other things to do */

#define NOT_AS_FAR 200 /* how a child ends where it would otherwise end with an errno or 0 */

static size_t memory_bound = 128 << 20; /* as mailroam-probe(1) has it */
static pid_t parent;
static uint16_t ports[2]; /* somebody listens on both; the first is an endpoint's */

static int result_of(long result)
{
    return result < 0 ? errno : 0;
}

static int open_at(const char *path, int flags)
{
    return result_of(open(path, flags, 0600));
}

/* --- attempts on files: in the order of the table at the end -----------------------------------
 */

static int read_anchor(void)
{
    return open_at("anchors/01234567.0", O_RDONLY);
}

static int read_second_directory(void)
{
    return open_at("more/89abcdef.0", O_RDONLY);
}

static int list_anchors(void)
{
    return open_at("anchors", O_RDONLY | O_DIRECTORY);
}

static int read_bundle(void)
{
    return open_at("bundle.pem", O_RDONLY);
}

static int read_hosts(void)
{
    return open_at("/etc/hosts", O_RDONLY);
}

static int read_passwd(void)
{
    return open_at("/etc/passwd", O_RDONLY);
}

static int read_secret(void)
{
    return open_at("elsewhere/secret", O_RDONLY);
}

static int read_by_link(void)
{
    return open_at("anchors/link.pem", O_RDONLY);
}

static int list_folder(void)
{
    return open_at(".", O_RDONLY | O_DIRECTORY);
}

static int open_to_write(void)
{
    return open_at("anchors/plain", O_WRONLY);
}

static int truncate_by_reading(void)
{
    return open_at("anchors/plain", O_RDONLY | O_TRUNC);
}

static int make_file(void)
{
    return open_at("anchors/new", O_RDONLY | O_CREAT);
}

static int delete_file(void)
{
    return result_of(unlink("anchors/plain"));
}

static int change_directory(void)
{
    return result_of(chdir("/"));
}

/* --- attempts on programs and processes --------------------------------------------------------
 */

static int run_program(void)
{
    char name[] = "true", *arguments[] = {name, NULL};

    return result_of(execv("/bin/true", arguments));
}

static int become_two(void)
{
    return result_of(fork());
}

static void *do_nothing(void *userdata)
{
    return userdata;
}

static int start_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, do_nothing, NULL);
}

static int trace_other(void)
{
    return result_of(ptrace(PTRACE_ATTACH, parent, NULL, NULL));
}

static int read_memory_of_other(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&parent, 1};

    return result_of(process_vm_readv(parent, &here, 1, &there, 1, 0));
}

static int signal_other(void)
{
    return result_of(kill(parent, SIGCONT));
}

static int abort_other(void)
{
    return result_of(syscall(SYS_tgkill, parent, parent, SIGABRT));
}

static int have_other_signalled(void)
{
    return result_of(fcntl(STDIN_FILENO, F_SETOWN, parent));
}

static int type_into_terminal(void)
{
    return result_of(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

/* --- attempts on the network -------------------------------------------------------------------
 */

static int make_socket(int family, int type, int protocol)
{
    return result_of(socket(family, type, protocol));
}

static int make_local_socket(void)
{
    return make_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_netlink_socket(void)
{
    return make_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int make_packet_socket(void)
{
    return make_socket(AF_PACKET, SOCK_RAW, 0);
}

static int make_raw_socket(void)
{
    return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int make_mptcp_socket(void)
{
    return make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

/* 0: a port of the kernel's choice */
static struct sockaddr_in on_loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = on_loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return result_of(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int connect_to_endpoint(void)
{
    return connect_to(ports[0]);
}

static int connect_elsewhere(void)
{
    return connect_to(ports[1]);
}

static int connect_by_sending(void)
{
    struct sockaddr_in to = on_loopback(ports[1]);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return result_of(sendto(fd, "", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)));
}

static int take_port(void)
{
    struct sockaddr_in any = on_loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return result_of(bind(fd, (struct sockaddr *)&any, sizeof(any)));
}

/* --- attempts on memory, limits and time -------------------------------------------------------
 */

static int map(int protection, int flags)
{
    void *page = mmap(NULL, 4096, protection, flags | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? errno : 0;
}

static int make_code(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
}

static int turn_data_into_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? NOT_AS_FAR : result_of(mprotect(page, 4096, PROT_EXEC));
}

static int share_memory(void)
{
    return map(PROT_READ | PROT_WRITE, MAP_SHARED);
}

static int take_half_the_memory(void)
{
    char *volatile taken = malloc(memory_bound / 2);

    return taken ? 0 : ENOMEM;
}

static int take_all_memory(void)
{
    size_t taken = 0, piece = 1 << 20;
    char *volatile got;

    while (taken < 2 * memory_bound && (got = malloc(piece))) {
        memset(got, 1, piece);
        taken += piece;
    }
    return taken > memory_bound ? 0 : taken > memory_bound / 2 ? ENOMEM : NOT_AS_FAR;
}

static int make_many_sockets(void)
{
    for (int n = 0; n < 5000; n++)
        if (socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0)
            return errno;
    return 0;
}

static int raise_limit(void)
{
    const struct rlimit more = {1 << 20, 1 << 20};

    return result_of(setrlimit(RLIMIT_CORE, &more));
}

static int become_dumpable(void)
{
    return result_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int stop_deadline(void)
{
    return result_of(syscall(SYS_timer_delete, 0));
}

/* Deaf to all signals to which one can be deaf. */
static int outlive_deadline(void)
{
    sigset_t all;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    return result_of(poll(NULL, 0, 30 * 1000));
}

static int be_undumpable(void)
{
    struct rlimit core = {1, 1};

    (void)getrlimit(RLIMIT_CORE, &core);
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && core.rlim_max == 0 ? 0 : NOT_AS_FAR;
}

static int abort_self(void)
{
    abort();
}

/* -----------------------------------------------------------------------------------------------
 */

#define SUCCEEDS     0, 0
#define FAILS(error) error, 0
#define KILLED       0, SIGSYS

enum wall { FILES, PORTS, CALLS, RESOURCES };

static const struct attempt {
    const char *name;
    int (*make)(void);
    enum wall wall; /* what stands against it */
    int status, signal;
} attempts[] = {
    {"read a trust anchor by its links", read_anchor, FILES, SUCCEEDS},
    {"read a trust anchor in the second directory", read_second_directory, FILES, SUCCEEDS},
    {"list the trust anchors", list_anchors, FILES, SUCCEEDS},
    {"read the bundle of trust anchors", read_bundle, FILES, SUCCEEDS},
    {"read the hosts file", read_hosts, FILES, SUCCEEDS},
    {"read /etc/passwd", read_passwd, FILES, FAILS(EACCES)},
    {"read a file of the user's", read_secret, FILES, FAILS(EACCES)},
    {"read it by a link among the anchors", read_by_link, FILES, FAILS(EACCES)},
    {"list a directory", list_folder, FILES, FAILS(EACCES)},
    {"write to a file", open_to_write, CALLS, KILLED},
    {"truncate a file while opening it to read", truncate_by_reading, CALLS, KILLED},
    {"make a file", make_file, CALLS, KILLED},
    {"delete a file", delete_file, CALLS, KILLED},
    {"change the directory", change_directory, CALLS, KILLED},
    {"run a program", run_program, CALLS, KILLED},
    {"fork", become_two, CALLS, KILLED},
    {"start a thread", start_thread, CALLS, KILLED},
    {"trace another process", trace_other, CALLS, KILLED},
    {"read another process's memory", read_memory_of_other, CALLS, KILLED},
    {"signal another process", signal_other, CALLS, KILLED},
    {"abort another process", abort_other, CALLS, KILLED},
    {"have the kernel signal another process", have_other_signalled, CALLS, KILLED},
    {"type into the terminal", type_into_terminal, CALLS, FAILS(ENOTTY)},
    {"make a local socket", make_local_socket, CALLS, FAILS(EAFNOSUPPORT)},
    {"make a netlink socket", make_netlink_socket, CALLS, FAILS(EAFNOSUPPORT)},
    {"make a packet socket", make_packet_socket, CALLS, FAILS(EAFNOSUPPORT)},
    {"make a raw socket", make_raw_socket, CALLS, KILLED},
    {"make an MPTCP socket", make_mptcp_socket, CALLS, KILLED},
    {"take a port to listen on", take_port, CALLS, KILLED},
    {"connect to an endpoint's port", connect_to_endpoint, PORTS, SUCCEEDS},
    {"connect to another port", connect_elsewhere, PORTS, FAILS(EACCES)},
    {"connect to another port by sending", connect_by_sending, CALLS, KILLED},
    {"make memory to be written and run", make_code, CALLS, KILLED},
    {"make data to code", turn_data_into_code, CALLS, KILLED},
    {"share memory, which is not counted", share_memory, CALLS, KILLED},
    {"take half the memory", take_half_the_memory, RESOURCES, SUCCEEDS},
    {"take all the memory", take_all_memory, RESOURCES, FAILS(ENOMEM)},
    {"make 5000 sockets", make_many_sockets, RESOURCES, FAILS(EMFILE)},
    {"raise a limit", raise_limit, CALLS, KILLED},
    {"become dumpable", become_dumpable, CALLS, FAILS(EINVAL)},
    {"stop the deadline", stop_deadline, CALLS, KILLED},
    {"outlive the deadline, deaf to signals", outlive_deadline, RESOURCES, 0, SIGKILL},
    {"abort, and be told as that", abort_self, CALLS, 0, SIGABRT},
};

/* Where the cell of mailroam-discover differs. */
static const struct attempt of_discovery[] = {
    {"start a thread", start_thread, CALLS, SUCCEEDS},
    {"connect to another port", connect_elsewhere, PORTS, SUCCEEDS},
    {"make memory to be written and run", make_code, CALLS, FAILS(EACCES)},
    {"share memory, which is not counted", share_memory, CALLS, FAILS(EACCES)},
};

/* From now on the kernel has no Landlock and no seccomp. */
static bool lose_inner_walls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    return filter &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) ==
               0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) == 0 &&
           seccomp_load(filter) == 0;
}

enum cell { NO_CELL, WHOLE_CELL, OUTER_WALLS, DISCOVERY };

/* Makes the attempt in a child; how that ended, as waitpid() has it. */
static int make_attempt(const struct attempt *attempt, enum cell cell)
{
    const struct endpoint endpoint = {.port = ports[0]};
    const struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};
    const unsigned deadline_s = attempt->signal == SIGKILL ? DEADLINE_S : PATIENCE_S;
    int status = -1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setrlimit(RLIMIT_CORE, &core);
        if (cell == OUTER_WALLS && !lose_inner_walls())
            _exit(NOT_AS_FAR);
        if (cell == DISCOVERY)
            (void)contain_discovery((const char *const[]){"elsewhere/ca.pem", NULL}, deadline_s);
        else if (cell != NO_CELL)
            (void)contain(&endpoint, 1, deadline_s);
        _exit(attempt->make());
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static bool kernel_has(enum wall wall)
{
    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    switch (wall) {
    case FILES:
        return landlock >= 1;
    case PORTS:
        return landlock >= 4;
    case CALLS:
        return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
    case RESOURCES:
        break;
    }
    return true;
}

static void test_attempt(const struct attempt *attempt, enum cell cell)
{
    int status = make_attempt(attempt, cell);
    bool as_expected = attempt->signal
                           ? WIFSIGNALED(status) && WTERMSIG(status) == attempt->signal
                           : WIFEXITED(status) && WEXITSTATUS(status) == attempt->status;

    if (!kernel_has(attempt->wall))
        skip(attempt->name, "this kernel does not have what is against it");
    else if (!ok(as_expected, "%s%s: %s", cell == DISCOVERY ? "discovery: " : "", attempt->name,
                 attempt->signal   ? strsignal(attempt->signal)
                 : attempt->status ? strerror(attempt->status)
                                   : "allowed"))
        printf("# %s %d\n", WIFSIGNALED(status) ? "killed by signal" : "ended with",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void test_discovery(const struct attempt *attempt)
{
    for (size_t i = 0; i < ELEMENTSOF(of_discovery); i++)
        if (of_discovery[i].make == attempt->make)
            attempt = &of_discovery[i];
    test_attempt(attempt, DISCOVERY);
}

/* Landlock and seccomp would hide it, because they let no core be made either. */
static void test_core(void)
{
    static const struct attempt undumpable = {"stay", be_undumpable, RESOURCES, 0, 0};
    static const struct attempt dump = {"abort", abort_self, RESOURCES, 0, 0};

    is_number(make_attempt(&undumpable, OUTER_WALLS), 0, "not dumpable, and no room for a core");
    if (WCOREDUMP(make_attempt(&dump, NO_CELL)))
        ok(!WCOREDUMP(make_attempt(&dump, OUTER_WALLS)), "no core is left");
    else
        skip("no core is left", "none is without the cell either");
}

/* --- around it ---------------------------------------------------------------------------------
 */

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
}

/* As Debian has it: anchors/HASH.0 -> anchors/NAME.pem -> elsewhere. */
static bool make_files(const char *folder)
{
    char directories[128], bundle[128];

    (void)snprintf(directories, sizeof(directories), "%s/anchors:%s/more", folder, folder);
    (void)snprintf(bundle, sizeof(bundle), "%s/bundle.pem", folder);
    if (chdir(folder) < 0 || mkdir("anchors", 0700) < 0 || mkdir("more", 0700) < 0 ||
        mkdir("elsewhere", 0700) < 0 || symlink("ca.pem", "anchors/01234567.0") < 0 ||
        symlink("../elsewhere/ca.pem", "anchors/ca.pem") < 0 ||
        symlink("../elsewhere/secret", "anchors/link.pem") < 0 ||
        symlink("../elsewhere/ca.pem", "more/89abcdef.0") < 0)
        return false;
    put("bundle.pem");
    put("anchors/plain");
    put("elsewhere/ca.pem");
    put("elsewhere/secret");
    return setenv("SSL_CERT_DIR", directories, 1) == 0 && setenv("SSL_CERT_FILE", bundle, 1) == 0;
}

static int remove_one(const char *path, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(path);
}

static bool listen_on(uint16_t *ret_port)
{
    struct sockaddr_in any = on_loopback(0);
    socklen_t size = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, size) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&any, &size) < 0)
        return false;
    *ret_port = ntohs(any.sin_port);
    return true;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/mailroam-escape-XXXXXX";

    if (argc > 2 && strcmp(argv[1], "--without") == 0) {
        if (!lose_inner_walls())
            return 77;
        (void)execvp(argv[2], argv + 2);
        return 127;
    }
    if (CONTAIN_ASAN) {
        puts("1..0 # SKIP AddressSanitizer lives with none of this");
        return 0;
    }
    parent = getpid();
    if (!mkdtemp(folder) || !make_files(folder) || !listen_on(&ports[0]) || !listen_on(&ports[1]))
        return 1;
    for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
        test_attempt(&attempts[i], WHOLE_CELL);
    test_core();
    memory_bound = 256 << 20;
    for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
        test_discovery(&attempts[i]);
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
