/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Clients with files: what to write. The lines stand by themselves, so they can be pasted as they
 * are; none has a password in it, and each demands TLS with a certificate that verifies.
 */
#include "guide.h"
#include "words.h"
#include <stddef.h>

#define STEPS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define MUTT_STEPS                                                                                 \
    STEPS(N_("Write the lines below into {file}, in the place of what is there of these "          \
             "variables."),                                                                        \
          N_("The password is asked for when a message is sent. To have it fetched instead, set "  \
             "smtp_pass to a command in backticks, such as `secret-tool lookup service smtp`."),   \
          N_("To follow the port by itself, put `mailroam port --format %p` in backticks in the "  \
             "place "                                                                              \
             "of {port}; with the same security, that is."))

/* ssl_force_tls: with smtp:// nothing is sent unless STARTTLS was taken. */
#define MUTT_SNIPPET                                                                               \
    "set smtp_url = \"{tls|smtps|smtp}://{user:url}@{server:url}:{port}/\"\n"                      \
    "set ssl_force_tls = yes\n"                                                                    \
    "set ssl_starttls = yes\n"                                                                     \
    "set ssl_verify_host = yes\n"                                                                  \
    "set ssl_verify_dates = yes\n"

#define MUTT_DANGER                                                                                \
    N_("Without ssl_force_tls an smtp:// address sends your password readable where somebody has " \
       "removed STARTTLS on the way. Never set it to no, nor ssl_verify_host.")

static const struct guide mutt = {
    .name = "mutt",
    .title = "mutt",
    .tls = "smtps",
    .starttls = "STARTTLS",
    .steps = MUTT_STEPS,
    .file = "~/.muttrc",
    .snippet = MUTT_SNIPPET,
    .danger = MUTT_DANGER,
};

static const struct guide neomutt = {
    .name = "neomutt",
    .title = "NeoMutt",
    .tls = "smtps",
    .starttls = "STARTTLS",
    .steps = MUTT_STEPS,
    .file = "~/.config/neomutt/neomuttrc",
    .snippet = MUTT_SNIPPET,
    .danger = MUTT_DANGER,
};

static const struct guide msmtp = {
    .name = "msmtp",
    .title = "msmtp",
    .tls = "TLS",
    .starttls = "STARTTLS",
    .steps = STEPS(
        N_("Write the lines below into {file}, which nobody else may read: chmod 600."),
        N_("Store the password once: secret-tool store --label=SMTP service smtp user "
           "{user:shell}. "
           "Any other command that prints it does as well."),
        N_("To follow the port by itself, write instead of the lines port and tls_starttls: eval "
           "mailroam "
           "port --format 'port %p', and eval mailroam port --format 'tls_starttls %s' | sed 's/ "
           "tls$/ off/; s/ starttls$/ on/'."),
        N_("See that it works, without sending anything: msmtp --serverinfo.")),
    .file = "~/.msmtprc",
    .snippet = "account mailroam\n"
               "host {server}\n"
               "port {port}\n"
               "from {address}\n"
               "auth on\n"
               "user {user}\n"
               "passwordeval \"secret-tool lookup service smtp user {user:shell}\"\n"
               "tls on\n"
               "tls_starttls {tls|off|on}\n"
               "tls_certcheck on\n"
               "account default : mailroam\n",
    .danger =
        N_("Examples with “tls off” or “tls_certcheck off” hand your password to whoever stands "
           "in between. Where a certificate does not verify, tls_fingerprint or tls_trust_file "
           "are the way, after you have made sure whose it is."),
};

static const struct guide git = {
    .name = "git",
    .title = "git send-email",
    .tls = "ssl",
    .starttls = "tls",
    .steps = STEPS(
        N_("Write the lines below into {file}, in the place of what is there in [sendemail]."),
        N_("git asks its credential helpers for the password, and else you. Do not write it into "
           "the "
           "file (sendemail.smtpPass)."),
        N_("Look at what would be sent: git send-email --dry-run.")),
    .file = "~/.gitconfig",
    .snippet = "[sendemail]\n"
               "\tsmtpServer = {server}\n"
               "\tsmtpServerPort = {port}\n"
               "\tsmtpEncryption = {security}\n"
               "\tsmtpUser = {user:git}\n",
    .danger =
        N_("git calls TLS from the first byte ssl, and STARTTLS tls. Without smtpEncryption your "
           "password goes readable; with an empty smtpSSLCertPath to whoever claims to be the "
           "server."),
};

const struct guide *const guides_files[] = {&mutt, &neomutt, &msmtp, &git, NULL};
