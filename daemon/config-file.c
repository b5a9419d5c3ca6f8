/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * inih decides what is a section, a key, a comment, a continuation. It would cut lines after 200
 * bytes and values at " ;", and tells its handler no line number: so lines are read here, inih gets
 * the part it can hold, and the value is taken from the whole line.
 */
#include "config-file.h"
#include "cleanup.h"
#include "error.h"
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WHITE_SPACE " \t\r\n\v\f" /* what isspace() takes for inih */

struct reading {
    FILE *file;
    char *line; /* the present one, whole */
    size_t size;
    unsigned number;
    config_entry entry;
    void *userdata;
    int result;
};

static void closef(FILE **file)
{
    if (*file)
        fclose(*file);
}

static char *next_line(char *buffer, int size, void *userdata)
{
    struct reading *reading = userdata;

    if (reading->result < 0)
        return NULL;
    errno = 0;
    if (getline(&reading->line, &reading->size, reading->file) < 0) {
        reading->result = -errno; /* 0 at the end of the file */
        return NULL;
    }
    reading->number++;
    /* From r57 on it takes one that fills the buffer to the last byte for an error. */
    if (snprintf(buffer, (size_t)size, "%s", reading->line) >= size)
        buffer[size - 2] = '\n';
    return buffer;
}

/*
 * The value on the present line, without the white space around it; written into the line. `start`
 * is what inih has of it: on a continuation line that is how the line itself begins.
 */
static char *whole_value(struct reading *reading, const char *start)
{
    char *value = reading->line + strspn(reading->line, WHITE_SPACE), *end;
    bool continued = value > reading->line && *start && strncmp(value, start, strlen(start)) == 0;

    if (!continued) {
        value += strcspn(value, "=:");
        value += *value != '\0';
    }
    value += strspn(value, WHITE_SPACE);
    for (end = value + strlen(value); end > value && strchr(WHITE_SPACE, end[-1]); end--)
        ;
    *end = '\0';
    return value;
}

static int on_entry(void *userdata, const char *section, const char *key, const char *value)
{
    struct reading *reading = userdata;

    reading->result = reading->entry(section, key, whole_value(reading, value), reading->number,
                                     reading->userdata);
    return reading->result == 0;
}

int config_file_read(const char *path, config_entry entry, void *userdata, unsigned *ret_line)
{
    _cleanup_(closef) FILE *file = fopen(path, "re");
    struct reading reading = {.file = file, .entry = entry, .userdata = userdata};
    int bad;

    if (!file)
        return -errno;
    bad = ini_parse_stream(next_line, &reading, on_entry, &reading);
    free(reading.line);
    if (reading.result < 0)
        return reading.result;
    if (bad < 0)
        return -ENOMEM;
    if (bad > 0) {
        *ret_line = (unsigned)bad;
        return -EBADMSG;
    }
    return 0;
}
