/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The remarks, a word and a sentence each. */
#include "found/remark.h"
#include "cleanup.h"
#include "error.h"
#include "words.h"
#include <string.h>

static const struct {
    const char *word, *words;
} remarks[N_REMARK] = {
    [REMARK_CLEARTEXT] = {"cleartext",
                          N_("dangerous: the client is set up to send without encryption; Mailroam "
                             "tries this server with encryption only")},
    [REMARK_OPPORTUNISTIC] = {"opportunistic",
                              N_("dangerous: the client sends without encryption where none is "
                                 "offered; Mailroam does not")},
    [REMARK_LOCAL] = {"local",
                      N_("the server is this machine: there is nothing to check, skipped")},
    [REMARK_PROGRAM] = {"program", N_("mail goes through a program of this machine: skipped")},
    [REMARK_NOT_RUN] = {"not-run", N_("a command was not run: what it would say is not known")},
    [REMARK_CONDITIONAL] = {"conditional", N_("a file that counts under a condition was not read")},
    [REMARK_OURS] = {"ours", N_("the port comes from Mailroam itself")},
    [REMARK_NO_SERVER] = {"no-server", N_("no server to send through is named: skipped")},
    [REMARK_BAD_SERVER] = {"bad-server", N_("the server is neither a host name nor an address: "
                                            "skipped")},
    [REMARK_BAD_PORT] = {"bad-port", N_("the port is no number from 1 to 65535: the usual ones are "
                                        "tried")},
    [REMARK_NOT_UNDERSTOOD] = {"not-understood", N_("not understood")},
    [REMARK_DISABLED] = {"disabled", N_("switched off in the client: skipped")},
    [REMARK_PROVIDER] = {"provider", N_("the file names a provider and no server: skipped")},
    [REMARK_NOT_SMTP] = {"not-smtp", N_("sends by another way than SMTP: skipped")},
    [REMARK_UNREADABLE] = {"unreadable", N_("cannot be read")},
    [REMARK_TOO_DEEP] = {"too-deep", N_("files include each other too deeply: not followed")},
    [REMARK_TOO_MANY] = {"too-many", N_("there are too many: the rest is left out")},
};

const char *remark_to_string(enum remark remark)
{
    return remarks[remark].word;
}

int remark_from_string(const char *text, enum remark *ret)
{
    for (int i = 0; i < N_REMARK; i++)
        if (strcmp(remarks[i].word, text) == 0) {
            *ret = (enum remark)i;
            return 0;
        }
    return -EINVAL;
}

const char *remark_words(enum remark remark)
{
    return remarks[remark].words;
}

int remark_is_dangerous(enum remark remark)
{
    return remark == REMARK_CLEARTEXT || remark == REMARK_OPPORTUNISTIC;
}
