/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * mailroam status --format: one account for a status bar, in the bar's own terms. A bar hides a
 * program that fails, and it is when nothing works that people want to see it: so for waybar and
 * i3blocks the exit status is theirs, not that of mailroam's other commands.
 */
#include "cli-bar.h"
#include "error.h"
#include "judge/verdict.h"
#include "words.h"
#include <stdio.h>
#include <string.h>

#define I3BLOCKS_URGENT 33 /* i3blocks(1): the exit status that marks the block urgent */

int bar_from_string(const char *text, enum bar *ret)
{
    static const char *const names[] = {
        [BAR_WAYBAR] = "waybar", [BAR_I3BLOCKS] = "i3blocks", [BAR_PLAIN] = "plain"};

    for (size_t i = 0; i < ELEMENTSOF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum bar)i;
            return 0;
        }
    return -EINVAL;
}

void bar_clear(struct bar_text *text)
{
    free(text->full);
    free(text->brief);
    free(text->tooltip);
    *text = (struct bar_text){0};
}

static int fill(struct bar_text *text, const char *class, enum tone tone, char *full, char *brief,
                char *tooltip)
{
    *text = (struct bar_text){
        .class = class, .tone = tone, .full = full, .brief = brief, .tooltip = tooltip};
    if (full && brief && tooltip)
        return 0;
    bar_clear(text);
    return -ENOMEM;
}

int bar_describe_absence(struct bar_text *text)
{
    return fill(text, "unreachable", TONE_BAD, strdup(_("mail: mailroamd does not run")),
                strdup(_("mail ?")),
                strdup(_("mailroamd cannot be reached.\nSee: systemctl --user status mailroamd")));
}

/* The state in a word or two. */
static const char *brief_words(const char *state)
{
    static const char *const words[N_STATE] = {
        [STATE_UNCONFIGURED] = N_("no server"), [STATE_OFFLINE] = N_("offline"),
        [STATE_CHECKING] = N_("checking"),      [STATE_READY] = N_("ready"),
        [STATE_DEGRADED] = N_("degraded"),      [STATE_PORTAL] = N_("login needed"),
        [STATE_BLOCKED] = N_("blocked"),
    };
    enum state known;

    return state_from_string(state, &known) < 0 ? state : _(words[known]);
}

/* The state as a name of the interface, so that it may be a class of a style sheet. */
static const char *class_of(const char *state)
{
    enum state known;

    return state_from_string(state, &known) < 0 ? "unknown" : state_to_string(known);
}

int bar_describe(struct bar_text *text, const struct client *client,
                 const struct client_account *account)
{
    _cleanup_free_ char *network = network_words(&client->manager.network), *working = NULL,
                        *faults = NULL;
    const char *advice;

    if (!account)
        return fill(text, "unconfigured", TONE_FAINT, strdup(_("mail: no account")),
                    strdup(_("mail -")),
                    strdup(_("No mail account is set up.\nSee: mailroam help add")));
    working = working_words(account);
    faults = faults_words(account);
    advice = account_advice(account);
    if (!network || !working || !faults)
        return -ENOMEM;
    return fill(text, class_of(account->state), state_tone(account->state),
                account->working.port ? format_new(_("mail %u %s"), account->working.port,
                                                   security_words(account->working.security))
                                      : format_new(_("mail: %s"), brief_words(account->state)),
                account->working.port ? format_new(_("mail %u"), account->working.port)
                                      : strdup(_("mail !")),
                format_new(_("%s: %s\nNetwork: %s%s%s%s%s"), account->name, working, network,
                           *faults ? "\n" : "", faults, *advice ? "\n" : "", advice));
}

/* Waybar takes text and tooltip as Pango markup: nothing in them may pass for it. */
static bool put_markup(json_object *object, const char *key, const char *text)
{
    char *markup = NULL;
    size_t size;
    FILE *file = open_memstream(&markup, &size);
    bool good = file;

    for (; good && *text; text++)
        good = (*text == '&'   ? fputs("&amp;", file)
                : *text == '<' ? fputs("&lt;", file)
                : *text == '>' ? fputs("&gt;", file)
                               : fputc(*text, file)) != EOF;
    good = file && fclose(file) == 0 && good && json_put_text(object, key, markup);
    free(markup);
    return good;
}

static int print_waybar(const struct bar_text *text)
{
    json_object *object = json_object_new_object();

    if (put_markup(object, "text", text->full) && json_put_text(object, "alt", text->class) &&
        put_markup(object, "tooltip", text->tooltip) && json_put_text(object, "class", text->class))
        return json_print(object);
    json_object_put(object);
    return -ENOMEM;
}

static const char *bar_colour(enum tone tone)
{
    switch (tone) {
    case TONE_GOOD:
        return "#2E9E4F";
    case TONE_WARN:
        return "#D9A400";
    case TONE_BAD:
        return "#E5484D";
    case TONE_PLAIN:
    case TONE_STRONG:
    case TONE_FAINT:
        break;
    }
    return "#9A9A9A";
}

int bar_print(const struct bar_text *text, enum bar bar)
{
    switch (bar) {
    case BAR_WAYBAR:
        return print_waybar(text);
    case BAR_I3BLOCKS:
        printf("%s\n%s\n%s\n", text->full, text->brief, bar_colour(text->tone));
        return 0;
    case BAR_PLAIN:
        puts(text->full);
        fflush(stdout);
        return 0;
    }
    return -EINVAL;
}

int bar_exit_status(const struct bar_text *text, enum bar bar, enum exit_status status)
{
    switch (bar) {
    case BAR_WAYBAR:
        return EXIT_WORKS;
    case BAR_I3BLOCKS:
        return text->tone == TONE_BAD && strcmp(text->class, "offline") != 0 ? I3BLOCKS_URGENT
                                                                             : EXIT_WORKS;
    case BAR_PLAIN:
        break;
    }
    return (int)status;
}
