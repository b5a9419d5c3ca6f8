/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The judgement. Each verdict rests on something that was seen, never on one errno; `confidence`
 * says how well it stands: proven (somebody said so, or the whole conversation was had), likely
 * (nothing else fits well), guess (something else fits too).
 */
#include "judge/judge.h"
#include "cleanup.h"
#include "error.h"
#include <string.h>

/* A reset that comes this much sooner than the server's own answers did not come from the server.
 */
#define RESET_TOO_NEAR_FACTOR 2
#define RESET_TOO_NEAR_US     3000

struct conclusion {
    enum verdict verdict;
    const char *confidence;
    enum how how;
};

void siblings_add(struct siblings *siblings, const struct observation *other)
{
    const struct attempt *connected = observation_connected(other);

    if (other->stage <= STAGE_CONNECT && other->halt == HALT_NONE)
        siblings->connecting = true;
    for (size_t i = 0; i < other->n_attempts; i++)
        siblings->reset |= other->attempts[i].end == ATTEMPT_RESET;
    if (!connected)
        return;
    if (!siblings->connected || connected->us < siblings->fastest_us)
        siblings->fastest_us = connected->us;
    siblings->connected = true;
}

bool judge_must_wait(const struct observation *observation, const struct siblings *siblings)
{
    bool relative = observation->stage == STAGE_CONNECT || observation->halt == HALT_RESET;

    return relative && siblings->connecting && !siblings->connected;
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

        if (!best || weight[attempt->end] > weight[best->end] ||
            (prohibits && attempt->end == best->end && best->how != HOW_ADMIN_PROHIBITED))
            best = attempt;
    }
    return best;
}

static struct conclusion judge_icmp(const struct attempt *attempt, const struct siblings *siblings)
{
    if (attempt->by_self)
        return (struct conclusion){VERDICT_BLOCKED, "proven", attempt->how};
    if (strcmp(attempt->by, attempt->address) == 0) /* the server's own firewall */
        return (struct conclusion){VERDICT_REFUSED, "proven", attempt->how};
    /* "Prohibited" and a router that speaks of ports are policies. An unreachable host or net is a
     * policy only where the same host is reached on another port. */
    if (attempt->how == HOW_ADMIN_PROHIBITED || attempt->how == HOW_PORT_UNREACHABLE)
        return (struct conclusion){VERDICT_BLOCKED, "proven", attempt->how};
    return siblings->connected ? (struct conclusion){VERDICT_BLOCKED, "likely", attempt->how}
                               : (struct conclusion){VERDICT_UNREACHABLE, "likely", attempt->how};
}

static struct conclusion judge_reset(const struct attempt *attempt, const struct siblings *siblings)
{
    bool too_near = siblings->connected &&
                    attempt->us * RESET_TOO_NEAR_FACTOR < siblings->fastest_us &&
                    attempt->us + RESET_TOO_NEAR_US <= siblings->fastest_us;

    return (struct conclusion){too_near ? VERDICT_BLOCKED : VERDICT_REFUSED, "guess", HOW_RESET};
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
        return judge_reset(attempt, siblings);
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
    if (siblings->connected)
        return (struct conclusion){VERDICT_BLOCKED, "likely", HOW_DROPPED};
    if (siblings->reset)
        return (struct conclusion){VERDICT_BLOCKED, "guess", HOW_DROPPED};
    return (struct conclusion){VERDICT_UNREACHABLE, "guess", HOW_DROPPED};
}

static struct conclusion judge_conversation(const struct observation *observation,
                                            enum security security, const struct siblings *siblings)
{
    switch (observation->halt) {
    case HALT_TIMEOUT:
        return (struct conclusion){VERDICT_SLOW, "proven", HOW_NONE};
    case HALT_RESET:
        /* In the middle of a conversation servers close, boxes reset. */
        if (siblings->connected)
            return (struct conclusion){VERDICT_BLOCKED, "guess", HOW_RESET};
        return (struct conclusion){VERDICT_NOT_SMTP, "guess", HOW_RESET};
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
    if (security == SECURITY_NONE)
        return (struct conclusion){VERDICT_CLEARTEXT, "proven", HOW_NONE};
    return (struct conclusion){observation->auth ? VERDICT_WORKS : VERDICT_NO_AUTH, "proven",
                               HOW_NONE};
}

static int add_attempt(struct evidence *evidence, const struct attempt *attempt)
{
    int r = evidence_set_text(evidence, EVIDENCE_ADDRESS, attempt->address);

    if (r == 0)
        r = evidence_set_text(evidence, EVIDENCE_FAMILY,
                              attempt->family == AF_INET6 ? "ipv6" : "ipv4");
    if (r == 0 && attempt->end == ATTEMPT_CONNECTED)
        evidence_set_number(evidence, EVIDENCE_CONNECT_MS, (attempt->us + 500) / 1000);
    if (r == 0 && attempt->end == ATTEMPT_ICMP && *attempt->by)
        r = evidence_set_text(evidence, EVIDENCE_BY, attempt->by);
    return r;
}

int judge(const struct observation *observation, const struct siblings *siblings,
          struct finding *finding)
{
    const struct attempt *attempt = most_telling(observation);
    struct conclusion conclusion;
    struct evidence evidence = {0};
    int r;

    if (observation->stage == STAGE_RESOLVE)
        conclusion = (struct conclusion){VERDICT_UNRESOLVED, "proven", HOW_NONE};
    else if (observation->stage == STAGE_CONNECT)
        conclusion = judge_unconnected(attempt, siblings);
    else
        conclusion = judge_conversation(observation, finding->endpoint.security, siblings);

    r = evidence_copy(&observation->evidence, &evidence);
    if (r == 0 && attempt)
        r = add_attempt(&evidence, attempt);
    if (r == 0 && conclusion.how != HOW_NONE)
        r = evidence_set_text(&evidence, EVIDENCE_HOW, how_to_string(conclusion.how));
    if (r == 0)
        r = evidence_set_text(&evidence, EVIDENCE_CONFIDENCE, conclusion.confidence);
    if (r < 0) {
        evidence_clear(&evidence);
        return r;
    }
    finding->verdict = conclusion.verdict;
    evidence_clear(&finding->evidence);
    finding->evidence = evidence;
    return 0;
}
