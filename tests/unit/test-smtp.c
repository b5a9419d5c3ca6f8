/* SPDX-License-Identifier: GPL-3.0-or-later */

/* SMTP replies, whole and one byte at a time. */
#include "cleanup.h"
#include "probe/smtp.h"
#include "tap.h"
#include <limits.h>
#include <stdlib.h>

static const struct {
    const char *name, *in;
    enum smtp_answer answer;
    unsigned code, lines;
    size_t left; /* bytes behind the reply */
} cases[] = {
    {"a greeting", "220 mail ESMTP\r\n", SMTP_DONE, 220, 1, 0},
    {"a greeting with a teaser", "220-wait\r\n220 mail ESMTP\r\n", SMTP_DONE, 220, 2, 0},
    {"only the teaser so far", "220-wait\r\n", SMTP_MORE, 220, 1, 0},
    {"a bare LF", "220 mail\n", SMTP_DONE, 220, 1, 0},
    {"a code alone", "220\r\n", SMTP_DONE, 220, 1, 0},
    {"a code and a space", "220 \r\n", SMTP_DONE, 220, 1, 0},
    {"an error", "554 no\r\n", SMTP_DONE, 554, 1, 0},
    {"bytes behind it", "220 go\r\nEHLO", SMTP_DONE, 220, 1, 4},
    {"8-bit text", "220 caf\xE9 \x80\r\n", SMTP_DONE, 220, 1, 0},
    {"codes that differ", "250-a\r\n550 b\r\n", SMTP_INVALID, 0, 0, 0},
    {"HTTP", "HTTP/1.1 302 Found\r\n", SMTP_INVALID, 0, 0, 0},
    {"one byte of something else", "S", SMTP_INVALID, 0, 0, 0},
    {"SSH", "SSH-2.0-OpenSSH\r\n", SMTP_INVALID, 0, 0, 0},
    {"TLS bytes", "\x16\x03\x01", SMTP_INVALID, 0, 0, 0},
    {"two digits", "22 x\r\n", SMTP_INVALID, 0, 0, 0},
    {"four digits", "2200 x\r\n", SMTP_INVALID, 0, 0, 0},
    {"a code out of range", "120 x\r\n", SMTP_INVALID, 0, 0, 0},
    {"an empty line", "\r\n", SMTP_INVALID, 0, 0, 0},
    {"two bytes and an end", "22\n", SMTP_INVALID, 0, 0, 0},
    {"a code and something else", "220_x\r\n", SMTP_INVALID, 0, 0, 0},
    {"a code, a bare CR and more", "220\rx\r\n", SMTP_INVALID, 0, 0, 0},
    {"a bare CR in the text", "220 a\rb\r\n", SMTP_DONE, 220, 1, 0},
    {"a last line of the code alone", "250-a\r\n250\r\n", SMTP_DONE, 250, 2, 0},
    {"three codes, the last one differs", "250-a\r\n250-b\r\n251 c\r\n", SMTP_INVALID, 0, 0, 0},
    {"two replies", "220 a\r\n250 b\r\n", SMTP_DONE, 220, 1, 7},
    {"a reply and a lone CR", "220 a\r\n\r", SMTP_DONE, 220, 1, 1},
    {"a code in other digits", "\xD9\xA2\xD9\xA2\xD9\xA0 x\r\n", SMTP_INVALID, 0, 0, 0},
};

static void test_replies(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct smtp_reply whole = {0}, drip = {0};
        size_t length = strlen(cases[i].in), used = 0, one = 0, at = 0;
        enum smtp_answer answer = smtp_reply_feed(&whole, cases[i].in, length, &used);
        enum smtp_answer dripped = SMTP_MORE;

        is_number(answer, cases[i].answer, "%s", cases[i].name);
        while (at < length && dripped == SMTP_MORE)
            dripped = smtp_reply_feed(&drip, cases[i].in + at++, 1, &one);
        is_number(dripped, cases[i].answer, "%s, byte by byte", cases[i].name);
        if (cases[i].answer == SMTP_INVALID)
            continue;
        is_number(whole.code, cases[i].code, "%s: code", cases[i].name);
        is_number(whole.lines, cases[i].lines, "%s: lines", cases[i].name);
        is_number((long long)(length - used), (long long)cases[i].left, "%s: bytes left",
                  cases[i].name);
        ok(drip.length == whole.length && memcmp(drip.text, whole.text, whole.length) == 0,
           "%s: the same text either way", cases[i].name);
    }
}

static void test_nul(void)
{
    static const char bytes[] = "220 a\0b\r\n";
    struct smtp_reply reply = {0};
    const char *line;
    size_t used, length;

    is_number(smtp_reply_feed(&reply, bytes, sizeof(bytes) - 1, &used), SMTP_DONE,
              "a NUL in the text does not end it");
    ok(smtp_reply_line(&reply, 0, &line, &length) && length == 3 && memcmp(line, "a\0b", 3) == 0,
       "and is kept");
    smtp_reply_reset(&reply);
    is_number(smtp_reply_feed(&reply, "\0", 1, &used), SMTP_INVALID,
              "a NUL in the code is refused");
}

static void test_bounds(void)
{
    struct smtp_reply reply = {0};
    _cleanup_free_ char *line = malloc(SMTP_LINE_MAX + 2);
    enum smtp_answer answer = SMTP_MORE;
    size_t used, lines = 0;

    memset(line, 'x', SMTP_LINE_MAX + 2);
    memcpy(line, "220 ", 4);
    is_number(smtp_reply_feed(&reply, line, SMTP_LINE_MAX + 2, &used), SMTP_INVALID,
              "a line without an end is given up");
    ok(used <= SMTP_LINE_MAX + 1, "at its bound");
    smtp_reply_reset(&reply);
    for (; answer == SMTP_MORE && lines < 100000; lines++)
        answer = smtp_reply_feed(&reply, "250-x\r\n", 7, &used);
    is_number(answer, SMTP_INVALID, "a reply without an end is given up");
    is_number((long long)lines, SMTP_LINES_MAX + 1, "at its bound");
    smtp_reply_reset(&reply);
    answer = SMTP_MORE;
    memcpy(line, "250-", 4);
    line[SMTP_LINE_MAX - 1] = '\n';
    for (lines = 0; answer == SMTP_MORE && lines < 100; lines++)
        answer = smtp_reply_feed(&reply, line, SMTP_LINE_MAX, &used);
    ok(answer == SMTP_INVALID && reply.length <= SMTP_REPLY_MAX, "long lines are bounded in total");
}

static void read_ehlo(const char *text, size_t length, struct smtp_ehlo *ehlo)
{
    struct smtp_reply reply = {0};
    size_t used;

    if (smtp_reply_feed(&reply, text, length, &used) != SMTP_DONE)
        printf("# not a whole reply\n");
    smtp_ehlo_read(&reply, ehlo);
}

static unsigned long extension(const char *keyword)
{
    unsigned i = 0;

    while (strcmp(smtp_extensions[i], keyword) != 0)
        i++;
    return 1UL << i;
}

static void test_ehlo(void)
{
    struct smtp_ehlo ehlo;

#define READ(text) read_ehlo(text, sizeof(text) - 1, &ehlo)
    READ("250-mail\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n");
    ok(ehlo.starttls && ehlo.has_size && ehlo.size == 10240000, "STARTTLS and SIZE");
    is_string(ehlo.auth, "PLAIN LOGIN", "AUTH");
    READ("250-mail\r\n250-starttls\r\n250-AUTH PLAIN\r\n250 AUTH=LOGIN\r\n");
    ok(ehlo.starttls, "keywords in small letters");
    is_string(ehlo.auth, "PLAIN LOGIN", "the old AUTH= form beside the new one");
    READ("250 STARTTLS\r\n");
    ok(!ehlo.starttls, "the first line is the server's name, whatever it says");
    READ("250-mail\r\n250-STARTTLSX\r\n250 XSTARTTLS\r\n");
    ok(!ehlo.starttls && !ehlo.garbled, "keywords that only look like it");
    READ("250-mail\r\n250-XXXXXXXX\r\n250 SIZE\r\n");
    ok(ehlo.garbled, "a keyword written over");
    READ("250-mail\r\n250 XXXXXXXA\r\n");
    ok(ehlo.garbled, "one written over as a well-known box does it");
    READ("250-mail\r\n250-XXXXXXXAB\r\n250-XXXA\r\n250 X-FOO\r\n");
    ok(!ehlo.garbled, "other words that begin with X");
    READ("250-mail\r\n250-START\0TLS\r\n250 AUTH\r\n");
    ok(!ehlo.starttls && !*ehlo.auth, "a NUL in a keyword, AUTH without mechanisms");
    READ("250-mail\r\n250 SIZE 99999999999999999999999\r\n");
    ok(ehlo.has_size && ehlo.size == ULONG_MAX, "a SIZE beyond all bounds");
    READ("250-mail\r\n250 SIZE\r\n");
    ok(ehlo.has_size && ehlo.size == 0, "a SIZE without a number");
    READ("250-mail\r\n250 SIZE -5\r\n");
    ok(ehlo.has_size && ehlo.size == 0, "a SIZE below all bounds");
    READ("250-mail\r\n250 SIZE 5k\r\n");
    ok(ehlo.has_size && ehlo.size == 0, "a SIZE that is no number");
    READ("250-mail\r\n250-8bitmime\r\n250-SMTPUTF8 \r\n250-DSN2\r\n250 X-DSN\r\n");
    is_number((long long)ehlo.extensions,
              (long long)(extension("8BITMIME") | extension("SMTPUTF8")),
              "extensions: those that are known, and no others");
    READ("250 8BITMIME\r\n");
    is_number((long long)ehlo.extensions, 0, "the first line offers nothing");
}

static void test_garbled(void)
{
    struct smtp_reply reply = {0};
    size_t used;

    (void)smtp_reply_feed(&reply, "220 *****************\r\n", 23, &used);
    ok(smtp_greeting_is_garbled(&reply), "a greeting written over");
    smtp_reply_reset(&reply);
    (void)smtp_reply_feed(&reply, "220 mail *** ESMTP\r\n", 20, &used);
    ok(!smtp_greeting_is_garbled(&reply), "a greeting with stars");
}

int main(void)
{
    test_replies();
    test_nul();
    test_bounds();
    test_ehlo();
    test_garbled();
    return tap_done();
}
