/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Findings in plain words. Says only what the evidence holds; every text in it is safe already. */
#include "cleanup.h"
#include "judge/finding.h"
#include "words.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *or_else(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* What came of a login, beside what the verdict says already. */
static void explain_login(FILE *out, const struct evidence *evidence)
{
    const char *login = or_else(evidence_text(evidence, EVIDENCE_LOGIN), "");
    const char *text = or_else(evidence_text(evidence, EVIDENCE_REPLY), "");

    if (strcmp(login, "accepted") == 0)
        fprintf(out, _(", login accepted by %s"),
                or_else(evidence_text(evidence, EVIDENCE_MECHANISM), "AUTH"));
    else if (strcmp(login, "deferred") == 0)
        fprintf(out, _(", login not decided, try later: %s"), text);
    else if (*login)
        fprintf(out, _(", no login was tried: %s"), text);
}

static void explain_works(FILE *out, const struct evidence *evidence)
{
    char *const *auth = evidence_list(evidence, EVIDENCE_AUTH);

    fputs(or_else(evidence_text(evidence, EVIDENCE_TLS), "TLS"), out);
    if (auth && *auth) {
        fputs(", AUTH", out);
        for (; *auth; auth++)
            fprintf(out, " %s", *auth);
    }
    if (evidence->set[EVIDENCE_TOTAL_MS])
        fprintf(out, ", %u ms", (unsigned)evidence_number(evidence, EVIDENCE_TOTAL_MS));
    explain_login(out, evidence);
}

/* "10.20.0.1", or what can be said of whoever it is without knowing the address. */
static const char *who_stops(const struct evidence *evidence)
{
    return or_else(evidence_text(evidence, EVIDENCE_BY), _("something"));
}

static void explain_hop(FILE *out, const struct evidence *evidence)
{
    unsigned hop = (unsigned)evidence_number(evidence, EVIDENCE_HOP);

    if (hop > 0)
        fprintf(out, ngettext(", %u hop from here", ", %u hops from here", hop), hop);
}

static void explain_stop(FILE *out, const struct evidence *evidence, bool network)
{
    const char *how = or_else(evidence_text(evidence, EVIDENCE_HOW), "");
    bool known = evidence->set[EVIDENCE_BY];

    if (!network && strcmp(how, "reset") == 0)
        fputs(_("the server's end refuses connections to this port"), out);
    else if (!network && strcmp(how, "dropped") == 0)
        fputs(_("the server's end drops connections to this port"), out);
    else if (strcmp(how, "dropped") == 0 && known)
        fprintf(out, _("what goes to this port is dropped behind %s"), who_stops(evidence));
    else if (strcmp(how, "dropped") == 0)
        fputs(_("what goes to this port is dropped on the way"), out);
    else if (strcmp(how, "reset") == 0)
        fprintf(out, _("%s resets the connections to this port"),
                known ? who_stops(evidence) : _("something on the way"));
    else if (strcmp(how, "admin-prohibited") == 0)
        fprintf(out, _("%s says it is administratively prohibited"), who_stops(evidence));
    else if (strcmp(how, "port-unreachable") == 0)
        fprintf(out, _("%s says the port is unreachable"), who_stops(evidence));
    else if (strcmp(how, "net-unreachable") == 0)
        fprintf(out, _("%s says the network is unreachable"), who_stops(evidence));
    else if (*how)
        fprintf(out, _("%s says the host is unreachable"), who_stops(evidence));
    else
        fputs(_("the connection is stopped"), out);
    explain_hop(out, evidence);
}

static void explain_interception(FILE *out, const struct evidence *evidence)
{
    const char *login = or_else(evidence_text(evidence, EVIDENCE_LOGIN), "");

    if (*login) { /* nobody's address is known: it was the login that found him out */
        fprintf(out, _("something answers in the server's place, as the login shows: %s"),
                or_else(evidence_text(evidence, EVIDENCE_REPLY), ""));
        return;
    }
    fprintf(out, _("%s answers in the server's place"), who_stops(evidence));
    explain_hop(out, evidence);
}

static void explain_certificate(FILE *out, const struct evidence *evidence)
{
    static const struct {
        const char *fault, *words;
    } faults[] = {
        {"expired", N_("the certificate has expired")},
        {"not-yet-valid", N_("the certificate is not valid yet; is the clock right?")},
        {"name", N_("the certificate is for another name")},
        {"unknown-issuer", N_("the certificate's issuer is not trusted here")},
        {"self-signed", N_("the certificate is self-signed")},
        {"revoked", N_("the certificate was revoked")},
        {"weak", N_("the server's TLS is too weak")},
        {"pin", N_("the server's key is not the pinned one")},
    };
    const char *fault = or_else(evidence_text(evidence, EVIDENCE_CERTIFICATE), "");
    const char *words = N_("TLS could not be agreed on");
    bool dated = strcmp(fault, "expired") == 0 && evidence->set[EVIDENCE_EXPIRES];

    for (size_t i = 0; i < ELEMENTSOF(faults); i++)
        if (strcmp(fault, faults[i].fault) == 0)
            words = faults[i].words;
    if (!dated)
        fputs(_(words), out);
    else {
        time_t expires = (time_t)evidence_number(evidence, EVIDENCE_EXPIRES);
        char day[sizeof("YYYYYY-MM-DD")] = "";
        struct tm when;

        if (gmtime_r(&expires, &when) && strftime(day, sizeof(day), "%F", &when) > 0)
            fprintf(out, _("the certificate expired on %s"), day);
        else /* no calendar has that day: whoever said so is not to leave us without a word */
            fputs(_(words), out);
    }
    if (strcmp(fault, "name") == 0 || strcmp(fault, "unknown-issuer") == 0) {
        bool name = strcmp(fault, "name") == 0;
        const char *who = evidence_text(evidence, name ? EVIDENCE_SUBJECT : EVIDENCE_ISSUER);

        if (who)
            fprintf(out, " (%s)", who);
    }
    if (evidence_text(evidence, EVIDENCE_REPLY))
        fprintf(out, ": %s", evidence_text(evidence, EVIDENCE_REPLY));
}

static void explain_text(FILE *out, const struct evidence *evidence, const char *otherwise)
{
    const char *text = evidence_text(evidence, EVIDENCE_REPLY);

    if (evidence->set[EVIDENCE_CODE])
        fprintf(out, "%u ", (unsigned)evidence_number(evidence, EVIDENCE_CODE));
    fputs(or_else(text, otherwise), out);
}

char *finding_explain(const struct finding *finding)
{
    const struct evidence *evidence = &finding->evidence;
    _cleanup_free_ char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool failed;

    if (!out)
        return NULL;
    switch (finding->verdict) {
    case VERDICT_UNKNOWN:
        fputs(_("not checked yet"), out);
        break;
    case VERDICT_WORKS:
        explain_works(out, evidence);
        break;
    case VERDICT_NO_AUTH:
        fputs(_("reachable, but takes no logins: of no use to submit mail"), out);
        break;
    case VERDICT_CLEARTEXT:
        fputs(_("no encryption is offered: a password would travel in clear"), out);
        break;
    case VERDICT_BLOCKED:
        explain_stop(out, evidence, true);
        break;
    case VERDICT_REFUSED:
        explain_stop(out, evidence, false);
        break;
    case VERDICT_INTERCEPTED:
        explain_interception(out, evidence);
        break;
    case VERDICT_STRIPPED:
        fputs(_("encryption was removed on the way: do not log in here"), out);
        break;
    case VERDICT_BAD_CERTIFICATE:
        explain_certificate(out, evidence);
        break;
    case VERDICT_PORTAL:
        fputs(_("a login page stands in front of this network"), out);
        break;
    case VERDICT_REJECTED:
        explain_text(out, evidence, _("the server answers with an error"));
        break;
    case VERDICT_LOGIN_REFUSED:
        fputs(_("the server refused the login: "), out);
        explain_text(out, evidence, _("wrong user name or password"));
        break;
    case VERDICT_NOT_SMTP:
        explain_text(out, evidence, _("what answers does not speak SMTP"));
        break;
    case VERDICT_SLOW:
        fputs(_("connected, but no complete answer within the time allowed"), out);
        break;
    case VERDICT_UNRESOLVED:
        explain_text(out, evidence, _("the host name has no address here"));
        break;
    case VERDICT_UNREACHABLE:
        fputs(_("the server cannot be reached"), out);
        break;
    case N_VERDICT:
        break;
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return NULL;
    return TAKE(text);
}
