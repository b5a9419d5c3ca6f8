/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From a found account to the settings that an account file would have. */
#include "found/adopt.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

/* The client's own endpoint, then those of the default ones that are not the same. */
static int order_ports(struct account_settings *settings, const struct endpoint *preferred)
{
    size_t n = 0;

    if (preferred->port == 0)
        return 0;
    settings->ports = calloc(ELEMENTSOF(endpoint_defaults) + 1, sizeof(*settings->ports));
    if (!settings->ports)
        return -ENOMEM;
    settings->ports[n++] =
        (struct endpoint){.port = preferred->port, .security = preferred->security};
    for (size_t i = 0; i < ELEMENTSOF(endpoint_defaults); i++)
        if (!endpoint_equal(&endpoint_defaults[i], &settings->ports[0]))
            settings->ports[n++] = endpoint_defaults[i];
    settings->n_ports = n;
    return 0;
}

int found_adopt(const struct found_account *account, struct account_settings **ret)
{
    _cleanup_(account_settings_freep) struct account_settings *settings =
        account_settings_new(account->name);
    _cleanup_free_ char *wrong = NULL;
    int r =
        settings ? account_settings_set(settings, "Address", account->address, &wrong) : -ENOMEM;

    if (r == 0)
        r = account_settings_set(settings, "Username", account->username, &wrong);
    if (r == 0)
        r = account_settings_set(settings, "Server", account->preferred.host, &wrong);
    if (r == 0)
        r = order_ports(settings, &account->preferred);
    if (r == 0)
        r = account_settings_complete(settings, &wrong);
    for (size_t i = 0; r == 0 && i < account->n_sources; i++)
        r = account_settings_add_source(settings, mail_client_to_string(account->sources[i].client),
                                        account->sources[i].file);
    if (r == 0)
        *ret = TAKE(settings);
    return r;
}
