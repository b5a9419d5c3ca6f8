/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the daemon asks the probe for: what it writes is read as it was meant; what anybody else
 * writes is refused, and said to be wrong where it is. */
#include "check-request.h"
#include "cleanup.h"
#include "error.h"
#include "probe/request.h"
#include "tap.h"
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define HEAD      "{\"version\":1,\"endpoints\":[{\"host\":\"mail.example.org\",\"port\":465,"
#define SHORTEST  HEAD "\"security\":\"tls\"}]}"
#define WITH(key) HEAD "\"security\":\"tls\"}]," key "}"

static struct request request;

/* What is wrong with a line, new; NULL where nothing is. */
static char *parse(const char *line)
{
    char *problem = NULL;
    int r;

    request_clear(&request);
    r = request_parse(&request, line, strlen(line), &problem);
    if (r != 0 && !ok(r == -EINVAL && problem, "it is refused in words: %.60s", line))
        problem = strdup("");
    return problem;
}

static void test_taken(void)
{
    _cleanup_free_ char *shortest = parse(SHORTEST), *twice = NULL;

    ok(!shortest, "the shortest request");
    is_number((long long)request.n_endpoints, 1, "its endpoint");
    is_string(request.endpoints[0].host, "mail.example.org", "its host");
    is_number(request.endpoints[0].port, 465, "its port");
    is_number(request.timeout_s, 15, "the timeout where none is said");
    ok(!request.ca_file && !request.pin && request.n_expected == 0, "and no more");
    twice = parse(HEAD "\"security\":\"tls\"},{\"port\":465,\"security\":\"tls\",\"host\":"
                       "\"mail.example.org\"}]}");
    ok(!twice && request.n_endpoints == 1, "asked for twice: checked once");
}

static void test_neighbour(void)
{
    _cleanup_free_ char *said =
        parse("{\"ask_neighbour\":{\"interface\":2,\"address\":\"fe80::1\"},\"version\":1}");

    ok(!said && request.n_endpoints == 0 && request.neighbour_interface == 2 &&
           request.neighbour.family == AF_INET6 && request.neighbour.bytes[15] == 1,
       "the question for a neighbour");
}

static void test_refused(void)
{
    static const struct {
        const char *line, *said;
    } bad[] = {
        {"", "one object of JSON"},
        {"[]", "one object of JSON"},
        {"{", "one object of JSON"},
        {SHORTEST "x", "one object of JSON"},
        {SHORTEST SHORTEST, "one object of JSON"},
        {"{}", "it has no version"},
        {"{\"version\":1}", "it has no endpoints"},
        {"{\"version\":2}", "another version"},
        {"{\"version\":\"1\"}", "another version"},
        {WITH("\"verion\":1"), "'verion' is no key"},
        {WITH("\"a\\u001b[2J\":1"), "'a\\x1b[2J' is no key"},
        {WITH("\"ask_neighbour\":{\"interface\":2,\"address\":\"192.0.2.1\"}"),
         "beside other keys"},
        {"{\"version\":1,\"ask_neighbour\":{\"interface\":0,\"address\":\"192.0.2.1\"}}",
         "the number of"},
        {"{\"version\":1,\"ask_neighbour\":{\"interface\":2,\"address\":\"gateway\"}}",
         "an address"},
        {"{\"version\":1,\"ask_neighbour\":{\"interface\":2}}", "an address"},
        {"{\"version\":1,\"ask_neighbour\":[2]}", "expected the number"},
        {WITH("\"timeout\":0"), "timeout: expected seconds from 1 to 300"},
        {WITH("\"timeout\":301"), "timeout: expected"},
        {WITH("\"timeout\":1.5"), "timeout: expected"},
        {WITH("\"timeout\":null"), "timeout: expected"},
        {WITH("\"ca_file\":\"\""), "ca_file: expected a path"},
        {WITH("\"ca_file\":\"/a\\u0000b\""), "ca_file: expected a path"},
        {WITH("\"pin\":\"sha256//AAAA\""), "pin: expected sha256//"},
        {WITH("\"expected\":{}"), "expected: expected a list"},
        {WITH("\"expected\":[{}]"), "expected[0]: it is no finding"},
        {WITH("\"expected\":[[[[[[[[]]]]]]]]"), "one object of JSON"},
        {"{\"version\":1,\"endpoints\":[]}", "endpoints: expected a list of 1 to 64"},
        {"{\"version\":1,\"endpoints\":[7]}", "endpoints[0]: expected an object"},
        {HEAD "\"security\":\"ssl\"}]}", "endpoints[0]: expected a host"},
        {HEAD "\"security\":\"tls\",\"x\":1}]}", "endpoints[0]: expected a host"},
        {HEAD "\"secure\":\"tls\"}]}", "endpoints[0]: expected a host"},
        {"{\"version\":1,\"endpoints\":[{\"host\":\"a b\",\"port\":465,\"security\":\"tls\"}]}",
         "endpoints[0]: expected a host"},
        {"{\"version\":1,\"endpoints\":[{\"host\":\"a\",\"port\":65536,\"security\":\"tls\"}]}",
         "endpoints[0]: expected a host"},
    };

    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        _cleanup_free_ char *said = parse(bad[i].line);

        if (!ok(said && strstr(said, bad[i].said), "refused: %s", bad[i].line))
            printf("#      got: %s\n# expected: %s\n", said ? said : "(taken)", bad[i].said);
    }
}

/* As many as an account may have, each with all that can be expected of it. */
static void test_round_trip(void)
{
    enum { PIN_LENGTH = 52 };
    struct endpoint endpoints[ACCOUNT_ENDPOINTS_MAX] = {0};
    struct finding expected[ACCOUNT_ENDPOINTS_MAX] = {0};
    struct account_settings settings = {
        .ca_file = (char *)"/etc/a \"b\"/ca.pem",
        .pin = (char *)"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        .endpoints = endpoints,
        .n_endpoints = ELEMENTSOF(endpoints)};
    _cleanup_free_ char *line = NULL, *problem = NULL;

    /* NOLINTNEXTLINE(misc-redundant-expression): that they are the same is the point */
    _Static_assert((int)ACCOUNT_ENDPOINTS_MAX == (int)REQUEST_ENDPOINTS_MAX, "what an account has");
    for (size_t i = 0; i < ELEMENTSOF(endpoints); i++) {
        strcpy(endpoints[i].host, "2001:db8::1");
        endpoints[i].port = (uint16_t)(1 + i);
        endpoints[i].security = (enum security)(i % N_SECURITY);
        expected[i].endpoint = endpoints[i];
        expected[i].verdict = VERDICT_WORKS;
        (void)evidence_set_text(&expected[i].evidence, EVIDENCE_ISSUER, "Ünser\n\"CA\"");
    }
    line = check_request(&settings, expected, ELEMENTSOF(expected));
    if (!ok(line && strchr(line, '\n') == line + strlen(line) - 1, "one line is written"))
        return;
    request_clear(&request);
    ok(request_parse(&request, line, strlen(line) - 1, &problem) == 0, "and read: %s",
       problem ? problem : "");
    ok(request.n_endpoints == ELEMENTSOF(endpoints) &&
           endpoint_equal(&request.endpoints[63], &endpoints[63]),
       "with all endpoints");
    ok(request.n_expected == ELEMENTSOF(expected) &&
           strcmp(evidence_text(&request.expected[63].evidence, EVIDENCE_ISSUER),
                  evidence_text(&expected[63].evidence, EVIDENCE_ISSUER)) == 0,
       "what is expected of each");
    is_string(request.ca_file, settings.ca_file, "the CA file");
    is_string(request.pin, settings.pin, "the pin");
    for (size_t i = 0; i < ELEMENTSOF(expected); i++)
        finding_clear(&expected[i]);
}

/* What is said of this input, piece by piece through a pipe; "" where nothing is. */
static char *read_pieces(const char *const *pieces)
{
    char *problem = NULL;
    int ends[2];
    pid_t pid;

    request_clear(&request);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    pid = fork();
    if (pid == 0) {
        for (; *pieces; pieces++)
            if (write(ends[1], *pieces, strlen(*pieces)) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    if (request_read(&request, ends[0], &problem) == 0)
        problem = strdup("");
    close(ends[0]);
    (void)waitpid(pid, NULL, 0);
    return problem;
}

static void test_input(void)
{
    static const char *const whole[] = {SHORTEST "\n", NULL};
    static const char *const in_pieces[] = {HEAD, "\"security\":", "\"tls\"}]}", "\n", NULL};
    static const char *const without_end[] = {SHORTEST, NULL};
    static const char *const secret[] = {SHORTEST "\n", "hunter2", NULL};
    static const char *const nothing[] = {NULL};
    const struct {
        const char *name, *said;
        const char *const *pieces;
    } inputs[] = {
        {"a line", "", whole},
        {"a line in pieces", "", in_pieces},
        {"a line without an end", "the line has no end", without_end},
        {"nothing", "the line has no end", nothing},
        {"a secret that nothing is for", "something behind the line", secret},
    };

    for (size_t i = 0; i < ELEMENTSOF(inputs); i++) {
        _cleanup_free_ char *said = read_pieces(inputs[i].pieces);

        ok(said && (*inputs[i].said ? strstr(said, inputs[i].said) != NULL : !*said), "%s: %s",
           inputs[i].name, said ? said : "(no words)");
        ok(!said || !strstr(said, "hunter2"), "and nothing secret is said");
    }
}

/* Longer than any request: it is not read to its end, which never comes. */
static void test_flood(void)
{
    _cleanup_close_ int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    _cleanup_free_ char *problem = NULL;

    request_clear(&request);
    ok(request_read(&request, zero, &problem) == -EINVAL && strstr(problem, "longer than"),
       "a flood: %s", problem ? problem : "");
}

int main(void)
{
    request_init(&request);
    test_taken();
    test_neighbour();
    test_refused();
    test_round_trip();
    test_input();
    test_flood();
    request_clear(&request);
    return tap_done();
}
