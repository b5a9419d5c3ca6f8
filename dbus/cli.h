/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "client.h"
#include "table.h"
#include <json-c/json.h>

/* What the commands of mailroam share: the command line, exit statuses, and how facts are shown. */

enum exit_status {
    EXIT_WORKS = 0, /* a port works, or the command did what it was told */
    EXIT_NONE_WORKS = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3, /* the daemon cannot be reached */
    EXIT_OTHER = 4,
};

/* The command line, taken apart. The strings are argv's own. */
struct options {
    const char *command;
    /* ADDRESS of add, NAME of remove, NETWORK of forget, COMMAND of help; else NULL */
    const char *argument;
    char **arguments; /* all of them, as PORT... of explain */
    size_t n_arguments;
    bool json, all, watch, ispdb, yes, dry_run, list, explain, login;
    const char *account;                           /* --account; NULL: the command's own choice */
    const char *format;                            /* --format */
    const char *html;                              /* --html: a file, or "-" */
    const char *name;                              /* --name */
    const char **servers, **endpoints, **settings; /* given several times; as long as n_... */
    size_t n_servers, n_endpoints, n_settings;
};

enum exit_status command_status(const struct options *options);
enum exit_status command_check(const struct options *options);
enum exit_status command_watch(const struct options *options);
enum exit_status command_explain(const struct options *options);
enum exit_status command_port(const struct options *options);
enum exit_status command_guide(const struct options *options);
enum exit_status command_accounts(const struct options *options);
enum exit_status command_add(const struct options *options);
enum exit_status command_remove(const struct options *options);
enum exit_status command_doctor(const struct options *options);
enum exit_status command_log(const struct options *options);
enum exit_status command_forget(const struct options *options);

/* One line on standard error: what is wrong with the command line, and where help is. */
enum exit_status usage_error(const struct options *options, const char *format, ...) _printf_(2, 3);

/* cli-edit.c: EXIT_WORKS where the options can make an account, as far as can be told without the
 * daemon; else what usage_error() gave. */
enum exit_status check_new_account(const struct options *options);
/* Has the daemon add the account; *ret is in the client's copy. As client_call(), or -EBADMSG. */
int account_add(struct client *client, const struct options *options, struct client_account **ret);

/*
 * cli-connect.c: says on standard error why `r` (an answer or error of client.h; `client` may be
 * NULL) ended the command and what to do about it, and gives the exit status that goes with it.
 */
enum exit_status client_failure(const struct client *client, int r);

/* Connects, asks for signals where `subscribe` is set, and reads everything. As client_read(), and
 * *ret is set whenever there was memory for it. */
int client_open(struct client **ret, bool subscribe, int stop_fd);

/* As above without signals; says what went wrong. NULL then, and *ret_status is set. */
struct client *client_open_or_say(enum exit_status *ret_status);

/*
 * For commands that run until they are stopped: from now on SIGINT and SIGTERM, with `resize` also
 * SIGWINCH, make the descriptor readable (see stop_fd), and SIGPIPE does nothing. Negative errno.
 * The second takes one: its number, or 0 where there is none.
 */
int stop_signals_open(bool resize);
int stop_signals_take(int fd);

/* The account --account names, else the default one, else the first; NULL after saying why. */
struct client_account *chosen_account(const struct client *client, const struct options *options);

/* cli-port.c: waits, for as long as a check may last, while nothing is known yet of the account,
 * which *account stands for then, too. As client_next(). */
int account_wait_for_port(struct client *client, struct client_account **account);

/* cli-login.c: logs in for the account at this path, and shows what came of it or why it could not
 * be. EXIT_WORKS where it was accepted, EXIT_NONE_WORKS where not, EXIT_OTHER. */
enum exit_status check_login(struct client *client, const char *path,
                             const struct options *options);

/* Whether --account, if given, names an account; says so where it does not. */
bool account_exists(const struct client *client, const char *name);

/* Whether the command is about this account: --account names it, or is not given. */
bool account_meant(const struct options *options, const struct client_account *account);

/* Says that memory is short. EXIT_OTHER. */
enum exit_status no_memory(void);

/*
 * cli-json.c: false means no memory, also where `object` or `value` is NULL, so that calls can be
 * joined by && from json_object_new_object() on. json_put() takes the value in either case.
 */
bool json_put(json_object *object, const char *key, json_object *value);
bool json_put_null(json_object *object, const char *key);
bool json_put_text(json_object *object, const char *key, const char *text);
bool json_put_time(json_object *object, const char *key, uint64_t usec);
bool json_put_working(json_object *object, const struct client_working *working);
bool json_put_endpoint(json_object *object, const struct client_endpoint *endpoint);
bool json_put_network(json_object *object, const struct client_network *network);
bool json_put_endpoints(json_object *object, const struct client_account *account);
json_object *account_to_json(const struct client_account *account); /* new */

/* Prints the object on one line, flushes and frees it. 0, or -ENOMEM without one. */
int json_print(json_object *object);

/* cli-words.c: plain words. Those that return char * are new, NULL without memory. */
char *format_new(const char *format, ...) _printf_(1, 2);
char *state_words(const char *state); /* "ready: the preferred endpoint works" */
enum tone state_tone(const char *state);
enum tone verdict_tone(const char *verdict);
bool account_checking(const struct client_account *account);
bool endpoint_decided(const struct client_endpoint *endpoint);
/* HOST:PORT/SECURITY, or without the host. */
char *endpoint_words(const struct client_endpoint *endpoint, bool host);
/* The verdict, or what stands for it while there is none. */
const char *verdict_words(const struct client_endpoint *endpoint, bool checking);
/* The reason behind the verdict; "" where there is none. */
char *endpoint_reason(const struct client_endpoint *endpoint);
/* The verdict as a sentence, "Port 25 is blocked on this network: ..."; with the host where that is
 * set. */
char *endpoint_sentence(const struct client_endpoint *endpoint, bool host, bool checking);
/* The sentences of all endpoints that were checked and do not work; "" where there are none. */
char *faults_words(const struct client_account *account);
/* "STARTTLS", or the word itself where it is not known. */
const char *security_words(const char *security);
/* "mail.example.org port 465 (TLS)", "no port works", or "no port known yet" during a check. */
char *working_words(const struct client_account *account);
/* "Hotel on wlan0, gateway 192.0.2.1, since 14:02", or "none". */
char *network_words(const struct client_network *network);
/* What a person can do where no port works, one or two sentences; else "". Static. */
const char *account_advice(const struct client_account *account);
/* "14:02:11" today, "2026-11-20 14:02" on other days, by local time; `usec` since 1970. */
#define MOMENT_MAX 40
char *moment_words(uint64_t usec, char buffer[static MOMENT_MAX]);

/* "2026-11-20 14:02 to 18:10", "... to now" where `until` is 0. New. */
char *period_words(uint64_t from, uint64_t until);

/* cli-account.c: rows of endpoints that stand under each other, and what stands above them. */
struct endpoint_columns {
    size_t label, endpoint, verdict;
    bool host; /* rows name the host: there is more than one */
};
/* Makes room for the account's endpoints; a new struct is {0}. 0 or -ENOMEM. */
int endpoint_columns_fit(struct endpoint_columns *columns, const struct screen *screen,
                         const struct client_account *account);
/* `label` stands in front; "" for none. 0 or -ENOMEM. */
int print_endpoint(const struct screen *screen, const struct endpoint_columns *columns,
                   const char *label, const struct client_endpoint *endpoint, bool checking);
/* Whether it is set up in another program only. */
bool account_is_found(const struct client_account *account);
/* "Thunderbird, msmtp". New. */
char *sources_words(const struct client_account *account);
/* "  NAME      value", wrapped. */
void print_fact(const struct screen *screen, const char *name, enum tone tone, const char *value);
/* The account as `status` shows it; `mark` stands behind its name. 0 or -ENOMEM. */
int print_account(const struct screen *screen, const struct client_account *account,
                  const char *mark);

/* cli-found.c: what was found in mail clients' files. */
const char *source_words(const char *source);                    /* "Thunderbird" */
int found_read(struct client *client, struct client_found *ret); /* as client_call() */
int found_print(const struct client_found *found);               /* 0 or -ENOMEM */
bool json_put_found(json_object *object, const struct client_found *found);
