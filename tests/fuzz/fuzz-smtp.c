/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The SMTP reply parser on any bytes. They are read twice: at once, and in pieces as a network may
 * deliver them; both readings have to come to the same.
 */
#include "fuzz.h"
#include "probe/smtp.h"

struct reading {
    const char *bytes;
    size_t n, at;
    size_t piece; /* how many at once */
    struct smtp_reply reply;
};

static void check_reply(const struct smtp_reply *reply)
{
    struct smtp_ehlo ehlo;
    const char *line;
    size_t length, total = 0;
    unsigned n = 0;

    CHECK(reply->code >= 200 && reply->code <= 599);
    CHECK(reply->lines >= 1 && reply->lines <= SMTP_LINES_MAX);
    CHECK(reply->length <= SMTP_REPLY_MAX);
    for (; smtp_reply_line(reply, n, &line, &length); n++) {
        CHECK(length < SMTP_LINE_MAX && !memchr(line, '\n', length));
        total += length + 1;
    }
    CHECK(n == reply->lines && total == reply->length);
    CHECK(!smtp_greeting_is_garbled(reply) || memcmp(reply->text, "****", 4) == 0);
    smtp_ehlo_read(reply, &ehlo);
    CHECK(memchr(ehlo.auth, '\0', sizeof(ehlo.auth)));
}

/* Reads on to the end of a reply, of the bytes, or of what can be a reply. */
static enum smtp_answer next(struct reading *reading)
{
    enum smtp_answer answer = SMTP_MORE;

    smtp_reply_reset(&reading->reply);
    while (answer == SMTP_MORE && reading->at < reading->n) {
        size_t left = reading->n - reading->at, used = SIZE_MAX;
        size_t piece = left < reading->piece ? left : reading->piece;

        answer = smtp_reply_feed(&reading->reply, reading->bytes + reading->at, piece, &used);
        CHECK(used <= piece && (answer != SMTP_MORE || used == piece));
        reading->at += used;
    }
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, pieces; /* static: a large one each */
    enum smtp_answer answer;

    if (size < 1)
        return 0;
    whole.bytes = pieces.bytes = (const char *)data + 1;
    whole.n = pieces.n = whole.piece = size - 1;
    whole.at = pieces.at = 0;
    pieces.piece = data[0] % 16 + 1;
    do {
        answer = next(&whole);
        CHECK(next(&pieces) == answer && pieces.at == whole.at);
        CHECK(pieces.reply.length == whole.reply.length &&
              memcmp(pieces.reply.text, whole.reply.text, whole.reply.length) == 0);
        if (answer == SMTP_DONE)
            check_reply(&whole.reply);
    } while (answer == SMTP_DONE);
    return 0;
}
