/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The remembered as plain structs: making, finding and freeing them. */
#include "memory/content.h"
#include "cleanup.h"
#include "error.h"
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(struct memory_result *, memory_result_free)

int memory_result_new(struct memory_result **ret, const char *account,
                      const struct finding *findings, size_t n, ssize_t chosen, uint64_t at,
                      uint32_t took_ms)
{
    _cleanup_(memory_result_freep) struct memory_result *result = calloc(1, sizeof(*result));

    if (!result)
        return -ENOMEM;
    (void)snprintf(result->account, sizeof(result->account), "%s", account);
    result->chosen = chosen;
    result->at = at;
    result->took_ms = took_ms;
    result->findings = calloc(n, sizeof(*result->findings));
    if (!result->findings)
        return -ENOMEM;
    for (; result->n_findings < n; result->n_findings++)
        if (finding_copy(&findings[result->n_findings], &result->findings[result->n_findings]) < 0)
            return -ENOMEM;
    *ret = TAKE(result);
    return 0;
}

struct memory_result *memory_result_free(struct memory_result *result)
{
    if (!result)
        return NULL;
    for (size_t i = 0; i < result->n_findings; i++)
        finding_clear(&result->findings[i]);
    free(result->findings);
    free(result);
    return NULL;
}

struct memory_network *memory_network_free(struct memory_network *network)
{
    if (!network)
        return NULL;
    for (size_t i = 0; i < network->results.n; i++)
        memory_result_free(network->results.items[i]);
    free(network->results.items);
    free(network);
    return NULL;
}

struct memory_trip *memory_trip_free(struct memory_trip *trip)
{
    if (!trip)
        return NULL;
    memory_result_free(trip->result);
    free(trip);
    return NULL;
}

void memory_content_clear(struct memory_content *content)
{
    for (size_t i = 0; i < content->networks.n; i++)
        memory_network_free(content->networks.items[i]);
    free(content->networks.items);
    for (size_t i = 0; i < content->trips.n; i++)
        memory_trip_free(content->trips.items[i]);
    free(content->trips.items);
    *content = (struct memory_content){.networks = {.n = 0}};
}

int memory_list_add(struct memory_list *list, size_t at, void *item)
{
    void **grown = reallocarray(list->items, list->n + 1, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    list->items = grown;
    memmove(&grown[at + 1], &grown[at], (list->n - at) * sizeof(*grown));
    grown[at] = item;
    list->n++;
    return 0;
}

void *memory_list_take(struct memory_list *list, size_t at)
{
    void *item = list->items[at];

    list->n--;
    memmove(&list->items[at], &list->items[at + 1], (list->n - at) * sizeof(*list->items));
    return item;
}

const struct finding *memory_find_finding(const struct memory_result *result,
                                          const struct endpoint *endpoint)
{
    for (size_t i = 0; i < result->n_findings; i++)
        if (endpoint_equal(&result->findings[i].endpoint, endpoint))
            return &result->findings[i];
    return NULL;
}

struct memory_result *memory_find_result(const struct memory_network *network, const char *account)
{
    for (size_t i = 0; i < network->results.n; i++) {
        struct memory_result *result = network->results.items[i];

        if (strcmp(result->account, account) == 0)
            return result;
    }
    return NULL;
}

struct memory_network *memory_find_network(const struct memory_content *content, const char *id)
{
    for (size_t i = 0; i < content->networks.n; i++) {
        struct memory_network *network = content->networks.items[i];

        if (strcmp(network->id, id) == 0)
            return network;
    }
    return NULL;
}
