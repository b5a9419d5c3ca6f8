/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam-discover: where a provider says that mail is submitted, by one source of several, for
 * mailroam or any other program. It is a process of its own because it reads what web servers and
 * name servers send, through libraries that nothing else here needs: it has no bus and no account,
 * writes no file, and is gone by a deadline. It decides nothing; nothing that it prints is proved.
 */
#include "cleanup.h"
#include "config.h"
#include "contain.h"
#include "discover/sources.h"
#include "error.h"
#include <curl/curl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The slowest is mx: 7 s a name server for the record, then 10 s for the documents. */
#define DEADLINE_S 45
#define GRACE_S    5

enum exit_status { EXIT_FOUND = 0, EXIT_NOTHING = 1, EXIT_USAGE = 2, EXIT_OTHER = 4 };

struct output {
    enum source source;
    const struct mail_address *address;
    bool found;
    bool failed; /* there was no memory for a line */
};

static void help(void)
{
    fputs("Usage: mailroam-discover [--ispdb] SOURCE ADDRESS\n"
          "Ask where the provider of a mail address wants mail to be submitted.\n\n"
          "SOURCE is autoconfig (the provider's documents), ispdb (Mozilla's database, which\n"
          "learns the domain), srv (DNS), mx (the documents of whoever takes the domain's mail)\n"
          "or guess. Prints one JSON object a line.\n\n"
          "      --ispdb    with mx: ask Mozilla's database, too\n"
          "  -h, --help     show this help\n"
          "      --version  show the version\n\n"
          "Exit status: 0 servers were found, 1 none, 2 usage, 4 other failure.\n"
          "mailroam-discover(1) tells more.\n",
          stdout);
}

static bool put_text(json_object *object, const char *key, const char *text)
{
    json_object *value = json_object_new_string(text);

    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

/* Prints and frees it, on a line; NULL, and !good, mean that there was no memory. */
static void print(struct output *output, json_object *object, bool good)
{
    const char *line = object && good
                           ? json_object_to_json_string_ext(
                                 object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                           : NULL;

    if (!line || puts(line) < 0 || fflush(stdout) != 0)
        output->failed = true;
    json_object_put(object);
}

static void on_step(const char *question, enum step_result result, const char *text, void *userdata)
{
    struct output *output = userdata;
    json_object *object = json_object_new_object();

    print(output, object,
          object && put_text(object, "event", "step") &&
              put_text(object, "source", source_to_string(output->source)) &&
              put_text(object, "question", question) &&
              put_text(object, "result", step_result_to_string(result)) &&
              put_text(object, "text", text));
}

static void on_server(const struct found_server *server, const char *by, void *userdata)
{
    struct output *output = userdata;
    json_object *object = json_object_new_object();
    json_object *port = json_object_new_int(server->endpoint.port);
    json_object *foreign =
        json_object_new_boolean(host_is_foreign(output->address, server->endpoint.host));
    bool good = object && put_text(object, "event", "server") &&
                put_text(object, "source", source_to_string(output->source)) &&
                put_text(object, "by", by) && put_text(object, "host", server->endpoint.host) &&
                json_object_object_add(object, "port", port) == 0 &&
                put_text(object, "security", security_to_string(server->endpoint.security)) &&
                put_text(object, "username", server->username) &&
                put_text(object, "mechanisms", server->oauth_only ? "OAUTHBEARER XOAUTH2" : "") &&
                json_object_object_add(object, "foreign", foreign) == 0;

    output->found = true;
    print(output, object, good);
}

static int usage_error(const char *what, const char *problem)
{
    fprintf(stderr, "mailroam-discover: %s: %s\nTry 'mailroam-discover --help'.\n", what, problem);
    return EXIT_USAGE;
}

/* No more than it can need, however it may have been tricked. What the kernel does not give is done
 * without; `mailroam doctor` says so. The alarm is for a process whose cell has no deadline. */
static void enter_cell(void)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *bundle = info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
    const char *directory = info->age >= CURLVERSION_SEVENTH ? info->capath : NULL;
    const char *const files[] = {"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf",
                                 "/etc/gai.conf", "/etc/services", "/usr/share/publicsuffix",
                                 /* last, as each may be missing */
                                 bundle ? bundle : "/etc/ssl/certs/ca-certificates.crt",
                                 directory ? directory : "/etc/ssl/certs", NULL};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(DEADLINE_S);
    (void)contain_discovery(files, DEADLINE_S + GRACE_S);
}

static int discover(enum source source, const struct mail_address *address, bool ispdb)
{
    struct output output = {.source = source, .address = address};
    const struct listener listener = {on_step, on_server, &output};
    int r;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fputs("mailroam-discover: libcurl cannot be used\n", stderr);
        return EXIT_OTHER;
    }
    enter_cell(); /* what libcurl and its libraries read to begin with is read */
    r = source_ask(source, address, ispdb, &listener);
    curl_global_cleanup();
    if (r < 0)
        fprintf(stderr, "mailroam-discover: %s\n", strerror(-r));
    return r < 0 || output.failed ? EXIT_OTHER : output.found ? EXIT_FOUND : EXIT_NOTHING;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"ispdb", no_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {0},
    };
    _cleanup_free_ char *problem = NULL;
    struct mail_address address;
    enum source source;
    bool ispdb = false;
    int option;

    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
        switch (option) {
        case 'i':
            ispdb = true;
            break;
        case 'h':
            help();
            return 0;
        case 'v':
            puts("mailroam-discover " PACKAGE_VERSION);
            return 0;
        default:
            fputs("Try 'mailroam-discover --help'.\n", stderr);
            return EXIT_USAGE;
        }
    if (argc - optind != 2)
        return usage_error("usage", "SOURCE ADDRESS");
    if (source_from_string(argv[optind], &source) < 0)
        return usage_error(argv[optind], "expected autoconfig, ispdb, srv, mx or guess");
    if (mail_address_parse(argv[optind + 1], &address, &problem) < 0)
        return usage_error("ADDRESS", problem ? problem : "there is not enough memory");
    return discover(source, &address, ispdb);
}
