/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The judgement. Each verdict rests on something that was seen, never on one errno; `confidence`
 * says how well it stands: proven (somebody said so, or the whole conversation was had), likely
 * (nothing else fits well), guess (something else fits too).
 */
#include "judge/judge.h"
#include "cleanup.h"
#include "error.h"
#include "judge/conclusion.h"
#include "judge/locate.h"
#include <string.h>

/* "Prohibited" and a router that speaks of ports are policies, though not our own machine's. */
static bool tells_policy(const struct attempt *attempt)
{
    return attempt->end == ATTEMPT_ICMP && !attempt->by_self &&
           (attempt->how == HOW_ADMIN_PROHIBITED || attempt->how == HOW_PORT_UNREACHABLE);
}

void siblings_add(struct siblings *siblings, const struct observation *other)
{
    bool working = other->halt == HALT_NONE && other->stage != STAGE_COMPLETE;

    siblings->connecting |= working && other->stage <= STAGE_CONNECT;
    siblings->talking |= working;
    siblings->connected |= observation_connected(other) != NULL;
    siblings->proved |= observation_is_proved(other);
    siblings->smtp |= observation_is_smtp(other);
    siblings->http |= observation_is_http(other);
    for (size_t i = 0; i < other->n_attempts; i++)
        siblings->answered |=
            other->attempts[i].end == ATTEMPT_RESET || tells_policy(&other->attempts[i]);
}

bool judge_is_control(const struct observation *sibling, bool proof)
{
    return proof ? observation_is_proved(sibling) : observation_connected(sibling) != NULL;
}

/* A walk has shown that the attempt's silence is no loss. */
static bool is_decided(const struct attempt *attempt)
{
    return attempt->end == ATTEMPT_SILENT && attempt->walk && !walk_is_misled(attempt->walk) &&
           silence_is_a_drop(&attempt->walk->soundings);
}

/* Of several failed attempts the one that says most: an explicit answer before a silence, a silence
 * before an address that has no route from here at all. */
static const struct attempt *most_telling(const struct observation *observation)
{
    static const int weight[] = {
        [ATTEMPT_PENDING] = 0,  [ATTEMPT_ABANDONED] = 0, [ATTEMPT_NO_ROUTE] = 1,
        [ATTEMPT_EXCEEDED] = 3, [ATTEMPT_SILENT] = 2,    [ATTEMPT_ICMP] = 3,
        [ATTEMPT_RESET] = 4,    [ATTEMPT_CONNECTED] = 5,
    };
    const struct attempt *best = NULL;

    for (size_t i = 0; i < observation->n_attempts; i++) {
        const struct attempt *attempt = &observation->attempts[i];
        bool prohibits = attempt->end == ATTEMPT_ICMP && attempt->how == HOW_ADMIN_PROHIBITED;
        bool same = best && attempt->end == best->end;

        if (!best || weight[attempt->end] > weight[best->end] ||
            (same && prohibits && best->how != HOW_ADMIN_PROHIBITED) ||
            (same && is_decided(attempt) && !is_decided(best)))
            best = attempt;
    }
    return best;
}

enum wanted_walk judge_wanted_walk(const struct observation *observation, size_t *ret_attempt)
{
    const struct attempt *attempt = most_telling(observation);

    if (!attempt || observation->halt == HALT_NONE || observation_is_proved(observation))
        return WANTED_NONE;
    *ret_attempt = (size_t)(attempt - observation->attempts);
    if (attempt->end == ATTEMPT_CONNECTED)
        return WANTED_PATH;
    if (attempt->end == ATTEMPT_RESET)
        return WANTED_RESET;
    return attempt->end == ATTEMPT_ICMP && !attempt->by_self && *attempt->by &&
                   strcmp(attempt->by, attempt->address) != 0
               ? WANTED_PATH
               : WANTED_NONE;
}

bool judge_must_wait(const struct observation *observation, const struct siblings *siblings)
{
    bool reached = siblings->connected || !siblings->connecting; /* or it never will be */
    size_t attempt;

    if (observation->stage == STAGE_CONNECT)
        return !reached;
    if ((observation->halt == HALT_RESET || observation->halt == HALT_STOPPED) && !reached)
        return true;
    return judge_wanted_walk(observation, &attempt) != WANTED_NONE && siblings->talking &&
           !siblings->proved;
}

static struct conclusion judge_icmp(const struct attempt *attempt, const struct siblings *siblings)
{
    struct conclusion conclusion = {VERDICT_BLOCKED, "proven", attempt->how, 0, attempt->by};

    if (attempt->walk)
        conclusion.hop = locate_router(attempt->walk, attempt->by).hop;
    if (attempt->by_self)
        return conclusion;
    if (strcmp(attempt->by, attempt->address) == 0) { /* the server's own firewall */
        conclusion.verdict = VERDICT_REFUSED;
        return conclusion;
    }
    /* An unreachable host or net is a policy only where the same host is reached on another port.
     */
    if (tells_policy(attempt))
        return conclusion;
    if (!siblings->connected)
        conclusion.verdict = VERDICT_UNREACHABLE;
    conclusion.confidence = "likely";
    return conclusion;
}

static struct conclusion judge_reset(const struct attempt *attempt)
{
    struct place place = {.confidence = "guess", .at_server = true};

    if (attempt->walk && !walk_is_misled(attempt->walk))
        place = locate_reset(attempt->walk);
    return (struct conclusion){place.at_server ? VERDICT_REFUSED : VERDICT_BLOCKED,
                               place.confidence, HOW_RESET, place.hop, place.by};
}

static struct conclusion judge_silence(const struct attempt *attempt,
                                       const struct siblings *siblings)
{
    struct place place;

    if (is_decided(attempt)) {
        place = locate_drop(attempt->walk);
        return (struct conclusion){place.at_server ? VERDICT_REFUSED : VERDICT_BLOCKED,
                                   place.confidence, HOW_DROPPED, place.hop, place.by};
    }
    if (siblings->connected)
        return (struct conclusion){VERDICT_BLOCKED, "likely", HOW_DROPPED};
    if (siblings->answered)
        return (struct conclusion){VERDICT_BLOCKED, "guess", HOW_DROPPED};
    return (struct conclusion){VERDICT_UNREACHABLE, "guess", HOW_DROPPED};
}

static struct conclusion judge_unconnected(const struct attempt *attempt,
                                           const struct siblings *siblings)
{
    if (!attempt)
        return (struct conclusion){VERDICT_UNREACHABLE, "guess", HOW_NONE};
    switch (attempt->end) {
    case ATTEMPT_ICMP:
        return judge_icmp(attempt, siblings);
    case ATTEMPT_RESET:
        return judge_reset(attempt);
    case ATTEMPT_NO_ROUTE:
        return (struct conclusion){VERDICT_UNREACHABLE, "proven", HOW_NET_UNREACHABLE};
    case ATTEMPT_EXCEEDED: /* at full reach: the packets go round in a loop */
        return (struct conclusion){VERDICT_UNREACHABLE, "likely", HOW_NET_UNREACHABLE};
    case ATTEMPT_SILENT:
    case ATTEMPT_PENDING:
    case ATTEMPT_ABANDONED:
    case ATTEMPT_CONNECTED:
        break;
    }
    return judge_silence(attempt, siblings);
}

static struct conclusion judge_conversation(const struct observation *observation,
                                            enum security security, const struct siblings *siblings)
{
    switch (observation->halt) {
    case HALT_TIMEOUT:
        return (struct conclusion){VERDICT_SLOW, "proven", HOW_NONE};
    case HALT_RESET:
        /* In the middle of a conversation servers close, boxes reset; before a word was said, a
         * server that closes on what it did not expect looks the same; and of one that is known to
         * have been reached its own death is as likely. */
        if (siblings->connected && observation_is_smtp(observation) &&
            !observation_is_proved(observation))
            return (struct conclusion){VERDICT_BLOCKED, "guess", HOW_RESET};
        return (struct conclusion){VERDICT_NOT_SMTP, "guess", HOW_RESET};
    case HALT_STOPPED:
        /* Who has just answered, and does so on another port, has not become unreachable. The
         * kernel does not say which of the ICMP errors it was. */
        if (siblings->connected)
            return (struct conclusion){VERDICT_BLOCKED, "likely", HOW_ADMIN_PROHIBITED};
        return (struct conclusion){VERDICT_UNREACHABLE, "guess", HOW_HOST_UNREACHABLE};
    case HALT_CLOSED:
    case HALT_NOT_SMTP:
    case HALT_NOT_TLS:
        return (struct conclusion){VERDICT_NOT_SMTP, "proven", HOW_NONE};
    case HALT_REPLY:
        return (struct conclusion){VERDICT_REJECTED, "proven", HOW_NONE};
    case HALT_INJECTED:
        return (struct conclusion){VERDICT_STRIPPED, "proven", HOW_NONE};
    case HALT_NO_STARTTLS:
        if (observation->garbled)
            return (struct conclusion){VERDICT_STRIPPED, "likely", HOW_NONE};
        return (struct conclusion){VERDICT_CLEARTEXT, "likely", HOW_NONE};
    case HALT_HANDSHAKE:
    case HALT_CERTIFICATE:
        return (struct conclusion){VERDICT_BAD_CERTIFICATE, "proven", HOW_NONE};
    case HALT_NONE:
    case HALT_FAILED:
        break;
    }
    if (security == SECURITY_NONE && observation->garbled)
        return (struct conclusion){VERDICT_STRIPPED, "likely", HOW_NONE};
    if (security == SECURITY_NONE)
        return (struct conclusion){VERDICT_CLEARTEXT, "proven", HOW_NONE};
    if (observation->login == LOGIN_REFUSED)
        return (struct conclusion){VERDICT_LOGIN_REFUSED, "proven", HOW_NONE};
    if (observation->login == LOGIN_FORGED)
        return (struct conclusion){VERDICT_INTERCEPTED, "likely", HOW_NONE};
    return (struct conclusion){observation->auth ? VERDICT_WORKS : VERDICT_NO_AUTH, "proven",
                               HOW_NONE};
}

/* A name server that says there is nothing is believed; one that does not answer has said nothing.
 */
static struct conclusion judge_unresolved(const struct observation *observation)
{
    return (struct conclusion){VERDICT_UNRESOLVED,
                               observation->halt == HALT_TIMEOUT ? "likely" : "proven"};
}

/* A connection that ends nearer than the server does not end at the server, whatever it says. */
static void judge_distance(const struct attempt *attempt, struct conclusion *conclusion)
{
    struct place place;

    if (!attempt->walk || walk_is_misled(attempt->walk) ||
        !locate_proxy(attempt->walk, attempt->on_link, &place))
        return;
    if (conclusion->verdict != VERDICT_STRIPPED)
        conclusion->verdict = VERDICT_INTERCEPTED;
    conclusion->confidence = place.confidence;
    conclusion->how = HOW_NONE;
    conclusion->hop = place.hop;
    conclusion->by = place.by;
}

/*
 * A captive portal takes every connection for itself: it answers in HTTP, or says nothing at all
 * and is caught answering at a distance where no server is.
 */
static void judge_portal(const struct observation *observation, const struct siblings *siblings,
                         struct conclusion *conclusion)
{
    bool http = observation_is_http(observation);
    bool tls = evidence_text(&observation->evidence, EVIDENCE_TLS); /* its own, to redirect by */
    bool foreign = conclusion->verdict == VERDICT_NOT_SMTP || conclusion->verdict == VERDICT_SLOW ||
                   conclusion->verdict == VERDICT_INTERCEPTED ||
                   conclusion->verdict == VERDICT_BAD_CERTIFICATE;

    if (observation_is_smtp(observation) || siblings->smtp || !foreign)
        return;
    if (!http && !siblings->http && (tls || conclusion->verdict != VERDICT_INTERCEPTED))
        return;
    conclusion->verdict = VERDICT_PORTAL;
    if (!http)
        conclusion->confidence = "likely";
}

static int add_conclusion(struct evidence *evidence, const struct conclusion *conclusion)
{
    int r = evidence_set_text(evidence, EVIDENCE_CONFIDENCE, conclusion->confidence);

    if (r == 0 && conclusion->how != HOW_NONE)
        r = evidence_set_text(evidence, EVIDENCE_HOW, how_to_string(conclusion->how));
    if (r == 0 && conclusion->by && *conclusion->by)
        r = evidence_set_text(evidence, EVIDENCE_BY, conclusion->by);
    if (conclusion->hop > 0)
        evidence_set_number(evidence, EVIDENCE_HOP, conclusion->hop);
    return r;
}

static int add_attempt(struct evidence *evidence, const struct attempt *attempt)
{
    int r = evidence_set_text(evidence, EVIDENCE_ADDRESS, attempt->address);

    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_FAMILY,
                              attempt->family == AF_INET6 ? "ipv6" : "ipv4");
    if (r == 0 && attempt->end == ATTEMPT_CONNECTED)
        evidence_set_number(evidence, EVIDENCE_CONNECT_MS, (attempt->us + 500) / 1000);
    return r;
}

int judge(const struct observation *observation, const struct siblings *siblings,
          const struct finding *expected, struct finding *finding)
{
    const struct attempt *attempt = most_telling(observation);
    struct conclusion conclusion;
    struct evidence evidence = {0};
    int r;

    if (observation->stage == STAGE_RESOLVE)
        conclusion = judge_unresolved(observation);
    else if (observation->stage == STAGE_CONNECT)
        conclusion = judge_unconnected(attempt, siblings);
    else
        conclusion = judge_conversation(observation, finding->endpoint.security, siblings);
    if (attempt && attempt->end == ATTEMPT_CONNECTED && !observation_is_proved(observation)) {
        judge_distance(attempt, &conclusion);
        judge_portal(observation, siblings, &conclusion);
    }

    r = evidence_copy(&observation->evidence, &evidence);
    if (r == 0 && attempt)
        r = add_attempt(&evidence, attempt);
    if (r == 0 && expected)
        r = judge_expected(observation, expected, &conclusion, &evidence);
    if (r == 0)
        r = add_conclusion(&evidence, &conclusion);
    if (r < 0) {
        evidence_clear(&evidence);
        return r;
    }
    finding->verdict = conclusion.verdict;
    evidence_clear(&finding->evidence);
    finding->evidence = evidence;
    return 0;
}
