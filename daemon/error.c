/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What somebody did wrong, in a sentence. */
#include "error.h"
#include <stdarg.h>
#include <stdio.h>

int problem(char **ret_problem, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vasprintf(ret_problem, format, arguments);
    va_end(arguments);
    return length < 0 ? -ENOMEM : -EINVAL;
}
