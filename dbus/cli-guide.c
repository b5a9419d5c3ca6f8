/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam guide: how to set up a mail client, with what works here and now.
 *
 * What always holds: no guide is given for a setting without TLS. Where nothing works that has it,
 * the guide is for the preferred endpoint that does, says so, and the exit status is 1.
 */
#include "cli.h"
#include "error.h"
#include "guide.h"
#include "html.h"
#include "text.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

struct filled {
    const struct guide *guide;
    const struct client_account *account;
    struct guide_values values;
    bool works, remembered;
};

static bool has_tls(const char *security)
{
    return strcmp(security, "tls") == 0 || strcmp(security, "starttls") == 0;
}

/* Chooses the endpoint; whether there is one. */
static bool choose_endpoint(struct filled *filled)
{
    const struct client_account *account = filled->account;
    struct guide_values *values = &filled->values;

    values->address = account->address;
    values->user = *account->username ? account->username : account->address;
    filled->works = account->working.port && has_tls(account->working.security);
    filled->remembered = strcmp(account->provenance, "remembered") == 0;
    if (filled->works) {
        values->server = account->working.server;
        values->port = account->working.port;
        values->security = account->working.security;
        return true;
    }
    for (size_t i = 0; i < account->n_endpoints; i++)
        if (has_tls(account->endpoints[i].security)) {
            values->server = account->endpoints[i].host;
            values->port = account->endpoints[i].port;
            values->security = account->endpoints[i].security;
            return true;
        }
    return false;
}

/* What holds of the endpoint here, in a sentence or two. New, NULL without memory. */
static char *standing_words(const struct filled *filled)
{
    const struct guide_values *values = &filled->values;
    const char *security = security_words(values->security);

    if (filled->works)
        return format_new(
            filled->remembered
                ? _("Port %u of %s with %s worked on this network on an earlier visit; "
                    "that is being confirmed.")
                : _("Port %u of %s with %s works on this network now."),
            values->port, values->server, security);
    if (filled->account->working.port)
        return format_new(
            _("Only port %u without TLS works on this network, which is no safe setting. "
              "This guide is for port %u of %s with %s, which is preferred and does not "
              "work here."),
            filled->account->working.port, values->port, values->server, security);
    return format_new(
        _("No port works on this network at this moment. This guide is for port %u of %s "
          "with %s, which is preferred; it holds where no network stops it."),
        values->port, values->server, security);
}

static char *fill(const struct filled *filled, const char *text)
{
    return guide_fill(filled->guide, &filled->values, text);
}

/* --- as text ------------------------------------------------------------------------------------
 */

static int print_steps(const struct screen *screen, const struct filled *filled)
{
    for (size_t i = 0; filled->guide->steps[i]; i++) {
        _cleanup_free_ char *step = fill(filled, _(filled->guide->steps[i]));

        if (!step)
            return -ENOMEM;
        printf("%3zu. ", i + 1);
        print_wrapped(screen, TONE_PLAIN, step, 5, 5);
    }
    return 0;
}

/* As the client shows it in the reader's language: most have one word for it in all of them. */
static const char *security_label(const struct filled *filled)
{
    const struct guide *guide = filled->guide;

    return _(strcmp(filled->values.security, "tls") == 0 ? guide->tls : guide->starttls);
}

static int print_guide(const struct filled *filled)
{
    const struct guide *guide = filled->guide;
    const struct guide_values *values = &filled->values;
    _cleanup_free_ char *standing = standing_words(filled), *port = format_new("%u", values->port),
                        *snippet = guide->snippet ? fill(filled, guide->snippet) : NULL;
    struct screen screen;

    if (!standing || !port || (guide->snippet && !snippet))
        return -ENOMEM;
    screen_init(&screen);
    print_wrapped(&screen, TONE_STRONG, guide->title, 0, 0);
    print_fact(&screen, _("Account"), TONE_PLAIN, filled->account->name);
    print_fact(&screen, _("Server"), TONE_PLAIN, values->server);
    print_fact(&screen, _("Port"), TONE_PLAIN, port);
    print_fact(&screen, _("Security"), TONE_PLAIN, security_label(filled));
    print_fact(&screen, _("User name"), TONE_PLAIN, values->user);
    print_fact(&screen, _("Login"), TONE_PLAIN, _("password, over TLS only"));
    putchar('\n');
    print_wrapped(&screen, filled->works ? TONE_GOOD : TONE_BAD, standing, 0, 0);
    if (!filled->works && *account_advice(filled->account))
        print_wrapped(&screen, TONE_PLAIN, account_advice(filled->account), 0, 0);
    putchar('\n');
    if (print_steps(&screen, filled) < 0)
        return -ENOMEM;
    if (snippet) /* as it is, to be pasted */
        printf("\n%s:\n\n%s", guide->file, snippet);
    putchar('\n');
    print_wrapped(&screen, TONE_WARN, _(guide->danger), 0, 0);
    return 0;
}

/* --- as JSON ------------------------------------------------------------------------------------
 */

static json_object *steps_to_json(const struct filled *filled)
{
    json_object *array = json_object_new_array();

    for (size_t i = 0; array && filled->guide->steps[i]; i++) {
        _cleanup_free_ char *step = fill(filled, filled->guide->steps[i]);
        json_object *text = step ? json_object_new_string(step) : NULL;

        if (!text || json_object_array_add(array, text) != 0) {
            json_object_put(text);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

static int print_guide_json(const struct filled *filled)
{
    const struct guide *guide = filled->guide;
    const struct guide_values *values = &filled->values;
    _cleanup_free_ char *snippet = guide->snippet ? fill(filled, guide->snippet) : NULL;
    json_object *object = json_object_new_object();

    if ((snippet || !guide->snippet) && json_put_text(object, "client", guide->name) &&
        json_put_text(object, "title", guide->title) &&
        json_put_text(object, "account", filled->account->name) &&
        json_put(object, "works", json_object_new_boolean(filled->works)) &&
        json_put_text(object, "provenance", filled->works ? filled->account->provenance : "none") &&
        json_put_text(object, "server", values->server) &&
        json_put(object, "port", json_object_new_int(values->port)) &&
        json_put_text(object, "security", values->security) &&
        json_put_text(object, "user", values->user) &&
        json_put_text(object, "authentication", "password") &&
        json_put(object, "steps", steps_to_json(filled)) &&
        (snippet ? json_put_text(object, "file", guide->file) &&
                       json_put_text(object, "snippet", snippet)
                 : json_put_null(object, "file") && json_put_null(object, "snippet")) &&
        json_put_text(object, "beware", guide->danger))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

/* --- as a page ----------------------------------------------------------------------------------
 */

static void put_fact(FILE *file, const char *name, const char *value)
{
    fprintf(file, "<dt>%s</dt><dd><bdi>", name);
    html_put(file, value, SIZE_MAX);
    fputs("</bdi></dd>\n", file);
}

static int put_steps(FILE *file, const struct filled *filled)
{
    fputs("<ol>\n", file);
    for (size_t i = 0; filled->guide->steps[i]; i++) {
        _cleanup_free_ char *step = fill(filled, _(filled->guide->steps[i]));

        if (!step)
            return -ENOMEM;
        fputs("<li>", file);
        html_put(file, step, SIZE_MAX);
        fputs("</li>\n", file);
    }
    fputs("</ol>\n", file);
    return 0;
}

static int put_guide(FILE *file, const struct filled *filled)
{
    const struct guide *guide = filled->guide;
    const struct guide_values *values = &filled->values;
    _cleanup_free_ char *standing = standing_words(filled), *port = format_new("%u", values->port),
                        *snippet = guide->snippet ? fill(filled, guide->snippet) : NULL,
                        *title = format_new(_("How to send mail with %s"), guide->title);
    char moment[HTML_MOMENT_MAX];

    if (!standing || !port || !title || (guide->snippet && !snippet))
        return -ENOMEM;
    html_begin(file, title);
    fprintf(file, "<p%s>", filled->works ? "" : " class=\"stopped\"");
    html_put(file, standing, SIZE_MAX);
    fputs("</p>\n<dl>\n", file);
    put_fact(file, _("Account"), filled->account->name);
    put_fact(file, _("Server"), values->server);
    put_fact(file, _("Port"), port);
    put_fact(file, _("Security"), security_label(filled));
    put_fact(file, _("User name"), values->user);
    put_fact(file, _("Login"), _("password, over TLS only"));
    fputs("</dl>\n", file);
    if (put_steps(file, filled) < 0)
        return -ENOMEM;
    if (snippet) {
        fprintf(file, "<figure>\n<figcaption>%s</figcaption>\n<pre tabindex=\"0\">", guide->file);
        html_put(file, snippet, SIZE_MAX);
        fputs("</pre>\n</figure>\n", file);
    }
    fputs("<p class=\"beware\">", file);
    html_put(file, _(guide->danger), SIZE_MAX);
    fprintf(file, "</p>\n<p>%s</p>\n", html_moment(moment));
    html_end(file);
    return 0;
}

/* 0, -ENOMEM, or -EIO after saying what went wrong. */
static int write_guide(const struct filled *filled, const char *name)
{
    FILE *file = html_open(name);
    int r;

    if (!file)
        return -EIO;
    r = put_guide(file, filled);
    return html_close(file, name) < 0 ? -EIO : r;
}

/* ------------------------------------------------------------------------------------------------
 */

static enum exit_status list(const struct options *options)
{
    const struct guide *guide;

    for (unsigned n = 0; (guide = guide_at(n)); n++) {
        json_object *object;

        if (!options->json) {
            printf("%-12s  %s\n", guide->name, guide->title);
            continue;
        }
        object = json_object_new_object();
        if (!json_put_text(object, "client", guide->name) ||
            !json_put_text(object, "title", guide->title)) {
            json_object_put(object);
            return no_memory();
        }
        if (json_print(object) < 0)
            return no_memory();
    }
    return EXIT_WORKS;
}

static enum exit_status show(struct client *client, const struct guide *guide,
                             const struct options *options)
{
    struct filled filled = {.guide = guide};
    struct client_account *account = chosen_account(client, options);
    int r;

    if (!account)
        return options->account ? EXIT_OTHER : EXIT_NONE_WORKS;
    filled.account = account;
    if (choose_endpoint(&filled)) { /* else there is nothing to wait for */
        r = account_wait_for_port(client, &account);
        if (r != 0)
            return client_failure(client, r);
        filled.account = account;
    }
    if (!choose_endpoint(&filled)) {
        fprintf(stderr,
                _("mailroam: account %s has no endpoint with TLS, and there is no safe way to "
                  "set up a client without\n"),
                account->name);
        return EXIT_NONE_WORKS;
    }
    if (options->html)
        r = write_guide(&filled, options->html);
    else
        r = options->json ? print_guide_json(&filled) : print_guide(&filled);
    if (r < 0)
        return r == -EIO ? EXIT_OTHER : no_memory();
    return filled.works ? EXIT_WORKS : EXIT_NONE_WORKS;
}

enum exit_status command_guide(const struct options *options)
{
    _cleanup_(client_freep) struct client *client = NULL;
    const struct guide *guide;
    int r;

    if (options->list)
        return options->argument || options->html || options->account
                   ? usage_error(options, _("--list stands alone, or with --json"))
                   : list(options);
    if (!options->argument)
        return usage_error(options, _("for which client? mailroam guide --list knows them"));
    guide = guide_find(options->argument);
    if (!guide)
        return usage_error(options,
                           _("there is no guide for '%s'; mailroam guide --list knows them"),
                           options->argument);
    if (options->html && options->json)
        return usage_error(options, _("--html and --json are two ways to say it"));
    if (options->html && (!*options->html || !text_is_safe(options->html)))
        return usage_error(options, _("--html %s is no name for a file"), options->html);
    r = client_open(&client, true, -1);
    return r == 0 ? show(client, guide, options) : client_failure(client, r);
}
