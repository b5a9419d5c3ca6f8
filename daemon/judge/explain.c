/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Findings in plain words. Says only what the evidence holds; every text in it is safe already. */
#include "cleanup.h"
#include "judge/finding.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *or_else(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
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
}

/* "10.20.0.1", or what can be said of whoever it is without knowing the address. */
static const char *who_stops(const struct evidence *evidence)
{
    return or_else(evidence_text(evidence, EVIDENCE_BY), "something");
}

static void explain_hop(FILE *out, const struct evidence *evidence)
{
    unsigned hop = (unsigned)evidence_number(evidence, EVIDENCE_HOP);

    if (hop > 0)
        fprintf(out, ", %u hop%s from here", hop, hop == 1 ? "" : "s");
}

static void explain_stop(FILE *out, const struct evidence *evidence, bool network)
{
    const char *how = or_else(evidence_text(evidence, EVIDENCE_HOW), "");
    bool known = evidence->set[EVIDENCE_BY];

    if (!network && (strcmp(how, "reset") == 0 || strcmp(how, "dropped") == 0))
        fprintf(out, "the server's end %s connections to this port",
                strcmp(how, "reset") == 0 ? "refuses" : "drops");
    else if (strcmp(how, "dropped") == 0)
        fprintf(out, "what goes to this port is dropped %s%s", known ? "behind " : "on the way",
                known ? who_stops(evidence) : "");
    else if (strcmp(how, "reset") == 0)
        fprintf(out, "%s resets the connections to this port",
                known ? who_stops(evidence) : "something on the way");
    else if (strcmp(how, "admin-prohibited") == 0)
        fprintf(out, "%s says it is administratively prohibited", who_stops(evidence));
    else if (strcmp(how, "port-unreachable") == 0)
        fprintf(out, "%s says the port is unreachable", who_stops(evidence));
    else if (*how)
        fprintf(out, "%s says the %s is unreachable", who_stops(evidence),
                strcmp(how, "net-unreachable") == 0 ? "network" : "host");
    else
        fputs("the connection is stopped", out);
    explain_hop(out, evidence);
}

static void explain_interception(FILE *out, const struct evidence *evidence)
{
    fprintf(out, "%s answers in the server's place", who_stops(evidence));
    explain_hop(out, evidence);
}

static void explain_certificate(FILE *out, const struct evidence *evidence)
{
    static const struct {
        const char *fault, *words;
    } faults[] = {
        {"expired", "the certificate has expired"},
        {"not-yet-valid", "the certificate is not valid yet; is the clock right?"},
        {"name", "the certificate is for another name"},
        {"unknown-issuer", "the certificate's issuer is not trusted here"},
        {"self-signed", "the certificate is self-signed"},
        {"revoked", "the certificate was revoked"},
        {"weak", "the server's TLS is too weak"},
        {"pin", "the server's key is not the pinned one"},
    };
    const char *fault = or_else(evidence_text(evidence, EVIDENCE_CERTIFICATE), "");
    const char *words = "TLS could not be agreed on";
    bool dated = strcmp(fault, "expired") == 0 && evidence->set[EVIDENCE_EXPIRES];

    for (size_t i = 0; i < ELEMENTSOF(faults); i++)
        if (strcmp(fault, faults[i].fault) == 0)
            words = faults[i].words;
    fputs(dated ? "the certificate expired" : words, out);
    if (dated) {
        time_t expires = (time_t)evidence_number(evidence, EVIDENCE_EXPIRES);
        char day[sizeof("YYYYYY-MM-DD")] = "";
        struct tm when;

        if (gmtime_r(&expires, &when) && strftime(day, sizeof(day), "%F", &when) > 0)
            fprintf(out, " on %s", day);
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
        fputs("not checked yet", out);
        break;
    case VERDICT_WORKS:
        explain_works(out, evidence);
        break;
    case VERDICT_NO_AUTH:
        fputs("reachable, but takes no logins: of no use to submit mail", out);
        break;
    case VERDICT_CLEARTEXT:
        fputs("no encryption is offered: a password would travel in clear", out);
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
        fputs("encryption was removed on the way: do not log in here", out);
        break;
    case VERDICT_BAD_CERTIFICATE:
        explain_certificate(out, evidence);
        break;
    case VERDICT_PORTAL:
        fputs("a login page stands in front of this network", out);
        break;
    case VERDICT_REJECTED:
        explain_text(out, evidence, "the server answers with an error");
        break;
    case VERDICT_LOGIN_REFUSED:
        fputs("the server refused the login: ", out);
        explain_text(out, evidence, "wrong user name or password");
        break;
    case VERDICT_NOT_SMTP:
        explain_text(out, evidence, "what answers does not speak SMTP");
        break;
    case VERDICT_SLOW:
        fputs("connected, but no complete answer within the time allowed", out);
        break;
    case VERDICT_UNRESOLVED:
        explain_text(out, evidence, "the host name has no address here");
        break;
    case VERDICT_UNREACHABLE:
        fputs("the server cannot be reached", out);
        break;
    case N_VERDICT:
        break;
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return NULL;
    return TAKE(text);
}
