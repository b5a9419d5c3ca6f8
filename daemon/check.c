/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * One check: what is asked for, and what of the answer is believed. Each endpoint is found once,
 * and only one that was asked for; a probe that says anything else has lost its credit, and the
 * check ends there. One that has all verdicts is over at once.
 */
#include "check.h"
#include "check-request.h"
#include "cleanup.h"
#include "error.h"
#include "prober.h"
#include <stdbool.h>

struct check {
    const struct account_settings *settings;
    const struct check_callbacks *callbacks;
    void *userdata;
    struct prober *prober;
    bool *found; /* beside the settings' endpoints */
    size_t n_found;
};

DEFINE_CLEANUP(struct check *, check_free)

static enum prober_wish on_line(const char *line, size_t length, void *userdata)
{
    struct check *check = userdata;
    const struct account_settings *settings = check->settings;
    struct finding finding;
    size_t i = 0;

    if (finding_from_line(line, length, &finding) < 0)
        return PROBER_NOT_SO;
    while (i < settings->n_endpoints && !endpoint_equal(&settings->endpoints[i], &finding.endpoint))
        i++;
    if (i == settings->n_endpoints || check->found[i]) {
        finding_clear(&finding);
        return PROBER_NOT_SO;
    }
    check->found[i] = true;
    check->n_found++;
    check->callbacks->found(i, &finding, check->userdata);
    return check->n_found == settings->n_endpoints ? PROBER_ENOUGH : PROBER_MORE;
}

static void on_end(const char *problem, void *userdata)
{
    struct check *check = userdata;

    check->callbacks->ended(problem, check->userdata);
}

static void on_gone(void *userdata)
{
    struct check *check = userdata;

    check->callbacks->gone(check->userdata);
}

int check_new(struct check **ret, sd_event *event, const struct account_settings *settings,
              const struct finding *expected, size_t n_expected,
              const struct check_callbacks *callbacks, void *userdata)
{
    static const struct prober_callbacks prober_callbacks = {
        .line = on_line, .ended = on_end, .gone = on_gone};
    _cleanup_(check_freep) struct check *check = calloc(1, sizeof(*check));
    _cleanup_free_ char *request = check_request(settings, expected, n_expected);
    int r;

    if (!check || !request)
        return -ENOMEM;
    check->settings = settings;
    check->callbacks = callbacks;
    check->userdata = userdata;
    check->found = calloc(settings->n_endpoints, sizeof(*check->found));
    if (!check->found)
        return -ENOMEM;
    r = prober_new(&check->prober, event, request, NULL, 0, CHECK_DEADLINE_S, &prober_callbacks,
                   check);
    if (r < 0)
        return r;
    *ret = TAKE(check);
    return 0;
}

struct check *check_free(struct check *check)
{
    if (!check)
        return NULL;
    prober_free(check->prober);
    free(check->found);
    free(check);
    return NULL;
}
