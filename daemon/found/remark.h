/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What there is to say of a mail client's file beside the accounts in it. */
enum remark {
    REMARK_CLEARTEXT,     /* the client sends without encryption */
    REMARK_OPPORTUNISTIC, /* the client goes on without encryption where none is offered */
    REMARK_LOCAL,         /* the server is this machine */
    REMARK_PROGRAM,       /* mail goes through a program of this machine */
    REMARK_NOT_RUN,       /* a command that the client would run was not run */
    REMARK_CONDITIONAL,   /* a file that counts in some directories only was not read */
    REMARK_OURS,          /* as above, and the command is mailroam's own */
    REMARK_NO_SERVER,     /* an account without a server to send through */
    REMARK_BAD_SERVER,
    REMARK_BAD_PORT,
    REMARK_NOT_UNDERSTOOD,
    REMARK_DISABLED, /* switched off in the client */
    REMARK_PROVIDER, /* the file names a provider, not a server */
    REMARK_NOT_SMTP, /* sends by another protocol */
    REMARK_UNREADABLE,
    REMARK_TOO_DEEP, /* files that include each other without end */
    REMARK_TOO_MANY, /* accounts, or files */
    N_REMARK,
};

/* The word for programs: "cleartext". */
const char *remark_to_string(enum remark remark);
int remark_from_string(const char *text, enum remark *ret); /* 0 or -EINVAL */

/* A sentence for people, in English; _() has it in their language. */
const char *remark_words(enum remark remark);

/* Whether somebody should change something in the client. */
int remark_is_dangerous(enum remark remark);
