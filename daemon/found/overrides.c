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
    struct override *last;

    if (!items)
        return -ENOMEM;
    overrides->items = items;
    last = &items[overrides->n++];
    *last = (struct override){strdup(name), strdup(address ? address : "")};
    return last->name && last->address ? 0 : -ENOMEM;
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
