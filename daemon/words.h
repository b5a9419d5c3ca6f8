/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * What people read, in their language. The texts in the sources are the English ones; po/ has the
 * others. Only programs that call words_open() look for them: in every other one gettext() gives
 * back what it was given and opens no file, and the log, the bus and JSON stay English.
 */
#include <libintl.h>
#include <locale.h>
#include <stdlib.h>

#define _(text)  gettext(text) /* never of "": that is the catalog's head */
#define N_(text) text          /* for a table; whoever shows it says _() */

/* At the start of main(). $MAILROAM_LOCALEDIR stands for where `make install` puts catalogs. */
static inline void words_open(void)
{
    const char *told = getenv("MAILROAM_LOCALEDIR");

    setlocale(LC_ALL, "");
    bindtextdomain("mailroam", told && *told ? told : LOCALEDIR);
    bind_textdomain_codeset("mailroam", "UTF-8"); /* as all texts in here */
    textdomain("mailroam");
}

/* From now on English, for programs that read it. */
static inline void words_stay_english(void)
{
    setlocale(LC_MESSAGES, "C");
}
