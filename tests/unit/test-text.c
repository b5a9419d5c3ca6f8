/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What comes from outside is shown as it is where that is harmless, and visibly where it is not. */
#include "cleanup.h"
#include "tap.h"
#include "text.h"

static const struct {
    const char *name, *in, *out;
    size_t length; /* 0: strlen(in) */
} cases[] = {
    {"plain text passes", "220 mail.example.org ESMTP", "220 mail.example.org ESMTP", 0},
    {"umlauts and kanji pass", "Grüße 日本", "Grüße 日本", 0},
    {"emoji pass", "\xF0\x9F\x93\xAC", "\xF0\x9F\x93\xAC", 0},
    {"a terminal escape is shown", "\x1b[2J", "\\x1b[2J", 0},
    {"newlines are shown", "a\r\nb", "a\\x0d\\x0ab", 0},
    {"NUL is shown", "a\0b", "a\\x00b", 3},
    {"DEL is shown", "\x7f", "\\x7f", 0},
    {"a C1 control in UTF-8 is shown", "\xC2\x9B", "\\xc2\\x9b", 0},
    {"a bidi override is shown", "a\xE2\x80\xAE"
                                 "b",
     "a\\xe2\\x80\\xaeb", 0},
    {"a bidi isolate is shown", "\xE2\x81\xA6", "\\xe2\\x81\\xa6", 0},
    {"a zero-width space is shown", "\xE2\x80\x8B", "\\xe2\\x80\\x8b", 0},
    {"a line separator is shown", "\xE2\x80\xA8", "\\xe2\\x80\\xa8", 0},
    {"a byte-order mark is shown", "\xEF\xBB\xBF", "\\xef\\xbb\\xbf", 0},
    {"tag characters are shown", "\xF3\xA0\x81\x81", "\\xf3\\xa0\\x81\\x81", 0},
    {"Latin-1 bytes are shown", "caf\xE9", "caf\\xe9", 0},
    {"an overlong slash is shown", "\xC0\xAF", "\\xc0\\xaf", 0},
    {"a surrogate is shown", "\xED\xA0\x80", "\\xed\\xa0\\x80", 0},
    {"beyond Unicode is shown", "\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 0},
    {"a character cut off is shown", "a\xE2\x82", "a\\xe2\\x82", 0},
    {"a noncharacter is shown", "\xEF\xBF\xBF", "\\xef\\xbf\\xbf", 0},
    {"nothing is nothing", "", "", 0},
};

int main(void)
{
    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        size_t length = cases[i].length ? cases[i].length : strlen(cases[i].in);
        _cleanup_free_ char *out = text_safe(cases[i].in, length, 512);

        is_string(out, cases[i].out, "%s", cases[i].name);
        ok(text_is_safe(out), "%s: and is safe then", cases[i].name);
        if (!cases[i].length)
            ok(text_is_safe(cases[i].in) == (strcmp(cases[i].in, cases[i].out) == 0),
               "%s: text_is_safe() agrees", cases[i].name);
    }
    {
        _cleanup_free_ char *cut = text_safe("abc\xE2\x82\xAC"
                                             "def",
                                             9, 5);

        is_string(cut, "abc", "the cut falls before a character that does not fit");
    }
    return tap_done();
}
