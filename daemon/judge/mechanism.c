/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Login mechanisms: one table in order of preference. Pure. */
#include "judge/mechanism.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include <string.h>

enum kind { KIND_PASSWORD, KIND_TOKEN, KIND_ON_REQUEST };

/* What is kept from whoever stands at the other end, if it is not the server. */
enum strength { SHOWS_SECRET, PROVES_SERVER, BOUND_TO_SESSION };

static const struct {
    const char *name;
    enum kind kind;
    enum strength strength;
} mechanisms[N_MECHANISM] = {
    [MECHANISM_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", KIND_PASSWORD, BOUND_TO_SESSION},
    [MECHANISM_SCRAM_SHA_1_PLUS] = {"SCRAM-SHA-1-PLUS", KIND_PASSWORD, BOUND_TO_SESSION},
    [MECHANISM_SCRAM_SHA_256] = {"SCRAM-SHA-256", KIND_PASSWORD, PROVES_SERVER},
    [MECHANISM_SCRAM_SHA_1] = {"SCRAM-SHA-1", KIND_PASSWORD, PROVES_SERVER},
    [MECHANISM_OAUTHBEARER] = {"OAUTHBEARER", KIND_TOKEN, SHOWS_SECRET},
    [MECHANISM_XOAUTH2] = {"XOAUTH2", KIND_TOKEN, SHOWS_SECRET},
    [MECHANISM_PLAIN] = {"PLAIN", KIND_PASSWORD, SHOWS_SECRET},
    [MECHANISM_LOGIN] = {"LOGIN", KIND_PASSWORD, SHOWS_SECRET},
    /* Its MD5 is guessed as fast as it is heard. */
    [MECHANISM_CRAM_MD5] = {"CRAM-MD5", KIND_ON_REQUEST, SHOWS_SECRET},
};

bool mechanism_is_scram(enum mechanism mechanism)
{
    return mechanisms[mechanism].strength != SHOWS_SECRET;
}

bool mechanism_is_bound(enum mechanism mechanism)
{
    return mechanisms[mechanism].strength == BOUND_TO_SESSION;
}

bool mechanism_takes_token(enum mechanism mechanism)
{
    return mechanisms[mechanism].kind == KIND_TOKEN;
}

const char *mechanism_to_string(enum mechanism mechanism)
{
    return mechanisms[mechanism].name;
}

/* N_MECHANISM: not known. Names are compared as RFC 4954 has its keywords: in any case. */
static enum mechanism from_string(const char *name)
{
    enum mechanism mechanism = 0;

    while (mechanism < N_MECHANISM && strcasecmp(name, mechanisms[mechanism].name) != 0)
        mechanism++;
    return mechanism;
}

static unsigned of_kind(enum kind kind)
{
    unsigned set = 0;

    for (int i = 0; i < N_MECHANISM; i++)
        if (mechanisms[i].kind == kind)
            set |= MECHANISM_BIT(i);
    return set;
}

unsigned mechanisms_usual(void)
{
    return of_kind(KIND_PASSWORD);
}

int mechanisms_parse(const char *text, unsigned *ret, char **ret_problem)
{
    _cleanup_free_ char *copy = strdup(text);
    unsigned set = 0, tokens = of_kind(KIND_TOKEN);
    char *rest, *word;

    if (!copy)
        return -ENOMEM;
    for (word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        enum mechanism mechanism = from_string(word);

        if (mechanism == N_MECHANISM)
            return problem(ret_problem, "expected some of SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS "
                                        "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN CRAM-MD5, "
                                        "or of OAUTHBEARER XOAUTH2");
        set |= MECHANISM_BIT(mechanism);
    }
    if ((set & tokens) && (set & ~tokens))
        return problem(ret_problem,
                       "expected mechanisms for a password, or OAUTHBEARER and XOAUTH2 "
                       "for a token, not both: there is one secret");
    *ret = set ? set : mechanisms_usual();
    return 0;
}

unsigned mechanisms_offered(char *const *names)
{
    unsigned set = 0;

    for (; *names; names++) {
        enum mechanism mechanism = from_string(*names);

        if (mechanism != N_MECHANISM)
            set |= MECHANISM_BIT(mechanism);
    }
    return set;
}

enum mechanism mechanisms_best(unsigned set)
{
    enum mechanism mechanism = 0;

    while (mechanism < N_MECHANISM && !(set & MECHANISM_BIT(mechanism)))
        mechanism++;
    return mechanism;
}

bool mechanism_is_weaker(enum mechanism than, enum mechanism mechanism)
{
    return mechanisms[mechanism].strength < mechanisms[than].strength;
}
