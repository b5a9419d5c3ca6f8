/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Asks a mailroam-probe and reads its lines, over one stream socket either way: connected to by
 * systemd's socket, or one half of a pair whose other half a child has. Whatever the probe does
 * (hangs, floods, prints rubbish, dies), this ends once, within the deadline, and the probe with
 * it: a child is killed, a service sees that the connection is closed. One that has said all may
 * still be saying QUIT to a server, and is left to it.
 *
 * Refused: to start a child where the socket does not answer. A unit that names the socket forbids
 * us the network, and so our children: they would find every server unreachable, and say so.
 */
#include "prober.h"
#include "child.h"
#include "cleanup.h"
#include "error.h"
#include "judge/finding.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SOCKET_PREFIX "unix:"

struct prober {
    sd_event *event;
    const struct prober_callbacks *callbacks;
    void *userdata;
    sd_event_source *io, *child, *deadline; /* no child: it is systemd's */
    char *request;
    struct iovec unsent[2]; /* what is left of the request, and of the secret behind it */
    char line[FINDING_LINE_MAX];
    size_t n_line;
    bool over, gone;
};

DEFINE_CLEANUP(struct prober *, prober_free)

/* --- where it is ----------------------------------------------------------------------------- */

/* The probe stands beside this program, in a build tree as where it is installed. */
const char *prober_place(void)
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

/* Only what we, or our manager, listen to is believed: whoever could put another socket in its
 * place would choose the port that is used. */
static int check_peer(int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    return peer.uid == geteuid() ? 0 : -EPERM;
}

/* The connection, or negative errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = -1;
    int r;

    if (strlen(path) >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    strcpy(to.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -errno;
    r = check_peer(fd);
    return r < 0 ? r : TAKE_FD(fd);
}

/* --- while it works -------------------------------------------------------------------------- */

/* With all descriptors: an account keeps its last check until the next one, perhaps for hours. */
static void go(struct prober *prober)
{
    prober->deadline = sd_event_source_disable_unref(prober->deadline);
    prober->child = sd_event_source_disable_unref(prober->child);
    prober->io = sd_event_source_disable_unref(prober->io);
    if (prober->gone)
        return;
    prober->gone = true;
    if (prober->callbacks->gone)
        prober->callbacks->gone(prober->userdata);
}

/* No line is taken after `problem`. With one, nothing is said to the probe any more either,
 * which it takes for the end. */
static void end(struct prober *prober, const char *problem)
{
    if (prober->over)
        return;
    prober->over = true;
    prober->unsent[1] = (struct iovec){0}; /* it may go now */
    if (problem)
        prober->io = sd_event_source_disable_unref(prober->io);
    prober->callbacks->ended(problem, prober->userdata);
    if (problem && !prober->child)
        go(prober); /* we have hung up on what systemd may still have to end */
}

/* All complete lines in the buffer. */
static void take_lines(struct prober *prober)
{
    char *start = prober->line, *stop, *stop_all = prober->line + prober->n_line;

    while (!prober->over && (stop = memchr(start, '\n', (size_t)(stop_all - start)))) {
        switch (prober->callbacks->line(start, (size_t)(stop - start), prober->userdata)) {
        case PROBER_MORE:
            break;
        case PROBER_ENOUGH:
            end(prober, NULL);
            break;
        case PROBER_NOT_SO:
            end(prober, "mailroam-probe printed what is no finding");
            break;
        }
        start = stop + 1;
    }
    prober->n_line = prober->over ? 0 : (size_t)(stop_all - start);
    memmove(prober->line, start, prober->n_line);
    if (prober->n_line == sizeof(prober->line))
        end(prober, "mailroam-probe printed a line without an end");
}

/* Reads what is there; true where there was something. A turn of the loop takes at most one buffer,
 * so a flood starves nobody. */
static bool read_some(struct prober *prober)
{
    ssize_t n = read(sd_event_source_get_io_fd(prober->io), prober->line + prober->n_line,
                     sizeof(prober->line) - prober->n_line);

    if (n > 0 && !prober->over) {
        prober->n_line += (size_t)n;
        take_lines(prober);
    }
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return n > 0;
    /* The end. A child is seen to end, too, and why is said then. */
    (void)sd_event_source_set_enabled(prober->io, SD_EVENT_OFF);
    if (!prober->child) {
        end(prober, "mailroam-probe ended before all verdicts; see journalctl --user --unit "
                    "'mailroam-probe@*'");
        go(prober);
    }
    return false;
}

/* Writes as much as is taken, and says when it was all. A probe that does not read it has its say
 * all the same: what it prints decides. */
static void write_some(struct prober *prober)
{
    int fd = sd_event_source_get_io_fd(prober->io);
    const struct msghdr message = {.msg_iov = prober->unsent,
                                   .msg_iovlen = ELEMENTSOF(prober->unsent)};
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    size_t left = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    for (size_t i = 0; n >= 0 && i < ELEMENTSOF(prober->unsent); i++) {
        struct iovec *part = &prober->unsent[i];
        size_t sent = (size_t)n < part->iov_len ? (size_t)n : part->iov_len;

        part->iov_base = (char *)part->iov_base + sent;
        part->iov_len -= sent;
        n -= (ssize_t)sent;
        left += part->iov_len;
    }
    if (left > 0)
        return;
    (void)shutdown(fd, SHUT_WR);
    (void)sd_event_source_set_io_events(prober->io, EPOLLIN);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events, void *userdata)
{
    struct prober *prober = userdata;

    if (events & EPOLLOUT)
        write_some(prober);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        (void)read_some(prober);
    return 0;
}

static int on_exit_of_child(sd_event_source *source _unused_, const siginfo_t *info, void *userdata)
{
    struct prober *prober = userdata;
    char problem[128];

    /* What it has printed before it ended counts. */
    while (!prober->over && read_some(prober))
        ;
    if (info->si_code != CLD_EXITED)
        (void)snprintf(problem, sizeof(problem), "mailroam-probe was killed by signal %d (%s)",
                       info->si_status, strsignal(info->si_status));
    else if (info->si_status == 127)
        (void)snprintf(problem, sizeof(problem), "mailroam-probe could not be started");
    else
        (void)snprintf(problem, sizeof(problem),
                       "mailroam-probe ended with status %d before all verdicts", info->si_status);
    end(prober, problem);
    go(prober);
    return 0;
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
    struct prober *prober = userdata;

    prober->child = sd_event_source_disable_unref(prober->child); /* kills */
    prober->io = sd_event_source_disable_unref(prober->io);       /* hangs up */
    end(prober, "mailroam-probe did not end in time and was stopped");
    go(prober);
    return 0;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static int watch_child(struct prober *prober, pid_t pid)
{
    int r =
        sd_event_add_child(prober->event, &prober->child, pid, WEXITED, on_exit_of_child, prober);

    if (r < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r;
    }
    (void)sd_event_source_set_child_process_own(prober->child, true); /* dies with the source */
    /* The end is seen after what was printed before it. */
    return sd_event_source_set_priority(prober->child, SD_EVENT_PRIORITY_NORMAL + 1);
}

/* Our end of a connection to a probe, or negative errno. */
static int reach(struct prober *prober)
{
    static const char *const arguments[] = {"mailroam-probe", "--request", NULL};
    const char *place = prober_place();
    _cleanup_close_ int ours = -1, theirs = -1;
    int ends[2], r;
    pid_t pid = 0;

    if (strncmp(place, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0)
        return connect_to(place + strlen(SOCKET_PREFIX));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    ours = ends[0];
    theirs = ends[1];
    if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    r = child_spawn(place, arguments, (int[]){theirs, theirs, STDERR_FILENO}, &pid);
    if (r == 0)
        r = watch_child(prober, pid);
    return r < 0 ? r : TAKE_FD(ours);
}

int prober_new(struct prober **ret, sd_event *event, const char *request, const void *secret,
               size_t n_secret, unsigned deadline_s, const struct prober_callbacks *callbacks,
               void *userdata)
{
    _cleanup_(prober_freep) struct prober *prober = calloc(1, sizeof(*prober));
    _cleanup_close_ int fd = -1;
    int r;

    if (!prober)
        return -ENOMEM;
    prober->event = sd_event_ref(event);
    prober->callbacks = callbacks;
    prober->userdata = userdata;
    prober->request = strdup(request);
    if (!prober->request)
        return -ENOMEM;
    prober->unsent[0] = (struct iovec){prober->request, strlen(request)};
    prober->unsent[1] = (struct iovec){(void *)secret, n_secret}; /* which is only read */
    fd = r = reach(prober);
    if (fd >= 0)
        r = sd_event_add_io(event, &prober->io, fd, EPOLLIN | EPOLLOUT, on_io, prober);
    if (r < 0)
        return r;
    TAKE_FD(fd);
    (void)sd_event_source_set_io_fd_own(prober->io, true);
    r = sd_event_add_time_relative(event, &prober->deadline, CLOCK_MONOTONIC,
                                   deadline_s * (uint64_t)1000000, 0, on_deadline, prober);
    if (r < 0)
        return r;
    *ret = TAKE(prober); /* cppcheck-suppress AssignmentAddressToInteger; it takes prober for r */
    return 0;
}

struct prober *prober_free(struct prober *prober)
{
    if (!prober)
        return NULL;
    sd_event_source_disable_unref(prober->child);
    sd_event_source_disable_unref(prober->io);
    sd_event_source_disable_unref(prober->deadline);
    sd_event_unref(prober->event);
    free(prober->request);
    free(prober);
    return NULL;
}
