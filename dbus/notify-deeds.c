/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Programs for a person to look at: the terminal that the desktop prefers, and its browser. Only
 * fixed commands are run; of what the network gave, one address of a page is an argument. They
 * outlive us: their end is nobody's business here.
 */
#include "notify-deeds.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "text.h"
#include "words.h"
#include <signal.h>
#include <spawn.h>
#include <string.h>

/* A terminal closes with its command: that one has to wait for the reader. */
#define DETAILS "mailroam explain || mailroam status; printf '\\n%s ' \"$1\"; read -r answer"

/* 0 or -errno; -ENOENT where there is no such program. */
static int start(const char *const *arguments)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid;
    int error = posix_spawnattr_init(&attributes);

    if (error != 0)
        return -error;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none); /* ours blocks what sd-event waits for */
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    /* posix_spawnp() only reads them. */
    error = posix_spawnp(&pid, arguments[0], NULL, &attributes, (char **)arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return -error;
}

void deed_details(void)
{
    const char *preferred = getenv("TERMINAL");
    const char *closing = _("Enter closes this window.");
    const char *const commands[][8] = {
        {"xdg-terminal-exec", "sh", "-c", DETAILS, "sh", closing},
        {preferred && *preferred ? preferred : "x-terminal-emulator", "-e", "sh", "-c", DETAILS,
         "sh", closing},
        {"x-terminal-emulator", "-e", "sh", "-c", DETAILS, "sh", closing},
    };
    int r = -ENOENT;

    for (size_t i = 0; r == -ENOENT && i < ELEMENTSOF(commands); i++)
        r = start(commands[i]);
    if (r == -ENOENT)
        log_warning("no terminal was found to show details in: neither xdg-terminal-exec, nor "
                    "$TERMINAL, nor x-terminal-emulator; run mailroam explain");
    else if (r < 0)
        log_warning("no terminal could be started: %s", strerror(-r));
}

bool deed_is_page(const char *url)
{
    bool is_page = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;

    return is_page && text_is_safe(url) && !strpbrk(url, " \"'<>\\^`{|}");
}

void deed_login(const char *url)
{
    int r = deed_is_page(url) ? start((const char *const[]){"xdg-open", url, NULL}) : -EINVAL;

    if (r < 0)
        log_warning("the page to log in at cannot be opened with xdg-open: %s", strerror(-r));
}
