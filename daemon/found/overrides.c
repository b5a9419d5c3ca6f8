/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Own account files before found accounts. */
#include "found/overrides.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>

struct override {
    char *name, *address;
};

int overrides_add(struct overrides *overrides, const char *name, const char *address)
{
    struct override *items = reallocarray(overrides->items, overrides->n + 1, sizeof(*items));
    _cleanup_free_ char *own_name = strdup(name), *own_address = strdup(address ? address : "");

    if (items)
        overrides->items = items;
    if (!items || !own_name || !own_address) /* half of one would be compared later */
        return -ENOMEM;
    items[overrides->n++] = (struct override){TAKE(own_name), TAKE(own_address)};
    return 0;
}

void overrides_remove(struct overrides *overrides, const char *name)
{
    for (size_t i = overrides->n; i-- > 0;)
        if (strcmp(overrides->items[i].name, name) == 0) {
            free(overrides->items[i].name);
            free(overrides->items[i].address);
            overrides->items[i] = overrides->items[--overrides->n];
        }
}

void overrides_clear(struct overrides *overrides)
{
    for (size_t i = 0; i < overrides->n; i++) {
        free(overrides->items[i].name);
        free(overrides->items[i].address);
    }
    free(overrides->items);
    *overrides = (struct overrides){.items = NULL};
}

const char *overrides_name(const struct overrides *overrides, size_t at)
{
    return overrides->items[at].name;
}

const char *overrides_find(const struct overrides *overrides, const struct found_account *account)
{
    for (size_t i = 0; i < overrides->n; i++) {
        const struct override *item = &overrides->items[i];

        if (strcmp(item->name, account->name) == 0 ||
            (*item->address && strcasecmp(item->address, account->address) == 0))
            return item->name;
    }
    return NULL;
}
