/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The Test Anything Protocol for C tests: ok(condition, name...), skip(reason), return tap_done(). */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(condition, ...) tap_result((condition), __FILE__, __LINE__, __VA_ARGS__)
#define is_string(got, expected, ...)                                                              \
    do {                                                                                           \
        const char *_got = (got), *_expected = (expected);                                         \
        if (!ok(_got && _expected ? strcmp(_got, _expected) == 0 : _got == _expected,              \
                __VA_ARGS__))                                                                      \
            printf("#      got: %s\n# expected: %s\n", _got ? _got : "(null)",                     \
                   _expected ? _expected : "(null)");                                              \
    } while (0)
#define is_number(got, expected, ...)                                                              \
    do {                                                                                           \
        long long _got = (got), _expected = (expected);                                            \
        if (!ok(_got == _expected, __VA_ARGS__))                                                   \
            printf("#      got: %lld\n# expected: %lld\n", _got, _expected);                       \
    } while (0)

__attribute__((format(printf, 4, 5), unused)) static bool
tap_result(bool good, const char *file, int line, const char *format, ...)
{
    va_list arguments;

    printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    if (!good) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return good;
}

__attribute__((unused)) static void skip(const char *name, const char *reason)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, name, reason);
    fflush(stdout);
}

__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}
