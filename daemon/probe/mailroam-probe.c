/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam-probe: one check of some endpoints, from the command line or for mailroamd. It needs no
 * daemon and no bus, keeps nothing, and ends by a deadline. Only here is read what a mail server,
 * or whoever sits in front of it, has sent.
 */
#include "cleanup.h"
#include "config.h"
#include "contain.h"
#include "error.h"
#include "json-text.h"
#include "judge/mechanism.h"
#include "probe/onlink.h"
#include "probe/probe.h"
#include "probe/request.h"
#include "prompt.h"
#include "text.h"
#include "watch/neighbour.h"
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GRACE_S 5 /* after --timeout: QUIT may take two; then something hangs */

enum exit_status { EXIT_WORKS = 0, EXIT_NONE_WORKS = 1, EXIT_USAGE = 2, EXIT_OTHER = 4 };

struct options {
    bool json, from_input; /* --request */
    const char *expected;  /* a file */
    int password_fd;       /* -1: the terminal, or standard input */
    struct request request;
};

struct output {
    bool json;
    bool works; /* something did, and took the login where one was wanted */
    struct request *request;
};

DEFINE_CLEANUP(struct tls_policy *, tls_policy_free)
DEFINE_CLEANUP(struct probe *, probe_free)

static void help(void)
{
    printf("Usage: mailroam-probe [OPTION]... HOST[:PORT[/SECURITY]]...\n"
           "       mailroam-probe --request\n"
           "Check where mail can be submitted, and say what is wrong where it cannot.\n\n"
           "SECURITY is tls, starttls or none. Without a port 465/tls, 587/starttls and\n"
           "25/starttls are checked.\n\n"
           "      --json           one JSON object a line\n"
           "      --ca-file FILE   also trust the certificates in FILE (PEM)\n"
           "      --pin PIN        accept the server key with this sha256//BASE64 hash\n"
           "      --expected FILE  what --json printed on networks you trust (- for stdin)\n"
           "      --login USER     log in, at one endpoint; asks for the password, or reads it\n"
           "                       from standard input where that is no terminal\n"
           "      --password-fd N  read the password from descriptor N\n"
           "      --mechanisms M   log in by one of these mechanisms; OAUTHBEARER and XOAUTH2\n"
           "                       take a token in place of the password\n"
           "      --timeout S      give every verdict within S seconds (1 to %d; default %d)\n"
           "      --request        read what to check, as JSON, from standard input\n"
           "  -h, --help           show this help\n"
           "      --version        show the version\n\n"
           "Exit status: 0 an endpoint works, 1 none does, 2 usage, 4 other failure.\n"
           "mailroam-probe(1) tells more.\n",
           REQUEST_TIMEOUT_MAX_S, REQUEST_TIMEOUT_S);
}

_printf_(1, 2) static int usage_error(const char *format, ...)
{
    va_list arguments;

    fputs("mailroam-probe: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nTry 'mailroam-probe --help'.\n", stderr);
    return EXIT_USAGE;
}

/* Nobody's usage is wrong. */
static int no_memory(void)
{
    fputs("mailroam-probe: out of memory\n", stderr);
    return EXIT_OTHER;
}

static int add_endpoint(struct request *request, const char *text)
{
    _cleanup_free_ char *problem = NULL;
    struct endpoint endpoint;
    bool expand;
    size_t n;

    if (endpoint_parse(text, &endpoint, &problem) < 0)
        return problem ? usage_error("%s", problem) : no_memory();
    expand = endpoint.port == 0;
    n = expand ? ELEMENTSOF(endpoint_defaults) : 1;
    for (size_t i = 0; i < n; i++) {
        if (expand) {
            endpoint.port = endpoint_defaults[i].port;
            endpoint.security = endpoint_defaults[i].security;
        }
        if (request_add_endpoint(request, &endpoint) < 0)
            return usage_error("more than %d endpoints", REQUEST_ENDPOINTS_MAX);
    }
    return 0;
}

/* Copies it, in the place of an earlier one. */
static int set_text(char **place, const char *text)
{
    free(*place);
    *place = strdup(text);
    return *place ? 0 : no_memory();
}

/* Whether the login that is asked for can be tried. 0, or the exit status. */
static int check_login(const struct request *request)
{
    _cleanup_free_ char *problem = NULL;

    if (!request->user || request_check_login(request, &problem) == 0)
        return 0;
    return problem ? usage_error("--login: %s", problem) : no_memory();
}

/* 0 to go on; else the exit status (0 cannot be told apart, so *ret_done says so). */
static int read_options(int argc, char **argv, struct options *options, bool *ret_done)
{
    enum {
        OPTION_JSON = 256,
        OPTION_CA_FILE,
        OPTION_PIN,
        OPTION_EXPECTED,
        OPTION_TIMEOUT,
        OPTION_LOGIN,
        OPTION_PASSWORD_FD,
        OPTION_MECHANISMS,
        OPTION_REQUEST,
        OPTION_VERSION
    };
    static const struct option long_options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"ca-file", required_argument, NULL, OPTION_CA_FILE},
        {"pin", required_argument, NULL, OPTION_PIN},
        {"expected", required_argument, NULL, OPTION_EXPECTED},
        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
        {"login", required_argument, NULL, OPTION_LOGIN},
        {"password-fd", required_argument, NULL, OPTION_PASSWORD_FD},
        {"mechanisms", required_argument, NULL, OPTION_MECHANISMS},
        {"request", no_argument, NULL, OPTION_REQUEST},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {0},
    };
    _cleanup_free_ char *wrong = NULL;
    unsigned long seconds;
    int option, r;
    char *end;

    *ret_done = true;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
        switch (option) {
        case OPTION_JSON:
            options->json = true;
            break;
        case OPTION_CA_FILE:
            r = set_text(&options->request.ca_file, optarg);
            if (r != 0)
                return r;
            break;
        case OPTION_PIN:
            if (pin_check(optarg) < 0)
                return usage_error("--pin takes sha256// and 44 characters of Base64 (32 bytes)");
            r = set_text(&options->request.pin, optarg);
            if (r != 0)
                return r;
            break;
        case OPTION_EXPECTED:
            options->expected = optarg;
            break;
        case OPTION_TIMEOUT:
            seconds = strtoul(optarg, &end, 10);
            if (*optarg < '0' || *optarg > '9' || *end || seconds < 1 ||
                seconds > REQUEST_TIMEOUT_MAX_S)
                return usage_error("--timeout takes seconds from 1 to %d", REQUEST_TIMEOUT_MAX_S);
            options->request.timeout_s = (unsigned)seconds;
            break;
        case OPTION_LOGIN:
            if (!*optarg || !text_is_safe(optarg))
                return usage_error("--login takes a user name without control characters");
            r = set_text(&options->request.user, optarg);
            if (r != 0)
                return r;
            break;
        case OPTION_PASSWORD_FD:
            seconds = strtoul(optarg, &end, 10);
            if (*optarg < '0' || *optarg > '9' || *end || seconds > INT_MAX)
                return usage_error("--password-fd takes the number of a descriptor");
            options->password_fd = (int)seconds;
            break;
        case OPTION_MECHANISMS:
            if (mechanisms_parse(optarg, &options->request.mechanisms, &wrong) < 0)
                return wrong ? usage_error("--mechanisms: %s", wrong) : no_memory();
            break;
        case OPTION_REQUEST:
            options->from_input = options->json = true;
            break;
        case 'h':
            help();
            return 0;
        case OPTION_VERSION:
            puts("mailroam-probe " PACKAGE_VERSION);
            return 0;
        default: /* getopt_long() has said what is wrong */
            fputs("Try 'mailroam-probe --help'.\n", stderr);
            return EXIT_USAGE;
        }
    if (options->from_input) {
        *ret_done = argc > 2;
        return argc > 2 ? usage_error("--request takes all it needs from standard input") : 0;
    }
    if (optind == argc)
        return usage_error("which host? expected HOST[:PORT[/SECURITY]]");
    for (; optind < argc; optind++) {
        r = add_endpoint(&options->request, argv[optind]);
        if (r != 0)
            return r;
    }
    r = check_login(&options->request);
    *ret_done = r != 0;
    return r;
}

static void close_file(FILE **file)
{
    if (*file && *file != stdin)
        fclose(*file);
}

/* Reads findings, a line each. 0, or EXIT_OTHER with the reason on standard error. */
static int read_expectations(const char *path, struct request *request)
{
    _cleanup_(close_file) FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    _cleanup_free_ char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;

    if (!file) {
        fprintf(stderr, "mailroam-probe: --expected: '%s' cannot be opened: %m\n", path);
        return EXIT_OTHER;
    }
    while ((length = getline(&line, &size, file)) > 0) {
        number++;
        length -= line[length - 1] == '\n';
        if (request->n_expected == REQUEST_ENDPOINTS_MAX ||
            finding_from_line(line, (size_t)length, &request->expected[request->n_expected]) < 0) {
            fprintf(stderr, "mailroam-probe: --expected: %s:%zu: %s\n", path, number,
                    request->n_expected == REQUEST_ENDPOINTS_MAX
                        ? "more lines than there can be endpoints"
                        : "no line that --json has printed");
            return EXIT_OTHER;
        }
        request->n_expected++;
    }
    if (!feof(file)) { /* checked without what is expected it would find less */
        fprintf(stderr, "mailroam-probe: --expected: %s: cannot be read: %m\n", path);
        return EXIT_OTHER;
    }
    return 0;
}

static int print_json(const struct finding *finding)
{
    json_object *object = finding_to_json(finding);
    const char *text = json_text(object);
    int r = !text ? -ENOMEM : puts(text) < 0 ? -EIO : 0;

    json_object_put(object);
    return r;
}

static int print_words(const struct finding *finding)
{
    _cleanup_free_ char *words = finding_explain(finding);
    char endpoint[ENDPOINT_STRING_MAX];

    if (!words)
        return -ENOMEM;
    return printf("%-36s  %-15s  %s\n", endpoint_format(&finding->endpoint, endpoint),
                  verdict_to_string(finding->verdict), words) < 0
               ? -EIO
               : 0;
}

static bool is_logged_in(const struct finding *finding)
{
    const char *login = evidence_text(&finding->evidence, EVIDENCE_LOGIN);

    return login && strcmp(login, login_outcome_to_string(LOGIN_ACCEPTED)) == 0;
}

static int on_finding(const struct finding *finding, void *userdata)
{
    struct output *output = userdata;
    int r = output->json ? print_json(finding) : print_words(finding);

    output->works |=
        finding->verdict == VERDICT_WORKS && (!output->request->user || is_logged_in(finding));
    output->request->secret = secret_free(output->request->secret); /* it has served */
    return r == 0 && fflush(stdout) != 0 ? -EIO : r;
}

/* Who reads is gone, and so is the sense of the check. Of a socket or a pipe this is told when the
 * other end is closed; a file or a terminal has no other end. To a program that asked and has ended
 * the check so, it is no failure. */
static int on_hangup(sd_event_source *source, int fd _unused_, uint32_t events _unused_,
                     void *userdata)
{
    const struct options *options = userdata;

    return sd_event_exit(sd_event_source_get_event(source), options->from_input ? 0 : -EPIPE);
}

static int watch_for_hangup(sd_event *event, const struct options *options)
{
    int r = sd_event_add_io(event, NULL, STDOUT_FILENO, 0, on_hangup, (void *)options);

    return r == -EPERM ? 0 : r;
}

/* All that is configured has been read; the first byte from the network is read in the event loop.
 * Programs, which ask for JSON, are not told each time what this machine will not have. */
static void give_up_powers(const struct options *options)
{
    const struct request *request = &options->request;
    const char *lacking =
        contain(request->endpoints, request->n_endpoints, request->timeout_s + GRACE_S);

    if (lacking && !options->json)
        fprintf(stderr, "mailroam-probe: not to be had here, so done without: %s\n", lacking);
}

static int run(struct options *options)
{
    struct request *request = &options->request;
    struct login_wish wish = {.mechanisms = request->mechanisms};
    _cleanup_(sd_event_unrefp) sd_event *event = NULL;
    _cleanup_(tls_policy_freep) struct tls_policy *policy = NULL;
    _cleanup_(probe_freep) struct probe *probe = NULL;
    _cleanup_free_ char *problem = NULL;
    struct output output = {.json = options->json, .request = request};
    int r;

    on_link_read();

    r = sd_event_new(&event);
    if (r >= 0)
        r = watch_for_hangup(event, options);
    if (r >= 0)
        r = probe_new(&probe, event, request->endpoints, request->n_endpoints,
                      request->timeout_s * 1000, on_finding, &output);
    if (r >= 0) {
        probe_expect(probe, request->expected, request->n_expected);
        if (request->user) {
            wish.identity = (struct identity){request->user, request->secret,
                                              request->endpoints->host, request->endpoints->port};
            probe_log_in(probe, 0, &wish);
        }
        r = probe_ask(probe); /* first: the rest takes about as long as the answer */
    }
    if (r >= 0)
        r = tls_policy_new(&policy, request->ca_file, request->pin, &problem);
    if (problem) {
        fprintf(stderr, "mailroam-probe: --ca-file: %s\n", problem);
        return EXIT_OTHER;
    }
    if (r >= 0) {
        probe_trust(probe, policy);
        give_up_powers(options);
        r = sd_event_loop(event);
    }
    on_link_clear();
    if (r < 0) {
        fprintf(stderr, "mailroam-probe: %s\n", strerror(-r));
        return EXIT_OTHER;
    }
    return output.works ? EXIT_WORKS : EXIT_NONE_WORKS;
}

/* A standard descriptor that is closed would be the next socket's number, and what is printed would
 * go to a mail server. This one takes its place and no output. */
static void occupy_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* The password or token. 0, or EXIT_OTHER with the reason on standard error. */
static int read_secret(struct options *options)
{
    int fd = options->password_fd < 0 ? STDIN_FILENO : options->password_fd, r;
    struct secret *secret;

    r = secret_new(&secret, SECRET_MAX);
    if (r < 0) {
        fputs("mailroam-probe: there is no memory that can be locked for the password\n", stderr);
        return EXIT_OTHER;
    }
    options->request.secret = secret;
    if (options->password_fd < 0 && isatty(fd))
        r = prompt_secret(secret, "Password: ");
    else
        r = secret_read(secret, fd);
    if (r == 0)
        r = secret_cut(secret);
    if (r == 0)
        return 0;
    fprintf(stderr, "mailroam-probe: the password: %s\n",
            r == -EBADMSG      ? "there is none"
            : r == -EFBIG      ? "it is too long"
            : r == SECRET_MORE ? "it is not there yet, and its descriptor does not wait"
                               : strerror(-r));
    return EXIT_OTHER;
}

/* Nothing is read from the network for it, so there is nothing to give up. */
static int ask_neighbour(const struct request *request)
{
    bool asked = neighbour_ask(request->neighbour_interface, &request->neighbour) == 0;

    puts(asked ? "{\"asked\":true}" : "{\"asked\":false}");
    return fflush(stdout) == 0 ? EXIT_WORKS : EXIT_OTHER;
}

/* What was asked for beside the command line. 0, or EXIT_OTHER with the reason on standard error.
 */
static int read_inputs(struct options *options)
{
    _cleanup_free_ char *problem = NULL;
    int r = 0;

    if (options->expected)
        r = read_expectations(options->expected, &options->request);
    if (r == 0 && options->request.user)
        r = read_secret(options);
    if (r != 0 || !options->from_input)
        return r;
    r = request_read(&options->request, STDIN_FILENO, &problem);
    if (r < 0)
        fprintf(stderr, "mailroam-probe: the request: %s\n", problem ? problem : strerror(-r));
    return r < 0 ? EXIT_OTHER : 0;
}

int main(int argc, char **argv)
{
    struct options options = {.password_fd = -1};
    bool done;
    int status;

    occupy_standard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN);
    request_init(&options.request);
    status = read_options(argc, argv, &options, &done);
    if (!done)
        status = read_inputs(&options);
    if (!done && status == 0)
        status = options.request.neighbour.family ? ask_neighbour(&options.request) : run(&options);
    request_clear(&options.request);
    if (done && fflush(stdout) != 0)
        status = EXIT_OTHER;
    return status;
}
