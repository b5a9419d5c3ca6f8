/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What the daemon reads from the probe, on any line. A finding that is taken has to be in bounds
 * and safe to show, also in words; written and read again it stays what it is.
 */
#include "fuzz.h"

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
