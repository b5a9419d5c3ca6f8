/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What the daemon reads from the probe, on any line. A finding that is taken has to be in bounds
 * and safe to show, also in words; written and read again it stays what it is.
 */
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

static void check_evidence(const struct evidence *evidence)
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

static void check_finding(const struct finding *finding)
{
    _cleanup_free_ char *words = finding_explain(finding);

    CHECK(host_check(finding->endpoint.host) == 0 && finding->endpoint.port > 0);
    CHECK(finding->endpoint.security < N_SECURITY);
    CHECK(finding->verdict > VERDICT_UNKNOWN && finding->verdict < N_VERDICT);
    check_evidence(&finding->evidence);
    CHECK(words && *words && text_is_safe(words));
}

/* The finding as a line, new, and what is read from it in *ret; NULL where the line is too long. */
static char *write_and_read(const struct finding *finding, struct finding *ret)
{
    json_object *object = finding_to_json(finding);
    char *line = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));

    json_object_put(object);
    CHECK(!strchr(line, '\n'));
    if (strlen(line) > FINDING_LINE_MAX) {
        free(line);
        return NULL;
    }
    CHECK(finding_from_line(line, strlen(line), ret) == 0);
    check_finding(ret);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finding finding, cut, same;
    _cleanup_free_ char *line = NULL, *once = NULL, *twice = NULL;

    if (finding_from_line((const char *)data, size, &finding) != 0)
        return 0;
    check_finding(&finding);
    /* A text that grew when it was made safe is cut by the first reading, and by no later one. */
    line = write_and_read(&finding, &cut);
    finding_clear(&finding);
    if (!line)
        return 0;
    once = write_and_read(&cut, &same);
    finding_clear(&cut);
    CHECK(once);
    twice = write_and_read(&same, &cut);
    finding_clear(&same);
    finding_clear(&cut);
    CHECK(twice && strcmp(once, twice) == 0);
    return 0;
}
