/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cleanup.h"
#include "judge/finding.h"
#include <dbus/dbus.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * mailroamd as a program of its own sees it over the session bus: a blocking connection and a copy
 * of what the daemon publishes, kept up to date message by message. Every text in the copy is safe
 * to show (text_safe()), never NULL, and bounded.
 */

#define MAILROAM_NAME              "org.mailroam.Mailroam1"
#define MAILROAM_PATH              "/org/mailroam/Mailroam1"
#define MAILROAM_MANAGER_INTERFACE MAILROAM_NAME ".Manager"
#define MAILROAM_ACCOUNT_INTERFACE MAILROAM_NAME ".Account"
#define MAILROAM_ERROR             MAILROAM_NAME ".Error."

#define SECOND_USEC UINT64_C(1000000)
/* Bus calls are given up after this long; the daemon answers a Check within 20 s. */
#define CLIENT_CALL_USEC (25 * SECOND_USEC)

/* Where mail can be submitted now; port 0 where no port works. */
struct client_working {
    char *server;
    uint16_t port;
    char *security;
};

/* One row of Endpoints, in its own words: a newer daemon may know more of them. */
struct client_endpoint {
    char *host;
    uint16_t port;
    char *security;
    char *verdict;
    struct evidence evidence;
};

struct client_account {
    char *path, *name, *address, *username, *state, *provenance;
    struct client_working working;
    uint64_t checked_at; /* µs since 1970; 0: never */
    char *last_reason;
    char *source, **sources; /* "thunderbird"; "thunderbird /home/...", NULL at the end, or NULL */
    struct client_endpoint *endpoints;
    size_t n_endpoints;
};

/* A stay on a network, with what was found there last of the account: of it name, working,
 * checked_at and endpoints. */
struct client_trip {
    char *network, *network_name;
    uint64_t arrived, until; /* µs since 1970; until 0: still there */
    struct client_account account;
};

/* Of GetFound(): an account in a mail client's file, or a remark. What one has not is "" or 0. */
struct client_found_row {
    char *client, *file;
    char *name, *address, *username, *server, *security, *instead;
    char *remark, *detail, *text;
    uint16_t port;
    uint32_t line;
};

struct client_found {
    struct client_found_row *accounts, *remarks;
    size_t n_accounts, n_remarks;
};

struct client_network {
    char *id, *name, *interface, *gateway;
    bool known;
    uint64_t since; /* µs since 1970 */
};

struct client_manager {
    char *version, *state, *port25;
    char *default_account; /* a path; "/": none */
    char *portal;          /* where to log in to the network; "": not known */
    struct client_network network;
};

struct client {
    DBusConnection *connection;
    char *owner; /* the bus name of the daemon whose signals are believed; NULL: none runs */
    dbus_uint32_t manager_serial, accounts_serial, call_serial; /* not answered yet; else 0 */
    bool manager_known, accounts_known;
    struct client_manager manager;
    struct client_account **accounts; /* sorted by name */
    size_t n_accounts;
    int stop_fd;     /* readable: somebody wants us to end; -1: nobody can */
    DBusError error; /* what CLIENT_ERROR is about */
};

/* Answers of the functions below. */
enum {
    CLIENT_ERROR = 1, /* the bus or the daemon said no, or cannot be reached: see client->error */
    CLIENT_TIMEOUT,   /* the time is over and nothing came */
    CLIENT_STOP,      /* stop_fd became readable */
    CLIENT_NO_READER, /* nobody reads our standard output any more */
};

/* µs of CLOCK_MONOTONIC, for deadlines. */
uint64_t client_now(void);

/* Connects to the session bus. 0, CLIENT_ERROR, or negative errno; *ret is set in the first two
 * cases (the error is in there). */
int client_new(struct client **ret);
struct client *client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free)

/* Asks to hear of every change and of the daemon's coming and going. 0, CLIENT_ERROR. */
int client_subscribe(struct client *client);

/*
 * Reads everything the daemon publishes, starting the daemon where it does not run, and returns
 * when it is there. After client_subscribe() nothing that changes later is missed, and nothing is
 * seen twice. 0, CLIENT_ERROR, CLIENT_STOP, CLIENT_NO_READER, negative errno.
 */
int client_read(struct client *client);

/*
 * Waits for the next message until `deadline` (UINT64_MAX: for ever) and applies it to the copy. 0
 * when one was applied, else any of the answers above. A daemon that went away leaves an empty copy
 * (client_known() is false) until another one has been read.
 */
int client_next(struct client *client, uint64_t deadline);
bool client_known(const struct client *client);

/* Sends a call and leaves its answer to client_next(): call_serial becomes 0 when it is there. 0,
 * or negative errno. */
int client_begin(struct client *client, DBusMessage *call);

/* Calls and waits for the answer, which goes into *ret_reply. 0, CLIENT_ERROR. */
int client_call(struct client *client, DBusMessage *call, DBusMessage **ret_reply);

/* NULL where there is none. */
struct client_account *client_account_by_name(const struct client *client, const char *name);
struct client_account *client_account_by_path(const struct client *client, const char *path);

/*
 * client-read.c: from messages to plain structs. `iter` stands at an a{sv}; unknown properties are
 * skipped. 0, -ENOMEM, or -EBADMSG for a value of another type than the interface says.
 */
int client_read_manager(DBusMessageIter *iter, struct client_manager *manager);
int client_read_account(DBusMessageIter *iter, struct client_account *account);
/* Reads the answer of GetHistory(). As above. */
int client_read_history(DBusMessage *reply, struct client_trip **ret, size_t *ret_n);
/* Reads the answer of GetFound(). As above. */
int client_read_found(DBusMessage *reply, struct client_found *ret);
void client_found_clear(struct client_found *found);
void client_trips_free(struct client_trip *trips, size_t n);
int client_account_new(const char *path, struct client_account **ret);
struct client_account *client_account_free(struct client_account *account);
DEFINE_CLEANUP(struct client_account *, client_account_free)
int client_manager_init(struct client_manager *manager);
void client_manager_clear(struct client_manager *manager);

/* The endpoint as the probe found it. Its evidence is lent: it is not to be cleared. 0, or -EINVAL
 * where the verdict is a word of a newer daemon's. */
int client_endpoint_finding(const struct client_endpoint *endpoint, struct finding *ret);
