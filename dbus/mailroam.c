/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam: the command line for people and scripts. It knows no more than any client of the bus
 * interface; what it lacks, the interface lacks. This file takes the command line apart, and
 * refuses what it does not know before anything is asked of the daemon.
 */
#include "cli.h"
#include "config.h"
#include "error.h"
#include "text.h"
#include "words.h"
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
    OPTION_HELP = 256, /* beyond any letter: getopt tells them apart from '?' */
    OPTION_VERSION,
    OPTION_JSON,
    OPTION_ACCOUNT,
    OPTION_FORMAT,
    OPTION_SERVER,
    OPTION_NAME,
    OPTION_ENDPOINT,
    OPTION_SET,
    OPTION_ALL,
    OPTION_WATCH,
    OPTION_HTML,
    OPTION_EXPLAIN,
    OPTION_ISPDB,
    OPTION_YES,
    OPTION_DRY_RUN,
    OPTION_LIST,
    OPTION_LOGIN,
};

#define TAKES(option) (1U << ((option)-OPTION_HELP))

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"json", no_argument, NULL, OPTION_JSON},
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"server", required_argument, NULL, OPTION_SERVER},
    {"name", required_argument, NULL, OPTION_NAME},
    {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
    {"set", required_argument, NULL, OPTION_SET},
    {"all", no_argument, NULL, OPTION_ALL},
    {"watch", no_argument, NULL, OPTION_WATCH},
    {"html", required_argument, NULL, OPTION_HTML},
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"ispdb", no_argument, NULL, OPTION_ISPDB},
    {"yes", no_argument, NULL, OPTION_YES},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"list", no_argument, NULL, OPTION_LIST},
    {"login", no_argument, NULL, OPTION_LOGIN},
    {0},
};

struct command {
    const char *name, *synopsis, *summary, *details;
    unsigned takes;
    /* What the one argument is, in [] where it may be left out, with ... where it may come several
     * times; NULL: none. */
    const char *argument;
    enum exit_status (*run)(const struct options *options);
};

static enum exit_status command_help(const struct options *options);

static const struct command commands[] = {
    {"status", "[--account NAME] [--watch] [--json | --format BAR]",
     N_("show the network, the accounts, and what works on which port"),
     N_("Every endpoint stands in the order of preference, with its verdict and the reason. With\n"
        "--watch it is shown again whenever it changes. BAR is waybar, i3blocks or plain: one\n"
        "account for a status bar, see mailroam(1).\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT) | TAKES(OPTION_FORMAT) | TAKES(OPTION_WATCH), NULL,
     command_status},
    {"check", "[--account NAME] [--login] [--json]",
     N_("check again now, and show each verdict as it comes"),
     N_("With --login, log in where mail is to be submitted, too: with the password that the\n"
        "account's file says where to find, or that you are asked for. Exits with 0 if that "
        "works.\n"
        "With --json one object a line: event \"verdict\" each, then \"result\" for each account,\n"
        "then \"login\".\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT) | TAKES(OPTION_LOGIN), NULL, command_check},
    {"explain", "[PORT[/SECURITY]]... [--account NAME] [--json]",
     N_("explain what was found, with a picture of the way to the server"),
     N_("Without PORT all endpoints are explained. In the picture x is where a port is stopped, ! "
        "where\n"
        "something is wrong, and dots lead to what was not reached. Nothing is checked anew.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT), "[PORT]...", command_explain},
    {"watch", "[--account NAME] [--json]",
     N_("one line a change of the working port, the state or the network"),
     N_("Runs until it is interrupted or nobody reads it; the daemon may come and go meanwhile.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT), NULL, command_watch},
    {"port", "[--account NAME] [--format FORMAT | --json]",
     N_("print the working server, port and security, for scripts"),
     N_("FORMAT: %h server, %p port, %s security (tls, starttls, none), %% a percent sign; the\n"
        "default is '%h %p %s'. Prints nothing and exits with 1 where no port works.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT) | TAKES(OPTION_FORMAT), NULL, command_port},
    {"guide", "CLIENT | --list [--account NAME] [--json | --html FILE]",
     N_("how to set up a mail client with what works here and now"),
     N_("CLIENT is a name that --list shows. With --html the guide is written to FILE (- is "
        "standard\n"
        "output) as a page. Exits with 1 where no port works here; the guide is for the preferred\n"
        "one then.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT) | TAKES(OPTION_HTML) | TAKES(OPTION_LIST),
     "[CLIENT]", command_guide},
    {"accounts", "[--explain] [--json]", N_("list the accounts"),
     N_("With --explain: what was found in mail clients' files, and what was not understood.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_EXPLAIN), NULL, command_accounts},
    {"add",
     "ADDRESS [--ispdb] [--yes | --dry-run] [OPTION]...\n"
     "                    ADDRESS --server HOST [--server HOST]... [--dry-run] [OPTION]...\n"
     "       options: [--name NAME] [--endpoint PORT/SECURITY]... [--set KEY=VALUE]... [--json]",
     N_("add an account, and find its servers"),
     N_("The provider is asked for its servers over HTTPS and DNS, they are tried, and you are\n"
        "asked whether they are right. --ispdb also asks Mozilla's database, which learns the\n"
        "domain of the address. --yes adds what works and needs no person's judgement; --dry-run\n"
        "shows and adds nothing. With --server nobody is asked.\n"
        "Servers and endpoints are given in the order of preference. The name is the address\n"
        "unless --name gives one. KEY is any key of mailroam.account(5), as in\n"
        "--set LoginCheck=once-per-network.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_SERVER) | TAKES(OPTION_NAME) | TAKES(OPTION_ENDPOINT) |
         TAKES(OPTION_SET) | TAKES(OPTION_ISPDB) | TAKES(OPTION_YES) | TAKES(OPTION_DRY_RUN),
     "ADDRESS", command_add},
    {"remove", "NAME", N_("remove an account and its file"), "", 0, "NAME", command_remove},
    {"log", "[--account NAME] [--json | --html FILE]",
     N_("list the networks you have been on, and what worked and what was stopped there"),
     N_("The last stay comes first. What was learnt is kept until mailroam forget. With --html it "
        "is\n"
        "written to FILE (- is standard output) as a page with a picture.\n"),
     TAKES(OPTION_JSON) | TAKES(OPTION_ACCOUNT) | TAKES(OPTION_HTML), NULL, command_log},
    {"forget", "NETWORK | --all", N_("forget what was learnt on a network"),
     N_("NETWORK is a name as mailroam log shows it, or an id as in its JSON.\n"),
     TAKES(OPTION_ALL), "[NETWORK]", command_forget},
    {"doctor", "[--json]",
     N_("see whether everything is there that Mailroam needs, and what to do"),
     N_("Exits with 0 unless there is a problem, with 3 where the daemon cannot be reached.\n"),
     TAKES(OPTION_JSON), NULL, command_doctor},
    {"help", "[COMMAND]", N_("show this, or more about one command"), "", 0, "[COMMAND]",
     command_help},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

enum exit_status usage_error(const struct options *options, const char *format, ...)
{
    _cleanup_free_ char *text = NULL, *safe = NULL;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0) {
        text = NULL;
        return no_memory();
    }
    safe = text_safe(text, (size_t)n, 512);
    if (!safe)
        return no_memory();
    fprintf(stderr, _("mailroam: %s; see: mailroam help%s%s\n"), safe, options->command ? " " : "",
            options->command ? options->command : "");
    return EXIT_USAGE;
}

static void help_all(void)
{
    fputs(_("usage: mailroam COMMAND [OPTION]...\n\n"
            "Says on which port mail can be submitted from the network you are on.\n\n"
            "commands:\n"),
          stdout);
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        printf("  %-9s %s\n", commands[i].name, _(commands[i].summary));
    fputs(_("\noptions:\n"
            "  --account NAME  of this account only (port: instead of the default one)\n"
            "  --json          facts as JSON, one object a line\n"
            "  --help          this, or more about the command in front of it\n"
            "  --version       the version of mailroam\n\n"
            "exit status: 0 a port works, 1 none works, 2 usage, 3 mailroamd cannot be reached,\n"
            "4 other failure. Colours only on a terminal, and not with $NO_COLOR.\n"),
          stdout);
}

static enum exit_status command_help(const struct options *options)
{
    const struct command *command;

    if (!options->argument) {
        help_all();
        return EXIT_WORKS;
    }
    command = find_command(options->argument);
    if (!command)
        return usage_error(&(struct options){0}, _("unknown command '%s'"), options->argument);
    printf(_("usage: mailroam %s %s\n\n%s.\n"), command->name, command->synopsis,
           _(command->summary));
    if (*command->details)
        printf("\n%s", _(command->details));
    return EXIT_WORKS;
}

/* Which options were given, as bits, and the options that are taken apart; or what getopt met that
 * is none. */
static int parse_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_ACCOUNT:
        options->account = optarg;
        break;
    case OPTION_ALL:
        options->all = true;
        break;
    case OPTION_EXPLAIN:
        options->explain = true;
        break;
    case OPTION_HTML:
        options->html = optarg;
        break;
    case OPTION_LIST:
        options->list = true;
        break;
    case OPTION_WATCH:
        options->watch = true;
        break;
    case OPTION_ISPDB:
        options->ispdb = true;
        break;
    case OPTION_YES:
        options->yes = true;
        break;
    case OPTION_LOGIN:
        options->login = true;
        break;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        break;
    case OPTION_FORMAT:
        options->format = optarg;
        break;
    case OPTION_NAME:
        options->name = optarg;
        break;
    case OPTION_SERVER:
        options->servers[options->n_servers++] = optarg;
        break;
    case OPTION_ENDPOINT:
        options->endpoints[options->n_endpoints++] = optarg;
        break;
    case OPTION_SET:
        options->settings[options->n_settings++] = optarg;
        break;
    case ':':
        usage_error(options, _("%s needs a value"), argv[optind - 1]);
        return -EINVAL;
    case '?':
        /* An unknown letter leaves optind in the middle of its cluster. */
        if (optopt && optopt < OPTION_HELP)
            usage_error(options, _("unknown option '-%c'"), optopt);
        else
            usage_error(options, optopt ? _("'%s' takes no value") : _("unknown option '%s'"),
                        argv[optind - 1]);
        return -EINVAL;
    }
    return 0;
}

/* Reads argv into *options; *ret_given gets the TAKES() bits. 0, or -EINVAL after saying why. */
static int parse(int argc, char **argv, struct options *options, unsigned *ret_given)
{
    int option, n;
    unsigned given = 0;

    for (int i = 1; i < argc; i++)
        if (!dbus_validate_utf8(argv[i], NULL)) {
            usage_error(options, _("argument %d is not UTF-8"), i);
            return -EINVAL;
        }
    while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) >= 0) {
        if (option == 'h')
            option = OPTION_HELP;
        if (parse_option(options, option, argv) < 0)
            return -EINVAL;
        given |= TAKES(option);
    }
    n = argc - optind;
    if (n > 0)
        options->command = argv[optind];
    if (n > 1)
        options->argument = argv[optind + 1];
    options->arguments = argv + optind + (n > 0);
    options->n_arguments = n > 0 ? (size_t)n - 1 : 0;
    *ret_given = given;
    return 0;
}

static enum exit_status run(const struct options *options, unsigned given)
{
    const struct command *command = options->command ? find_command(options->command) : NULL;

    if (given & TAKES(OPTION_VERSION)) {
        printf("mailroam %s\n", PACKAGE_VERSION);
        return EXIT_WORKS;
    }
    if (options->command && !command)
        return usage_error(&(struct options){0}, _("unknown command '%s'"), options->command);
    if (given & TAKES(OPTION_HELP))
        return command_help(&(struct options){.argument = options->command});
    if (!command)
        return usage_error(options, _("which command?"));
    for (size_t i = 0; long_options[i].name; i++)
        if (given & TAKES(long_options[i].val) & ~command->takes)
            return usage_error(options, _("%s has no option --%s"), command->name,
                               long_options[i].name);
    if (options->argument && !command->argument)
        return usage_error(options, _("%s takes no argument '%s'"), command->name,
                           options->argument);
    if (options->n_arguments > 1 && !strstr(command->argument, "..."))
        return usage_error(options, _("what is '%s'?"), options->arguments[1]);
    if (!options->argument && command->argument && *command->argument != '[')
        return usage_error(options, _("%s: %s is missing"), command->name, command->argument);
    return command->run(options);
}

/* Makes sure that no descriptor opened later, like the bus, passes for standard output. */
static void fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    _cleanup_free_ const char **servers = calloc((size_t)argc, sizeof(*servers)),
                              **endpoints = calloc((size_t)argc, sizeof(*endpoints)),
                              **settings = calloc((size_t)argc, sizeof(*settings));
    struct options options = {.servers = servers, .endpoints = endpoints, .settings = settings};
    enum exit_status status;
    unsigned given;

    fill_standard_descriptors();
    words_open();
    if (!servers || !endpoints || !settings)
        return no_memory();
    if (parse(argc, argv, &options, &given) < 0)
        return EXIT_USAGE;
    if (options.json)
        words_stay_english();
    status = run(&options, given);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, _("mailroam: cannot write the output: %s\n"), strerror(errno));
        return EXIT_OTHER;
    }
    return status;
}
