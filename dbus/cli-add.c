/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam add. With --server it adds what it was told, asking nobody. Without, the servers are
 * searched for, tried and shown, and then somebody has to say yes: the person at the terminal, or
 * --yes in a script. Nothing is written before that, so that whatever ends this early leaves
 * nothing behind.
 *
 * --yes does not stand for everything. What works here over verified TLS, from a source that cannot
 * be forged in DNS or under the address' own domain, is added; a server of another domain that only
 * DNS names (RFC 6186 section 6), and one that was not seen to work, only a person may add, or
 * whoever names it with --server.
 */
#include "cli-add.h"
#include "error.h"
#include "words.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- talking to a person --------------------------------------------------------------------- */

void progress_take_back(struct addition *addition)
{
    if (addition->progress) {
        fputs("\r\033[K", stdout);
        fflush(stdout);
    }
    addition->progress = false;
}

void progress_show(struct addition *addition, const char *text)
{
    if (!addition->screen.terminal || addition->options->json)
        return;
    progress_take_back(addition);
    print_cut(&addition->screen, TONE_FAINT, text, addition->screen.width - 1);
    fflush(stdout);
    addition->progress = true;
}

/* A line for a person, wrapped. 0 or -ENOMEM. */
_printf_(2, 3) static int say(const struct addition *addition, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list arguments;
    int n;

    if (addition->options->json)
        return 0;
    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        text = NULL;
        return -ENOMEM;
    }
    print_wrapped(&addition->screen, TONE_PLAIN, text, 0, 0);
    fflush(stdout);
    return 0;
}

/* A line of standard input, cut to the buffer. 0 at its end, -EINTR when stopped. */
static int read_answer(const struct addition *addition, char *buffer, size_t size)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = addition->stop_fd, .events = POLLIN}};
    ssize_t got;

    do
        got = poll(fds, ELEMENTSOF(fds), -1);
    while (got < 0 && errno == EINTR);
    if (got < 0 || fds[1].revents)
        return -EINTR;
    got = read(STDIN_FILENO, buffer, size - 1); /* a terminal gives whole lines */
    buffer[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* 1 for yes, 0 for no, else -1. The letters that `prompt` ("[Y/n] ") shows count, in whichever
 * language gettext has found it: that follows LANGUAGE, and rpmatch() the locale alone. */
static int understand(const char *prompt, const char *answer)
{
    const char *yes = prompt + 1, *no = yes + strcspn(yes, "/") + 1;

    if (strncasecmp(answer, yes, strcspn(yes, "/")) == 0)
        return 1;
    if (strncasecmp(answer, no, strcspn(no, "]")) == 0)
        return 0;
    return rpmatch(answer);
}

int ask_yes(struct addition *addition, const char *question, bool by_default)
{
    const char *prompt = by_default ? _("[Y/n] ") : _("[y/N] ");
    char answer[256];
    int r;

    if (!addition->can_ask)
        return 0;
    print_wrapped(&addition->screen, TONE_STRONG, question, 0, 0);
    for (;;) {
        fputs(prompt, stdout);
        fflush(stdout);
        r = read_answer(addition, answer, sizeof(answer));
        if (r < 0)
            return r;
        if (r == 0)
            putchar('\n');
        if (r == 0 || *answer == '\n')
            return r > 0 && by_default;
        r = understand(prompt, answer);
        if (r >= 0)
            return r;
    }
}

/* --- the account to be ----------------------------------------------------------------------- */

static bool user_set(const struct options *options, const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < options->n_settings; i++)
        if (strncmp(options->settings[i], key, n) == 0 && options->settings[i][n] == '=')
            return true;
    return false;
}

/* The command line as it would have been had the user known all that. Settings are new where they
 * are not the user's; the array has room for two more. */
static int complete_options(const struct addition *addition, struct options *ret, char *made[2])
{
    const struct options *options = addition->options;
    const struct named_server *first = &addition->named[0];
    size_t n = options->n_settings, n_made = 0;
    const char **settings = calloc(n + 2, sizeof(*settings));

    if (!settings)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        settings[i] = options->settings[i];
    *ret = *options;
    ret->settings = settings;
    ret->servers = addition->servers;
    ret->n_servers = addition->n_servers;
    ret->endpoints = (const char **)addition->endpoints;
    ret->n_endpoints = addition->n_endpoints;
    if (*first->username && strcmp(first->username, options->argument) != 0 &&
        !user_set(options, "Username"))
        made[n_made++] = format_new("Username=%s", first->username);
    if (*first->mechanisms && !user_set(options, "Mechanisms"))
        made[n_made++] = format_new("Mechanisms=%s", first->mechanisms);
    for (size_t i = 0; i < n_made; i++) {
        if (!made[i])
            return -ENOMEM;
        settings[n++] = made[i];
    }
    ret->n_settings = n;
    return 0;
}

static const char *name_of(const struct options *options)
{
    return options->name ? options->name : options->argument;
}

/* "465/tls 587/starttls"; "" for the default ones. New. */
static char *endpoints_words(const struct options *options)
{
    char *joined = strdup(options->n_endpoints ? options->endpoints[0] : "");

    for (size_t i = 1; joined && i < options->n_endpoints; i++) {
        _cleanup_free_ char *before = joined;

        joined = format_new("%s %s", before, options->endpoints[i]);
    }
    return joined;
}

static void print_key(const struct screen *screen, const char *key, const char *value)
{
    printf("  %s=", key);
    print_wrapped(screen, TONE_PLAIN, value, strlen(key) + 3, 4);
}

/* As it will stand in the account's file. */
static int print_file(const struct screen *screen, const struct options *options)
{
    _cleanup_free_ char *endpoints = endpoints_words(options);

    if (!endpoints)
        return -ENOMEM;
    print_key(screen, "Address", options->argument);
    for (size_t i = 0; i < options->n_servers; i++)
        print_key(screen, "Server", options->servers[i]);
    if (*endpoints)
        print_key(screen, "Endpoints", endpoints);
    for (size_t i = 0; i < options->n_settings; i++) {
        printf("  ");
        print_wrapped(screen, TONE_PLAIN, options->settings[i], 2, 4);
    }
    return 0;
}

static bool put_list(json_object *object, const char *key, const char *const *texts, size_t n)
{
    json_object *list = json_object_new_array();

    if (!json_put(object, key, list))
        return false;
    for (size_t i = 0; i < n; i++) {
        json_object *text = json_object_new_string(texts[i]);

        if (!text || json_object_array_add(list, text) != 0) {
            json_object_put(text);
            return false;
        }
    }
    return true;
}

/* The last line of --json: the account's keys, and what came of it. */
static int print_event(const struct options *options, const char *const warnings[], size_t n,
                       bool added)
{
    json_object *object = json_object_new_object(), *keys = json_object_new_object();
    _cleanup_free_ char *endpoints = endpoints_words(options);
    bool good = json_put_text(object, "event", "account") &&
                json_put_text(object, "name", name_of(options)) &&
                json_put(object, "added", json_object_new_boolean(added)) &&
                put_list(object, "warnings", warnings, n);

    good = json_put(good ? object : NULL, "settings", keys) && endpoints &&
           json_put_text(keys, "Address", options->argument) &&
           put_list(keys, "Server", options->servers, options->n_servers) &&
           (!*endpoints || json_put_text(keys, "Endpoints", endpoints));
    for (size_t i = 0; good && i < options->n_settings; i++) {
        const char *value = strchr(options->settings[i], '=') + 1;
        _cleanup_free_ char *key =
            strndup(options->settings[i], (size_t)(value - 1 - options->settings[i]));

        good = key && json_put_text(keys, key, value);
    }
    if (good)
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

/* --- what there is to say about it ----------------------------------------------------------- */

#define WARNINGS_MAX 4

/* New sentences; their number, or -ENOMEM. */
static int collect_warnings(const struct addition *addition, char *warnings[WARNINGS_MAX])
{
    const struct named_server *foreign = NULL;
    size_t n = 0;

    for (size_t i = 0; !foreign && i < addition->n_named; i++)
        if (addition->named[i].foreign)
            foreign = &addition->named[i];
    if (foreign && addition_is_vouched(addition))
        warnings[n++] = format_new(
            _("%s belongs to another domain than your address; %s names it as the server."),
            foreign->endpoint.host, foreign->by);
    else if (foreign)
        warnings[n++] = format_new(
            _("%s belongs to another domain than your address, and only DNS names it, which can be "
              "forged: go on only if you know that this is your provider's."),
            foreign->endpoint.host);
    if (*addition->named[0].mechanisms)
        warnings[n++] = strdup(_("The provider takes no password but OAuth2 tokens: "
                                 "PasswordCommand has to print one."));
    if (!addition->works)
        warnings[n++] = strdup(_("None of these ports works from this network, so nothing proves "
                                 "that these are the right servers."));
    for (size_t i = 0; i < n; i++)
        if (!warnings[i])
            return -ENOMEM;
    return (int)n;
}

/* What to do where nothing was found, or nothing that may be added. */
static void say_server(const struct options *options)
{
    fprintf(stderr,
            _("Ask your provider for its server for outgoing mail (SMTP), and name it:\n"
              "  mailroam add %s --server HOST\n"),
            options->argument);
}

static enum exit_status tell_nothing(const struct addition *addition)
{
    const struct options *options = addition->options;

    if (addition->not_offered)
        fprintf(stderr, _("mailroam: the domain of %s says that it takes no mail to be sent\n"),
                options->argument);
    else if (addition->n_named > 0)
        fprintf(stderr, _("mailroam: none of the servers that one might guess for %s works\n"),
                options->argument);
    else
        fprintf(stderr, _("mailroam: no server was found for %s\n"), options->argument);
    if (addition->unanswered)
        fprintf(stderr, _("Not everybody has answered: try again later, or on another network.\n"));
    if (!addition->ispdb_allowed && !addition->not_offered)
        fprintf(stderr, _("Mozilla's database was not asked; --ispdb asks it (it learns the "
                          "domain).\n"));
    say_server(options);
    return EXIT_NONE_WORKS;
}

/* Ends as a program does that the signal ends, for shells that look at that. */
static enum exit_status end_stopped(struct addition *addition)
{
    int number = stop_signals_take(addition->stop_fd);
    sigset_t signals;

    progress_take_back(addition);
    fprintf(stderr, _("\nmailroam: interrupted; nothing was added\n"));
    fflush(stdout);
    sigemptyset(&signals);
    sigaddset(&signals, number ? number : SIGINT);
    (void)raise(number ? number : SIGINT);
    (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
    return EXIT_OTHER;
}

/* --- adding ---------------------------------------------------------------------------------- */

/* EXIT_WORKS where it may be added; else it was said why not. */
static enum exit_status confirm(struct addition *addition, bool vouched)
{
    const struct options *options = addition->options;
    bool safe = vouched && addition->works;
    int r;

    if (options->yes && safe)
        return EXIT_WORKS;
    if (addition->can_ask) {
        r = ask_yes(addition, safe ? _("Add this account?") : _("Add it all the same?"), safe);
        if (r < 0)
            return end_stopped(addition);
        if (r > 0)
            return EXIT_WORKS;
        fprintf(stderr, _("mailroam: nothing was added\n"));
        return EXIT_OTHER;
    }
    if (!addition->works) {
        fprintf(stderr, _("mailroam: nothing was added, because nothing works here\n"));
        say_server(options);
        return EXIT_NONE_WORKS;
    }
    fprintf(stderr,
            _("mailroam: nothing was added, because --yes does not stand for a server of "
              "another domain that only DNS names\n"
              "If you know that it is right, name it:\n  mailroam add %s --server %s\n"),
            options->argument, addition->servers[0]);
    return EXIT_OTHER;
}

static enum exit_status add(struct client *client, const struct options *options,
                            const char *const warnings[], size_t n_warnings)
{
    struct client_account *account = NULL;
    struct screen screen;
    int r = account_add(client, options, &account);

    if (r == 0 && options->json)
        r = print_event(options, warnings, n_warnings, true);
    else if (r == 0) {
        screen_init(&screen);
        r = print_account(&screen, account, "");
    }
    if (r != 0)
        return client_failure(client, r);
    if (!options->json)
        print_wrapped(&screen, TONE_PLAIN,
                      _("The account is added. What works, and why the rest does not: mailroam "
                        "explain"),
                      0, 0);
    return EXIT_WORKS;
}

/* What was found, shown, asked about, and added. */
static enum exit_status settle(struct addition *addition, struct client *client)
{
    char *made[2] = {NULL}, *warnings[WARNINGS_MAX] = {NULL};
    struct options options = {0};
    enum exit_status status;
    int r = complete_options(addition, &options, made), n = 0;
    bool quiet = addition->options->json;

    if (r == 0)
        n = collect_warnings(addition, warnings);
    if (r == 0 && n >= 0)
        r = say(addition, _("The account would be:"));
    if (r == 0 && n >= 0 && !quiet) {
        r = print_file(&addition->screen, &options);
        for (int i = 0; i < n; i++)
            print_wrapped(&addition->screen, TONE_WARN, warnings[i], 0, 0);
    }
    if (r < 0 || n < 0)
        status = no_memory();
    else if (options.dry_run) {
        if (quiet)
            (void)print_event(&options, (const char *const *)warnings, (size_t)n, false);
        status = addition->works ? EXIT_WORKS : EXIT_NONE_WORKS;
    } else {
        status = confirm(addition, addition_is_vouched(addition));
        if (status == EXIT_WORKS)
            status = add(client, &options, (const char *const *)warnings, (size_t)n);
        else if (quiet)
            (void)print_event(&options, (const char *const *)warnings, (size_t)n, false);
    }
    for (size_t i = 0; i < WARNINGS_MAX; i++)
        free(warnings[i]);
    free(made[0]);
    free(made[1]);
    free(options.settings);
    return status;
}

static void addition_clear_found(struct addition *addition)
{
    for (size_t i = 0; i < addition->n_named; i++) {
        free(addition->named[i].by);
        free(addition->named[i].username);
        free(addition->named[i].mechanisms);
    }
    for (size_t i = 0; i < addition->n_endpoints; i++)
        free(addition->endpoints[i]);
    free(TAKE(addition->endpoints));
    free(TAKE(addition->servers));
    addition->n_named = addition->n_servers = addition->n_endpoints = 0;
}

void addition_clear(struct addition *addition)
{
    addition_clear_found(addition);
    if (addition->stop_fd >= 0)
        close(addition->stop_fd);
}

/* The servers, and what came of them, change hands. */
static void hand_over(struct addition *from, struct addition *to)
{
    to->source = from->source;
    memcpy(to->named, from->named, sizeof(to->named));
    to->n_named = from->n_named;
    to->servers = TAKE(from->servers);
    to->endpoints = TAKE(from->endpoints);
    to->n_servers = from->n_servers;
    to->n_endpoints = from->n_endpoints;
    to->works = from->works;
    from->n_named = from->n_servers = from->n_endpoints = 0;
}

/* One source after the other, until what one names works. Where nothing does, the first counts: a
 * network that blocks everything says nothing against it. As addition_check(). */
static int find(struct addition *addition)
{
    _cleanup_(addition_clear) struct addition first = {.stop_fd = -1}, last = {.stop_fd = -1};
    int r;

    for (;;) {
        r = addition_search(addition);
        if (r == 0)
            r = say(addition, _("Trying what was found, and the usual ports:"));
        if (r == 0)
            r = addition_check(addition);
        if (r != 0 || addition->works)
            break;
        if (!addition->failed)
            hand_over(addition, &first);
        addition_clear_found(addition);
        addition->failed = true;
        r = say(addition, _("None of that works here. Asking on:"));
        if (r != 0)
            break;
    }
    if (r != ADD_NOTHING || !addition->failed)
        return r;
    hand_over(addition, &last);
    hand_over(&first, addition);
    return 0;
}

static enum exit_status search_and_add(struct addition *addition, struct client *client)
{
    int r;

    addition->stop_fd = stop_signals_open(false);
    if (addition->stop_fd < 0)
        return no_memory();
    r = say(addition, _("Asking for the mail servers of %s:"),
            strrchr(addition->options->argument, '@') + 1);
    if (r == 0)
        r = find(addition);
    if (r == ADD_STOP)
        return end_stopped(addition);
    if (r == ADD_NOTHING)
        return tell_nothing(addition);
    if (r == -EINVAL)
        return EXIT_USAGE;
    if (r < 0) {
        fprintf(stderr, "mailroam: %s\n", strerror(-r));
        return EXIT_OTHER;
    }
    return settle(addition, client);
}

/* --- the command ----------------------------------------------------------------------------- */

/* What can be told before anybody is asked. */
static enum exit_status check_search(const struct options *options, bool terminal)
{
    const char *at = strrchr(options->argument, '@');

    if (!at || at == options->argument || host_check(at + 1) < 0)
        return usage_error(options, _("'%s' is no mail address, and there is no --server"),
                           options->argument);
    if (options->json && !options->yes && !options->dry_run)
        return usage_error(options, _("with --json nobody can be asked: --yes, --dry-run or "
                                      "--server HOST is missing"));
    if (!terminal && !options->yes && !options->dry_run)
        return usage_error(options, _("without a terminal nobody can be asked: --yes, --dry-run or "
                                      "--server HOST is missing"));
    return EXIT_WORKS;
}

static enum exit_status add_found(const struct options *options)
{
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    _cleanup_(addition_clear) struct addition addition = {
        .options = options,
        .stop_fd = -1,
        .can_ask = terminal && !options->json && !options->yes,
    };
    _cleanup_(client_freep) struct client *client = NULL;
    enum exit_status status = check_search(options, terminal);

    if (status != EXIT_WORKS)
        return status;
    screen_init(&addition.screen);
    /* Before the search, which takes its time: whether it can be of any use. */
    if (!options->dry_run) {
        client = client_open_or_say(&status);
        if (!client)
            return status;
        if (client_account_by_name(client, name_of(options))) {
            fprintf(stderr,
                    _("mailroam: there is an account '%s' already; give this one another name: "
                      "--name NAME\n"),
                    name_of(options));
            return EXIT_OTHER;
        }
    }
    return search_and_add(&addition, client);
}

static enum exit_status add_given(const struct options *options)
{
    _cleanup_(client_freep) struct client *client = NULL;
    struct client_account *account = NULL;
    struct screen screen;
    int r;

    screen_init(&screen);
    if (options->dry_run) {
        r = options->json ? print_event(options, NULL, 0, false) : print_file(&screen, options);
        return r == 0 ? EXIT_WORKS : no_memory();
    }
    r = client_new(&client);
    if (r == 0)
        r = account_add(client, options, &account);
    if (r == 0)
        r = options->json ? json_print(account_to_json(account))
                          : print_account(&screen, account, "");
    return r == 0 ? EXIT_WORKS : client_failure(client, r);
}

enum exit_status command_add(const struct options *options)
{
    enum exit_status status = check_new_account(options);

    if (status != EXIT_WORKS)
        return status;
    if (options->n_servers == 0)
        return add_found(options);
    if (options->ispdb)
        return usage_error(options, _("with --server nothing is searched for: --ispdb is no use"));
    return add_given(options);
}
