/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include "judge/evidence.h"
#include "judge/silence.h"
#include <netinet/in.h>

/* What the check of one endpoint saw: plain facts, without any conclusion. */

/* Who or what stopped a packet; the words of the evidence `how`. */
enum how {
    HOW_NONE,
    HOW_DROPPED,
    HOW_RESET,
    HOW_ADMIN_PROHIBITED,
    HOW_NET_UNREACHABLE,
    HOW_HOST_UNREACHABLE,
    HOW_PORT_UNREACHABLE,
    HOW_TTL_EXCEEDED, /* of what was sent to die on the way; never evidence */
    N_HOW,
};

const char *how_to_string(enum how how);

enum attempt_end {
    ATTEMPT_PENDING,
    ATTEMPT_CONNECTED,
    ATTEMPT_ABANDONED, /* another address was faster */
    ATTEMPT_SILENT,    /* nothing came back within the time allowed */
    ATTEMPT_RESET,     /* a TCP reset; from whom, the packet does not say */
    ATTEMPT_ICMP,      /* an ICMP error: `how` and `by` */
    ATTEMPT_EXCEEDED,  /* a router's answer to a packet whose time to live was over: `by` */
    ATTEMPT_NO_ROUTE,  /* our own kernel has no way there */
};

struct walk;

/* One TCP connection attempt to one address. */
struct attempt {
    int family; /* AF_INET or AF_INET6 */
    char address[INET6_ADDRSTRLEN];
    enum attempt_end end;
    enum how how;              /* ATTEMPT_ICMP: what it said */
    char by[INET6_ADDRSTRLEN]; /* ATTEMPT_ICMP: who said so; "" unknown */
    bool by_self;              /* that was an address of this machine */
    bool on_link;              /* a neighbour's address: no router stands before it */
    bool at_once;              /* the answer was there when connect() returned */
    unsigned us;               /* from the SYN to the end */
    unsigned ttl;              /* what was left of the ICMP error's time to live; 0: not known */
    const struct walk *walk;   /* NULL: none was made */
};

#define ATTEMPTS_MAX 16

/*
 * A walk: SYNs to a port and, beside it, to a control port of the same server that answers, with
 * times to live from 1 upwards. What comes back says where on the path the two part.
 */
#define HOPS_MAX 24

/* How far the resets have come: as far as the first time to live that brings one reaches, or from
 * one hop nearer. */
enum origin { ORIGIN_UNKNOWN, ORIGIN_THERE, ORIGIN_NEARER };

struct walk {
    struct attempt port[HOPS_MAX + 1]; /* by time to live; 0 is not used */
    struct attempt control[HOPS_MAX + 1];
    bool alone;                 /* there was no other port: the control is the port itself */
    bool unproved;              /* what answers on the control port may be no server either */
    unsigned distance;          /* hops to what answers on the control port; 0: unknown */
    struct soundings soundings; /* SYNs at full reach, where the port was silent */
    enum origin reset_origin;
};

/* How far the conversation came. */
enum stage {
    STAGE_RESOLVE,
    STAGE_CONNECT,
    STAGE_GREETING,
    STAGE_EHLO,
    STAGE_STARTTLS,
    STAGE_TLS,
    STAGE_EHLO_TLS,
    STAGE_LOGIN, /* only while it lasts */
    STAGE_COMPLETE,
};

/* Why it went no further. */
enum halt {
    HALT_NONE,
    HALT_FAILED, /* STAGE_RESOLVE, STAGE_CONNECT: see `problem`, `attempts` */
    HALT_TIMEOUT,
    HALT_CLOSED,      /* the other side ended the connection */
    HALT_RESET,       /* ... by a TCP reset */
    HALT_STOPPED,     /* an ICMP error came in mid-conversation */
    HALT_REPLY,       /* a 4xx or 5xx reply: evidence `code`, `text` */
    HALT_NOT_SMTP,    /* what came is no SMTP reply */
    HALT_NOT_TLS,     /* what came is no TLS */
    HALT_INJECTED,    /* bytes stood behind the reply to STARTTLS */
    HALT_NO_STARTTLS, /* STARTTLS is not offered */
    HALT_HANDSHAKE,   /* TLS could not be agreed on */
    HALT_CERTIFICATE, /* TLS works, the certificate does not verify: evidence `certificate` */
};

/* What came of the login, where one was wished for and TLS had verified. */
enum login_outcome {
    LOGIN_NONE, /* it did not come to that */
    LOGIN_ACCEPTED,
    LOGIN_REFUSED,  /* 5xx: evidence `code`, `text` */
    LOGIN_DEFERRED, /* 4xx, or no answer, or one that makes no sense */
    LOGIN_WITHHELD, /* not tried: no mechanism will do */
    LOGIN_FORGED,   /* the server does not know what it has to know of the password, or has found
                       out that its TLS session is not the one we have */
    N_LOGIN_OUTCOME,
};

const char *login_outcome_to_string(enum login_outcome outcome);

struct observation {
    enum stage stage;
    enum halt halt;
    struct attempt attempts[ATTEMPTS_MAX];
    size_t n_attempts;
    bool garbled; /* greeting or EHLO reply show a box's handwriting: `220 ****`, `XXXX` */
    bool auth;    /* AUTH is offered, after TLS where there is TLS */
    enum login_outcome login;
    bool bound;               /* the login was tied to the TLS session (channel binding) */
    struct evidence evidence; /* what was read on the way: greeting, code, text, tls, ... */
};

/* The attempt that connected, or NULL. */
const struct attempt *observation_connected(const struct observation *observation);

/* Whether what answered has proved by TLS that it is the server. */
bool observation_is_proved(const struct observation *observation);

/* Whether something answered in SMTP; in HTTP; connected and then said nothing. */
bool observation_is_smtp(const struct observation *observation);
bool observation_is_http(const struct observation *observation);
bool observation_is_mute(const struct observation *observation);
