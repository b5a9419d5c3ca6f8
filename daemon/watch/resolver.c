/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Which name servers are asked, from resolv.conf(5).
 *
 * Always: the last that a file has said stands until it says something else. A file that is missing
 * or empty says nothing: it is about to be replaced, and a machine without any name server has
 * nothing to check.
 *
 * Where resolv.conf names local servers alone (or none, which means the same), somebody on this
 * machine asks in our place, and the change that matters is the one in his list: systemd-resolved
 * writes his beside it. Elsewhere that list is nobody's, and does not count.
 */
#include "watch/resolver.h"

#include "cleanup.h"
#include "error.h"
#include "log.h"
#include "text.h"
#include "watch/follow.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH        "/etc/resolv.conf"
#define UPLINK_PATH "/run/systemd/resolve/resolv.conf"
#define FILE_MAX    65536 /* bytes; what is beyond them is not read */
#define DOMAIN_MAX  254   /* with a NUL in the place of the last dot (RFC 1035 section 2.3.4) */
#define BLANKS      " \t\r"

struct resolver_watch {
    struct follow *follow;
    char *paths[2];
    struct resolver_config files[2], config; /* as each says; as they mean together */
    char domain[DOMAIN_MAX];
    resolver_callback callback;
    void *userdata;
};

DEFINE_CLEANUP(struct resolver_watch *, resolver_watch_free)

/* --- reading a file ------------------------------------------------------------------------------
 */

/* The next word of a line, which loses it; NULL at its end. */
static char *next_word(char **line)
{
    char *word = *line + strspn(*line, BLANKS);

    *line = word + strcspn(word, BLANKS);
    if (**line != '\0')
        *(*line)++ = '\0';
    return word[0] != '\0' ? word : NULL;
}

static void read_server(char *word, struct resolver_config *config)
{
    struct resolver_server *server = &config->servers[config->n_servers];
    char *zone = word ? strchr(word, '%') : NULL;

    if (!word || config->n_servers == RESOLVER_SERVERS_MAX)
        return;
    if (zone)
        *zone++ = '\0';
    if ((zone && strlen(zone) >= sizeof(server->zone)) || !ip_parse(word, &server->address))
        return;
    if (zone)
        strcpy(server->zone, zone);
    config->n_servers++;
}

static void read_search(char *line, struct resolver_config *config)
{
    size_t length = 0;

    config->search[0] = '\0'; /* of several lines the last one counts */
    for (char *word = next_word(&line); word; word = next_word(&line)) {
        size_t n = strlen(word);

        while (n > 1 && word[n - 1] == '.')
            word[--n] = '\0';
        if (strcmp(word, ".") == 0 || n >= DOMAIN_MAX || !text_is_safe(word) ||
            length + (length > 0) + n >= sizeof(config->search))
            continue;
        if (length > 0)
            config->search[length++] = ' ';
        for (size_t i = 0; i <= n; i++) /* its NUL too */
            config->search[length + i] =
                (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] - 'A' + 'a' : word[i]);
        length += n;
    }
}

/* A keyword begins its line, as in glibc; what it does not know it skips. */
static void read_line(char *line, struct resolver_config *config)
{
    char *rest = line, *keyword;

    if (strspn(line, BLANKS) > 0)
        return;
    keyword = next_word(&rest);
    if (!keyword) /* an empty line */
        return;
    if (strcmp(keyword, "nameserver") == 0)
        read_server(next_word(&rest), config);
    else if (strcmp(keyword, "search") == 0)
        read_search(rest, config);
    else if (strcmp(keyword, "domain") == 0) {
        char *domain = next_word(&rest);

        read_search(domain ? domain : rest, config);
    }
}

void resolver_config_parse(const char *text, size_t length, struct resolver_config *ret)
{
    struct resolver_config config = {0};

    for (const char *end = text + length; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline ? newline : end) - text);
        char line[2 * RESOLVER_SEARCH_MAX]; /* none of use is longer */

        if (n < sizeof(line) && !memchr(text, '\0', n)) {
            memcpy(line, text, n);
            line[n] = '\0';
            read_line(line, &config);
        }
        text = newline ? newline + 1 : end;
    }
    *ret = config;
}

static bool server_equal(const struct resolver_server *a, const struct resolver_server *b)
{
    return ip_equal(&a->address, &b->address) && strcmp(a->zone, b->zone) == 0;
}

bool resolver_config_equal(const struct resolver_config *a, const struct resolver_config *b)
{
    if (a->n_servers != b->n_servers || strcmp(a->search, b->search) != 0)
        return false;
    for (size_t i = 0; i < a->n_servers; i++)
        if (!server_equal(&a->servers[i], &b->servers[i]))
            return false;
    return true;
}

/* --- following it --------------------------------------------------------------------------------
 */

/* Leaves *config as it is where the file says nothing. */
static void read_file(const char *path, struct resolver_config *config)
{
    _cleanup_free_ char *text = malloc(FILE_MAX);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    size_t length = 0;
    ssize_t n;

    if (!text || fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return;
    while (length < FILE_MAX && (n = read(fd, text + length, FILE_MAX - length)) > 0)
        length += (size_t)n;
    if (length > 0)
        resolver_config_parse(text, length, config);
}

static bool is_local(const struct ip *ip)
{
    static const unsigned char ipv6_loopback[16] = {[15] = 1};

    return ip->family == AF_INET ? ip->bytes[0] == 127
                                 : memcmp(ip->bytes, ipv6_loopback, sizeof(ipv6_loopback)) == 0;
}

/* What the files mean together. */
static void combine(const struct resolver_watch *watch, struct resolver_config *ret)
{
    const struct resolver_config *file = &watch->files[0], *uplink = &watch->files[1];

    *ret = *file;
    for (size_t i = 0; i < file->n_servers; i++)
        if (!is_local(&file->servers[i].address))
            return;
    if (uplink->n_servers > 0) {
        memcpy(ret->servers, uplink->servers, sizeof(ret->servers));
        ret->n_servers = uplink->n_servers;
    }
    if (ret->search[0] == '\0')
        memcpy(ret->search, uplink->search, sizeof(ret->search));
}

/* True where what they mean is something else now. */
static bool read_files(struct resolver_watch *watch)
{
    struct resolver_config config;

    for (size_t i = 0; i < ELEMENTSOF(watch->paths); i++)
        read_file(watch->paths[i], &watch->files[i]);
    combine(watch, &config);
    if (resolver_config_equal(&config, &watch->config))
        return false;
    watch->config = config;
    snprintf(watch->domain, sizeof(watch->domain), "%.*s", (int)strcspn(config.search, " "),
             config.search);
    return true;
}

static void on_change(void *userdata)
{
    struct resolver_watch *watch = userdata;

    if (read_files(watch))
        watch->callback(watch->userdata); /* last: it may free the watch */
}

int resolver_watch_new(struct resolver_watch **ret, sd_event *event, const char *path,
                       const char *uplink_path, resolver_callback callback, void *userdata)
{
    _cleanup_(resolver_watch_freep) struct resolver_watch *watch = calloc(1, sizeof(*watch));
    int r;

    if (!watch)
        return -ENOMEM;
    watch->callback = callback;
    watch->userdata = userdata;
    watch->paths[0] = strdup(path ? path : PATH);
    watch->paths[1] = strdup(uplink_path ? uplink_path : UPLINK_PATH);
    if (!watch->paths[0] || !watch->paths[1])
        return -ENOMEM;
    r = follow_new(&watch->follow, event, (const char *const *)watch->paths,
                   ELEMENTSOF(watch->paths), on_change, watch);
    if (r == -EMFILE) /* other programs have taken all of this user's (max_user_instances) */
        log_warning("Cannot follow changes in %s: %s", watch->paths[0], strerror(-r));
    else if (r < 0)
        return r;
    (void)read_files(watch); /* after following: nothing falls between the two */
    *ret = TAKE(watch);
    return 0;
}

struct resolver_watch *resolver_watch_free(struct resolver_watch *watch)
{
    if (!watch)
        return NULL;
    follow_free(watch->follow);
    free(watch->paths[0]);
    free(watch->paths[1]);
    free(watch);
    return NULL;
}

const char *resolver_watch_domain(const struct resolver_watch *watch)
{
    return watch->domain;
}
