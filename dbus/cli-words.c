/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The interface's vocabulary in words for people. A word that is not known here (a newer daemon's)
 * is shown as it came; nothing is guessed about it.
 */
#include "cli.h"
#include "judge/finding.h"
#include "words.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

char *format_new(const char *format, ...)
{
    va_list arguments;
    char *text;
    int n;

    va_start(arguments, format);
    n = vasprintf(&text, format, arguments);
    va_end(arguments);
    return n < 0 ? NULL : text;
}

char *state_words(const char *state)
{
    static const char *const words[N_STATE] = {
        [STATE_UNCONFIGURED] = N_("no server is set up"),
        [STATE_OFFLINE] = N_("there is no network"),
        [STATE_CHECKING] = N_("the answers are awaited"),
        [STATE_READY] = N_("the preferred endpoint works"),
        [STATE_DEGRADED] = N_("the preferred endpoint does not work here, another one does"),
        [STATE_PORTAL] = N_("the network wants a login in the browser first"),
        [STATE_BLOCKED] = N_("no endpoint works on this network"),
    };
    enum state known;

    return state_from_string(state, &known) < 0 ? strdup(state)
                                                : format_new("%s: %s", state, _(words[known]));
}

enum tone state_tone(const char *state)
{
    enum state known;

    if (state_from_string(state, &known) < 0)
        return TONE_PLAIN;
    switch (known) {
    case STATE_READY:
        return TONE_GOOD;
    case STATE_DEGRADED:
        return TONE_WARN;
    case STATE_UNCONFIGURED:
    case STATE_CHECKING:
        return TONE_FAINT;
    case STATE_OFFLINE:
    case STATE_PORTAL:
    case STATE_BLOCKED:
    case N_STATE:
        break;
    }
    return TONE_BAD;
}

enum tone verdict_tone(const char *verdict)
{
    enum verdict known;

    if (verdict_from_string(verdict, &known) < 0)
        return TONE_PLAIN;
    return known == VERDICT_WORKS                                   ? TONE_GOOD
           : known == VERDICT_UNKNOWN                               ? TONE_FAINT
           : known == VERDICT_NO_AUTH || known == VERDICT_CLEARTEXT ? TONE_WARN
                                                                    : TONE_BAD;
}

bool account_checking(const struct client_account *account)
{
    return strcmp(account->state, state_to_string(STATE_CHECKING)) == 0;
}

bool endpoint_decided(const struct client_endpoint *endpoint)
{
    return strcmp(endpoint->verdict, verdict_to_string(VERDICT_UNKNOWN)) != 0;
}

char *endpoint_words(const struct client_endpoint *endpoint, bool host)
{
    bool literal = host && strchr(endpoint->host, ':');

    return format_new("%s%s%s%s%u/%s", literal ? "[" : "", host ? endpoint->host : "",
                      literal ? "]" : "", host ? ":" : "", endpoint->port, endpoint->security);
}

const char *verdict_words(const struct client_endpoint *endpoint, bool checking)
{
    return endpoint_decided(endpoint) ? endpoint->verdict
           : checking                 ? _("checking ...")
                                      : _("not checked");
}

char *endpoint_reason(const struct client_endpoint *endpoint)
{
    struct finding finding;

    if (!endpoint_decided(endpoint) || client_endpoint_finding(endpoint, &finding) < 0)
        return strdup("");
    finding.evidence.set[EVIDENCE_TOTAL_MS] = false; /* has a column of its own */
    return finding_explain(&finding);
}

char *endpoint_sentence(const struct client_endpoint *endpoint, bool host, bool checking)
{
    _cleanup_free_ char *reason = endpoint_reason(endpoint), *port = NULL;
    enum verdict verdict;

    port = host ? format_new(_("%u of %s"), endpoint->port, endpoint->host)
                : format_new("%u", endpoint->port);
    if (!reason || !port)
        return NULL;
    if (verdict_from_string(endpoint->verdict, &verdict) < 0)
        return format_new("Port %s: %s.", port, endpoint->verdict);
    switch (verdict) {
    case VERDICT_UNKNOWN:
        return checking ? format_new(_("Port %s is being checked."), port)
                        : format_new(_("Port %s was not checked on this network yet."), port);
    case VERDICT_WORKS:
        return format_new(_("Port %s works: %s."), port, reason);
    case VERDICT_NO_AUTH:
    case VERDICT_CLEARTEXT:
        return format_new(_("Port %s is open, but not to be used: %s."), port, reason);
    case VERDICT_BLOCKED:
        return format_new(_("Port %s is blocked on this network: %s."), port, reason);
    case VERDICT_REFUSED:
        return format_new(_("Port %s is refused by the server: %s."), port, reason);
    case VERDICT_INTERCEPTED:
        return format_new(_("Port %s is intercepted: %s."), port, reason);
    case VERDICT_STRIPPED:
        return format_new(_("Port %s is tampered with: %s."), port, reason);
    case VERDICT_BAD_CERTIFICATE:
        return format_new(_("Port %s is not to be trusted: %s."), port, reason);
    case VERDICT_PORTAL:
        return format_new(_("Port %s is behind a login page: %s."), port, reason);
    case VERDICT_REJECTED:
        return format_new(_("Port %s answers with an error: %s."), port, reason);
    case VERDICT_LOGIN_REFUSED:
        return format_new(_("Port %s works, but the login does not: %s."), port, reason);
    case VERDICT_NOT_SMTP:
        return format_new(_("Port %s is no mail server's: %s."), port, reason);
    case VERDICT_SLOW:
        return format_new(_("Port %s is too slow: %s."), port, reason);
    case VERDICT_UNRESOLVED:
        return format_new(_("Port %s could not be tried: %s."), port, reason);
    case VERDICT_UNREACHABLE:
        return format_new(_("Port %s is not reached: %s."), port, reason);
    case N_VERDICT:
        break;
    }
    return NULL;
}

char *faults_words(const struct client_account *account)
{
    char *text = strdup("");
    bool hosts = false;

    for (size_t i = 1; i < account->n_endpoints; i++)
        hosts |= strcmp(account->endpoints[i].host, account->endpoints[0].host) != 0;
    for (size_t i = 0; text && i < account->n_endpoints; i++) {
        const struct client_endpoint *endpoint = &account->endpoints[i];
        _cleanup_free_ char *before = NULL, *sentence = NULL;

        if (!endpoint_decided(endpoint) ||
            strcmp(endpoint->verdict, verdict_to_string(VERDICT_WORKS)) == 0)
            continue;
        before = TAKE(text);
        sentence = endpoint_sentence(endpoint, hosts, false);
        text = sentence ? format_new("%s%s%s", before, *before ? " " : "", sentence) : NULL;
    }
    return text;
}

const char *security_words(const char *security)
{
    static const char *const words[N_SECURITY] = {[SECURITY_TLS] = "TLS",
                                                  [SECURITY_STARTTLS] = "STARTTLS",
                                                  [SECURITY_NONE] = N_("no encryption")};
    enum security known;

    return security_from_string(security, &known) < 0 ? security : _(words[known]);
}

char *working_words(const struct client_account *account)
{
    const struct client_working *working = &account->working;

    if (working->port == 0)
        return strdup(account_checking(account) ? _("no port known yet") : _("no port works"));
    return format_new(_("%s port %u (%s)"), working->server, working->port,
                      security_words(working->security));
}

char *network_words(const struct client_network *network)
{
    const char *name = *network->name ? network->name : network->id;
    /* A network without a name of its own is called after these two. */
    bool interface = *network->interface && !strstr(name, network->interface),
         gateway = *network->gateway && !strstr(name, network->gateway);
    char since[MOMENT_MAX];

    if (!*name)
        return strdup(_("none"));
    return format_new("%s%s%s%s%s%s%s%s", name, interface ? _(" on ") : "",
                      interface ? network->interface : "", gateway ? _(", gateway ") : "",
                      gateway ? network->gateway : "", network->since ? _(", since ") : "",
                      network->since ? moment_words(network->since, since) : "",
                      network->known ? _(", seen before") : "");
}

const char *account_advice(const struct client_account *account)
{
    /* The first of these verdicts that any endpoint has decides: the more it says, the earlier. */
    static const struct {
        enum verdict verdict;
        const char *advice;
    } advices[] = {
        {VERDICT_PORTAL, N_("Open any page in the browser and log in to the network; the check is "
                            "repeated then.")},
        {VERDICT_LOGIN_REFUSED,
         N_("The server does not take the user name or the password: correct "
            "them in the account's file.")},
        {VERDICT_STRIPPED, N_("Somebody on this network removes the encryption. Send no mail from "
                              "here without a VPN.")},
        {VERDICT_INTERCEPTED, N_("Somebody on this network answers in the server's place. Send no "
                                 "mail from here without a VPN.")},
        {VERDICT_BAD_CERTIFICATE,
         N_("The server's certificate cannot be trusted. Compare with another "
            "network: if it is the same there, tell your mail provider.")},
        {VERDICT_BLOCKED,
         N_("This network stops mail. Use another one (a phone's hotspot) or a VPN, "
            "and tell its operator that RFC 6409 asks to leave port 587 open.")},
        {VERDICT_REJECTED,
         N_("The server answers with an error, for the reason it gives. Try again "
            "later, or ask your mail provider.")},
        {VERDICT_CLEARTEXT,
         N_("The server offers no encryption, and a password is not sent without. "
            "Ask your mail provider for a port with TLS.")},
        {VERDICT_NO_AUTH,
         N_("The server takes no logins on these ports. Ask your mail provider which "
            "ones are for submission.")},
        {VERDICT_NOT_SMTP, N_("What answers there is no mail server: check the server's name and "
                              "ports in the account's file.")},
        {VERDICT_SLOW, N_("The network or the server is too slow at the moment. Try again later.")},
        {VERDICT_REFUSED, N_("The server takes no connections on these ports: check its name and "
                             "ports in the account's file.")},
        {VERDICT_UNRESOLVED, N_("The server's name has no address here: check its spelling, and "
                                "whether other names resolve on this network.")},
        {VERDICT_UNREACHABLE, N_("The server cannot be reached at all: check the network, or a VPN "
                                 "that may be missing.")},
    };

    if (account->working.port || account_checking(account))
        return "";
    if (strcmp(account->state, state_to_string(STATE_OFFLINE)) == 0)
        return _("There is no network: connect, and the check follows by itself.");
    if (strcmp(account->state, state_to_string(STATE_PORTAL)) == 0)
        return _(advices[0].advice);
    for (size_t i = 0; i < ELEMENTSOF(advices); i++)
        for (size_t j = 0; j < account->n_endpoints; j++)
            if (strcmp(account->endpoints[j].verdict, verdict_to_string(advices[i].verdict)) == 0)
                return _(advices[i].advice);
    return "";
}

char *moment_words(uint64_t usec, char buffer[static MOMENT_MAX])
{
    time_t then = (time_t)(usec / SECOND_USEC), now = time(NULL);
    struct tm when, today;

    if (!localtime_r(&then, &when) || !localtime_r(&now, &today))
        return strcpy(buffer, "?");
    if (strftime(buffer, MOMENT_MAX,
                 when.tm_year == today.tm_year && when.tm_yday == today.tm_yday ? "%H:%M:%S"
                                                                                : "%F %H:%M",
                 &when) == 0)
        strcpy(buffer, "?");
    return buffer;
}

char *period_words(uint64_t from, uint64_t until)
{
    time_t first = (time_t)(from / SECOND_USEC), last = (time_t)(until / SECOND_USEC);
    char start[MOMENT_MAX], end[MOMENT_MAX] = "";
    struct tm start_tm, end_tm;
    bool same_day;

    if (!localtime_r(&first, &start_tm) || !localtime_r(&last, &end_tm))
        return strdup("?");
    same_day = start_tm.tm_year == end_tm.tm_year && start_tm.tm_yday == end_tm.tm_yday;
    if (strftime(start, sizeof(start), "%F %H:%M", &start_tm) == 0)
        strcpy(start, "?");
    if (until && strftime(end, sizeof(end), same_day ? "%H:%M" : "%F %H:%M", &end_tm) == 0)
        strcpy(end, "?");
    return format_new(_("%s to %s"), start, until ? end : _("now"));
}
