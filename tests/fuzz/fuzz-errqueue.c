/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Messages of an error queue with any content. Their control data is a chain of headers as the
 * kernel makes it (whole ones, within the buffer), of any level, type, length and content.
 */
#include "fuzz.h"
#include "probe/errqueue.h"
#include <arpa/inet.h>
#include <sys/socket.h>

#define CONTROL_MAX 512

/* What the headers are of, by one bit of the input each: mostly those that are read. */
static const struct {
    int level, type;
} kinds[] = {
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IP, IP_RECVTTL},
    {SOL_SOCKET, SO_TIMESTAMP},
};

/* One header and its content, at the most what is left of the buffer; how much that takes. */
static size_t add(struct input *input, struct cmsghdr *header, size_t left)
{
    uint8_t kind = draw(input);
    size_t length = draw(input);

    if (length > left - CMSG_LEN(0))
        length = left - CMSG_LEN(0);
    header->cmsg_level = kinds[kind % ELEMENTSOF(kinds)].level;
    header->cmsg_type = kinds[kind % ELEMENTSOF(kinds)].type;
    header->cmsg_len = CMSG_LEN(length);
    for (size_t i = 0; i < length; i++)
        CMSG_DATA(header)[i] = draw(input);
    return CMSG_SPACE(length) < left ? CMSG_SPACE(length) : left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct attempt attempt = {.family = AF_INET};
    size_t used = 0;
    uint8_t *control = malloc(CONTROL_MAX), *exact;
    struct in6_addr address;
    struct msghdr message = {0};

    CHECK(control);
    while (input.n > 0 && CONTROL_MAX - used >= CMSG_LEN(0))
        used += add(&input, (struct cmsghdr *)(void *)(control + used), CONTROL_MAX - used);
    exact = realloc(control, used > 0 ? used : 1); /* whoever reads beyond the last is caught */
    CHECK(exact);
    message.msg_control = exact;
    message.msg_controllen = used;
    if (errqueue_read_message(&message, &attempt)) {
        CHECK(attempt.how > HOW_NONE && attempt.how < N_HOW);
        CHECK(attempt.how != HOW_DROPPED && attempt.how != HOW_RESET);
        CHECK(!*attempt.by || inet_pton(AF_INET, attempt.by, &address) == 1 ||
              inet_pton(AF_INET6, attempt.by, &address) == 1);
    } else {
        CHECK(attempt.how == HOW_NONE && !*attempt.by);
    }
    free(exact);
    return 0;
}
