/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the probe is asked for, on any line: it is taken in bounds, or refused in words that are
 * safe to show. */
#include "fuzz.h"
#include "probe/request.h"
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *problem = NULL;
    struct request request;
    int r;

    request_init(&request);
    r = request_parse(&request, (const char *)data, size, &problem);
    CHECK(r == 0 ? !problem : r == -EINVAL && problem && text_is_safe(problem));
    CHECK(r != 0 ||
          ((request.n_endpoints > 0) == (request.neighbour.family == 0) && request.timeout_s > 0));
    CHECK(request.n_endpoints <= REQUEST_ENDPOINTS_MAX &&
          request.n_expected <= REQUEST_ENDPOINTS_MAX &&
          request.timeout_s <= REQUEST_TIMEOUT_MAX_S);
    for (size_t i = 0; i < request.n_endpoints; i++)
        CHECK(host_check(request.endpoints[i].host) == 0 && request.endpoints[i].port > 0);
    for (size_t i = 0; i < request.n_expected; i++)
        check_finding(&request.expected[i]);
    CHECK(!request.pin || pin_check(request.pin) == 0);
    request_clear(&request);
    return 0;
}
