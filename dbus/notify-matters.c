/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The decision, one matter after the other:
 *
 *   nothing is claimed of it            what stands is withdrawn
 *   something that the ledger lacks     it is shown, in the place of what stands
 *   only what the ledger has            what stands about this network stays, and follows its text;
 *                                       what stands about another one is withdrawn
 *
 * While a check is under way nothing changes, nor while a daemon that was there may be starting
 * again: what it says until its first check has ended is no reason to take anything away. What may
 * not be shown now (the limit, Do Not Disturb, no server) does not get into the ledger, so it is
 * told later if it still holds then.
 */
#include "notify-matters.h"
#include "error.h"
#include <string.h>

struct standing {
    char *network; /* NULL: nothing stands */
    struct notice notice;
};

struct matters {
    struct ledger *ledger;
    struct standing standing[N_MATTER];
    uint64_t shown[MATTERS_BURST]; /* CLOCK_BOOTTIME of the last ones, a ring; 0: none yet */
    size_t next;                   /* the oldest of them */
    uint64_t absent_until; /* CLOCK_BOOTTIME: until then the daemon may come back; 0: it is there */
};

/* One decision in the making. */
struct decision {
    struct matters *matters;
    const struct published *published;
    const struct notify_settings *settings;
    const struct moment *moment;
    const char *network;
    bool muted;
    struct claims claims;
    struct plan plan;
};

int matters_new(struct matters **ret)
{
    _cleanup_(matters_freep) struct matters *matters = calloc(1, sizeof(*matters));
    int r = matters ? ledger_new(&matters->ledger) : -ENOMEM;

    if (r == 0)
        *ret = TAKE(matters);
    return r;
}

struct matters *matters_free(struct matters *matters)
{
    if (!matters)
        return NULL;
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        matters_closed(matters, matter);
    ledger_free(matters->ledger);
    free(matters);
    return NULL;
}

struct ledger *matters_ledger(struct matters *matters)
{
    return matters->ledger;
}

const struct notice *matters_notice(const struct matters *matters, enum matter matter)
{
    return matters->standing[matter].network ? &matters->standing[matter].notice : NULL;
}

const char *matters_network(const struct matters *matters, enum matter matter)
{
    return matters->standing[matter].network;
}

void matters_closed(struct matters *matters, enum matter matter)
{
    struct standing *standing = &matters->standing[matter];

    free(standing->network);
    standing->network = NULL;
    notice_clear(&standing->notice);
}

int matters_adopt(struct matters *matters, enum matter matter, const char *network,
                  const struct notice *notice)
{
    struct standing adopted = {strdup(network), {strdup(notice->summary), strdup(notice->body)}};

    matters_closed(matters, matter);
    matters->standing[matter] = adopted;
    if (adopted.network && adopted.notice.summary && adopted.notice.body)
        return 0;
    matters_closed(matters, matter);
    return -ENOMEM;
}

static void withdraw(struct decision *decision, enum matter matter)
{
    if (!decision->matters->standing[matter].network)
        return;
    matters_closed(decision->matters, matter);
    decision->plan.steps[matter] = STEP_WITHDRAW;
}

/* May one more be shown? Otherwise it is noted when. */
static bool may_show(struct decision *decision)
{
    const struct matters *matters = decision->matters;
    uint64_t oldest = matters->shown[matters->next];

    if (decision->moment->can_show &&
        (oldest == 0 || decision->moment->boottime >= oldest + MATTERS_PERIOD_USEC))
        return true;
    decision->plan.held_back = true;
    if (decision->moment->can_show)
        decision->plan.again_at = oldest + MATTERS_PERIOD_USEC;
    return false;
}

static int stand(struct decision *decision, enum matter matter, struct notice *notice)
{
    struct matters *matters = decision->matters;
    char *network = strdup(decision->network);

    if (!network)
        return -ENOMEM;
    matters_closed(matters, matter);
    matters->standing[matter] = (struct standing){network, *notice};
    *notice = (struct notice){0};
    matters->shown[matters->next] = decision->moment->boottime;
    matters->next = (matters->next + 1) % MATTERS_BURST;
    decision->plan.steps[matter] = STEP_SHOW;
    return 0;
}

static bool is_known(const struct decision *decision, const struct claim *claim)
{
    return ledger_knows(decision->matters->ledger, decision->network, claim->matter, claim->detail,
                        decision->moment->date);
}

/* All that is claimed of it is in the ledger from now on. */
static int note(struct decision *decision, enum matter matter)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < decision->claims.n; i++) {
        const struct claim *claim = &decision->claims.items[i];

        if (claim->matter == matter)
            r = ledger_tell(decision->matters->ledger, decision->network, matter, claim->detail,
                            decision->moment->date);
    }
    return r;
}

/* What stands stays; where its text has become another one, that is shown. */
static int follow(struct decision *decision, enum matter matter, struct notice *notice)
{
    const struct standing *standing = &decision->matters->standing[matter];

    if (!standing->network)
        return 0;
    if (strcmp(standing->network, decision->network) != 0) {
        withdraw(decision, matter);
        return 0;
    }
    if ((strcmp(standing->notice.summary, notice->summary) == 0 &&
         strcmp(standing->notice.body, notice->body) == 0) ||
        !may_show(decision))
        return 0;
    return stand(decision, matter, notice);
}

static int tell(struct decision *decision, enum matter matter, struct notice *notice)
{
    const char *network = decision->matters->standing[matter].network;
    int r;

    /* These two say through which port mail leaves; saying it twice is stacking. */
    if (matter == MATTER_PORT_CHANGED && (decision->plan.steps[MATTER_PORT_BLOCKED] == STEP_SHOW ||
                                          decision->plan.steps[MATTER_TAMPERING] == STEP_SHOW)) {
        withdraw(decision, matter);
        return note(decision, matter);
    }
    if (!may_show(decision)) {
        if (network && strcmp(network, decision->network) != 0)
            withdraw(decision, matter);
        return 0;
    }
    r = note(decision, matter);
    return r < 0 ? r : stand(decision, matter, notice);
}

static int decide_matter(struct decision *decision, enum matter matter)
{
    struct notice notice = {0};
    bool any = false, news = false;
    int r;

    for (size_t i = 0; i < decision->claims.n; i++) {
        const struct claim *claim = &decision->claims.items[i];

        if (claim->matter != matter)
            continue;
        any = true;
        news |= !is_known(decision, claim);
    }
    if (!any || decision->muted || !decision->settings->kinds[matter]) {
        withdraw(decision, matter);
        return 0;
    }
    r = notice_write(decision->published, decision->settings, matter, &notice);
    if (r == 0)
        r = news ? tell(decision, matter, &notice) : follow(decision, matter, &notice);
    notice_clear(&notice);
    return r;
}

/*
 * A change is one from what was last. So what is the same as last, the first there ever is, and
 * what nobody wants to hear of are noted without a word; and what was noted is the last from now
 * on.
 */
static int learn_ports(struct decision *decision, bool before)
{
    struct ledger *ledger = decision->matters->ledger;
    bool silent = decision->muted || !decision->settings->kinds[MATTER_PORT_CHANGED];
    uint64_t date = decision->moment->date;
    int r = 0;

    for (size_t i = 0; r == 0 && i < decision->claims.n; i++) {
        const struct claim *claim = &decision->claims.items[i];
        const char *last;

        if (claim->matter != MATTER_PORT_CHANGED)
            continue;
        last = ledger_last(ledger, claim->account->name);
        if (before && !is_known(decision, claim) &&
            (silent || !last || strcmp(last, claim->detail) == 0))
            r = ledger_tell(ledger, decision->network, claim->matter, claim->detail, date);
        else if (!before && is_known(decision, claim))
            r = ledger_set_last(ledger, claim->account->name, claim->detail, date);
    }
    return r;
}

static int decide_all(struct decision *decision)
{
    struct ledger *ledger = decision->matters->ledger;
    int r = claims_make(decision->published, decision->settings, &decision->claims);

    if (r < 0)
        return r;
    ledger_end(ledger, decision->network, &decision->claims);
    r = learn_ports(decision, true);
    for (enum matter matter = 0; r == 0 && matter < N_MATTER; matter++)
        r = decide_matter(decision, matter);
    return r < 0 ? r : learn_ports(decision, false);
}

static bool stands_any(const struct matters *matters)
{
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        if (matters->standing[matter].network)
            return true;
    return false;
}

/* There is nothing to be said. Is that so because the daemon is being started anew? */
static bool is_absent(struct decision *decision)
{
    struct matters *matters = decision->matters;
    uint64_t now = decision->moment->boottime;

    if (!decision->published && matters->absent_until == 0)
        matters->absent_until = now + MATTERS_ABSENCE_USEC;
    if (now >= matters->absent_until || !stands_any(matters))
        return false;
    decision->plan.again_at = matters->absent_until;
    return true;
}

int matters_decide(struct matters *matters, const struct published *published,
                   const struct notify_settings *settings, const struct moment *moment,
                   struct plan *ret)
{
    struct decision decision = {
        .matters = matters, .published = published, .settings = settings, .moment = moment};
    int r = 0;

    switch (published ? outlook_of(published) : OUTLOOK_NOTHING) {
    case OUTLOOK_NOTHING:
        if (is_absent(&decision))
            break;
        if (published)
            matters->absent_until = 0;
        for (enum matter matter = 0; matter < N_MATTER; matter++)
            withdraw(&decision, matter);
        break;
    case OUTLOOK_UNDECIDED:
        break;
    case OUTLOOK_DECIDED:
        matters->absent_until = 0;
        decision.network = published->manager.network.id;
        decision.muted = ledger_muted(matters->ledger, decision.network);
        r = decide_all(&decision);
        claims_clear(&decision.claims);
        break;
    }
    *ret = decision.plan;
    return r;
}
