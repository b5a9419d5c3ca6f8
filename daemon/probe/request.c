/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Reads what the probe is asked for. Whoever may connect to the socket may ask, so the request is
 * taken as a whole or not at all, and what is wrong with it is said.
 *
 * Always: what stands behind the line's end is secret. It is read into the mapping and wiped there;
 * neither stdio, which keeps buffers of its own, nor json-c, which copies, comes near it.
 *
 * Refused: keys that are not known. Whoever sets one counts on it to be obeyed.
 */
#include "probe/request.h"
#include "cleanup.h"
#include "error.h"
#include "json-text.h"
#include "judge/mechanism.h"
#include "text.h"
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define DEPTH     6 /* request, expected, finding, evidence, list, its items: nothing is deeper */
#define INPUT_MAX (REQUEST_LINE_MAX + 1 + REQUEST_SECRET_MAX)

void request_init(struct request *request)
{
    *request = (struct request){.timeout_s = REQUEST_TIMEOUT_S, .mechanisms = mechanisms_usual()};
}

void request_clear(struct request *request)
{
    for (size_t i = 0; i < request->n_expected; i++)
        finding_clear(&request->expected[i]);
    free(request->ca_file);
    free(request->pin);
    free(request->user);
    secret_free(request->secret);
    request_init(request);
}

int request_add_endpoint(struct request *request, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < request->n_endpoints; i++)
        if (endpoint_equal(&request->endpoints[i], endpoint))
            return 0; /* asked for twice: checked once */
    if (request->n_endpoints == REQUEST_ENDPOINTS_MAX)
        return -ENOSPC;
    request->endpoints[request->n_endpoints++] = *endpoint;
    return 0;
}

int request_check_login(const struct request *request, char **ret_problem)
{
    const struct endpoint *endpoint = request->endpoints;

    if (request->n_endpoints != 1)
        return problem(ret_problem, "expected one endpoint: HOST:PORT[/SECURITY]");
    if (endpoint->security == SECURITY_NONE)
        return problem(ret_problem,
                       "%s:%u/none: the password would travel in clear, for anybody on the way to "
                       "read; the safe ways are 465/tls and 587/starttls",
                       endpoint->host, (unsigned)endpoint->port);
    return 0;
}

/* --- the line -------------------------------------------------------------------------------- */

/* A whole number of these bounds, or -1. */
static int64_t number_of(json_object *value, int64_t least, int64_t most)
{
    int64_t number = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

    return number >= least && number <= most ? number : -1;
}

/* The text, owned by the value; NULL where it is none, is empty or holds a NUL. */
static const char *text_of(json_object *value)
{
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

    return text && *text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static int read_version(struct request *request _unused_, json_object *value, char **ret_problem)
{
    if (number_of(value, REQUEST_VERSION, REQUEST_VERSION) == REQUEST_VERSION)
        return 0;
    return problem(ret_problem, "version: it is not %d: who asks is of another version",
                   REQUEST_VERSION);
}

static int read_timeout(struct request *request, json_object *value, char **ret_problem)
{
    int64_t seconds = number_of(value, 1, REQUEST_TIMEOUT_MAX_S);

    if (seconds < 0)
        return problem(ret_problem, "timeout: expected seconds from 1 to %d",
                       REQUEST_TIMEOUT_MAX_S);
    request->timeout_s = (unsigned)seconds;
    return 0;
}

static int read_ca_file(struct request *request, json_object *value, char **ret_problem)
{
    const char *text = text_of(value);

    if (!text)
        return problem(ret_problem, "ca_file: expected a path");
    request->ca_file = strdup(text);
    return request->ca_file ? 0 : -ENOMEM;
}

static int read_pin(struct request *request, json_object *value, char **ret_problem)
{
    const char *text = text_of(value);

    if (!text || pin_check(text) < 0)
        return problem(ret_problem,
                       "pin: expected sha256// and 44 characters of Base64 (32 bytes)");
    request->pin = strdup(text);
    return request->pin ? 0 : -ENOMEM;
}

static int read_user(struct request *request, json_object *value, char **ret_problem)
{
    const char *text = text_of(value);

    if (!text || !text_is_safe(text))
        return problem(ret_problem, "user: expected text without control characters");
    request->user = strdup(text);
    return request->user ? 0 : -ENOMEM;
}

static int read_mechanisms(struct request *request, json_object *value, char **ret_problem)
{
    _cleanup_free_ char *wrong = NULL;
    const char *text = text_of(value);
    int r = mechanisms_parse(text ? text : "?", &request->mechanisms, &wrong);

    return r == -EINVAL ? problem(ret_problem, "mechanisms: %s", wrong) : r;
}

static int read_endpoint(struct request *request, size_t i, json_object *value, char **ret_problem)
{
    struct endpoint endpoint = {.port = 0};
    bool host = false, security = false;

    if (!json_object_is_type(value, json_type_object))
        return problem(ret_problem, "endpoints[%zu]: expected an object", i);
    json_object_object_foreach(value, key, of)
    {
        const char *text = text_of(of);

        if (strcmp(key, "host") == 0 && text && host_check(text) == 0) {
            memcpy(endpoint.host, text, strlen(text) + 1); /* host_check() bounds it */
            host = true;
        } else if (strcmp(key, "port") == 0 && number_of(of, 1, UINT16_MAX) > 0)
            endpoint.port = (uint16_t)json_object_get_int(of);
        else if (strcmp(key, "security") == 0 && text &&
                 security_from_string(text, &endpoint.security) == 0)
            security = true;
        else
            break;
    }
    if (!host || !security || endpoint.port == 0 || json_object_object_length(value) != 3)
        return problem(ret_problem,
                       "endpoints[%zu]: expected a host, a port from 1 to 65535, a security of "
                       "tls, starttls or none, and nothing else",
                       i);
    return request_add_endpoint(request, &endpoint);
}

/* Whether it is a list that is no longer than endpoints may be. */
static bool is_short_list(json_object *value)
{
    return json_object_is_type(value, json_type_array) &&
           json_object_array_length(value) <= REQUEST_ENDPOINTS_MAX;
}

static int read_endpoints(struct request *request, json_object *value, char **ret_problem)
{
    int r = 0;

    if (!is_short_list(value) || json_object_array_length(value) == 0)
        return problem(ret_problem, "endpoints: expected a list of 1 to %d", REQUEST_ENDPOINTS_MAX);
    for (size_t i = 0; r == 0 && i < json_object_array_length(value); i++)
        r = read_endpoint(request, i, json_object_array_get_idx(value, i), ret_problem);
    return r;
}

static int read_expected(struct request *request, json_object *value, char **ret_problem)
{
    if (!is_short_list(value))
        return problem(ret_problem, "expected: expected a list of at most %d findings",
                       REQUEST_ENDPOINTS_MAX);
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        int r = finding_from_json(json_object_array_get_idx(value, i),
                                  &request->expected[request->n_expected]);

        if (r == -EBADMSG)
            return problem(ret_problem, "expected[%zu]: it is no finding", i);
        if (r < 0)
            return r;
        request->n_expected++;
    }
    return 0;
}

static int read_neighbour(struct request *request, json_object *value, char **ret_problem)
{
    json_object *interface, *address;
    const char *text;

    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 2 ||
        !json_object_object_get_ex(value, "interface", &interface) ||
        number_of(interface, 1, INT32_MAX) < 0 ||
        !json_object_object_get_ex(value, "address", &address) || !(text = text_of(address)) ||
        !ip_parse(text, &request->neighbour))
        return problem(ret_problem,
                       "ask_neighbour: expected the number of an interface, an address "
                       "and nothing else");
    request->neighbour_interface = json_object_get_int(interface);
    return 0;
}

enum { KEY_VERSION = 1 << 0, KEY_ENDPOINTS = 1 << 1, KEY_NEIGHBOUR = 1 << 2 };

static int read_keys(struct request *request, json_object *object, char **ret_problem)
{
    static const struct {
        const char *name;
        int (*read)(struct request *request, json_object *value, char **ret_problem);
    } keys[] = {
        /* the first in the order of their bits */
        {"version", read_version},         {"endpoints", read_endpoints},
        {"ask_neighbour", read_neighbour}, {"timeout", read_timeout},
        {"ca_file", read_ca_file},         {"pin", read_pin},
        {"expected", read_expected},       {"user", read_user},
        {"mechanisms", read_mechanisms},
    };
    unsigned seen = 0;

    json_object_object_foreach(object, name, value)
    {
        size_t i = 0;
        int r;

        while (i < ELEMENTSOF(keys) && strcmp(keys[i].name, name) != 0)
            i++;
        if (i == ELEMENTSOF(keys)) {
            _cleanup_free_ char *safe = text_safe(name, strlen(name), 64);

            return safe ? problem(ret_problem, "'%s' is no key of a request", safe) : -ENOMEM;
        }
        r = keys[i].read(request, value, ret_problem);
        if (r < 0)
            return r;
        seen |= 1U << i;
    }
    if (!(seen & KEY_VERSION))
        return problem(ret_problem, "it has no version");
    if (seen != (KEY_VERSION | KEY_NEIGHBOUR) &&
        (seen & (KEY_ENDPOINTS | KEY_NEIGHBOUR)) != KEY_ENDPOINTS)
        return problem(ret_problem, "it has no endpoints, or ask_neighbour beside other keys");
    return 0;
}

int request_parse(struct request *request, const char *line, size_t length, char **ret_problem)
{
    json_object *object = NULL;
    int r;

    if (length > REQUEST_LINE_MAX)
        return problem(ret_problem, "the line is longer than %d bytes", REQUEST_LINE_MAX);
    r = json_from_text(line, length, DEPTH, &object, NULL);
    if (r == 0 && json_object_is_type(object, json_type_object))
        r = read_keys(request, object, ret_problem);
    else if (r != -ENOMEM)
        r = problem(ret_problem, "expected one object of JSON on one line");
    json_object_put(object);
    return r;
}

/* --- the input ------------------------------------------------------------------------------- */

struct input {
    char *bytes; /* INPUT_MAX of them, MAP_FAILED while there are none */
    size_t n;
};

static void wipe(struct input *input)
{
    if (input->bytes == MAP_FAILED)
        return;
    explicit_bzero(input->bytes, input->n);
    (void)munmap(input->bytes, INPUT_MAX);
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Something to be read, or the end, within the time. */
static int wait_for(int fd, int64_t until, char **ret_problem)
{
    struct pollfd what = {.fd = fd, .events = POLLIN};
    int64_t left = until - now_ms();
    int n = poll(&what, 1, left > 0 ? (int)left : 0);

    if (n < 0 && errno != EINTR)
        return -errno;
    if (n == 0)
        return problem(ret_problem, "nobody has asked within %d ms", REQUEST_WAIT_MS);
    return 0;
}

static int read_all(struct input *input, int fd, char **ret_problem)
{
    int64_t until = now_ms() + REQUEST_WAIT_MS;

    while (input->n < INPUT_MAX) {
        int r = wait_for(fd, until, ret_problem);
        ssize_t n = r < 0 ? -1 : read(fd, input->bytes + input->n, INPUT_MAX - input->n);

        if (r < 0)
            return r;
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        input->n += n > 0 ? (size_t)n : 0;
    }
    return problem(ret_problem, "it is longer than %d bytes", INPUT_MAX - 1);
}

/* What stands behind the line. */
static int take_secret(struct request *request, const char *bytes, size_t n, char **ret_problem)
{
    int r;

    if (!request->user)
        return n == 0 ? 0
                      : problem(ret_problem,
                                "there is something behind the line, which nothing in it is for");
    r = request_check_login(request, ret_problem);
    if (r == 0)
        r = secret_new(&request->secret, SECRET_MAX);
    if (r == 0)
        r = secret_add(request->secret, bytes, n);
    if (r == 0)
        r = secret_cut(request->secret);
    return r == -EBADMSG || r == -EFBIG
               ? problem(ret_problem, "no password for the login stands behind the line")
               : r;
}

int request_read(struct request *request, int fd, char **ret_problem)
{
    _cleanup_(wipe) struct input input = {.n = 0};
    const char *end;
    int r;

    input.bytes = mmap(NULL, INPUT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (input.bytes == MAP_FAILED)
        return -errno;
    /* As far as the limits let it; pages are locked as they are used. */
    (void)mlock2(input.bytes, INPUT_MAX, MLOCK_ONFAULT);
    (void)madvise(input.bytes, INPUT_MAX, MADV_DONTDUMP);
    r = read_all(&input, fd, ret_problem);
    if (r < 0)
        return r;
    end = memchr(input.bytes, '\n', input.n);
    if (!end)
        return problem(ret_problem, "the line has no end");
    r = request_parse(request, input.bytes, (size_t)(end - input.bytes), ret_problem);
    if (r == 0)
        r = take_secret(request, end + 1, (size_t)(input.bytes + input.n - end - 1), ret_problem);
    return r;
}
