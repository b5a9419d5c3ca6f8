/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Matters in words for a person: plain text with a full stop behind each sentence, a line an
 * endpoint or account. Every text in it has passed text_safe() where it was read; markup is the
 * server's affair (notify-server.c).
 */
#include "error.h"
#include "judge/finding.h"
#include "notify.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define LINES_MAX 3 /* a notification is no report */

struct text {
    char *start;
    size_t length;
    FILE *stream;
    unsigned lines;
};

/* Begins another line; false where there are enough. */
static bool line(struct text *text)
{
    if (text->lines == LINES_MAX)
        return false;
    if (text->lines++ > 0)
        fputc('\n', text->stream);
    return true;
}

const char *network_called(const struct published *published)
{
    const struct client_network *network = &published->manager.network;

    return *network->name ? network->name : _("this network");
}

static const char *account_called(const struct client_account *account)
{
    return *account->address ? account->address : account->name;
}

static const char *security_called(const char *security)
{
    return strcmp(security, "tls") == 0        ? "TLS"
           : strcmp(security, "starttls") == 0 ? "STARTTLS"
           : strcmp(security, "none") == 0     ? _("no encryption")
                                               : security;
}

/* Why the endpoint has its verdict: half a sentence. 0 or -ENOMEM. */
static int reason(const struct client_endpoint *endpoint, char **ret)
{
    struct finding finding;

    if (client_endpoint_finding(endpoint, &finding) < 0) {
        *ret = strdup(endpoint->verdict); /* a newer daemon's */
    } else {
        finding.evidence.set[EVIDENCE_TOTAL_MS] = false; /* of no interest here */
        *ret = finding_explain(&finding);
    }
    return *ret ? 0 : -ENOMEM;
}

/* One line for each endpoint that is to be named. 0 or -ENOMEM. */
static int add_endpoints(struct text *text, const struct published *published,
                         const struct notify_settings *settings,
                         bool (*named)(const struct client_endpoint *endpoint),
                         bool only_wanted_ports)
{
    for (size_t i = 0; i < published->n_accounts; i++) {
        const struct client_account *account = published->accounts[i];

        for (size_t j = 0; j < account->n_endpoints; j++) {
            const struct client_endpoint *endpoint = &account->endpoints[j];
            _cleanup_free_ char *why = NULL;

            if (!named(endpoint) ||
                (only_wanted_ports && !notify_settings_wants_port(settings, endpoint->port)))
                continue;
            if (reason(endpoint, &why) < 0)
                return -ENOMEM;
            if (line(text))
                fprintf(text->stream, _("Port %u of %s: %s."), endpoint->port, endpoint->host, why);
        }
    }
    return 0;
}

static void add_working(struct text *text, const struct published *published)
{
    for (size_t i = 0; i < published->n_accounts; i++) {
        const struct client_account *account = published->accounts[i];
        const struct client_working *working = &account->working;

        if (working->port == 0)
            continue;
        text->lines = 1; /* whatever else is said, this is */
        if (line(text))
            fprintf(text->stream, _("Mail leaves through port %u of %s (%s)."), working->port,
                    working->server, security_called(working->security));
        return;
    }
}

static void write_blocked(struct text *text, const struct published *published)
{
    for (size_t i = 0; i < published->n_accounts; i++) {
        const struct client_account *account = published->accounts[i];

        if (account->working.port != 0 || account->n_endpoints == 0 || !line(text))
            continue;
        fprintf(text->stream, "%s:", account_called(account));
        for (size_t j = 0; j < account->n_endpoints; j++)
            fprintf(text->stream, _("%s port %u %s"), j > 0 ? "," : "", account->endpoints[j].port,
                    account->endpoints[j].verdict);
        fputc('.', text->stream);
    }
}

static void write_changed(struct text *text, const struct published *published)
{
    for (size_t i = 0; i < published->n_accounts; i++) {
        const struct client_account *account = published->accounts[i];

        if (account->working.port != 0 && line(text))
            fprintf(text->stream, _("On %s: port %u of %s (%s) for %s."), network_called(published),
                    account->working.port, account->working.server,
                    security_called(account->working.security), account_called(account));
    }
}

static int write_body(struct text *text, const struct published *published,
                      const struct notify_settings *settings, enum matter matter)
{
    int r = 0;

    switch (matter) {
    case MATTER_PORTAL:
        fputs(_("Mail can leave when you have logged in with the browser."), text->stream);
        break;
    case MATTER_MAIL_BLOCKED:
        write_blocked(text, published);
        break;
    case MATTER_TAMPERING:
        r = add_endpoints(text, published, settings, endpoint_tampered, false);
        add_working(text, published);
        break;
    case MATTER_PORT_BLOCKED:
        r = add_endpoints(text, published, settings, endpoint_blocked, true);
        add_working(text, published);
        break;
    case MATTER_PORT_CHANGED:
        write_changed(text, published);
        break;
    case N_MATTER:
        break;
    }
    return r;
}

/* The wanted port that is blocked; 0 where several are. */
static uint16_t blocked_port(const struct published *published,
                             const struct notify_settings *settings)
{
    uint16_t port = 0;

    for (size_t i = 0; i < published->n_accounts; i++)
        for (size_t j = 0; j < published->accounts[i]->n_endpoints; j++) {
            const struct client_endpoint *endpoint = &published->accounts[i]->endpoints[j];

            if (!endpoint_blocked(endpoint) ||
                !notify_settings_wants_port(settings, endpoint->port) || endpoint->port == port)
                continue;
            if (port != 0)
                return 0;
            port = endpoint->port;
        }
    return port;
}

/* The port through which all mail leaves; 0 where accounts differ. */
static uint16_t working_port(const struct published *published)
{
    uint16_t port = 0;

    for (size_t i = 0; i < published->n_accounts; i++) {
        uint16_t its = published->accounts[i]->working.port;

        if (its != 0 && port != 0 && its != port)
            return 0;
        if (its != 0)
            port = its;
    }
    return port;
}

static int write_summary(const struct published *published, const struct notify_settings *settings,
                         enum matter matter, char **ret)
{
    const char *network = network_called(published);
    uint16_t port;
    int n = -1;

    switch (matter) {
    case MATTER_PORTAL:
        n = asprintf(ret, _("A login is needed on %s"), network);
        break;
    case MATTER_MAIL_BLOCKED:
        n = asprintf(ret, _("Mail cannot leave on %s"), network);
        break;
    case MATTER_TAMPERING:
        n = asprintf(ret, _("Something interferes with mail on %s"), network);
        break;
    case MATTER_PORT_BLOCKED:
        port = blocked_port(published, settings);
        n = port ? asprintf(ret, _("Port %u is blocked on %s"), port, network)
                 : asprintf(ret, _("Several mail ports are blocked on %s"), network);
        break;
    case MATTER_PORT_CHANGED:
        port = working_port(published);
        n = port ? asprintf(ret, _("Mail now leaves through port %u"), port)
                 : asprintf(ret, _("Mail now leaves through another port"));
        break;
    case N_MATTER:
        break;
    }
    return n < 0 ? -ENOMEM : 0;
}

int notice_write(const struct published *published, const struct notify_settings *settings,
                 enum matter matter, struct notice *ret)
{
    struct text text = {0};
    char *summary;
    int r;

    text.stream = open_memstream(&text.start, &text.length);
    if (!text.stream)
        return -ENOMEM;
    r = write_body(&text, published, settings, matter);
    if (ferror(text.stream))
        r = -ENOMEM;
    if (fclose(text.stream) != 0)
        r = -ENOMEM;
    if (r == 0)
        r = write_summary(published, settings, matter, &summary);
    if (r < 0) {
        free(text.start);
        return r;
    }
    *ret = (struct notice){summary, text.start};
    return 0;
}

void notice_clear(struct notice *notice)
{
    free(notice->summary);
    free(notice->body);
    *notice = (struct notice){0};
}
