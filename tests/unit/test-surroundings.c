/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which address a network may give for its portal, and where systemd-networkd keeps it. */
#include "cleanup.h"
#include "surroundings.h"
#include "tap.h"
#include "watch/networkd.h"
#include <stdio.h>
#include <string.h>

static void address(const char *text, bool good)
{
    char url[PORTAL_URL_MAX] = "before";

    ok(portal_url_set(url, text) == good, "%s: '%.60s'", good ? "taken" : "refused", text);
    is_string(url, good ? text : "", "... %s", good ? "as it is" : "leaving nothing");
}

static void addresses(void)
{
    char longest[PORTAL_URL_MAX + 1] = "https://";

    address("https://portal.example/", true);
    address("http://10.0.0.1:8080/login?a=1&b=%20#top", true);
    address("HTTPS://[2001:db8::1]/", true);
    address("https://portal.example", true);
    address("https://portal.example?x=me@example.org", true);
    address("", false);
    address("urn:ietf:params:capport:unrestricted", false);
    address("portal.example", false);
    address("ftp://portal.example/", false);
    address("javascript:alert(1)", false);
    address("file:///etc/passwd", false);
    address("https://", false);
    address("https:///path", false);
    address("https://:80/", false);
    address("https://bank.example@evil.example/", false);
    address("https://a b/", false);
    address("https://a/\n", false);
    address("https://a/\x1b[2J", false);
    address("https://a/\xe2\x80\xae", false);
    address("https://\xc3\xa4.example/", false);
    address("https://a/\"><b>", false);
    address("https://a\\b/", false);
    memset(longest + 8, 'a', PORTAL_URL_MAX - 9);
    address(longest, true);
    longest[PORTAL_URL_MAX - 1] = 'a';
    address(longest, false);
}

/* A link state with this text in it, and what is read from it. */
static void link_state(const char *directory, const char *name, const char *text,
                       const char *expected)
{
    char path[512], url[PORTAL_URL_MAX] = "before";
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/7", directory);
    file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        ok(false, "cannot write %s", path);
        return;
    }
    ok(networkd_portal_url(directory, 7, url) == (*expected != '\0'), "%s", name);
    is_string(url, expected, "... '%s'", expected);
    (void)unlink(path);
}

static void link_states(void)
{
    char directory[] = "/tmp/mailroam-links-XXXXXX", url[PORTAL_URL_MAX] = "before";
    static char big[200000];

    if (!ok(mkdtemp(directory), "a directory"))
        return;
    ok(!networkd_portal_url(directory, 7, url) && !*url, "no such link");
    ok(!networkd_portal_url("/nonexistent", 7, url), "no networkd");
    link_state(directory, "one",
               "# This is private data. Do not parse.\nADMIN_STATE=configured\n"
               "CAPTIVE_PORTAL=https://portal.example/\nDOMAINS=\n",
               "https://portal.example/");
    link_state(directory, "none", "ADMIN_STATE=configured\nDNS=10.0.0.1\n", "");
    link_state(directory, "a bad one", "CAPTIVE_PORTAL=ftp://x\n", "");
    link_state(directory, "without an end", "CAPTIVE_PORTAL=https://a", "https://a");
    link_state(directory, "an empty file", "", "");
    memset(big, 'x', sizeof(big) - 1);
    link_state(directory, "a huge line", big, "");
    memcpy(big, "CAPTIVE_PORTAL=https://", 23);
    link_state(directory, "a huge address", big, "");
    (void)rmdir(directory);
}

int main(void)
{
    addresses();
    link_states();
    for (enum connectivity c = CONNECTIVITY_UNKNOWN; c <= CONNECTIVITY_FULL; c++)
        ok(connectivity_to_string(c), "a word for each: %s", connectivity_to_string(c));
    return tap_done();
}
