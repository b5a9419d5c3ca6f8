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

static void explain_stop(FILE *out, const struct evidence *evidence, const char *who)
{
    const char *how = or_else(evidence_text(evidence, EVIDENCE_HOW), "");
    const char *by = evidence_text(evidence, EVIDENCE_BY);

    if (strcmp(how, "dropped") == 0)
        fprintf(out, "nothing comes back from this port%s",
                strcmp(who, "network") == 0 ? ", other ports of the server answer" : "");
    else if (strcmp(how, "reset") == 0)
        fprintf(out, "%s",
                strcmp(who, "network") == 0 ? "the connection is reset on the way"
                                            : "the server's end refuses connections to this port");
    else if (strcmp(how, "admin-prohibited") == 0)
        fprintf(out, "%s says it is administratively prohibited", by ? by : "a router");
    else if (strcmp(how, "port-unreachable") == 0)
        fprintf(out, "%s says the port is unreachable", by ? by : "a router");
    else if (*how)
        fprintf(out, "%s says the %s is unreachable", by ? by : "the way there",
                strcmp(how, "net-unreachable") == 0 ? "network" : "host");
    else
        fprintf(out, "the connection is stopped");
    if (evidence->set[EVIDENCE_HOP])
        fprintf(out, ", at hop %u", (unsigned)evidence_number(evidence, EVIDENCE_HOP));
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

    for (size_t i = 0; i < ELEMENTSOF(faults); i++)
        if (strcmp(fault, faults[i].fault) == 0)
            words = faults[i].words;
    fputs(words, out);
    if (strcmp(fault, "expired") == 0 && evidence->set[EVIDENCE_EXPIRES]) {
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
        explain_stop(out, evidence, "network");
        break;
    case VERDICT_REFUSED:
        explain_stop(out, evidence, "server");
        break;
    case VERDICT_INTERCEPTED:
        fputs("something other than the server answers", out);
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
        fputs("the server cannot be reached on any port", out);
        break;
    case N_VERDICT:
        break;
    }
    failed = ferror(out);
    if (fclose(out) != 0 || failed)
        return NULL;
    return TAKE(text);
}
