/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Asking for an address' servers: the order of the sources, and mailroam-discover for each of them.
 * What that prints is not trusted: each line is checked as if anybody had written it.
 */
#include "cli-add.h"
#include "error.h"
#include "paths.h"
#include "text.h"
#include "words.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define LINE_MAX_BYTES 8192
#define DEPTH_MAX      3
#define LABEL_COLUMNS  46 /* "autoconfig.example.org/mail/config-v1.1.xml" */
#define TEXT_LEAST     24
#define INDENT         2
#define DEEPER         4

/*
 * First who proves by TLS to be the address' domain, or has looked the provider up; then what DNS
 * alone says, which is the draft's order (section 4.6) and RFC 6186's caution (section 6).
 */
static const char *const sources[] = {"autoconfig", "ispdb", "srv", "mx", "guess"};

bool addition_is_vouched(const struct addition *addition)
{
    bool foreign = false;

    for (size_t i = 0; i < addition->n_named; i++)
        foreign |= addition->named[i].foreign;
    return !foreign || strcmp(addition->source, "autoconfig") == 0 ||
           strcmp(addition->source, "ispdb") == 0;
}

/* --- what is printed ------------------------------------------------------------------------- */

/* "autoconfig.example.org/mail/config-v1.1.xml": what a person needs of a question. New. */
static char *question_words(const char *question)
{
    const char *scheme = "https://";
    size_t skip = strncmp(question, scheme, strlen(scheme)) == 0 ? strlen(scheme) : 0;

    return strndup(question + skip, strcspn(question + skip, "?"));
}

static enum tone result_tone(const char *result)
{
    return strcmp(result, "found") == 0     ? TONE_GOOD
           : strcmp(result, "nothing") == 0 ? TONE_FAINT
                                            : TONE_WARN;
}

static int print_step(const struct addition *addition, const char *question, const char *result,
                      const char *text)
{
    const struct screen *screen = &addition->screen;
    _cleanup_free_ char *label = question_words(question);
    const char *words = *text ? _(text) : strcmp(result, "found") == 0 ? _("found") : result;

    if (!label)
        return -ENOMEM;
    printf("%*s", INDENT, "");
    if (text_columns(screen, label) <= LABEL_COLUMNS &&
        INDENT + LABEL_COLUMNS + INDENT + TEXT_LEAST <= screen->width) {
        print_text(screen, TONE_PLAIN, label, LABEL_COLUMNS + INDENT);
        print_wrapped(screen, result_tone(result), words, INDENT + LABEL_COLUMNS + INDENT,
                      INDENT + LABEL_COLUMNS + INDENT);
    } else {
        print_wrapped(screen, TONE_PLAIN, label, INDENT, INDENT);
        printf("%*s", DEEPER, "");
        print_wrapped(screen, result_tone(result), words, DEEPER, DEEPER);
    }
    fflush(stdout);
    return 0;
}

/* --- what mailroam-discover says ------------------------------------------------------------- */

/* A text of the object that is safe to show; NULL where there is none. */
static const char *text_of(json_object *object, const char *key)
{
    json_object *value;
    const char *text;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) && text_is_safe(text) ? text
                                                                                           : NULL;
}

/* 0, -EBADMSG, -ENOMEM. */
static int take_step(struct addition *addition, json_object *object)
{
    const char *question = text_of(object, "question"), *result = text_of(object, "result"),
               *text = text_of(object, "text");

    if (!question || !result || !text)
        return -EBADMSG;
    addition->unanswered |= strcmp(result, "failed") == 0;
    addition->not_offered |= strcmp(result, "not-offered") == 0;
    if (addition->options->json)
        return json_print(json_object_get(object));
    progress_take_back(addition);
    return print_step(addition, question, result, text);
}

static int take_server(struct addition *addition, json_object *object)
{
    const char *by = text_of(object, "by"), *host = text_of(object, "host"),
               *security = text_of(object, "security"), *username = text_of(object, "username"),
               *mechanisms = text_of(object, "mechanisms");
    struct named_server server = {0};
    json_object *port, *foreign;

    if (!by || !host || !security || !username || !mechanisms || host_check(host) < 0 ||
        security_from_string(security, &server.endpoint.security) < 0 ||
        server.endpoint.security == SECURITY_NONE ||
        !json_object_object_get_ex(object, "port", &port) ||
        !json_object_is_type(port, json_type_int) || json_object_get_int64(port) < 1 ||
        json_object_get_int64(port) > UINT16_MAX ||
        !json_object_object_get_ex(object, "foreign", &foreign) ||
        !json_object_is_type(foreign, json_type_boolean))
        return -EBADMSG;
    if (addition->n_named == ADD_SERVERS_MAX)
        return 0; /* the preferred ones are there */
    strcpy(server.endpoint.host, host);
    server.endpoint.port = (uint16_t)json_object_get_int(port);
    server.foreign = json_object_get_boolean(foreign);
    server.by = strdup(by);
    server.username = strdup(username);
    server.mechanisms = strdup(mechanisms);
    addition->named[addition->n_named++] = server;
    if (!server.by || !server.username || !server.mechanisms)
        return -ENOMEM;
    return addition->options->json ? json_print(json_object_get(object)) : 0;
}

static int take_line(struct addition *addition, const char *line, size_t length)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    json_object *object = tokener ? json_tokener_parse_ex(tokener, line, (int)length) : NULL;
    bool whole = object && json_tokener_get_error(tokener) == json_tokener_success &&
                 json_object_is_type(object, json_type_object);
    const char *event = whole ? text_of(object, "event") : NULL;
    int r = !tokener                       ? -ENOMEM
            : !event                       ? -EBADMSG
            : strcmp(event, "step") == 0   ? take_step(addition, object)
            : strcmp(event, "server") == 0 ? take_server(addition, object)
                                           : 0; /* a newer one's */

    json_object_put(object);
    if (tokener)
        json_tokener_free(tokener);
    return r;
}

/* All complete lines in the buffer; what is left of it is moved to its start. */
static int take_lines(struct addition *addition, char *buffer, size_t *n)
{
    char *start = buffer, *stop;
    int r = 0;

    while (r == 0 && (stop = memchr(start, '\n', *n - (size_t)(start - buffer)))) {
        r = take_line(addition, start, (size_t)(stop - start) + 1);
        start = stop + 1;
    }
    *n -= (size_t)(start - buffer);
    memmove(buffer, start, *n);
    return r < 0 ? r : *n == LINE_MAX_BYTES ? -EBADMSG : 0;
}

/* --- running it ------------------------------------------------------------------------------ */

static int start(const struct addition *addition, const char *source, int output, pid_t *ret)
{
    _cleanup_free_ char *path = path_program("mailroam-discover", "MAILROAM_DISCOVER");
    char *arguments[6] = {path};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, broken_pipe;
    size_t n = 1;
    int error;

    if (!path || posix_spawn_file_actions_init(&actions) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -ENOMEM;
    }
    if (addition->ispdb_allowed)
        arguments[n++] = (char *)"--ispdb";
    arguments[n++] = (char *)"--";
    arguments[n++] = (char *)source;
    arguments[n++] = (char *)addition->options->argument;
    sigemptyset(&none);
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn(ret, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* Until the output ends. 0, ADD_STOP, -EBADMSG, other negative errno. */
static int read_output(struct addition *addition, int fd)
{
    _cleanup_free_ char *buffer = malloc(LINE_MAX_BYTES);
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                           {.fd = addition->stop_fd, .events = POLLIN}};
    size_t n = 0;
    int r = buffer ? 0 : -ENOMEM;

    while (r == 0) {
        ssize_t got;

        if (poll(fds, ELEMENTSOF(fds), -1) < 0) {
            r = errno == EINTR ? 0 : -errno;
            continue;
        }
        if (fds[1].revents)
            return ADD_STOP;
        got = read(fd, buffer + n, LINE_MAX_BYTES - n);
        if (got == 0)
            return n == 0 ? 0 : -EBADMSG;
        if (got < 0)
            return -errno;
        n += (size_t)got;
        r = take_lines(addition, buffer, &n);
    }
    return r;
}

/* Says that mailroam-discover is of no use, and that the other sources are tried nevertheless. */
static void tell_failure(struct addition *addition, const char *source, const char *why)
{
    progress_take_back(addition);
    fprintf(stderr, _("mailroam: mailroam-discover %s: %s\n"), source, why);
    addition->unanswered = true;
}

/* 0, ADD_STOP or -ENOMEM; whatever else goes wrong costs this source. */
static int ask(struct addition *addition, const char *source)
{
    _cleanup_close_ int reading = -1, writing = -1;
    int ends[2], status = 0, r;
    pid_t pid = 0;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    reading = ends[0];
    writing = ends[1];
    r = start(addition, source, writing, &pid);
    if (r < 0) {
        tell_failure(addition, source, strerror(-r));
        return 0;
    }
    close(writing);
    writing = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): closed once */
    r = read_output(addition, reading);
    if (r != 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r == -EBADMSG)
        tell_failure(addition, source, _("it printed what cannot be understood"));
    else if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) > 1))
        tell_failure(addition, source, _("it failed"));
    return r == -EBADMSG ? 0 : r;
}

/* --- the sources ----------------------------------------------------------------------------- */

static const char *domain_of(const char *address)
{
    const char *at = strrchr(address, '@');

    return at ? at + 1 : address;
}

/* 0 where the database may be asked, 1 where not, negative errno. */
static int may_ask_ispdb(struct addition *addition)
{
    _cleanup_free_ char *question = NULL;
    int r;

    if (addition->options->ispdb) {
        addition->ispdb_allowed = true;
        return 0;
    }
    if (!addition->can_ask)
        return 1;
    question = format_new(
        addition->failed
            ? _("What %s itself says does not work here. Mozilla's database of mail "
                "providers may know better; it would learn that somebody here uses %s, "
                "but not your address. Ask it?")
            : _("%s says nothing itself. Mozilla's database of mail providers may know it; it "
                "would learn "
                "that somebody here uses %s, but not your address. Ask it?"),
        domain_of(addition->options->argument), domain_of(addition->options->argument));
    if (!question)
        return -ENOMEM;
    r = ask_yes(addition, question, false);
    if (r < 0)
        return r;
    addition->ispdb_allowed = r > 0;
    return r > 0 ? 0 : 1;
}

int addition_search(struct addition *addition)
{
    int r = 0;

    while (addition->next_source < ELEMENTSOF(sources)) {
        size_t i = addition->next_source++;

        addition->source = sources[i];
        if (strcmp(sources[i], "ispdb") == 0) {
            r = may_ask_ispdb(addition);
            if (r < 0)
                return r == -EINTR ? ADD_STOP : r;
            if (r > 0)
                continue;
        }
        progress_show(addition, _("asking ..."));
        r = ask(addition, sources[i]);
        progress_take_back(addition);
        if (r != 0)
            return r;
        if (addition->n_named > 0)
            return 0;
        if (addition->not_offered)
            break; /* the domain has said so, and nobody is to guess otherwise */
    }
    return ADD_NOTHING;
}
