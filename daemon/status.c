/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The line that `systemctl --user status mailroamd` shows. */
#include "status.h"
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define STATUS_MAX 512

static void describe(const struct manager *manager, const struct account *account,
                     char status[static STATUS_MAX])
{
    const struct network *network = manager_network(manager);
    const struct finding *working = account_working(account);
    const char *place = network_primary(network) ? network->name : "no network";
    const char *name = account_settings(account)->name;
    char endpoint[ENDPOINT_STRING_MAX];

    if (working)
        (void)snprintf(status, STATUS_MAX, "%s: mail of %s can leave by %s%s", place, name,
                       endpoint_format(&working->endpoint, endpoint),
                       account_is_checking(account) ? " (checking the other ports)" : "");
    else if (account_state(account) == STATE_CHECKING)
        (void)snprintf(status, STATUS_MAX, "%s: checking the ports of %s", place, name);
    else if (account_state(account) == STATE_OFFLINE)
        (void)snprintf(status, STATUS_MAX, "Offline");
    else
        (void)snprintf(status, STATUS_MAX, "%s: mail of %s cannot leave, no port works", place,
                       name);
}

void status_update(const struct manager *manager)
{
    static char told[STATUS_MAX];
    char status[STATUS_MAX] = "No account is set up; mailroam(1) add makes one";
    const struct account *account = manager_default(manager);

    if (account)
        describe(manager, account, status);
    if (strcmp(status, told) == 0)
        return;
    strcpy(told, status);
    (void)sd_notifyf(false, "STATUS=%s", status);
}
