/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For surroundings.test: prints a line for everything that the surroundings monitor says, until it
 * is told to end.
 */
#include "error.h"
#include "surroundings-monitor.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void on_surroundings(const struct surroundings *surroundings, unsigned changes,
                            void *userdata)
{
    static const struct {
        enum surroundings_change change;
        const char *word;
    } words[] = {
        {SURROUNDINGS_SLEEPING, "sleeping"},
        {SURROUNDINGS_RESUMED, "resumed"},
        {SURROUNDINGS_CONNECTIVITY, "connectivity"},
        {SURROUNDINGS_RESOLVER, "resolver"},
        {SURROUNDINGS_COST, "cost"},
        {SURROUNDINGS_PORTAL_URL, "url"},
    };

    (void)userdata;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (changes & words[i].change)
            printf("%s ", words[i].word);
    printf("| %s%s%s%s %s\n", connectivity_to_string(surroundings->connectivity),
           surroundings->sleeping ? " sleeping" : "", surroundings->metered ? " metered" : "",
           surroundings->on_battery ? " battery" : "", surroundings->portal_url);
    fflush(stdout);
}

int main(void)
{
    struct surroundings_monitor *monitor = NULL;
    sd_event *event = NULL;
    sigset_t handled;
    int r;

    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &handled, NULL);
    r = sd_event_default(&event);
    if (r >= 0)
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
    if (r >= 0)
        r = surroundings_monitor_new(&monitor, event, on_surroundings, NULL);
    if (r >= 0) {
        puts("listening");
        fflush(stdout);
        r = sd_event_loop(event);
    }
    surroundings_monitor_free(monitor);
    sd_event_unref(event);
    return r < 0 ? EXIT_FAILURE : r;
}
