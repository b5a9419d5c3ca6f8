/* SPDX-License-Identifier: GPL-3.0-or-later */

/* resolv.conf of any bytes: what is read of it is in bounds and safe to show, and written out as
 * such a file it means the same again. */
#include "fuzz.h"
#include "watch/resolver.h"
#include <stdio.h>

static void print(const struct resolver_config *config, char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < config->n_servers; i++) {
        const struct resolver_server *server = &config->servers[i];
        char address[INET6_ADDRSTRLEN];

        CHECK(memchr(server->zone, '\0', sizeof(server->zone)) != NULL);
        ip_format(&server->address, address);
        CHECK(address[0] != '\0');
        n += (size_t)snprintf(text + n, size - n, "nameserver %s%s%s\n", address,
                              server->zone[0] != '\0' ? "%" : "", server->zone);
        CHECK(n < size);
    }
    n += (size_t)snprintf(text + n, size - n, "search %s\n", config->search);
    CHECK(n < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resolver_config config, again;
    char text[4096];

    resolver_config_parse((const char *)data, size, &config);
    CHECK(config.n_servers <= RESOLVER_SERVERS_MAX);
    CHECK(strlen(config.search) < RESOLVER_SEARCH_MAX && text_is_safe(config.search));
    print(&config, text, sizeof(text));
    resolver_config_parse(text, strlen(text), &again);
    CHECK(resolver_config_equal(&config, &again));
    return 0;
}
