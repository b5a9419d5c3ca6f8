/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/observation.h"
#include <sys/socket.h>

/*
 * What the network said about a connecting socket: the ICMP errors on its error queue (ip(7)
 * IP_RECVERR; no privileges needed).
 */

/* Asks the kernel to keep ICMP errors of this socket. 0 or negative errno. */
int errqueue_enable(int fd, int family);

/*
 * Takes the oldest ICMP error off the queue into attempt->{how,by,by_self}. True where there
 * was one; its ICMP types are those of RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443 section 3.
 */
bool errqueue_read(int fd, struct attempt *attempt);

/* One message of the queue, as recvmsg(2) has filled it in: the first ICMP error in its control
 * data goes to attempt->{how,by}. True where there was one. */
bool errqueue_read_message(struct msghdr *message, struct attempt *attempt);

/* The meaning of one ICMP destination-unreachable or time-exceeded; HOW_NONE for all others. */
enum how icmp_meaning(int family, unsigned type, unsigned code);
