/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A clientConfig document of any content, for an address of any content. What is taken from it can
 * be dialled and written down, whatever the document was; what is told of it is safe to show.
 */
#include "discover/autoconfig.h"
#include "fuzz.h"

static const char fixed[] = "me@example.org";

/* Up to the first newline stands the address, where it is one. */
static size_t take_address(const uint8_t *data, size_t size, struct mail_address *address)
{
    const uint8_t *end = memchr(data, '\n', size < ADDRESS_MAX ? size : ADDRESS_MAX);
    _cleanup_free_ char *text = end ? strndup((const char *)data, (size_t)(end - data)) : NULL;
    _cleanup_free_ char *problem = NULL;

    if (text && mail_address_parse(text, address, &problem) == 0)
        return (size_t)(end - data) + 1;
    CHECK(!problem || text_is_safe(problem));
    CHECK(mail_address_parse(fixed, address, &problem) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail_address address;
    size_t skip = take_address(data, size, &address);
    struct autoconfig config = {0};
    _cleanup_free_ char *problem = NULL;

    if (autoconfig_parse((const char *)data + skip, size - skip, &address, &config, &problem) < 0) {
        CHECK(problem && text_is_safe(problem) && config.n_servers == 0);
        return 0;
    }
    CHECK(config.n_servers <= AUTOCONFIG_SERVERS_MAX);
    CHECK(!config.left_out || text_is_safe(config.left_out));
    for (size_t i = 0; i < config.n_servers; i++) {
        const struct found_server *server = &config.servers[i];

        CHECK(host_name_check(server->endpoint.host) == 0 && server->endpoint.port > 0);
        CHECK(server->endpoint.security < SECURITY_NONE && text_is_safe(server->username));
        CHECK(strcmp(server->username, config.servers[0].username) == 0);
        (void)host_is_foreign(&address, server->endpoint.host);
    }
    autoconfig_clear(&config);
    return 0;
}
