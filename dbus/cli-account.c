/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * An account and its endpoints for a person: facts above, one row an endpoint below. Where the
 * terminal leaves too little room behind the columns, the reason goes on lines of its own.
 */
#include "cli.h"
#include "error.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define INDENT       2
#define DEEPER       4
#define GAP          2
#define TIME_COLUMNS 8  /* "20000 ms" */
#define REASON_LEAST 24 /* columns; with less, words stand one below the other */
#define FACT_COLUMNS 12

static size_t longer(size_t a, size_t b)
{
    return a > b ? a : b;
}

int endpoint_columns_fit(struct endpoint_columns *columns, const struct screen *screen,
                         const struct client_account *account)
{
    const struct client_endpoint *all = account->endpoints;

    for (size_t i = 1; i < account->n_endpoints; i++)
        columns->host |= strcmp(all[i].host, all[0].host) != 0;
    for (size_t i = 0; i < account->n_endpoints; i++) {
        _cleanup_free_ char *words = endpoint_words(&all[i], columns->host);

        if (!words)
            return -ENOMEM;
        columns->endpoint = longer(columns->endpoint, text_columns(screen, words));
        columns->verdict =
            longer(columns->verdict, text_columns(screen, verdict_words(&all[i], true)));
    }
    return 0;
}

/* "123 ms", right-aligned in TIME_COLUMNS where that is wanted; nothing where it was not taken. */
static void print_time(const struct client_endpoint *endpoint, bool aligned)
{
    char text[32] = "";

    if (endpoint->evidence.set[EVIDENCE_TOTAL_MS])
        snprintf(text, sizeof(text), "%u ms",
                 (unsigned)evidence_number(&endpoint->evidence, EVIDENCE_TOTAL_MS));
    printf("%*s", aligned ? TIME_COLUMNS : 0, text);
}

static void print_narrow(const struct screen *screen, const char *endpoint, const char *verdict,
                         const struct client_endpoint *row, const char *reason)
{
    size_t after = INDENT + text_columns(screen, endpoint) + GAP;

    printf("%*s", INDENT, "");
    if (after + text_columns(screen, verdict) + GAP + TIME_COLUMNS <= screen->width)
        print_text(screen, TONE_PLAIN, endpoint, after - INDENT);
    else {
        print_wrapped(screen, TONE_PLAIN, endpoint, INDENT, INDENT);
        printf("%*s", DEEPER, "");
    }
    print_cut(screen, verdict_tone(row->verdict), verdict,
              screen->width - DEEPER - GAP - TIME_COLUMNS);
    printf("%*s", GAP, "");
    print_time(row, false);
    putchar('\n');
    if (*reason) {
        printf("%*s", DEEPER, "");
        print_wrapped(screen, TONE_PLAIN, reason, DEEPER, DEEPER);
    }
}

int print_endpoint(const struct screen *screen, const struct endpoint_columns *columns,
                   const char *label, const struct client_endpoint *endpoint, bool checking)
{
    _cleanup_free_ char *words = endpoint_words(endpoint, columns->host),
                        *reason = endpoint_reason(endpoint);
    const char *verdict = verdict_words(endpoint, checking);
    size_t labelled = columns->label ? columns->label + GAP : 0;
    size_t at =
        INDENT + labelled + columns->endpoint + GAP + columns->verdict + GAP + TIME_COLUMNS + GAP;

    if (!words || !reason)
        return -ENOMEM;
    if (at + REASON_LEAST > screen->width) {
        if (*label) {
            printf("%*s", INDENT, "");
            print_wrapped(screen, TONE_STRONG, label, INDENT, INDENT);
        }
        print_narrow(screen, words, verdict, endpoint, reason);
        return 0;
    }
    printf("%*s", INDENT, "");
    print_text(screen, TONE_STRONG, label, labelled);
    print_text(screen, TONE_PLAIN, words, columns->endpoint + GAP);
    if (*reason || endpoint_decided(endpoint)) {
        print_text(screen, verdict_tone(endpoint->verdict), verdict, columns->verdict + GAP);
        print_time(endpoint, true);
        printf("%*s", *reason ? GAP : 0, "");
        print_wrapped(screen, TONE_PLAIN, reason, at, at);
    } else {
        print_text(screen, verdict_tone(endpoint->verdict), verdict, 0);
        putchar('\n');
    }
    return 0;
}

void print_fact(const struct screen *screen, const char *name, enum tone tone, const char *value)
{
    printf("%*s", INDENT, "");
    print_text(screen, TONE_FAINT, name, FACT_COLUMNS - INDENT);
    print_wrapped(screen, tone, value, FACT_COLUMNS, FACT_COLUMNS);
}

static int print_working(const struct screen *screen, const struct client_account *account)
{
    static const struct {
        const char *word, *words;
    } provenances[] = {
        {"confirmed", N_(", confirmed by a check here")},
        {"remembered", N_(", remembered from an earlier visit and being confirmed")},
    };
    _cleanup_free_ char *working = working_words(account), *text = NULL;
    const char *provenance = "";

    for (size_t i = 0; i < ELEMENTSOF(provenances); i++)
        if (account->working.port && strcmp(account->provenance, provenances[i].word) == 0)
            provenance = _(provenances[i].words);
    text = working ? format_new("%s%s", working, provenance) : NULL;
    if (!text)
        return -ENOMEM;
    print_fact(screen, _("Submit to"), account->working.port ? TONE_STRONG : TONE_PLAIN, text);
    return 0;
}

/* New string, NULL without memory. */
static char *checked_words(const struct client_account *account)
{
    char moment[MOMENT_MAX];

    if (account->checked_at == 0)
        return strdup(_("never"));
    return format_new(*account->last_reason ? "%s (%s)" : "%s",
                      moment_words(account->checked_at, moment), account->last_reason);
}

bool account_is_found(const struct client_account *account)
{
    return *account->source && strcmp(account->source, "account-file") != 0;
}

char *sources_words(const struct client_account *account)
{
    char *all = strdup("");

    for (char *const *source = account->sources; all && source && *source; source++) {
        _cleanup_free_ char *before = all, *client = strndup(*source, strcspn(*source, " "));

        /* One program may have it in several files. */
        if (client && strstr(before, source_words(client)))
            all = strdup(before);
        else
            all = client ? format_new("%s%s%s", before, *before ? ", " : "", source_words(client))
                         : NULL;
    }
    return all;
}

int print_account(const struct screen *screen, const struct client_account *account,
                  const char *mark)
{
    _cleanup_free_ char *state = state_words(account->state),
                        *title = format_new("%s%s", account->name, mark);
    struct endpoint_columns columns = {0};
    _cleanup_free_ char *checked = checked_words(account), *sources = sources_words(account);

    if (!sources || !checked || !state || !title ||
        endpoint_columns_fit(&columns, screen, account) < 0)
        return -ENOMEM;
    print_wrapped(screen, TONE_STRONG, title, 0, 0);
    print_fact(screen, _("Address"), TONE_PLAIN, account->address);
    if (account_is_found(account))
        print_fact(screen, _("Set up in"), TONE_PLAIN, sources);
    print_fact(screen, _("State"), state_tone(account->state), state);
    if (print_working(screen, account) < 0)
        return -ENOMEM;
    if (account->n_endpoints && !columns.host)
        print_fact(screen, _("Server"), TONE_PLAIN, account->endpoints[0].host);
    print_fact(screen, _("Checked"), TONE_PLAIN, checked);
    if (*account_advice(account))
        print_fact(screen, _("Advice"), TONE_PLAIN, account_advice(account));
    for (size_t i = 0; i < account->n_endpoints; i++)
        if (print_endpoint(screen, &columns, "", &account->endpoints[i],
                           account_checking(account)) < 0)
            return -ENOMEM;
    return 0;
}
