/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From what was seen to a verdict, one line a case; then from verdicts to a choice and a state. */
#include "cleanup.h"
#include "judge/choose.h"
#include "judge/judge.h"
#include "tap.h"

#define SERVER "192.0.2.25"
#define ROUTER "10.20.0.1"

#define EXCEEDED(router) {AF_INET, SERVER, ATTEMPT_EXCEEDED, HOW_TTL_EXCEEDED, router}
#define ANSWERED(how)    {AF_INET, SERVER, how}
#define CONTROL                                                                                    \
    .control = {[1] = EXCEEDED(ROUTER), [2] = EXCEEDED("198.51.100.2"),                            \
                [3] = EXCEEDED("198.51.100.6"), [4] = ANSWERED(ATTEMPT_CONNECTED)},                \
    .distance = 4

static const struct walk reset_by_server = {
    CONTROL,
    .port = {[1] = EXCEEDED(ROUTER), [4] = ANSWERED(ATTEMPT_RESET)},
    .reset_origin = ORIGIN_THERE,
};
static const struct walk reset_by_router = {
    CONTROL,
    .port = {[1] = EXCEEDED(ROUTER), [2] = ANSWERED(ATTEMPT_RESET)},
};
static const struct walk dropped = {
    CONTROL,
    .port = {[1] = EXCEEDED(ROUTER)},
    .soundings = {.port_sent = 12, .control_sent = 12, .control_answered = 12},
};
static const struct walk lossy = {
    CONTROL,
    .port = {[1] = EXCEEDED(ROUTER)},
    .soundings = {.port_sent = 3, .control_sent = 3, .control_answered = 2},
};
static const struct walk gateway = {
    .alone = true,
    .distance = 1,
    .port = {[1] = ANSWERED(ATTEMPT_CONNECTED)},
    .control = {[1] = ANSWERED(ATTEMPT_CONNECTED)},
};
static const struct walk proxied = {
    CONTROL,
    .port = {[1] = ANSWERED(ATTEMPT_CONNECTED)},
};

static const struct {
    const char *name;
    struct observation observation;
    struct siblings siblings;
    enum security security;
    enum verdict verdict;
    const char *how, *confidence, *by;
} cases[] = {
#define SAID(key, what)                                                                            \
    .evidence = {.set = {[key] = true}, .values = {[key] = {.text = (char *)(what)}}}
#define GREETED SAID(EVIDENCE_GREETING, "mail.example.org ESMTP")
#define PROVED  SAID(EVIDENCE_TLS, "TLSv1.3")
#define HTTP    SAID(EVIDENCE_REPLY, "HTTP/1.1 302 Found")
#define UNVERIFIED                                                                                 \
    .evidence = {.set = {[EVIDENCE_TLS] = true, [EVIDENCE_CERTIFICATE] = true},                    \
                 .values = {[EVIDENCE_TLS] = {.text = (char *)"TLSv1.3"},                          \
                            [EVIDENCE_CERTIFICATE] = {.text = (char *)"unknown-issuer"}}}
#define CONNECTED .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .us = 20000}}, .n_attempts = 1
#define UNCONNECTED(...)                                                                           \
    {.stage = STAGE_CONNECT,                                                                       \
     .halt = HALT_FAILED,                                                                          \
     .attempts = {{AF_INET, SERVER, __VA_ARGS__}},                                                 \
     .n_attempts = 1}
#define TALKED(where, why) {.stage = (where), .halt = (why), CONNECTED}
#define ANSWERING {.connected = true}
    /* the whole conversation */
    {"all of it, with AUTH",
     {.stage = STAGE_COMPLETE, .auth = true, CONNECTED}, {0}, SECURITY_TLS,
     VERDICT_WORKS, NULL, "proven", NULL},
    {"a login that is accepted",
     {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_ACCEPTED, CONNECTED}, {0}, SECURITY_TLS,
     VERDICT_WORKS, NULL, "proven", NULL},
    {"a login that is refused",
     {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_REFUSED, CONNECTED}, {0}, SECURITY_TLS,
     VERDICT_LOGIN_REFUSED, NULL, "proven", NULL},
    {"a login that has to wait",
     {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_DEFERRED, CONNECTED}, {0}, SECURITY_TLS,
     VERDICT_WORKS, NULL, "proven", NULL},
    {"no login that may be made",
     {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_WITHHELD, CONNECTED}, {0}, SECURITY_TLS,
     VERDICT_WORKS, NULL, "proven", NULL},
    {"a server that does not know the password",
     {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_FORGED, CONNECTED, PROVED}, {0},
     SECURITY_TLS, VERDICT_INTERCEPTED, NULL, "likely", NULL},
    {"all of it, without AUTH", TALKED(STAGE_COMPLETE, HALT_NONE), {0}, SECURITY_STARTTLS,
     VERDICT_NO_AUTH, NULL, "proven", NULL},
    {"cleartext asked for",
     {.stage = STAGE_COMPLETE, .auth = true, CONNECTED}, {0}, SECURITY_NONE,
     VERDICT_CLEARTEXT, NULL, "proven", NULL},
    {"cleartext asked for, and a box's handwriting",
     {.stage = STAGE_COMPLETE, .garbled = true, CONNECTED, GREETED}, {0}, SECURITY_NONE,
     VERDICT_STRIPPED, NULL, "likely", NULL},
    /* ended on the way */
    {"no STARTTLS", TALKED(STAGE_EHLO, HALT_NO_STARTTLS), {0}, SECURITY_STARTTLS,
     VERDICT_CLEARTEXT, NULL, "likely", NULL},
    {"no STARTTLS, and a box's handwriting",
     {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, .garbled = true, CONNECTED}, {0},
     SECURITY_STARTTLS, VERDICT_STRIPPED, NULL, "likely", NULL},
    {"bytes injected behind STARTTLS", TALKED(STAGE_STARTTLS, HALT_INJECTED), {0},
     SECURITY_STARTTLS, VERDICT_STRIPPED, NULL, "proven", NULL},
    {"a 554 greeting", TALKED(STAGE_GREETING, HALT_REPLY), {0}, SECURITY_STARTTLS,
     VERDICT_REJECTED, NULL, "proven", NULL},
    {"something else", TALKED(STAGE_GREETING, HALT_NOT_SMTP), {0}, SECURITY_STARTTLS,
     VERDICT_NOT_SMTP, NULL, "proven", NULL},
    {"HTTP, and nothing of the server speaks SMTP",
     {.stage = STAGE_GREETING, .halt = HALT_NOT_SMTP, CONNECTED, HTTP}, {0}, SECURITY_STARTTLS,
     VERDICT_PORTAL, NULL, "proven", NULL},
    {"HTTP, but other ports speak SMTP",
     {.stage = STAGE_GREETING, .halt = HALT_NOT_SMTP, CONNECTED, HTTP}, {.smtp = true},
     SECURITY_STARTTLS, VERDICT_NOT_SMTP, NULL, "proven", NULL},
    {"silence after the connection, other ports speak HTTP", TALKED(STAGE_GREETING, HALT_TIMEOUT),
     {.http = true}, SECURITY_STARTTLS, VERDICT_PORTAL, NULL, "likely", NULL},
    {"silence after a connection that ends right behind the first hop",
     {.stage = STAGE_GREETING, .halt = HALT_TIMEOUT, .n_attempts = 1,
      .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .walk = &gateway}}},
     {0}, SECURITY_STARTTLS, VERDICT_PORTAL, NULL, "likely", NULL},
    {"a certificate that does not verify, other ports speak HTTP",
     {.stage = STAGE_TLS, .halt = HALT_CERTIFICATE, CONNECTED, UNVERIFIED}, {.http = true},
     SECURITY_TLS, VERDICT_PORTAL, NULL, "likely", NULL},
    {"a certificate that does not verify, right behind the first hop",
     {.stage = STAGE_TLS, .halt = HALT_CERTIFICATE, .n_attempts = 1, UNVERIFIED,
      .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .walk = &gateway}}},
     {0}, SECURITY_TLS, VERDICT_INTERCEPTED, NULL, "proven", NULL},
    {"the same from a neighbour, who may be the server",
     {.stage = STAGE_GREETING, .halt = HALT_TIMEOUT, .n_attempts = 1,
      .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .on_link = true, .walk = &gateway}}},
     {0}, SECURITY_STARTTLS, VERDICT_SLOW, NULL, "proven", NULL},
    {"no TLS on a TLS port", TALKED(STAGE_TLS, HALT_NOT_TLS), {0}, SECURITY_TLS,
     VERDICT_NOT_SMTP, NULL, "proven", NULL},
    {"closed before a greeting", TALKED(STAGE_GREETING, HALT_CLOSED), {0}, SECURITY_STARTTLS,
     VERDICT_NOT_SMTP, NULL, "proven", NULL},
    {"a certificate that does not verify", TALKED(STAGE_TLS, HALT_CERTIFICATE), {0}, SECURITY_TLS,
     VERDICT_BAD_CERTIFICATE, NULL, "proven", NULL},
    {"TLS not agreed on", TALKED(STAGE_TLS, HALT_HANDSHAKE), {0}, SECURITY_TLS,
     VERDICT_BAD_CERTIFICATE, NULL, "proven", NULL},
    {"no greeting in time", TALKED(STAGE_GREETING, HALT_TIMEOUT), {0}, SECURITY_STARTTLS,
     VERDICT_SLOW, NULL, "proven", NULL},
    {"reset in mid-stream, other ports fine",
     {.stage = STAGE_EHLO, .halt = HALT_RESET, CONNECTED, GREETED}, ANSWERING,
     SECURITY_STARTTLS, VERDICT_BLOCKED, "reset", "guess", NULL},
    {"reset in mid-stream by what has proved to be the server",
     {.stage = STAGE_EHLO_TLS, .halt = HALT_RESET, CONNECTED, PROVED}, ANSWERING,
     SECURITY_STARTTLS, VERDICT_NOT_SMTP, "reset", "guess", NULL},
    {"reset before a word was said", TALKED(STAGE_TLS, HALT_RESET), ANSWERING, SECURITY_TLS,
     VERDICT_NOT_SMTP, "reset", "guess", NULL},
    {"reset in mid-stream, nothing else", TALKED(STAGE_TLS, HALT_RESET), {0}, SECURITY_TLS,
     VERDICT_NOT_SMTP, "reset", "guess", NULL},
    {"an ICMP error in mid-stream, other ports fine",
     {.stage = STAGE_EHLO, .halt = HALT_STOPPED, CONNECTED, GREETED}, ANSWERING,
     SECURITY_STARTTLS, VERDICT_BLOCKED, "admin-prohibited", "likely", NULL},
    {"an ICMP error in mid-stream, nothing else",
     {.stage = STAGE_EHLO, .halt = HALT_STOPPED, CONNECTED, GREETED}, {0},
     SECURITY_STARTTLS, VERDICT_UNREACHABLE, "host-unreachable", "guess", NULL},
    /* not connected */
    {"no address", {.stage = STAGE_RESOLVE, .halt = HALT_FAILED}, {0}, SECURITY_TLS,
     VERDICT_UNRESOLVED, NULL, "proven", NULL},
    {"no answer about its address", {.stage = STAGE_RESOLVE, .halt = HALT_TIMEOUT}, {0},
     SECURITY_TLS, VERDICT_UNRESOLVED, NULL, "likely", NULL},
    {"no route", UNCONNECTED(ATTEMPT_NO_ROUTE), {0}, SECURITY_TLS,
     VERDICT_UNREACHABLE, "net-unreachable", "proven", NULL},
    {"silence, other ports answer", UNCONNECTED(ATTEMPT_SILENT), ANSWERING, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "dropped", "likely", NULL},
    {"silence, another port is refused", UNCONNECTED(ATTEMPT_SILENT), {.answered = true},
     SECURITY_STARTTLS, VERDICT_BLOCKED, "dropped", "guess", NULL},
    {"silence, a router prohibits another port",
     UNCONNECTED(ATTEMPT_SILENT), {.answered = true}, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "dropped", "guess", NULL},
    {"silence everywhere", UNCONNECTED(ATTEMPT_SILENT), {0}, SECURITY_STARTTLS,
     VERDICT_UNREACHABLE, "dropped", "guess", NULL},
    {"a reset", UNCONNECTED(ATTEMPT_RESET, .us = 20000), {0}, SECURITY_STARTTLS,
     VERDICT_REFUSED, "reset", "guess", NULL},
    {"a reset from the server, as a walk shows",
     UNCONNECTED(ATTEMPT_RESET, .walk = &reset_by_server), ANSWERING, SECURITY_STARTTLS,
     VERDICT_REFUSED, "reset", "proven", NULL},
    {"a reset at a distance that cannot reach the server",
     UNCONNECTED(ATTEMPT_RESET, .walk = &reset_by_router), ANSWERING, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "reset", "proven", ROUTER},
    {"a silence that a walk has decided and placed",
     UNCONNECTED(ATTEMPT_SILENT, .walk = &dropped), ANSWERING, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "dropped", "proven", ROUTER},
    {"a silence that may be loss",
     UNCONNECTED(ATTEMPT_SILENT, .walk = &lossy), ANSWERING, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "dropped", "likely", NULL},
    {"a connection nearer than the server",
     {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, .n_attempts = 1, GREETED,
      .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .walk = &proxied}}},
     {0}, SECURITY_STARTTLS, VERDICT_INTERCEPTED, NULL, "proven", ROUTER},
    {"a connection nearer than the server that garbles STARTTLS",
     {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, .garbled = true, .n_attempts = 1,
      .attempts = {{AF_INET, SERVER, ATTEMPT_CONNECTED, .walk = &proxied}}},
     {0}, SECURITY_STARTTLS, VERDICT_STRIPPED, NULL, "proven", ROUTER},
    {"prohibited by a router", UNCONNECTED(ATTEMPT_ICMP, HOW_ADMIN_PROHIBITED, ROUTER), {0},
     SECURITY_STARTTLS, VERDICT_BLOCKED, "admin-prohibited", "proven", ROUTER},
    {"prohibited by the server itself", UNCONNECTED(ATTEMPT_ICMP, HOW_ADMIN_PROHIBITED, SERVER),
     {0}, SECURITY_STARTTLS, VERDICT_REFUSED, "admin-prohibited", "proven", SERVER},
    {"prohibited by our own machine",
     UNCONNECTED(ATTEMPT_ICMP, HOW_ADMIN_PROHIBITED, "10.20.0.77", true), {0}, SECURITY_STARTTLS,
     VERDICT_BLOCKED, "admin-prohibited", "proven", "10.20.0.77"},
    {"port unreachable, says a router", UNCONNECTED(ATTEMPT_ICMP, HOW_PORT_UNREACHABLE, ROUTER),
     {0}, SECURITY_STARTTLS, VERDICT_BLOCKED, "port-unreachable", "proven", ROUTER},
    {"host unreachable on this port only", UNCONNECTED(ATTEMPT_ICMP, HOW_HOST_UNREACHABLE, ROUTER),
     ANSWERING, SECURITY_STARTTLS, VERDICT_BLOCKED, "host-unreachable", "likely", ROUTER},
    {"host unreachable altogether", UNCONNECTED(ATTEMPT_ICMP, HOW_HOST_UNREACHABLE, ROUTER), {0},
     SECURITY_STARTTLS, VERDICT_UNREACHABLE, "host-unreachable", "likely", ROUTER},
    {"an answer says more than a silence",
     {.stage = STAGE_CONNECT, .halt = HALT_FAILED, .n_attempts = 3,
      .attempts = {{AF_INET6, "2001:db8::25", ATTEMPT_NO_ROUTE},
                   {AF_INET, SERVER, ATTEMPT_SILENT},
                   {AF_INET, "192.0.2.26", ATTEMPT_ICMP, HOW_ADMIN_PROHIBITED, ROUTER}}},
     {0}, SECURITY_STARTTLS, VERDICT_BLOCKED, "admin-prohibited", "proven", ROUTER},
    {"a prohibition says more than an unreachable host",
     {.stage = STAGE_CONNECT, .halt = HALT_FAILED, .n_attempts = 2,
      .attempts = {{AF_INET6, "2001:db8::25", ATTEMPT_ICMP, HOW_HOST_UNREACHABLE, "2001:db8::1"},
                   {AF_INET, SERVER, ATTEMPT_ICMP, HOW_ADMIN_PROHIBITED, ROUTER}}},
     {0}, SECURITY_STARTTLS, VERDICT_BLOCKED, "admin-prohibited", "proven", ROUTER},
    {"nothing tried in time", {.stage = STAGE_CONNECT, .halt = HALT_FAILED}, {0},
     SECURITY_STARTTLS, VERDICT_UNREACHABLE, NULL, "guess", NULL},
};

static void test_verdicts(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct finding finding = {.endpoint = {.host = "h", .port = 25,
                                               .security = cases[i].security}};

        if (!ok(judge(&cases[i].observation, &cases[i].siblings, NULL, &finding) == 0, "%s: judged",
                cases[i].name))
            continue;
        is_string(verdict_to_string(finding.verdict), verdict_to_string(cases[i].verdict),
                  "%s: verdict", cases[i].name);
        is_string(evidence_text(&finding.evidence, EVIDENCE_HOW), cases[i].how, "%s: how",
                  cases[i].name);
        is_string(evidence_text(&finding.evidence, EVIDENCE_CONFIDENCE), cases[i].confidence,
                  "%s: confidence", cases[i].name);
        is_string(evidence_text(&finding.evidence, EVIDENCE_BY), cases[i].by, "%s: by",
                  cases[i].name);
        finding_clear(&finding);
    }
}

/* What was seen here held against what the endpoint showed elsewhere. */
static void test_expected(void)
{
#define ELSEWHERE(what, ...) {.endpoint = {"h", 25, SECURITY_STARTTLS}, .verdict = (what), __VA_ARGS__}
    static const struct {
        const char *name;
        struct observation observation;
        struct siblings siblings;
        struct finding expected;
        enum verdict verdict;
        const char *expected_text, *found;
    } compared[] = {
        {"a reset where it works elsewhere", UNCONNECTED(ATTEMPT_RESET), {0},
         ELSEWHERE(VERDICT_WORKS), VERDICT_BLOCKED, "works", "reset"},
        {"a reset where it was refused elsewhere", UNCONNECTED(ATTEMPT_RESET), {0},
         ELSEWHERE(VERDICT_REFUSED), VERDICT_REFUSED, NULL, NULL},
        {"a silence where it was refused elsewhere", UNCONNECTED(ATTEMPT_SILENT), ANSWERING,
         ELSEWHERE(VERDICT_REFUSED), VERDICT_REFUSED, NULL, NULL},
        {"a reset that is proved to be the server's",
         UNCONNECTED(ATTEMPT_RESET, .walk = &reset_by_server), ANSWERING,
         ELSEWHERE(VERDICT_WORKS), VERDICT_REFUSED, NULL, NULL},
        {"reset before a word, where it works elsewhere", TALKED(STAGE_TLS, HALT_RESET), ANSWERING,
         ELSEWHERE(VERDICT_WORKS), VERDICT_BLOCKED, "works", "reset"},
        {"no STARTTLS where there is elsewhere",
         {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, CONNECTED, GREETED}, {0},
         ELSEWHERE(VERDICT_WORKS, PROVED), VERDICT_STRIPPED, "STARTTLS", "no STARTTLS"},
        {"no STARTTLS, as elsewhere",
         {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, CONNECTED, GREETED}, {0},
         ELSEWHERE(VERDICT_CLEARTEXT), VERDICT_CLEARTEXT, NULL, NULL},
        {"another name in the greeting",
         {.stage = STAGE_EHLO, .halt = HALT_NO_STARTTLS, CONNECTED,
          SAID(EVIDENCE_GREETING, "proxy.hotel.example ESMTP")}, {0},
         ELSEWHERE(VERDICT_CLEARTEXT, GREETED), VERDICT_INTERCEPTED, "mail.example.org ESMTP",
         "proxy.hotel.example ESMTP"},
        {"another key that does not verify",
         {.stage = STAGE_TLS, .halt = HALT_CERTIFICATE, CONNECTED, SAID(EVIDENCE_PIN, "b")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_INTERCEPTED, "a", "b"},
        {"another key, whose certificate has only expired",
         {.stage = STAGE_TLS, .halt = HALT_CERTIFICATE, CONNECTED,
          .evidence = {.set = {[EVIDENCE_PIN] = true, [EVIDENCE_CERTIFICATE] = true},
                       .values = {[EVIDENCE_PIN] = {.text = (char *)"b"},
                                  [EVIDENCE_CERTIFICATE] = {.text = (char *)"expired"}}}},
         {0}, ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_BAD_CERTIFICATE, "a", "b"},
        {"another key that verifies",
         {.stage = STAGE_COMPLETE, .auth = true, CONNECTED, SAID(EVIDENCE_PIN, "b")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_WORKS, "a", "b"},
        {"another key that verifies, and a refused login that was tied to it",
         {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_REFUSED, .bound = true, CONNECTED,
          SAID(EVIDENCE_PIN, "b")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_INTERCEPTED, "a", "b"},
        {"another key that verifies, and a refused login that was not",
         {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_REFUSED, CONNECTED,
          SAID(EVIDENCE_PIN, "b")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_LOGIN_REFUSED, "a", "b"},
        {"the same key, and a refused login that was tied to it",
         {.stage = STAGE_COMPLETE, .auth = true, .login = LOGIN_REFUSED, .bound = true, CONNECTED,
          SAID(EVIDENCE_PIN, "a")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_LOGIN_REFUSED, NULL, NULL},
        {"the same key that does not verify any more",
         {.stage = STAGE_TLS, .halt = HALT_CERTIFICATE, CONNECTED, SAID(EVIDENCE_PIN, "a")}, {0},
         ELSEWHERE(VERDICT_WORKS, SAID(EVIDENCE_PIN, "a")), VERDICT_BAD_CERTIFICATE, NULL, NULL},
    };

    for (size_t i = 0; i < ELEMENTSOF(compared); i++) {
        struct finding finding = {.endpoint = compared[i].expected.endpoint};

        if (!ok(judge(&compared[i].observation, &compared[i].siblings, &compared[i].expected,
                      &finding) == 0, "%s: judged", compared[i].name))
            continue;
        is_string(verdict_to_string(finding.verdict), verdict_to_string(compared[i].verdict),
                  "%s: verdict", compared[i].name);
        is_string(evidence_text(&finding.evidence, EVIDENCE_EXPECTED), compared[i].expected_text,
                  "%s: expected", compared[i].name);
        is_string(evidence_text(&finding.evidence, EVIDENCE_FOUND), compared[i].found,
                  "%s: found", compared[i].name);
        finding_clear(&finding);
    }
}

static void test_waiting(void)
{
    const struct observation silent = UNCONNECTED(ATTEMPT_SILENT);
    const struct observation connecting = {.stage = STAGE_CONNECT};
    const struct observation greeted = {.stage = STAGE_EHLO_TLS, CONNECTED, PROVED};
    const struct observation rejected = TALKED(STAGE_GREETING, HALT_REPLY);
    const struct observation reset = TALKED(STAGE_GREETING, HALT_RESET);
    const struct observation talking = {.stage = STAGE_GREETING, CONNECTED};
    struct siblings siblings = {0};

    ok(!judge_must_wait(&silent, &siblings), "a silence alone waits for nobody");
    siblings_add(&siblings, &connecting);
    ok(judge_must_wait(&silent, &siblings), "a silence waits for ports still connecting");
    ok(judge_must_wait(&rejected, &siblings),
       "a reply before TLS waits for a port that may prove who the server is");
    siblings_add(&siblings, &talking);
    ok(!judge_must_wait(&silent, &siblings) && judge_must_wait(&reset, &siblings),
       "so does a reset of what had connected, beside one that has only connected so far");
    siblings_add(&siblings, &greeted);
    ok(!judge_must_wait(&silent, &siblings), "one port that has connected is enough");
    ok(!judge_must_wait(&rejected, &siblings), "and so is one that has proved the server");
}

static void test_choice(void)
{
    const struct finding failed = {.verdict = VERDICT_BAD_CERTIFICATE};
    const struct finding clear = {.endpoint = {.port = 25, .security = SECURITY_STARTTLS},
                                  .verdict = VERDICT_CLEARTEXT};

    static const struct {
        const char *name;
        enum verdict verdicts[3];
        enum minimum_security minimum;
        bool online;
        int chosen;
        enum state state;
    } choices[] = {
        {"the preferred one", {VERDICT_WORKS, VERDICT_WORKS, VERDICT_NO_AUTH}, 0, true, 0,
         STATE_READY},
        {"the second", {VERDICT_BLOCKED, VERDICT_WORKS, VERDICT_WORKS}, 0, true, 1, STATE_DEGRADED},
        {"none", {VERDICT_BLOCKED, VERDICT_BAD_CERTIFICATE, VERDICT_CLEARTEXT}, 0, true, -1,
         STATE_BLOCKED},
        {"unverified where accepted",
         {VERDICT_BLOCKED, VERDICT_BAD_CERTIFICATE, VERDICT_CLEARTEXT}, MINIMUM_ENCRYPTED, true, 1,
         STATE_DEGRADED},
        {"verified before unverified",
         {VERDICT_BAD_CERTIFICATE, VERDICT_WORKS, VERDICT_CLEARTEXT}, MINIMUM_NONE, true, 1,
         STATE_DEGRADED},
        {"unverified is never ready",
         {VERDICT_BAD_CERTIFICATE, VERDICT_BLOCKED, VERDICT_BLOCKED}, MINIMUM_ENCRYPTED, true, 0,
         STATE_DEGRADED},
        {"cleartext where accepted", {VERDICT_BLOCKED, VERDICT_BLOCKED, VERDICT_CLEARTEXT},
         MINIMUM_NONE, true, 2, STATE_DEGRADED},
        {"what is not known yet is not chosen",
         {VERDICT_UNKNOWN, VERDICT_WORKS, VERDICT_UNKNOWN}, 0, true, 1, STATE_DEGRADED},
        {"stripped never", {VERDICT_STRIPPED, VERDICT_STRIPPED, VERDICT_INTERCEPTED},
         MINIMUM_NONE, true, -1, STATE_BLOCKED},
        {"a portal", {VERDICT_PORTAL, VERDICT_PORTAL, VERDICT_PORTAL}, 0, true, -1, STATE_PORTAL},
        {"nothing reached, no default route",
         {VERDICT_UNREACHABLE, VERDICT_UNRESOLVED, VERDICT_UNREACHABLE}, 0, false, -1,
         STATE_OFFLINE},
        {"nothing reached, but a default route",
         {VERDICT_UNREACHABLE, VERDICT_UNREACHABLE, VERDICT_UNREACHABLE}, 0, true, -1,
         STATE_BLOCKED},
        {"a server on the link, no default route",
         {VERDICT_WORKS, VERDICT_REFUSED, VERDICT_REFUSED}, 0, false, 0, STATE_READY},
    };

    is_number(choose(&failed, 1, MINIMUM_NONE), -1, "a TLS handshake that failed encrypts nothing");
    is_number(choose_security(&clear), SECURITY_NONE, "a port without STARTTLS is a cleartext one");
    for (size_t i = 0; i < ELEMENTSOF(choices); i++) {
        struct finding findings[3] = {0};
        ssize_t chosen;

        for (size_t j = 0; j < 3; j++) {
            findings[j].verdict = choices[i].verdicts[j];
            if (findings[j].verdict == VERDICT_BAD_CERTIFICATE)
                findings[j].evidence = (struct finding){.verdict = 0, PROVED}.evidence;
        }
        chosen = choose(findings, 3, choices[i].minimum);
        is_number(chosen, choices[i].chosen, "%s: choice", choices[i].name);
        is_string(state_to_string(choose_state(findings, 3, chosen, choices[i].online)),
                  state_to_string(choices[i].state), "%s: state", choices[i].name);
    }
}

static void test_behind_portal(void)
{
    /* What no portal can have answered in the server's place; the rest is the portal's. */
    static const enum verdict servers[] = {VERDICT_UNKNOWN,  VERDICT_WORKS,    VERDICT_NO_AUTH,
                                           VERDICT_CLEARTEXT, VERDICT_REJECTED,
                                           VERDICT_LOGIN_REFUSED};

    for (int i = 0; i < N_VERDICT; i++) {
        enum verdict verdict = (enum verdict)i, expected = VERDICT_PORTAL;

        for (size_t j = 0; j < ELEMENTSOF(servers); j++)
            if (servers[j] == verdict)
                expected = verdict;
        is_string(verdict_to_string(verdict_behind_portal(verdict)), verdict_to_string(expected),
                  "%s behind a portal", verdict_to_string(verdict));
    }
}

int main(void)
{
    test_verdicts();
    test_expected();
    test_waiting();
    test_choice();
    test_behind_portal();
    return tap_done();
}
