/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The file of the memory, from anybody. What is taken has to be in bounds and safe to show; written
 * and read again nothing of it is left out, and nothing changes any more.
 */
#include "fuzz.h"
#include "log.h"
#include "memory/memory-file.h"

static void check_result(const struct memory_result *result)
{
    CHECK(account_name_check(result->account) == 0);
    CHECK(result->n_findings > 0 && result->n_findings <= ACCOUNT_ENDPOINTS_MAX);
    CHECK(result->chosen >= -1 && result->chosen < (ssize_t)result->n_findings);
    for (size_t i = 0; i < result->n_findings; i++)
        check_finding(&result->findings[i]);
}

static void check_text(const char text[static MEMORY_TEXT_MAX])
{
    CHECK(*text && memchr(text, '\0', MEMORY_TEXT_MAX) && text_is_safe(text));
}

static void check_content(const struct memory_content *content)
{
    CHECK(content->networks.n <= MEMORY_NETWORKS_MAX && content->trips.n <= MEMORY_TRIPS_MAX);
    for (size_t i = 0; i < content->networks.n; i++) {
        const struct memory_network *network = content->networks.items[i];

        check_text(network->id);
        check_text(network->name);
        CHECK(memory_find_network(content, network->id) == network);
        CHECK(network->results.n > 0 && network->results.n <= MEMORY_RESULTS_MAX);
        for (size_t j = 0; j < network->results.n; j++)
            check_result(network->results.items[j]);
    }
    for (size_t i = 0; i < content->trips.n; i++) {
        const struct memory_trip *trip = content->trips.items[i];

        check_text(trip->id);
        check_text(trip->name);
        check_result(trip->result);
    }
}

/* The content as text, new, and what is read from that in *ret. */
static char *write_and_read(struct memory_content *content, struct memory_content *ret)
{
    size_t length, networks = content->networks.n, trips = content->trips.n;
    char *text;

    CHECK(memory_file_write(content, &text, &length) == 0 && length <= MEMORY_FILE_MAX);
    CHECK(strlen(text) == length);
    CHECK(memory_file_read("fuzz", text, length, ret) == 0);
    CHECK(ret->networks.n == networks && ret->trips.n == trips);
    check_content(ret);
    memory_content_clear(content);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_content content, cut, same;
    _cleanup_free_ char *once = NULL, *twice = NULL;

    log_set_level(LOG_EMERG);
    if (memory_file_read("fuzz", (const char *)data, size, &content) == MEMORY_FILE_BROKEN)
        return 0;
    check_content(&content);
    /* A text that grew when it was made safe is cut by the first reading, and by no later one. */
    free(write_and_read(&content, &cut));
    once = write_and_read(&cut, &same);
    twice = write_and_read(&same, &content);
    memory_content_clear(&content);
    CHECK(strcmp(once, twice) == 0);
    return 0;
}
