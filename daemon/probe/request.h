/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/finding.h"
#include "secret.h"
#include "watch/ip.h"
#include <stddef.h>

/*
 * What a program asks mailroam-probe for, on its standard input: one line of JSON, and behind it
 * bytes that are nobody's to print or parse, to the end of the input.
 *
 *   {"version":1,"endpoints":[{"host":"mail.example.org","port":465,"security":"tls"}],
 *    "timeout":15,"ca_file":"/path","pin":"sha256//...","expected":[FINDING...],
 *    "user":"me@example.org","mechanisms":"PLAIN LOGIN"}
 *
 * or, instead of the endpoints, the daemon's errand on a new network:
 *
 *   {"version":1,"ask_neighbour":{"interface":2,"address":"192.0.2.1"}}
 *
 * `timeout` (seconds), `ca_file`, `pin` and `expected` (findings as the probe prints them) may be
 * left out. `user` asks for a login at the one endpoint there may be then, by one of `mechanisms`
 * (left out: the usual ones); the password or token stands behind the line.
 */
#define REQUEST_VERSION       1
#define REQUEST_ENDPOINTS_MAX 64
#define REQUEST_TIMEOUT_S     15  /* where none is said */
#define REQUEST_TIMEOUT_MAX_S 300 /* the longest that may be said */
/* Bytes of the line: as many findings as endpoints, and those. */
#define REQUEST_LINE_MAX   (REQUEST_ENDPOINTS_MAX * (FINDING_LINE_MAX + 512) + 16384)
#define REQUEST_SECRET_MAX SECRET_MAX /* bytes behind the line */
#define REQUEST_WAIT_MS    5000       /* for whoever asks to have asked */

struct request {
    struct endpoint endpoints[REQUEST_ENDPOINTS_MAX];
    size_t n_endpoints;
    struct finding expected[REQUEST_ENDPOINTS_MAX];
    size_t n_expected;
    char *ca_file, *pin;   /* NULL: none */
    char *user;            /* to log in at the one endpoint; NULL: no login */
    unsigned mechanisms;   /* it may be done by (mechanism.h) */
    struct secret *secret; /* to do it with */
    unsigned timeout_s;
    struct ip neighbour; /* to ask for, instead of a check; no family: none */
    int neighbour_interface;
};

/* Empty, with the default timeout; to be cleared. */
void request_init(struct request *request);
void request_clear(struct request *request);

/* Adds it unless it is there. 0, or -ENOSPC. */
int request_add_endpoint(struct request *request, const struct endpoint *endpoint);

/* Whether the login that is asked for can be tried: at one endpoint, since each costs one of the
 * few attempts that servers allow, and not in clear. 0, or -EINVAL and then why not in
 * *ret_problem. */
int request_check_login(const struct request *request, char **ret_problem);

/* Fills a request that is empty from a line, without its end. 0, or -EINVAL and then what is wrong
 * in *ret_problem (caller frees; safe to show); -ENOMEM. */
int request_parse(struct request *request, const char *line, size_t length, char **ret_problem);

/*
 * Reads it from `fd`, to its end, as above. The bytes behind the line go from the kernel into one
 * mapping, which is locked in memory, left out of core dumps and wiped before this returns; no
 * library sees them. Those of a login are copied to request->secret. -EINVAL also where nobody asks
 * within REQUEST_WAIT_MS; other negative errno.
 */
int request_read(struct request *request, int fd, char **ret_problem);
