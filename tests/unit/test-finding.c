/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Findings: what the probe writes the daemon reads; what anybody else writes it refuses. */
#include "cleanup.h"
#include "error.h"
#include "judge/finding.h"
#include "tap.h"

static const char good[] =
    "{\"host\":\"mail.example.org\",\"port\":465,\"security\":\"tls\",\"verdict\":\"works\","
    "\"evidence\":{\"connect_ms\":20,\"tls\":\"TLSv1.3\",\"expires\":4102444800,"
    "\"auth\":[\"PLAIN\",\"LOGIN\"]}}";

static void test_round_trip(void)
{
    struct finding finding = {0};
    json_object *object;

    if (!ok(finding_from_line(good, strlen(good), &finding) == 0, "a finding is read"))
        return;
    is_string(finding.endpoint.host, "mail.example.org", "its host");
    is_number(finding.endpoint.port, 465, "its port");
    is_number(finding.verdict, VERDICT_WORKS, "its verdict");
    is_number((long long)evidence_number(&finding.evidence, EVIDENCE_EXPIRES), 4102444800,
              "a time beyond 32 bits");
    is_string(evidence_list(&finding.evidence, EVIDENCE_AUTH)[1], "LOGIN", "a list");
    ok(!evidence_text(&finding.evidence, EVIDENCE_HOW), "what is not there is NULL");
    object = finding_to_json(&finding);
    is_string(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), good,
              "written again it is the same");
    json_object_put(object);
    finding_clear(&finding);
}

#define HEAD "{\"host\":\"h\",\"port\":25,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":"

static void test_refused(void)
{
    static const char *const bad[] = {
        "",
        "{",
        "null",
        "[]",
        "17",
        "{}",
        "rubbish",
        HEAD "[]}",
        HEAD "{}}x",
        HEAD "{\"connect_ms\":-1}}",
        HEAD "{\"connect_ms\":4294967296}}",
        HEAD "{\"connect_ms\":\"20\"}}",
        HEAD "{\"connect_ms\":1.5}}",
        HEAD "{\"how\":25}}",
        HEAD "{\"auth\":\"PLAIN\"}}",
        HEAD "{\"auth\":[1]}}",
        HEAD "{\"x\":[[[[[[[[[[1]]]]]]]]]]}}",
        "{\"host\":\"h\",\"port\":0,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"host\":\"h\",\"port\":65536,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"host\":\"h\",\"port\":25,\"security\":\"ssl\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"host\":\"h\",\"port\":25,\"security\":\"tls\",\"verdict\":\"fine\",\"evidence\":{}}",
        "{\"host\":\"h\",\"port\":25,\"security\":\"tls\",\"verdict\":\"unknown\",\"evidence\":{}}",
        "{\"host\":\"a b\",\"port\":25,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"host\":\"h\\u0000\",\"port\":1,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"port\":25,\"security\":\"tls\",\"verdict\":\"works\",\"evidence\":{}}",
        "{\"host\":\"h\",\"port\":25,\"security\":\"tls\",\"verdict\":\"works\"}",
    };
    struct finding finding;

    for (size_t i = 0; i < ELEMENTSOF(bad); i++)
        ok(finding_from_line(bad[i], strlen(bad[i]), &finding) == -EBADMSG, "refused: %s", bad[i]);
    ok(finding_from_line(good, FINDING_LINE_MAX + 1, &finding) == -EBADMSG,
       "refused: a line too long");
}

static void test_made_safe(void)
{
    static const char line[] = HEAD "{\"text\":\"a\\u001b[2J\\u0000b\",\"new_key\":{}}}";
    struct finding finding = {0};

    ok(finding_from_line(line, strlen(line), &finding) == 0, "an unknown key is skipped");
    is_string(evidence_text(&finding.evidence, EVIDENCE_REPLY), "a\\x1b[2J\\x00b",
              "a text that acts is made safe");
    finding_clear(&finding);
}

static void test_explained(void)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {good, "TLSv1.3, AUTH PLAIN LOGIN"},
        {"{\"host\":\"h\",\"port\":25,\"security\":\"starttls\",\"verdict\":\"blocked\",\"evidence\":"
         "{\"how\":\"admin-prohibited\",\"by\":\"10.30.0.1\",\"hop\":2}}",
         "10.30.0.1 says it is administratively prohibited, 2 hops from here"},
        {"{\"host\":\"h\",\"port\":25,\"security\":\"starttls\",\"verdict\":\"blocked\",\"evidence\":"
         "{\"how\":\"dropped\"}}",
         "what goes to this port is dropped on the way"},
        {"{\"host\":\"h\",\"port\":25,\"security\":\"starttls\",\"verdict\":\"rejected\","
         "\"evidence\":{\"code\":554,\"text\":\"5.7.1 no\"}}",
         "554 5.7.1 no"},
        {"{\"host\":\"h\",\"port\":465,\"security\":\"tls\",\"verdict\":\"bad-certificate\","
         "\"evidence\":{\"certificate\":\"expired\",\"expires\":1577836800}}",
         "the certificate expired on 2020-01-01"},
    };
    bool all = true;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct finding finding = {0};
        _cleanup_free_ char *words = NULL;

        if (finding_from_line(cases[i].line, strlen(cases[i].line), &finding) == 0)
            words = finding_explain(&finding);
        is_string(words, cases[i].words, "in words: %s", cases[i].words);
        finding_clear(&finding);
    }
    for (int verdict = 0; verdict < N_VERDICT; verdict++) {
        struct finding finding = {.verdict = (enum verdict)verdict};
        _cleanup_free_ char *words = finding_explain(&finding);

        all &= words && *words;
    }
    ok(all, "every verdict has words, also without any evidence");
}

int main(void)
{
    test_round_trip();
    test_refused();
    test_made_safe();
    test_explained();
    return tap_done();
}
