/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From what checks have found to what the watch follows. Pure. */
#include "targets.h"
#include <stdio.h>
#include <string.h>

static bool is_known(const struct targets *targets, const struct ip *address)
{
    for (size_t i = 0; i < targets->n; i++)
        if (ip_equal(&targets->items[i].address, address))
            return true;
    return false;
}

bool targets_learn(struct targets *targets, const struct finding *findings, size_t n)
{
    bool learnt = false;

    for (size_t i = 0; i < n; i++) {
        const char *text = evidence_text(&findings[i].evidence, EVIDENCE_ADDRESS);
        struct watch_target target = {0};

        if (!text || !ip_parse(text, &target.address) || is_known(targets, &target.address))
            continue;
        (void)snprintf(target.host, sizeof(target.host), "%s", findings[i].endpoint.host);
        targets->n += targets->n < TARGETS_MAX;
        memmove(&targets->items[1], &targets->items[0], (targets->n - 1) * sizeof(target));
        targets->items[0] = target;
        learnt = true;
    }
    return learnt;
}

bool targets_sweep(struct targets *targets, bool (*wanted)(const char *host, const void *userdata),
                   const void *userdata)
{
    size_t kept = 0, before = targets->n;

    for (size_t i = 0; i < before; i++)
        if (wanted(targets->items[i].host, userdata))
            targets->items[kept++] = targets->items[i];
    targets->n = kept;
    return kept < before;
}
