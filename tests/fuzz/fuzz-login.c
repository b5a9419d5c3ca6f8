/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A login against a server that says anything. The first byte names the mechanism, the rest is what
 * the server says; a reply is taken for each line of the client's.
 */
#include "fuzz.h"
#include "judge/judge.h"
#include "probe/login.h"

#define PASSWORD  "correct horse"
#define LINES_MAX 16

static struct secret *secret;

/* Whole, one line, and nothing of the password in clear. */
static void check_said(const struct secret *line)
{
    CHECK(line->length >= 2 && line->length <= line->size);
    CHECK(memcmp(line->bytes + line->length - 2, "\r\n", 2) == 0);
    CHECK(memchr(line->bytes, '\n', line->length) == line->bytes + line->length - 1);
    CHECK(!memmem(line->bytes, line->length, PASSWORD, strlen(PASSWORD)));
}

static void check_outcome(const struct observation *observation, enum mechanism mechanism)
{
    struct finding finding = {
        {"mail.example.org", 465, SECURITY_TLS}, VERDICT_UNKNOWN, {{{0}}, {0}}};
    const struct siblings siblings = {0};

    /* Nobody who does not know the password can prove that he does. */
    CHECK(observation->login != LOGIN_ACCEPTED || !mechanism_is_scram(mechanism));
    CHECK(judge(observation, &siblings, NULL, &finding) == 0);
    CHECK((finding.verdict == VERDICT_LOGIN_REFUSED) == (observation->login == LOGIN_REFUSED));
    CHECK((finding.verdict == VERDICT_INTERCEPTED) == (observation->login == LOGIN_FORGED));
    check_judgement(&finding);
    finding_clear(&finding);
}

static bool next_reply(struct smtp_reply *reply, const char **bytes, size_t *n)
{
    size_t used = 0;
    enum smtp_answer answer;

    smtp_reply_reset(reply);
    answer = smtp_reply_feed(reply, *bytes, *n, &used);
    *bytes += used;
    *n -= used;
    return answer == SMTP_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct smtp_reply reply; /* static: large */
    struct observation observation = {.stage = STAGE_COMPLETE, .auth = true, .n_attempts = 1};
    struct binding binding = {BINDING_TLS_EXPORTER, "01234567890123456789012345678901", 32};
    struct login_wish wish = {.identity = {"me@example.org", secret, "mail.example.org", 465}};
    const char *bytes = (const char *)data + 1;
    const struct secret *line;
    struct login *login = NULL;
    enum mechanism mechanism;
    unsigned lines = 0;
    int step;

    if (size < 1)
        return 0;
    if (!secret) {
        CHECK(secret_new(&secret, SECRET_MAX) == 0);
        CHECK(secret_add(secret, PASSWORD, strlen(PASSWORD)) == 0);
        wish.identity.secret = secret;
    }
    mechanism = data[0] % N_MECHANISM;
    wish.mechanisms = MECHANISM_BIT(mechanism);
    observation.attempts[0] =
        (struct attempt){.family = AF_INET, .address = "192.0.2.25", .end = ATTEMPT_CONNECTED};
    CHECK(evidence_set_text(&observation.evidence, EVIDENCE_TLS, "TLSv1.3") == 0);
    CHECK(login_new(&login, &wish, (char *[]){(char *)mechanism_to_string(mechanism), NULL},
                    &binding, &observation) == 0);
    size--;
    step = login_next(login, NULL, &line);
    while (step == LOGIN_SAY && lines < LINES_MAX) {
        check_said(line);
        lines++;
        if (!next_reply(&reply, &bytes, &size))
            break;
        step = login_next(login, &reply, &line);
    }
    CHECK(step >= 0 && lines < LINES_MAX);
    if (step == LOGIN_SAY && observation.login == LOGIN_NONE)
        login_break_off(&observation);
    check_outcome(&observation, mechanism);
    login_free(login);
    evidence_clear(&observation.evidence);
    return 0;
}
