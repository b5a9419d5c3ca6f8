/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * lab-wire: a wire between two Ethernet ports of this network namespace, with a delay and a loss of
 * its own for each way. The lab ends every veth pair in a namespace that has no addresses and puts
 * these wires between the ends; it needs no netem, no bridge and no device node, so that it runs
 * in an unprivileged user namespace too.
 *
 *     lab-wire PORT-A PORT-B [SETTING...]
 *
 * A setting is KEY=VALUE or KEY=A-TO-B,B-TO-A: delay in microseconds, loss in percent, seed of the
 * dice that decide about loss. Lines with such settings are taken from the standard input at any
 * time; a frame that was sent after the line was written meets the new setting. The line "ready" on
 * the standard output says that the wire is connected.
 *
 * What always holds: frames of one way never overtake each other; at most QUEUE_MAX of them are
 * under way; without traffic the process sleeps. A port that is down, or full, loses the frame, as
 * a wire does; when it is up again the wire goes on.
 *
 * It refuses to look into frames, and it has no addresses: nobody can talk to it.
 */
#define _GNU_SOURCE 1 /* ppoll() */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE_MAX 4096
#define DELAY_MAX 60e6 /* µs */
#define SEED_MAX  4294967295.0
/* Offloads make big frames. */
#define FRAME_MAX (sizeof(struct virtio_net_hdr) + ETH_HLEN + 65536)
#define NS_PER_S  INT64_C(1000000000)

struct frame {
    struct frame *next;
    int64_t due; /* ns, CLOCK_MONOTONIC */
    size_t size;
    unsigned char bytes[];
};

/* One direction. */
struct way {
    int from, to;     /* packet sockets */
    int64_t delay;    /* ns */
    double loss;      /* 0 to 1 */
    uint16_t dice[3]; /* as erand48() wants it; one for each way, so that a run can be repeated */
    struct frame *first, **end;
    unsigned queued;
};

enum { A_TO_B, B_TO_A, N_WAYS };

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* A packet socket on one port; exits with the reason where there can be none. */
static int port_open(const char *name)
{
    static const int on = 1;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int port;

    /* Protocol 0: nothing is received before the socket is bound to its port. */
    port = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address.sll_ifindex = (int)if_nametoindex(name);
    /* The header carries checksum and segmentation offload from one port to the other; without it
     * frames would be sent with the checksums that their sender had left to the hardware. */
    if (port < 0 || address.sll_ifindex == 0 ||
        setsockopt(port, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
        setsockopt(port, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
        bind(port, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fprintf(stderr, "lab-wire: %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return port;
}

static void way_seed(struct way *way, uint32_t seed)
{
    way->dice[0] = 0x330e; /* as srand48() does it */
    way->dice[1] = (uint16_t)seed;
    way->dice[2] = (uint16_t)(seed >> 16);
}

/* Takes one frame from its port and sends it on its way. Only one: the settings come first again
 * before the next. */
static void way_receive(struct way *way)
{
    static unsigned char buffer[FRAME_MAX];
    struct frame *frame;
    ssize_t size;

    size = recv(way->from, buffer, sizeof(buffer), 0);
    if (size <= 0) /* the port went down (ENETDOWN, once), or there was nothing */
        return;
    if (way->queued == QUEUE_MAX || erand48(way->dice) < way->loss)
        return;
    frame = malloc(sizeof(*frame) + (size_t)size);
    if (!frame)
        return;
    frame->next = NULL;
    frame->size = (size_t)size;
    /* Where the delay was lowered while others are under way, the frame is sent right behind them:
     * they are ahead of it in the queue. */
    frame->due = now() + way->delay;
    memcpy(frame->bytes, buffer, frame->size);
    *way->end = frame;
    way->end = &frame->next;
    way->queued++;
}

/* Delivers what has arrived at the other end. */
static void way_deliver(struct way *way)
{
    while (way->first && way->first->due <= now()) {
        struct frame *frame = way->first;

        way->first = frame->next;
        if (!way->first)
            way->end = &way->first;
        way->queued--;
        (void)send(way->to, frame->bytes, frame->size, 0);
        free(frame);
    }
}

/* Reads VALUE or VALUE,VALUE, each from 0 to max. */
static bool values_parse(const char *text, double max, double values[static N_WAYS])
{
    char *end;

    values[A_TO_B] = values[B_TO_A] = strtod(text, &end);
    if (end != text && *end == ',') {
        text = end + 1;
        values[B_TO_A] = strtod(text, &end);
    }
    if (end == text || *end)
        return false;
    for (int i = 0; i < N_WAYS; i++)
        if (!(values[i] >= 0 && values[i] <= max)) /* this way round: also refuses not-a-number */
            return false;
    return true;
}

static bool setting_apply(struct way ways[static N_WAYS], const char *setting)
{
    double values[N_WAYS];

    if (strncmp(setting, "delay=", 6) == 0 && values_parse(setting + 6, DELAY_MAX, values)) {
        for (int i = 0; i < N_WAYS; i++)
            ways[i].delay = (int64_t)(values[i] * 1000);
    } else if (strncmp(setting, "loss=", 5) == 0 && values_parse(setting + 5, 100, values)) {
        for (int i = 0; i < N_WAYS; i++)
            ways[i].loss = values[i] / 100;
    } else if (strncmp(setting, "seed=", 5) == 0 && values_parse(setting + 5, SEED_MAX, values)) {
        for (int i = 0; i < N_WAYS; i++)
            way_seed(&ways[i], (uint32_t)values[i]);
    } else {
        fprintf(stderr, "lab-wire: '%s' is no setting\n", setting);
        return false;
    }
    return true;
}

/* Reads settings, one a line; false when there will be no more. */
static bool settings_read(struct way ways[static N_WAYS])
{
    static char line[256];
    static size_t length;
    ssize_t size;
    char *newline;

    size = read(STDIN_FILENO, line + length, sizeof(line) - length);
    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    if (size == 0)
        return false;
    length += (size_t)size;
    while ((newline = memchr(line, '\n', length))) {
        *newline = '\0';
        setting_apply(ways, line);
        length -= (size_t)(newline + 1 - line);
        memmove(line, newline + 1, length);
    }
    if (length == sizeof(line)) {
        fprintf(stderr, "lab-wire: a line is too long\n");
        length = 0;
    }
    return true;
}

/* How long nothing has to be delivered; NULL: for ever. */
static const struct timespec *time_left(const struct way ways[static N_WAYS],
                                        struct timespec *buffer)
{
    int64_t due = INT64_MAX, left;

    for (int i = 0; i < N_WAYS; i++)
        if (ways[i].first && ways[i].first->due < due)
            due = ways[i].first->due;
    if (due == INT64_MAX)
        return NULL;
    left = due - now();
    if (left < 0)
        left = 0;
    *buffer = (struct timespec){.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    return buffer;
}

int main(int argc, char **argv)
{
    struct way ways[N_WAYS] = {0};
    /* The settings are asked last: whatever frame poll() has seen, a line written before that frame
     * was sent is seen as well. */
    struct pollfd polled[] = {{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};

    if (argc < 3) {
        fprintf(stderr, "usage: lab-wire PORT-A PORT-B [delay=US[,US]] [loss=PERCENT[,PERCENT]] "
                        "[seed=NUMBER[,NUMBER]]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns; the default of 50 µs is a tenth of our shortest wire */
    polled[A_TO_B].fd = ways[A_TO_B].from = ways[B_TO_A].to = port_open(argv[1]);
    polled[B_TO_A].fd = ways[B_TO_A].from = ways[A_TO_B].to = port_open(argv[2]);
    for (int i = 0; i < N_WAYS; i++) {
        ways[i].end = &ways[i].first;
        way_seed(&ways[i], (uint32_t)i + 1);
    }
    for (int i = 3; i < argc; i++)
        if (!setting_apply(ways, argv[i]))
            return 2;
    if (puts("ready") < 0 || fflush(stdout) != 0)
        return 1;

    for (;;) {
        struct timespec buffer;

        if (ppoll(polled, N_WAYS + 1, time_left(ways, &buffer), NULL) < 0) {
            if (errno == EINTR)
                continue;
            fprintf(stderr, "lab-wire: ppoll: %s\n", strerror(errno));
            return 1;
        }
        if (polled[N_WAYS].revents && !settings_read(ways))
            polled[N_WAYS].fd = -1;
        for (int i = 0; i < N_WAYS; i++) {
            if (polled[i].revents)
                way_receive(&ways[i]);
            way_deliver(&ways[i]);
        }
    }
}
