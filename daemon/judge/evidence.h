/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What supports a verdict: a dictionary with a closed vocabulary. Each key has one type, the same
 * in the probe, in JSON and on the bus; adding a key means adding a row to the table in evidence.c.
 * Every text in it is safe to show (text_safe()) and bounded: the setters see to it, so nobody
 * downstream has to.
 */

enum evidence_type {
    EVIDENCE_TEXT,   /* s on the bus */
    EVIDENCE_NUMBER, /* u */
    EVIDENCE_TIME,   /* t: seconds since 1970 */
    EVIDENCE_LIST,   /* as */
};

enum evidence_key {
    EVIDENCE_HOW,
    EVIDENCE_BY,
    EVIDENCE_HOP,
    EVIDENCE_CONFIDENCE,
    EVIDENCE_ADDRESS,
    EVIDENCE_FAMILY,
    EVIDENCE_CONNECT_MS,
    EVIDENCE_TOTAL_MS,
    EVIDENCE_GREETING,
    EVIDENCE_CODE,
    EVIDENCE_REPLY, /* "text" */
    EVIDENCE_TLS,
    EVIDENCE_CIPHER,
    EVIDENCE_ISSUER,
    EVIDENCE_SUBJECT,
    EVIDENCE_EXPIRES,
    EVIDENCE_CERTIFICATE,
    EVIDENCE_PIN,
    EVIDENCE_AUTH,
    EVIDENCE_SIZE,
    EVIDENCE_EXTENSIONS,
    EVIDENCE_EXPECTED,
    EVIDENCE_FOUND,
    EVIDENCE_LOGIN,
    EVIDENCE_MECHANISM,
    EVIDENCE_CHANNEL_BINDING,
    N_EVIDENCE,
};

#define EVIDENCE_TEXT_MAX 512 /* bytes of one text, before making it safe */
#define EVIDENCE_LIST_MAX 32  /* items of one list */

struct evidence {
    union {
        char *text;
        uint64_t number;
        char **list; /* NULL-terminated */
    } values[N_EVIDENCE];
    bool set[N_EVIDENCE];
};

const char *evidence_key_to_string(enum evidence_key key);
enum evidence_type evidence_key_type(enum evidence_key key);
int evidence_key_from_string(const char *text, enum evidence_key *ret); /* 0 or -EINVAL */

/* The setters replace what was there. 0 or -ENOMEM; the key's type is the caller's duty. */
int evidence_set_text(struct evidence *evidence, enum evidence_key key, const char *text);
int evidence_set_bytes(struct evidence *evidence, enum evidence_key key, const void *text,
                       size_t n);
void evidence_set_number(struct evidence *evidence, enum evidence_key key, uint64_t number);
int evidence_set_list(struct evidence *evidence, enum evidence_key key, char *const *items);

/* The value, or NULL (0) where it is not set; owned by the evidence. */
const char *evidence_text(const struct evidence *evidence, enum evidence_key key);
uint64_t evidence_number(const struct evidence *evidence, enum evidence_key key);
char *const *evidence_list(const struct evidence *evidence, enum evidence_key key);

/* Sets all of `from` in `to`. 0 or -ENOMEM. */
int evidence_copy(const struct evidence *from, struct evidence *to);
void evidence_unset(struct evidence *evidence, enum evidence_key key);
void evidence_clear(struct evidence *evidence); /* frees the values; all unset afterwards */

/* A new JSON object with the set keys, in table order; NULL without memory. */
json_object *evidence_to_json(const struct evidence *evidence);

/*
 * Reads what evidence_to_json() writes, from anybody: unknown keys are skipped (a newer program may
 * know more), a known key of the wrong type or range is -EBADMSG. On error *evidence is unchanged.
 */
int evidence_from_json(json_object *object, struct evidence *evidence);
