/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Endpoints, verdicts and states as text and back. */
#include "cleanup.h"
#include "error.h"
#include "judge/endpoint.h"
#include "judge/verdict.h"
#include "tap.h"

static const struct {
    const char *text, *host;
    unsigned port;
    const char *back; /* formatted again; NULL: refused */
} cases[] = {
    {"mail.example.org", "mail.example.org", 0, "mail.example.org:0/tls"},
    {"mail.example.org:465", "mail.example.org", 465, "mail.example.org:465/tls"},
    {"mail.example.org:587", "mail.example.org", 587, "mail.example.org:587/starttls"},
    {"mail.example.org:443", "mail.example.org", 443, "mail.example.org:443/tls"},
    {"mail.example.org:25/none", "mail.example.org", 25, "mail.example.org:25/none"},
    {"mail.example.org:587/tls", "mail.example.org", 587, "mail.example.org:587/tls"},
    {"mail.example.org.:25", "mail.example.org.", 25, "mail.example.org.:25/starttls"},
    {"192.0.2.1:25", "192.0.2.1", 25, "192.0.2.1:25/starttls"},
    {"[2001:db8::1]:465", "2001:db8::1", 465, "[2001:db8::1]:465/tls"},
    {"[2001:db8::1]", "2001:db8::1", 0, "[2001:db8::1]:0/tls"},
    {"2001:db8::1", "2001:db8::1", 0, "[2001:db8::1]:0/tls"},
    {"under_score:25", "under_score", 25, "under_score:25/starttls"},
    {"müller.example:25", "müller.example", 25, "müller.example:25/starttls"},
    {"例え.テスト:465", "例え.テスト", 465, "例え.テスト:465/tls"},
    /* 40 characters, 120 bytes */
    {"例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例:25",
     "例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例", 25,
     "例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例例:25/"
     "starttls"},
    {"m\xFCller.example:25", NULL, 0, NULL},
    {"", NULL, 0, NULL},
    {":25", NULL, 0, NULL},
    {"host:", NULL, 0, NULL},
    {"host:0", NULL, 0, NULL},
    {"host:65536", NULL, 0, NULL},
    {"host:4294967321", NULL, 0, NULL},
    {"host:18446744073709551641", NULL, 0, NULL},
    {"host:-25", NULL, 0, NULL},
    {"host:25x", NULL, 0, NULL},
    {"host:25/", NULL, 0, NULL},
    {"host:25/ssl", NULL, 0, NULL},
    {"ho st:25", NULL, 0, NULL},
    {"ho\nst:25", NULL, 0, NULL},
    {"-host:25", NULL, 0, NULL},
    {".host:25", NULL, 0, NULL},
    {"a..b:25", NULL, 0, NULL},
    {"[2001:db8::1:25", NULL, 0, NULL},
    {"[2001:db8::1]25", NULL, 0, NULL},
    {"--json", NULL, 0, NULL},
    {"a23456789012345678901234567890123456789012345678901234567890abcd.org", NULL, 0, NULL},
};

static void test_parse(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_free_ char *problem_text = NULL;
        struct endpoint endpoint;
        char back[ENDPOINT_STRING_MAX];
        int r = endpoint_parse(cases[i].text, &endpoint, &problem_text);

        if (!cases[i].back) {
            ok(r == -EINVAL && problem_text && *problem_text, "'%s' is refused with a reason",
               cases[i].text);
            continue;
        }
        if (!ok(r == 0, "'%s' is taken", cases[i].text))
            continue;
        is_string(endpoint.host, cases[i].host, "'%s': host", cases[i].text);
        is_number(endpoint.port, cases[i].port, "'%s': port", cases[i].text);
        is_string(endpoint_format(&endpoint, back), cases[i].back, "'%s': and back", cases[i].text);
    }
}

static void test_long_host(void)
{
    char host[300];
    struct endpoint endpoint;
    _cleanup_free_ char *wrong = NULL;

    memset(host, 'a', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    for (size_t i = 60; i < sizeof(host) - 1; i += 61)
        host[i] = '.';
    ok(endpoint_parse(host, &endpoint, &wrong) == -EINVAL, "a host of 299 characters is refused");
    host[HOST_MAX] = '\0';
    ok(endpoint_parse(host, &endpoint, &wrong) == 0, "a host of %d characters is taken", HOST_MAX);
}

static void test_port(void)
{
    struct endpoint endpoint;
    _cleanup_free_ char *wrong = NULL;

    ok(endpoint_parse_port("2525/starttls", &endpoint, &wrong) == 0 && endpoint.port == 2525 &&
           endpoint.security == SECURITY_STARTTLS && !*endpoint.host,
       "a port of an account file");
    ok(endpoint_parse_port("tls", &endpoint, &wrong) == -EINVAL, "a port without a number");
}

static void test_words(void)
{
    bool fine = true;

    for (int i = 0; i < N_VERDICT; i++) {
        enum verdict verdict;

        fine &= verdict_from_string(verdict_to_string((enum verdict)i), &verdict) == 0 &&
                verdict == (enum verdict)i;
    }
    ok(fine, "every verdict's word leads back to it");
    fine = true;
    for (int i = 0; i < N_STATE; i++) {
        enum state state;

        fine &= state_from_string(state_to_string((enum state)i), &state) == 0 &&
                state == (enum state)i;
    }
    ok(fine, "every state's word leads back to it");
    ok(verdict_from_string("perhaps", &(enum verdict){0}) == -EINVAL, "'perhaps' is no verdict");
}

int main(void)
{
    test_parse();
    test_long_host();
    test_port();
    test_words();
    return tap_done();
}
