/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Clients with windows: where to click. Menus are named as the clients' own documentation of autumn
 * 2026 names them; where a version has moved something both places are named.
 *
 * No guide ever leads to a setting without TLS, whatever a help page says.
 */
#include "guide.h"
#include "words.h"
#include <stddef.h>

#define STEPS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct guide apple_mail = {
    .name = "apple-mail",
    .title = "Apple Mail",
    .tls = "TLS/SSL",
    .starttls = "TLS/SSL",
    .steps = STEPS(
        N_("In the menu Mail choose Settings (Preferences before macOS 13), and click Accounts."),
        N_("Select the account, click Server Settings, open the menu beside “Account” below "
           "“Outgoing "
           "Mail Server (SMTP)”, and choose “Edit SMTP Server List”."),
        N_("Select the line of {server}, or click + and enter {server} as the host name."),
        N_("Take the tick off “Automatically manage connection settings”. With it Mail may try "
           "ports "
           "without TLS."),
        N_("Enter {port} as the port, and tick “Use TLS/SSL”."),
        N_("Choose Password as the authentication, and leave “Allow insecure authentication” off."),
        N_("Enter {user} as the user name, and your password. Click OK, then Save.")),
    .danger =
        N_("Old help pages have you take the tick off “Use Secure Sockets Layer (SSL)” when you "
           "change the port. Then everybody on this network can read your password. Leave TLS "
           "on: where it cannot connect it is the port that has to change."),
};

static const struct guide outlook_2007 = {
    .name = "outlook-2007",
    .title = "Microsoft Office Outlook 2007",
    .tls = "SSL",
    .starttls = "TLS",
    .steps = STEPS(
        N_("In the menu Tools choose Account Settings, and double-click the account."),
        N_("Enter {server} as the outgoing mail server (SMTP)."),
        N_("Click More Settings and the tab Outgoing Server. Tick “My outgoing server (SMTP) "
           "requires "
           "authentication”, and use the same settings as for the incoming server, or log on as "
           "{user}."),
        N_("Leave “Require Secure Password Authentication (SPA)” off: TLS protects the password."),
        N_("On the tab Advanced enter {port} as the port of the outgoing server (SMTP), and choose "
           "{security} as its type of encrypted connection."),
        N_("Click OK, Next, Finish and Close.")),
    .danger =
        N_("Help pages for this version change the port and leave the encrypted connection at "
           "None, which sends your password readable. Choose SSL for a port with TLS from the "
           "first byte, TLS for one with STARTTLS. On an old Windows this Outlook knows only "
           "versions of TLS that servers refuse by now; then there is no safe setting but "
           "another program."),
};

static const struct guide outlook = {
    .name = "outlook",
    .title = "Microsoft Outlook",
    .tls = "SSL/TLS",
    .starttls = "STARTTLS",
    .steps = STEPS(
        N_("In the menu File choose Account Settings, then Server Settings; or Account Settings "
           "again, the account, and Change."),
        N_("Open “Outgoing mail”, and enter {server} as the server and {port} as the port. (In the "
           "older window these are under More Settings, Advanced.)"),
        N_("Choose {security} as the encryption method."),
        N_("Let it use the same user name and password as for incoming mail, or enter {user}. "
           "Leave "
           "“Require logon using Secure Password Authentication (SPA)” off."),
        N_("Click Next or OK, and Done."),
        N_("This is for the Outlook with the menu File. The new Outlook for Windows has "
           "Microsoft's "
           "servers talk to yours: it does not matter to it which ports this network lets "
           "through.")),
    .danger = N_("Never choose None as the encryption method, also where a help page does and it "
                 "seems to help: your password would cross the network readable. Auto may do the "
                 "same without telling."),
};

static const struct guide thunderbird = {
    .name = "thunderbird",
    .title = "Mozilla Thunderbird",
    .tls = "SSL/TLS",
    .starttls = "STARTTLS",
    .steps = STEPS(
        N_("In the menu (≡) or in Tools choose Account Settings."),
        N_("Select “Outgoing Server (SMTP)” at the end of the list on the left."),
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one sentence */
        N_("Select the server that your account uses, and click Edit; or Add, where it is not "
           "there."),
        N_("Enter {server} as the server name and {port} as the port."),
        N_("Choose {security} as the connection security."),
        N_("Choose “Normal password” as the authentication method: over TLS nobody can read it."),
        N_("Enter {user} as the user name, and click OK.")),
    .danger =
        N_("Old help pages tell to change the port and to tick “Use name and password”, and say "
           "nothing of the connection security. With None there, “Password, transmitted "
           "insecurely” is what is left, and is what it says. Never choose either."),
};

static const struct guide evolution = {
    .name = "evolution",
    .title = "Evolution",
    .tls = N_("TLS on a dedicated port"), /* Evolution's words, also in po/ */
    .starttls = N_("STARTTLS after connecting"),
    .steps =
        STEPS(N_("In the menu Edit choose Accounts, select the account, and click Edit."),
              N_("Select “Sending Email”, with SMTP as the server type."),
              N_("Enter {server} as the server and {port} as the port, and tick “Server requires "
                 "authentication”."),
              N_("Choose “{security}” as the encryption method."),
              N_("Choose PLAIN or Login as the type of authentication, enter {user} as the user "
                 "name, and "
                 "click OK.")),
    .danger =
        N_("“No encryption” together with PLAIN or Login sends your password readable. If the "
           "connection fails, choose another port, never no encryption; and never accept a "
           "certificate for good that Evolution warns of on a foreign network."),
};

static const struct guide kmail = {
    .name = "kmail",
    .title = "KMail",
    .tls = "SSL/TLS",
    .starttls = "STARTTLS",
    .steps = STEPS(
        N_("In the menu Settings choose “Configure KMail”, then Accounts and the tab Sending."),
        N_("Select the outgoing account, and click Modify."),
        N_("On the tab General enter {server} as the outgoing mail server, tick “Server requires "
           "authentication”, and enter {user} as the login."),
        N_("On the tab Advanced choose {security} as the encryption, {port} as the port, and PLAIN "
           "as "
           "the authentication."),
        N_("Click OK twice.")),
    .danger =
        N_("“Auto Detect” looks at the network you are on: where a box in between removes TLS it "
           "finds None. Never leave the encryption at None, which sends your password readable."),
};

static const struct guide geary = {
    .name = "geary",
    .title = "Geary",
    .tls = "TLS",
    .starttls = "StartTLS",
    .steps = STEPS(N_("In the menu choose Accounts, and select the account."),
                   N_("Below Sending enter {server}:{port} as the server name."),
                   N_("Choose {security} as the transport security."),
                   N_("Let it use the login for receiving, or enter {user}.")),
    .file = "~/.config/geary/account_01/geary.ini",
    .snippet = "[Outgoing]\n"
               "host={server}\n"
               "port={port}\n"
               "transport_security={tls|transport|start-tls}\n"
               "credentials=custom\n"
               "login={user:ini}\n"
               "remember_password=true\n",
    .danger =
        N_("Never choose None as the transport security: your password would cross the network "
           "readable."),
};

static const struct guide claws = {
    .name = "claws",
    .title = "Claws Mail",
    .tls = "TLS",
    .starttls = "STARTTLS",
    .steps = STEPS(
        N_("In the menu Configuration choose “Edit accounts”, select the account, and click Edit."),
        N_("On the page Basic enter {server} as the SMTP server."),
        N_("On the page Send tick “SMTP Authentication”, and enter {user} as the user ID."),
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one sentence */
        N_("On the page TLS (SSL/TLS in older versions), below Send, choose {tls|to use "
           "TLS|STARTTLS}."),
        N_("On the page Advanced tick the SMTP port, and enter {port}. Click OK.")),
    .file = "~/.claws-mail/accountrc",
    .snippet = "smtp_server={server}\n"
               "use_smtp_auth=1\n"
               "smtp_auth_method=0\n"
               "smtp_user_id={user}\n"
               "ssl_smtp={tls|1|2}\n"
               "set_smtpport=1\n"
               "smtp_port={port}\n",
    .danger =
        N_("“Don't use TLS” sends your password readable, and so may “Automatically accept "
           "unknown TLS certificates” to whoever stands in the server's place: leave it off."),
};

const struct guide *const guides_windows[] = {
    &apple_mail, &outlook_2007, &outlook, &thunderbird, &evolution, &kmail, &geary, &claws, NULL,
};
