/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * resolv.conf: what it means, and that every way of changing it is noticed, in a directory of the
 * test's own. "No callback" is checked without waiting for nothing: after the noise comes a real
 * change, and when that one has arrived, exactly one callback has been counted.
 */
#include "cleanup.h"
#include "tap.h"
#include "watch/resolver.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#define DEADLINE 30000000 /* µs that anything may take */

/* --- what a file means ---------------------------------------------------------------------------
 */

static struct resolver_config parse(const char *text)
{
    struct resolver_config config;

    resolver_config_parse(text, strlen(text), &config);
    return config;
}

/* "10.0.0.1 fe80::1%eth0" */
static const char *servers(const struct resolver_config *config)
{
    static char text[RESOLVER_SERVERS_MAX * (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)];

    text[0] = '\0';
    for (size_t i = 0; i < config->n_servers; i++) {
        char address[INET6_ADDRSTRLEN];

        ip_format(&config->servers[i].address, address);
        if (i > 0)
            strcat(text, " ");
        strcat(text, address);
        if (config->servers[i].zone[0] != '\0')
            strcat(strcat(text, "%"), config->servers[i].zone);
    }
    return text;
}

static void test_parse(void)
{
    static const struct {
        const char *name, *text, *servers, *search;
    } cases[] = {
        {"nothing", "", "", ""},
        {"the usual", "# made by\nnameserver 10.0.0.1\nsearch example.org\n", "10.0.0.1",
         "example.org"},
        {"no newline at the end", "nameserver 10.0.0.1", "10.0.0.1", ""},
        {"tabs, blanks, DOS", "nameserver\t 10.0.0.1 \r\nsearch\ta.example  b.example\r\n",
         "10.0.0.1", "a.example b.example"},
        {"comments", "#nameserver 10.0.0.1\n;nameserver 10.0.0.2\n# search x\n", "", ""},
        {"a comment behind an address", "nameserver 10.0.0.1 # ours\n", "10.0.0.1", ""},
        {"several, in their order", "nameserver 10.0.0.2\nnameserver 2001:db8::1\n",
         "10.0.0.2 2001:db8::1", ""},
        {"a zone", "nameserver fe80::1%wlan0\n", "fe80::1%wlan0", ""},
        {"a zone that is too long", "nameserver fe80::1%wlan0wlan0wlan0wlan0\n", "", ""},
        {"no addresses", "nameserver\nnameserver mail.example\nnameserver 10.0.0\n", "", ""},
        {"a keyword that only begins so", "nameservers 10.0.0.1\nnameserver10.0.0.1\n", "", ""},
        {"not at the beginning of its line", " nameserver 10.0.0.1\n", "", ""},
        {"the last search counts", "search a.example\nsearch b.example\n", "", "b.example"},
        {"domain after search", "search a.example b.example\ndomain c.example d.example\n", "",
         "c.example"},
        {"search after domain", "domain c.example\nsearch a.example\n", "", "a.example"},
        {"an empty domain", "search a.example\ndomain\n", "", ""},
        {"case and the last dot", "search Example.ORG. B.example\n", "", "example.org b.example"},
        {"the root", "search .\n", "", ""},
        {"more dots than one", "search a.example.. ...\n", "", "a.example"},
        {"unsafe to show", "search a\x1b[2J.example b.example\n", "", "b.example"},
        {"options", "options edns0 trust-ad\nsortlist 10.0.0.0\n", "", ""},
        {"more than are asked",
         "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n"
         "nameserver 10.0.0.5\nnameserver 10.0.0.6\nnameserver 10.0.0.7\nnameserver 10.0.0.8\n"
         "nameserver 10.0.0.9\n",
         "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8", ""},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct resolver_config config = parse(cases[i].text);

        is_string(servers(&config), cases[i].servers, "%s: servers", cases[i].name);
        is_string(config.search, cases[i].search, "%s: search", cases[i].name);
    }
}

static void test_parse_bounds(void)
{
    static const char with_nul[] = "nameserver 10.0.0.1\0\nnameserver 10.0.0.2\n";
    char text[RESOLVER_SEARCH_MAX * 4] = "search ";
    struct resolver_config config;

    resolver_config_parse(with_nul, sizeof(with_nul) - 1, &config);
    is_string(servers(&config), "10.0.0.2", "a line with a NUL is skipped");

    for (size_t i = 0; i < 78; i++)
        strcat(text, "a2345.example ");
    config = parse(text);
    ok(strlen(config.search) < RESOLVER_SEARCH_MAX && strncmp(config.search, "a2345.e", 7) == 0,
       "a search list that is too long is cut");
    ok(config.search[strlen(config.search) - 1] == 'e', "between two domains");
    memset(text + 7, 'a', 300);
    strcpy(text + 307, " b.example\n");
    config = parse(text);
    is_string(config.search, "b.example", "a domain that is too long is skipped");
    memset(text, 'a', sizeof(text) - 1);
    strcpy(text + sizeof(text) - 22, "\nnameserver 10.0.0.1\n");
    config = parse(text);
    is_string(servers(&config), "10.0.0.1", "a line that is too long is skipped");
}

static void test_equal(void)
{
    struct resolver_config a = parse("nameserver fe80::1%a\nnameserver 10.0.0.1\nsearch a.b\n");
    static const char *const others[] = {
        "nameserver 10.0.0.1\nnameserver fe80::1%a\nsearch a.b\n",
        "nameserver fe80::1%b\nnameserver 10.0.0.1\nsearch a.b\n",
        "nameserver fe80::1%a\nnameserver 10.0.0.2\nsearch a.b\n",
        "nameserver fe80::1%a\nsearch a.b\n",
        "nameserver fe80::1%a\nnameserver 10.0.0.1\nsearch a.c\n",
        "nameserver fe80::1%a\nnameserver 10.0.0.1\n",
    };
    struct resolver_config b =
        parse("search A.B.\noptions rotate\n\n# x\nnameserver fe80:0::1%a\nnameserver 10.0.0.1\n");

    ok(resolver_config_equal(&a, &b), "written differently, the same");
    for (size_t i = 0; i < ELEMENTSOF(others); i++) {
        b = parse(others[i]);
        ok(!resolver_config_equal(&a, &b), "another: %zu", i);
    }
}

/* --- a watch and what it said --------------------------------------------------------------------
 */

#define FILE_PATH   "etc/resolv.conf"
#define UPLINK_PATH "run/systemd/resolve/resolv.conf"

struct seat {
    sd_event *event;
    struct resolver_watch *watch;
    int changes;
    bool free_in_callback;
};

static void on_change(void *userdata)
{
    struct seat *seat = userdata;

    seat->changes++;
    if (seat->free_in_callback)
        seat->watch = resolver_watch_free(seat->watch);
}

/* On the two files in the working directory. */
static void seat_open(struct seat *seat)
{
    char here[PATH_MAX], path[PATH_MAX + sizeof(FILE_PATH)], uplink[PATH_MAX + sizeof(UPLINK_PATH)];

    *seat = (struct seat){0};
    if (!getcwd(here, sizeof(here)))
        exit(1);
    snprintf(path, sizeof(path), "%s/" FILE_PATH, here);
    snprintf(uplink, sizeof(uplink), "%s/" UPLINK_PATH, here);
    if (sd_event_new(&seat->event) < 0 ||
        resolver_watch_new(&seat->watch, seat->event, path, uplink, on_change, seat) < 0) {
        printf("Bail out! cannot watch\n");
        exit(1);
    }
}

static void seat_close(struct seat *seat)
{
    seat->watch = resolver_watch_free(seat->watch);
    seat->event = sd_event_unref(seat->event);
}

static uint64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Runs the loop until the watch has this domain; then it has called back once, or not at all where
 * it had it before. */
static void expect(struct seat *seat, const char *domain, const char *name)
{
    uint64_t end = monotonic() + DEADLINE;
    int before = seat->changes;

    while (strcmp(resolver_watch_domain(seat->watch), domain) != 0 && monotonic() < end)
        sd_event_run(seat->event, 100000);
    is_string(resolver_watch_domain(seat->watch), domain, "%s", name);
    is_number(seat->changes - before, 1, "%s: one callback", name);
}

/* Handles what is there, and does not wait. */
static void drain(struct seat *seat)
{
    while (sd_event_run(seat->event, 0) > 0)
        ;
}

/* --- changing files ------------------------------------------------------------------------------
 */

static void must(bool done, const char *what)
{
    if (!done) {
        printf("Bail out! failed: %s\n", what);
        exit(1);
    }
}
#define MUST(condition) must(condition, #condition)

static void write_in_place(const char *path, const char *text)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    MUST(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void replace(const char *path, const char *text)
{
    write_in_place("new", text);
    MUST(rename("new", path) == 0);
}

static void replace_link(const char *path, const char *target)
{
    MUST(symlink(target, "new") == 0 && rename("new", path) == 0);
}

/* A fresh directory to work in, with etc/ in it. */
static void enter_directory(void)
{
    char path[] = "/tmp/mailroam-resolver.XXXXXX";

    MUST(mkdtemp(path) && chdir(path) == 0 && mkdir("etc", 0755) == 0);
}

static void leave_directory(void)
{
    char here[PATH_MAX], command[PATH_MAX + 16];

    MUST(getcwd(here, sizeof(here)) && chdir("/") == 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", here);
    MUST(system(command) == 0); /* NOLINT(cert-env33-c) */
}

/* --- scenarios -----------------------------------------------------------------------------------
 */

static void test_file(struct seat *seat)
{
    is_string(resolver_watch_domain(seat->watch), "", "no file: no domain");
    write_in_place(FILE_PATH, "search one.example\n");
    expect(seat, "one.example", "created");
    write_in_place(FILE_PATH, "search two.example\n");
    expect(seat, "two.example", "rewritten in place");
    replace(FILE_PATH, "search three.example\n");
    expect(seat, "three.example", "replaced");
    write_in_place(FILE_PATH, "search four.example\n");
    expect(seat, "four.example", "rewritten in place after it was replaced");
    MUST(unlink(FILE_PATH) == 0);
    drain(seat);
    write_in_place(FILE_PATH, "search five.example\n");
    expect(seat, "five.example", "removed and created");
    write_in_place(FILE_PATH, "search five.example\nnameserver 10.0.0.1\n");
    drain(seat);
    write_in_place(FILE_PATH, "search six.example\nnameserver 10.0.0.1\n");
    is_number(seat->changes, 6, "another name server alone: a callback");
    expect(seat, "six.example", "and another domain");
}

/* How many files and directories the process watches. */
static int count_watches(void)
{
    char path[64], line[256];
    int n = 0;

    for (int fd = 0; fd < 64; fd++) {
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
            n += strncmp(line, "inotify ", 8) == 0;
        if (file)
            fclose(file);
    }
    return n;
}

/* None of these says anything else than before. */
static void test_noise(struct seat *seat)
{
    int before, watches;

    write_in_place(FILE_PATH, "search one.example\nnameserver 10.0.0.1\n");
    drain(seat);
    before = seat->changes;
    watches = count_watches();
    for (int i = 0; i < 100; i++) {
        replace(FILE_PATH, "# again\nnameserver 10.0.0.1\noptions rotate\nsearch One.example.\n");
        drain(seat);
        write_in_place(FILE_PATH, "search one.example\nnameserver 10.0.0.1\n");
        drain(seat);
        write_in_place("etc/hosts", "x");
        drain(seat);
        MUST(unlink(FILE_PATH) == 0);
        drain(seat);
        write_in_place(FILE_PATH, "");
        drain(seat);
    }
    MUST(unlink(FILE_PATH) == 0 && mkdir(FILE_PATH, 0755) == 0);
    drain(seat);
    MUST(rmdir(FILE_PATH) == 0 && mkfifo(FILE_PATH, 0644) == 0);
    drain(seat);
    MUST(unlink(FILE_PATH) == 0);
    replace_link(FILE_PATH, "resolv.conf");
    drain(seat);
    is_string(resolver_watch_domain(seat->watch), "one.example", "noise: the last known stands");
    is_number(seat->changes, before, "noise: no callback");
    replace(FILE_PATH, "search two.example\n");
    expect(seat, "two.example", "after the noise");
    ok(watches > 0 && count_watches() == watches, "no watch is left behind");
}

static void test_half_written(struct seat *seat)
{
    int fd;

    write_in_place(FILE_PATH, "search one.example\n");
    expect(seat, "one.example", "before a slow writer");
    fd = open(FILE_PATH, O_WRONLY | O_TRUNC | O_CLOEXEC);
    MUST(fd >= 0 && write(fd, "search tw", 9) == 9);
    drain(seat);
    MUST(write(fd, "o.example\n", 10) == 10);
    drain(seat);
    is_string(resolver_watch_domain(seat->watch), "one.example", "half written: not read");
    MUST(close(fd) == 0);
    expect(seat, "two.example", "closed by its writer");
}

static void test_links(struct seat *seat)
{
    char target[PATH_MAX];

    MUST(mkdir("run", 0755) == 0 && mkdir("run/a", 0755) == 0);
    write_in_place("run/a/resolv.conf", "search a.example\n");
    write_in_place("run/other.conf", "search other.example\n");
    replace_link(FILE_PATH, "../run/a/resolv.conf");
    expect(seat, "a.example", "a link in its place");
    write_in_place("run/a/resolv.conf", "search b.example\n");
    expect(seat, "b.example", "the target rewritten in place");
    replace("run/a/resolv.conf", "search c.example\n");
    expect(seat, "c.example", "the target replaced");
    replace_link(FILE_PATH, "../run/other.conf");
    expect(seat, "other.example", "the link retargeted");
    write_in_place("run/a/resolv.conf", "search nobody.example\n");
    write_in_place("run/other.conf", "search d.example\n");
    expect(seat, "d.example", "the new target rewritten, the old one is nobody's");

    MUST(getcwd(target, sizeof(target) - 32) != NULL);
    strcat(target, "/run/later/on/resolv.conf");
    MUST(unlink(FILE_PATH) == 0 && symlink(target, FILE_PATH) == 0);
    drain(seat);
    is_string(resolver_watch_domain(seat->watch), "d.example", "dangling: the last known stands");
    MUST(mkdir("run/later", 0755) == 0);
    drain(seat);
    MUST(mkdir("run/later/on", 0755) == 0);
    write_in_place("run/later/on/resolv.conf", "search e.example\n");
    expect(seat, "e.example", "no longer dangling");
    write_in_place("run/later/on/resolv.conf", "search f.example\n");
    expect(seat, "f.example", "and rewritten");

    MUST(symlink("a", "run/way") == 0);
    replace_link(FILE_PATH, "../run/way/../way/./resolv.conf");
    expect(seat, "nobody.example", "a link on the way");
    MUST(mkdir("run/b", 0755) == 0);
    write_in_place("run/b/resolv.conf", "search g.example\n");
    replace_link("run/way", "b");
    expect(seat, "g.example", "the link on the way retargeted");
}

static void test_directories(struct seat *seat)
{
    write_in_place(FILE_PATH, "search one.example\n");
    expect(seat, "one.example", "before its directory goes");
    MUST(unlink(FILE_PATH) == 0 && rmdir("etc") == 0);
    drain(seat);
    MUST(mkdir("etc", 0755) == 0);
    write_in_place(FILE_PATH, "search two.example\n");
    expect(seat, "two.example", "its directory made again");
    MUST(rename("etc", "old") == 0);
    drain(seat);
    write_in_place("old/resolv.conf", "search nobody.example\n");
    MUST(mkdir("coming", 0755) == 0);
    write_in_place("coming/resolv.conf", "search three.example\n");
    MUST(rename("coming", "etc") == 0);
    expect(seat, "three.example", "its directory replaced by another one");
    write_in_place("old/resolv.conf", "search noone.example\n");
    write_in_place(FILE_PATH, "search four.example\n");
    expect(seat, "four.example", "rewritten there");
}

static void test_uplink(struct seat *seat)
{
    write_in_place(FILE_PATH, "nameserver 127.0.0.53\nsearch .\n");
    drain(seat);
    is_number(seat->changes, 1, "a local server");
    MUST(mkdir("run", 0755) == 0 && mkdir("run/systemd", 0755) == 0);
    MUST(mkdir("run/systemd/resolve", 0755) == 0);
    write_in_place(UPLINK_PATH, "nameserver 10.0.0.1\n");
    drain(seat);
    is_number(seat->changes, 2, "behind which another one comes");
    replace(UPLINK_PATH, "nameserver 10.0.0.2\n");
    drain(seat);
    is_number(seat->changes, 3, "and is replaced");
    replace(UPLINK_PATH, "nameserver 10.0.0.2\nsearch uplink.example\n");
    expect(seat, "uplink.example", "whose domain counts");
    replace(FILE_PATH, "nameserver 10.0.0.9\n");
    expect(seat, "", "while nobody else is asked");
    replace(UPLINK_PATH, "nameserver 10.0.0.3\nsearch else.example\n");
    drain(seat);
    is_number(seat->changes, 5, "what systemd-resolved asks is nothing where it is not asked");
    replace(FILE_PATH, "nameserver ::1\nsearch own.example\n");
    expect(seat, "own.example", "a local server again, and a domain of its own");
}

/* The kernel's queue is full before anybody reads it: the change itself is lost in it. */
static void test_overrun(struct seat *seat)
{
    write_in_place(FILE_PATH, "search one.example\n");
    expect(seat, "one.example", "before an overrun");
    for (int i = 0; i < 20000; i++) {
        write_in_place("etc/noise", "");
        MUST(unlink("etc/noise") == 0);
    }
    write_in_place(FILE_PATH, "search two.example\n");
    expect(seat, "two.example", "lost in an overrun, noticed all the same");
    write_in_place(FILE_PATH, "search three.example\n");
    expect(seat, "three.example", "and after it");
}

static void test_freed(struct seat *seat)
{
    seat->free_in_callback = true;
    write_in_place(FILE_PATH, "search one.example\n");
    for (uint64_t end = monotonic() + DEADLINE; seat->watch && monotonic() < end;)
        sd_event_run(seat->event, 100000);
    ok(!seat->watch && seat->changes == 1, "freed in its callback");
}

int main(void)
{
    static void (*const scenarios[])(struct seat *) = {
        test_file,        test_noise,  test_half_written, test_links,
        test_directories, test_uplink, test_overrun,      test_freed,
    };

    test_parse();
    test_parse_bounds();
    test_equal();
    for (size_t i = 0; i < ELEMENTSOF(scenarios); i++) {
        struct seat seat;

        enter_directory();
        seat_open(&seat);
        scenarios[i](&seat);
        seat_close(&seat);
        leave_directory();
    }
    return tap_done();
}
