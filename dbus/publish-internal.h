/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "object.h"
#include "publish.h"

/* What publish.c, publish-manager.c, publish-account.c and append.c share. */

#define MAILROAM_ERROR(name) MAILROAM_NAME ".Error." name

/* A Check() that is answered when the check has ended. */
struct waiting {
    struct publisher *publisher;
    DBusMessage *call;
    struct account *account; /* NULL: all of them */
    char *problem;           /* what went wrong with one of the checks; NULL: nothing */
    sd_event_source *deadline;
    struct waiting *next;
};

struct publisher {
    sd_event *event;
    struct bus *bus;
    struct manager *manager;
    struct bus_object *object; /* the manager's */
    struct waiting *waiting;
};

/* An account as it is published: account_userdata(). */
struct published {
    struct publisher *publisher;
    struct account *account;
    struct bus_object *object;
    bool has_worked; /* WorkingPortChanged has said so */
};

extern const struct bus_interface manager_interface; /* userdata: struct publisher */
extern const struct bus_interface account_interface; /* userdata: struct published */

/* WorkingPortChanged of the account (`userdata`: struct published) and of the manager. Without
 * memory for them the properties still say it. */
void publisher_signal_working(void *userdata);

/* Keeps the call until the check of `account` (NULL: every running one) has ended, or for as long
 * as the interface promises. BUS_LATER or negative errno. */
int publisher_wait(struct publisher *publisher, DBusMessage *call, struct account *account);

/* The object path of an account; "/" for NULL. */
const char *publisher_path(const struct account *account);

/* The verdict on port 25 of the default account: the first in order of preference. */
enum verdict publisher_port25(const struct publisher *publisher);

/* Appends one value. 0 or -ENOMEM. */
int append_string(DBusMessageIter *iter, const char *value);
int append_uint16(DBusMessageIter *iter, uint16_t value);
int append_uint64(DBusMessageIter *iter, uint64_t value);
int append_path(DBusMessageIter *iter, const char *value);
int append_evidence(DBusMessageIter *iter, const struct evidence *evidence); /* a{sv} */
/* a(sqssa{sv}) */
int append_findings(DBusMessageIter *iter, const struct finding *findings, size_t n);

/* One entry of an a{sv}, of a basic type ('s', 'b', 't', ...; value by address). 0 or -ENOMEM. */
int append_entry(DBusMessageIter *dictionary, const char *key, int type, const void *value);

/* The working endpoint's server, port, security: three properties, "" and 0 where none works. */
int append_working_server(DBusMessageIter *iter, const struct account *account);
int append_working_port(DBusMessageIter *iter, const struct account *account);
int append_working_security(DBusMessageIter *iter, const struct account *account);

/* publish-history.c: the manager's methods that are about the memory. */
int handle_get_history(DBusMessage *call, void *userdata, DBusMessage **ret_reply,
                       DBusError *error);
int handle_forget(DBusMessage *call, void *userdata, DBusMessage **ret_reply, DBusError *error);

/* publish-found.c */
int handle_get_found(DBusMessage *call, void *userdata, DBusMessage **ret_reply, DBusError *error);
