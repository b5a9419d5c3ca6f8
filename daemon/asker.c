/* SPDX-License-Identifier: GPL-3.0-or-later */

/* An errand for the probe: to send the one packet that makes the kernel ask for a neighbour. It
 * says whether it did; the answer itself comes by the kernel's tables. */
#include "asker.h"
#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "prober.h"
#include <stdio.h>
#include <string.h>

#define DEADLINE_S 5 /* the kernel itself asks no longer than three */

struct asker {
    sd_event *event;
    asker_callback callback;
    void *userdata;
    struct prober *prober;
    bool asked;
};

static enum prober_wish on_line(const char *line, size_t length, void *userdata)
{
    static const char asked[] = "{\"asked\":true}", not_asked[] = "{\"asked\":false}";
    struct asker *asker = userdata;

    asker->asked = length == strlen(asked) && memcmp(line, asked, length) == 0;
    if (asker->asked || (length == strlen(not_asked) && memcmp(line, not_asked, length) == 0))
        return PROBER_ENOUGH;
    return PROBER_NOT_SO;
}

static void on_end(const char *problem, void *userdata)
{
    struct asker *asker = userdata;

    if (problem)
        log_debug("Cannot ask for the gateway's link address: %s", problem);
    asker->callback(!problem && asker->asked, asker->userdata);
}

int asker_new(struct asker **ret, sd_event *event, asker_callback callback, void *userdata)
{
    struct asker *asker = calloc(1, sizeof(*asker));

    if (!asker)
        return -ENOMEM;
    asker->event = sd_event_ref(event);
    asker->callback = callback;
    asker->userdata = userdata;
    *ret = asker;
    return 0;
}

struct asker *asker_free(struct asker *asker)
{
    if (!asker)
        return NULL;
    prober_free(asker->prober);
    sd_event_unref(asker->event);
    free(asker);
    return NULL;
}

int asker_ask(struct asker *asker, int ifindex, const struct ip *address)
{
    static const struct prober_callbacks callbacks = {.line = on_line, .ended = on_end};
    char text[INET6_ADDRSTRLEN], request[128];

    asker->prober = prober_free(asker->prober);
    asker->asked = false;
    ip_format(address, text);
    (void)snprintf(request, sizeof(request),
                   "{\"version\":1,\"ask_neighbour\":{\"interface\":%d,\"address\":\"%s\"}}\n",
                   ifindex, text);
    return prober_new(&asker->prober, asker->event, request, NULL, 0, DEADLINE_S, &callbacks,
                      asker);
}
