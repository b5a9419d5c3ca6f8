/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam explain: what a check has found, endpoint by endpoint, in whole sentences and as a
 * picture of the way. It reads what is published and asks for no check.
 */
#include "cli-path.h"
#include "error.h"
#include "judge/endpoint.h"
#include "judge/verdict.h"
#include "words.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define INDENT 2

/* A PORT[/SECURITY] of the command line. */
struct wanted {
    uint16_t port;
    enum security security; /* N_SECURITY: any */
    bool met;
};

static bool is_wanted(struct wanted *wanted, size_t n, const struct client_endpoint *endpoint)
{
    bool any = n == 0;

    for (size_t i = 0; i < n; i++) {
        if (wanted[i].port != endpoint->port ||
            (wanted[i].security != N_SECURITY &&
             strcmp(security_to_string(wanted[i].security), endpoint->security) != 0))
            continue;
        any = wanted[i].met = true;
    }
    return any;
}

static const char *certainty_words(const char *confidence)
{
    static const struct {
        const char *confidence, *words;
    } certainties[] = {
        {"proven", N_("proven: it was said or measured")},
        {"likely", N_("likely: nothing else fits well")},
        {"guess", N_("a guess: something else fits, too")},
    };

    for (size_t i = 0; i < ELEMENTSOF(certainties); i++)
        if (strcmp(confidence, certainties[i].confidence) == 0)
            return _(certainties[i].words);
    return confidence;
}

/* Prints and frees `value`; nothing where it is "". 0, or -ENOMEM where it is NULL. */
static int print_piece(const struct screen *screen, const char *name, char *value)
{
    if (!value)
        return -ENOMEM;
    if (*value)
        print_fact(screen, name, TONE_PLAIN, value);
    free(value);
    return 0;
}

static const char *text_of(const struct evidence *evidence, enum evidence_key key)
{
    const char *text = evidence_text(evidence, key);

    return text ? text : "";
}

static char *address_words(const struct evidence *evidence)
{
    const char *address = text_of(evidence, EVIDENCE_ADDRESS);

    if (!*address || !evidence->set[EVIDENCE_CONNECT_MS])
        return strdup(address);
    return format_new(_("%s, connected after %u ms"), address,
                      (unsigned)evidence_number(evidence, EVIDENCE_CONNECT_MS));
}

static char *tls_words(const struct evidence *evidence)
{
    const char *cipher = text_of(evidence, EVIDENCE_CIPHER);

    return format_new("%s%s%s", text_of(evidence, EVIDENCE_TLS), *cipher ? ", " : "", cipher);
}

/* "mail.example.org, issued by Example CA, until 2027-01-31" */
static char *certificate_words(const struct evidence *evidence)
{
    const char *subject = text_of(evidence, EVIDENCE_SUBJECT),
               *issuer = text_of(evidence, EVIDENCE_ISSUER);
    time_t expires = (time_t)evidence_number(evidence, EVIDENCE_EXPIRES);
    char day[32] = "";
    struct tm when;

    if (!*subject && !*issuer)
        return strdup("");
    if (evidence->set[EVIDENCE_EXPIRES] && gmtime_r(&expires, &when) &&
        strftime(day, sizeof(day), "%F", &when) == 0)
        *day = '\0';
    return format_new("%s%s%s%s%s", subject, *issuer ? _(", issued by ") : "", issuer,
                      *day ? _(", until ") : "", day);
}

static char *logins_words(const struct evidence *evidence)
{
    char *const *auth = evidence_list(evidence, EVIDENCE_AUTH);
    char *text = strdup("");

    for (; text && auth && *auth; auth++) {
        _cleanup_free_ char *before = TAKE(text);

        text = format_new("%s%s%s", before, *before ? " " : "", *auth);
    }
    return text;
}

static char *reply_words(const struct evidence *evidence)
{
    if (!evidence->set[EVIDENCE_CODE])
        return strdup(text_of(evidence, EVIDENCE_REPLY));
    return format_new("%u %s", (unsigned)evidence_number(evidence, EVIDENCE_CODE),
                      text_of(evidence, EVIDENCE_REPLY));
}

static int print_evidence(const struct screen *screen, const struct evidence *evidence)
{
    const struct {
        const char *name;
        char *value;
    } pieces[] = {
        {_("Certainty"), strdup(certainty_words(text_of(evidence, EVIDENCE_CONFIDENCE)))},
        {_("Address"), address_words(evidence)},
        {_("Greeting"), strdup(text_of(evidence, EVIDENCE_GREETING))},
        {_("Reply"), reply_words(evidence)},
        {"TLS", tls_words(evidence)},
        {_("Cert."), certificate_words(evidence)},
        {_("Key"), strdup(text_of(evidence, EVIDENCE_PIN))},
        {_("Logins"), logins_words(evidence)},
        {_("Expected"), strdup(text_of(evidence, EVIDENCE_EXPECTED))},
        {_("Found"), strdup(text_of(evidence, EVIDENCE_FOUND))},
    };
    int r = 0;

    for (size_t i = 0; i < ELEMENTSOF(pieces); i++)
        if (print_piece(screen, pieces[i].name, pieces[i].value) < 0)
            r = -ENOMEM;
    return r;
}

static int explain(const struct screen *screen, const struct client_endpoint *endpoint,
                   bool checking)
{
    _cleanup_free_ char *words = endpoint_words(endpoint, true), *title = NULL,
                        *sentence = endpoint_sentence(endpoint, false, checking);
    _cleanup_(path_clear) struct path path = {0};
    int r;

    title = words ? format_new("%s  %s", words, verdict_words(endpoint, checking)) : NULL;
    if (!title || !sentence)
        return -ENOMEM;
    r = path_make(&path, endpoint);
    if (r < 0)
        return r;
    putchar('\n');
    print_wrapped(screen, verdict_tone(endpoint->verdict), title, 0, 0);
    r = path_print(&path, screen, TONE_STRONG, INDENT);
    printf("%*s", INDENT, "");
    print_wrapped(screen, TONE_PLAIN, sentence, INDENT, INDENT);
    return r == 0 ? print_evidence(screen, &endpoint->evidence) : r;
}

static int explain_json(const struct client_account *account,
                        const struct client_endpoint *endpoint)
{
    _cleanup_free_ char *sentence = endpoint_sentence(endpoint, false, account_checking(account));
    _cleanup_(path_clear) struct path path = {0};
    json_object *object;

    if (!sentence || path_make(&path, endpoint) < 0)
        return -ENOMEM;
    object = json_object_new_object();
    if (json_put_text(object, "account", account->name) && json_put_endpoint(object, endpoint) &&
        json_put_text(object, "explanation", sentence) && path_put(object, &path))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static int explain_account(const struct options *options, const struct screen *screen,
                           const struct client_account *account, struct wanted *wanted,
                           enum exit_status *status, bool *printed)
{
    bool titled = false;
    int r = 0;

    if (options->n_arguments == 0 && account->working.port)
        *status = EXIT_WORKS;
    for (size_t i = 0; r == 0 && i < account->n_endpoints; i++) {
        const struct client_endpoint *endpoint = &account->endpoints[i];

        if (!is_wanted(wanted, options->n_arguments, endpoint))
            continue;
        if (strcmp(endpoint->verdict, verdict_to_string(VERDICT_WORKS)) == 0)
            *status = EXIT_WORKS;
        if (!options->json && !titled && *printed)
            putchar('\n');
        if (!options->json && !titled)
            print_wrapped(screen, TONE_STRONG, account->name, 0, 0);
        titled = *printed = true;
        r = options->json ? explain_json(account, endpoint)
                          : explain(screen, endpoint, account_checking(account));
    }
    if (r == 0 && titled && !options->json && *account_advice(account)) {
        putchar('\n');
        print_wrapped(screen, TONE_PLAIN, account_advice(account), 0, 0);
    }
    return r;
}

/* 0, or -EINVAL after saying what is wrong, or -ENOMEM. */
static int parse_wanted(const struct options *options, struct wanted *wanted)
{
    for (size_t i = 0; i < options->n_arguments; i++) {
        _cleanup_free_ char *problem = NULL;
        struct endpoint endpoint;
        int r = endpoint_parse_port(options->arguments[i], &endpoint, &problem);

        if (r == -EINVAL)
            usage_error(options, "%s", problem ? problem : options->arguments[i]);
        if (r < 0)
            return r;
        wanted[i].port = endpoint.port;
        wanted[i].security = strchr(options->arguments[i], '/') ? endpoint.security : N_SECURITY;
    }
    return 0;
}

static enum exit_status explain_all(const struct options *options, struct wanted *wanted)
{
    enum exit_status status = EXIT_OTHER;
    _cleanup_(client_freep) struct client *client = client_open_or_say(&status);
    struct screen screen;
    bool printed = false;
    int r = 0;

    if (!client)
        return status;
    if (!account_exists(client, options->account))
        return EXIT_OTHER;
    if (client->n_accounts == 0 && !chosen_account(client, options))
        return EXIT_NONE_WORKS;
    screen_init(&screen);
    status = EXIT_NONE_WORKS;
    for (size_t i = 0; r == 0 && i < client->n_accounts; i++)
        if (account_meant(options, client->accounts[i]))
            r = explain_account(options, &screen, client->accounts[i], wanted, &status, &printed);
    if (r < 0)
        return no_memory();
    for (size_t i = 0; i < options->n_arguments; i++)
        if (!wanted[i].met) {
            fprintf(stderr, _("mailroam: no account tries port %s; see: mailroam status\n"),
                    options->arguments[i]);
            status = EXIT_OTHER;
        }
    return status;
}

enum exit_status command_explain(const struct options *options)
{
    _cleanup_free_ struct wanted *wanted = calloc(options->n_arguments + 1, sizeof(*wanted));
    int r = wanted ? parse_wanted(options, wanted) : -ENOMEM;

    if (r < 0)
        return r == -EINVAL ? EXIT_USAGE : no_memory();
    return explain_all(options, wanted);
}
