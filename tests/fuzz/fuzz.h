/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the fuzzers share: a check that cannot be compiled out, bytes to draw from, and what holds
 * for every finding whatever it was made from. */

#include "cleanup.h"
#include "judge/finding.h"
#include "text.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Input to draw from; beyond its end there are zeros. */
struct input {
    const uint8_t *bytes;
    size_t n;
};

static inline uint8_t draw(struct input *input)
{
    if (input->n == 0)
        return 0;
    input->n--;
    return *input->bytes++;
}

static inline void check_evidence(const struct evidence *evidence)
{
    for (int i = 0; i < N_EVIDENCE; i++) {
        enum evidence_key key = (enum evidence_key)i;
        size_t n = 0;

        if (!evidence->set[key])
            continue;
        switch (evidence_key_type(key)) {
        case EVIDENCE_TEXT:
            CHECK(text_is_safe(evidence_text(evidence, key)));
            break;
        case EVIDENCE_LIST:
            for (char *const *item = evidence_list(evidence, key); *item; item++, n++)
                CHECK(text_is_safe(*item));
            CHECK(n <= EVIDENCE_LIST_MAX);
            break;
        case EVIDENCE_NUMBER:
            CHECK(evidence_number(evidence, key) <= UINT32_MAX);
            break;
        case EVIDENCE_TIME:
            break;
        }
    }
}

static inline void check_finding(const struct finding *finding)
{
    _cleanup_free_ char *words = finding_explain(finding);

    CHECK(host_check(finding->endpoint.host) == 0 && finding->endpoint.port > 0);
    CHECK(finding->endpoint.security < N_SECURITY);
    CHECK(finding->verdict > VERDICT_UNKNOWN && finding->verdict < N_VERDICT);
    check_evidence(&finding->evidence);
    CHECK(words && *words && text_is_safe(words));
}

/* What the probe prints, the daemon takes. */
static inline void check_line(const struct finding *finding)
{
    json_object *object = finding_to_json(finding);
    const char *line = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    struct finding read;

    CHECK(line && strlen(line) <= FINDING_LINE_MAX);
    CHECK(finding_from_line(line, strlen(line), &read) == 0 && read.verdict == finding->verdict);
    finding_clear(&read);
    json_object_put(object);
}

/* The finding of a judgement: in the vocabulary, and as sure as it says. */
static inline void check_judgement(const struct finding *finding)
{
    const char *confidence = evidence_text(&finding->evidence, EVIDENCE_CONFIDENCE);

    check_finding(finding);
    check_line(finding);
    CHECK(confidence && (strcmp(confidence, "proven") == 0 || strcmp(confidence, "likely") == 0 ||
                         strcmp(confidence, "guess") == 0));
}
