/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "account-settings.h"
#include "judge/finding.h"
#include <stdint.h>
#include <sys/types.h>

/* What is remembered, as plain structs. Every text in it is safe to show (text.h) and bounded. */

#define MEMORY_SALT_SIZE    16
#define MEMORY_NETWORKS_MAX 200
#define MEMORY_TRIPS_MAX    500
#define MEMORY_RESULTS_MAX  64  /* accounts on one network */
#define MEMORY_TEXT_MAX     128 /* bytes of an id or a name, with the NUL */

/* Pointers to structs of one type, so that what is handed out stays where it is while the list is
 * ordered anew. */
struct memory_list {
    void **items;
    size_t n;
};

/* A complete check of an account. */
struct memory_result {
    char account[ACCOUNT_NAME_MAX + 1];
    uint64_t at; /* µs since 1970: when it ended */
    uint32_t took_ms;
    struct finding *findings; /* as the account prefers them; at least one */
    size_t n_findings;
    ssize_t chosen; /* index of the endpoint to use, or -1 */
};

/* A network, with the last complete check of each account there. */
struct memory_network {
    char id[MEMORY_TEXT_MAX], name[MEMORY_TEXT_MAX];
    uint64_t first, last;       /* µs since 1970: visits */
    struct memory_list results; /* struct memory_result */
};

/* A stay of an account on a network, with its last complete check during it. */
struct memory_trip {
    char id[MEMORY_TEXT_MAX], name[MEMORY_TEXT_MAX];
    uint64_t arrived, until; /* µs since 1970; until: last known to be there */
    bool present;            /* it goes on; not stored */
    struct memory_result *result;
};

/* Both lists have the most recent first. */
struct memory_content {
    uint8_t salt[MEMORY_SALT_SIZE];
    struct memory_list networks; /* struct memory_network */
    struct memory_list trips;    /* struct memory_trip */
};

/* Copies the findings. 0 or -ENOMEM. */
int memory_result_new(struct memory_result **ret, const char *account,
                      const struct finding *findings, size_t n, ssize_t chosen, uint64_t at,
                      uint32_t took_ms);
struct memory_result *memory_result_free(struct memory_result *result);
struct memory_network *memory_network_free(struct memory_network *network);
struct memory_trip *memory_trip_free(struct memory_trip *trip);
void memory_content_clear(struct memory_content *content);

/* Adds the item at that place; takes the one there out and returns it. 0 or -ENOMEM. */
int memory_list_add(struct memory_list *list, size_t at, void *item);
void *memory_list_take(struct memory_list *list, size_t at);

/* NULL where there is none. */
const struct finding *memory_find_finding(const struct memory_result *result,
                                          const struct endpoint *endpoint);
struct memory_result *memory_find_result(const struct memory_network *network, const char *account);
struct memory_network *memory_find_network(const struct memory_content *content, const char *id);
