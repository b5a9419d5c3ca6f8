/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * One line of systemd-networkd's link state. The file is what networkctl(1) reads, too; networkd
 * calls it private, so whatever does not look as expected means that there is nothing to know.
 * It is read when somebody wants to know, and watched by nobody: the lease comes before the portal
 * is met.
 */
#include "watch/networkd.h"
#include "cleanup.h"
#include <stdio.h>
#include <string.h>

#define KEY        "CAPTIVE_PORTAL="
#define STATE_SIZE 65536 /* bytes that are looked at; the file has some hundreds */

static void closefilep(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

bool networkd_portal_url(const char *directory, int ifindex, char ret[static PORTAL_URL_MAX])
{
    _cleanup_(closefilep) FILE *file = NULL;
    _cleanup_free_ char *path = NULL;
    char line[sizeof(KEY) + PORTAL_URL_MAX];

    ret[0] = '\0';
    if (asprintf(&path, "%s/%d", directory, ifindex) < 0) {
        path = NULL;
        return false;
    }
    file = fopen(path, "re");
    while (file && ftell(file) < STATE_SIZE && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, KEY, strlen(KEY)) == 0)
            return portal_url_set(ret, line + strlen(KEY));
    }
    return false;
}
