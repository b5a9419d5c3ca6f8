/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which servers' addresses are followed. */
#include "tap.h"
#include "targets.h"

static struct targets targets;

static bool learn(const char *host, const char *address)
{
    struct finding finding = {0};
    bool learnt;

    (void)snprintf(finding.endpoint.host, sizeof(finding.endpoint.host), "%s", host);
    if (address)
        (void)evidence_set_text(&finding.evidence, EVIDENCE_ADDRESS, address);
    learnt = targets_learn(&targets, &finding, 1);
    finding_clear(&finding);
    return learnt;
}

static bool is_wanted(const char *host, const void *userdata)
{
    return strcmp(host, userdata) == 0;
}

static void test_learning(void)
{
    ok(!learn("a.example", NULL), "no address: nothing new");
    ok(!learn("a.example", "here"), "no address that can be read: nothing new");
    ok(learn("a.example", "192.0.2.1") && targets.n == 1, "an address is new");
    ok(!learn("b.example", "192.0.2.1") && targets.n == 1, "once");
    ok(learn("b.example", "2001:db8::1") && targets.n == 2, "so is one of the other family");
    is_string(targets.items[0].host, "b.example", "the newest comes first");
    is_string(targets.items[1].host, "a.example", "and the others stay");
}

static void test_sweeping(void)
{
    ok(targets_sweep(&targets, is_wanted, "c.example") && targets.n == 0, "all may go");
    (void)learn("a.example", "192.0.2.1");
    (void)learn("b.example", "192.0.2.2");
    (void)learn("a.example", "192.0.2.3");
    ok(targets_sweep(&targets, is_wanted, "a.example") && targets.n == 2, "one goes");
    ok(!targets_sweep(&targets, is_wanted, "a.example") && targets.n == 2, "nobody else does");
    ok(learn("b.example", "192.0.2.2"), "who has gone may come back");
}

static void test_bound(void)
{
    char address[INET6_ADDRSTRLEN];

    for (int i = 0; i < TARGETS_MAX + 5; i++) {
        (void)snprintf(address, sizeof(address), "198.51.100.%d", i);
        (void)learn("many.example", address);
    }
    is_number((long long)targets.n, TARGETS_MAX, "there are never too many");
    ok(!learn("many.example", address), "the newest is among them");
    ok(learn("many.example", "198.51.100.0"), "the oldest is not");
}

int main(void)
{
    test_learning();
    test_sweeping();
    test_bound();
    return tap_done();
}
