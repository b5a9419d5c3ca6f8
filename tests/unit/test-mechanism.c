/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which login mechanism is used, of those that are offered and may be; and what becomes of
 * secrets in memory. */
#include "cleanup.h"
#include "contain.h"
#include "error.h"
#include "judge/mechanism.h"
#include "secret.h"
#include "tap.h"
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
    const char *allowed, *offered[8], *best;
} choices[] = {
    {"",
     {"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"},
     "SCRAM-SHA-256-PLUS"},
    {"", {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"}, "SCRAM-SHA-1-PLUS"},
    {"", {"LOGIN", "PLAIN"}, "PLAIN"},
    {"", {"LOGIN"}, "LOGIN"},
    {"", {"scram-sha-1", "Plain"}, "SCRAM-SHA-1"},
    {"", {"CRAM-MD5"}, NULL}, /* not without being asked for */
    {"", {"XOAUTH2", "OAUTHBEARER"}, NULL},
    {"", {"GSSAPI", "NTLM", "DIGEST-MD5"}, NULL},
    {"", {NULL}, NULL},
    {"CRAM-MD5", {"CRAM-MD5", "PLAIN"}, "CRAM-MD5"},
    {"CRAM-MD5 PLAIN", {"CRAM-MD5", "PLAIN"}, "PLAIN"}, /* only where there is nothing else */
    {"CRAM-MD5 PLAIN", {"CRAM-MD5", "LOGIN"}, "CRAM-MD5"},
    {"SCRAM-SHA-256", {"SCRAM-SHA-256-PLUS", "PLAIN"}, NULL},
    {"XOAUTH2 OAUTHBEARER", {"PLAIN", "XOAUTH2", "OAUTHBEARER"}, "OAUTHBEARER"},
    {"XOAUTH2", {"PLAIN", "OAUTHBEARER"}, NULL},
    {" plain\tLOGIN ", {"LOGIN", "SCRAM-SHA-1"}, "LOGIN"},
};

static void test_choice(void)
{
    for (size_t i = 0; i < ELEMENTSOF(choices); i++) {
        char *problem = NULL;
        enum mechanism best;
        unsigned allowed;

        if (!ok(mechanisms_parse(choices[i].allowed, &allowed, &problem) == 0, "\"%s\": read",
                choices[i].allowed))
            continue;
        best = mechanisms_best(allowed & mechanisms_offered((char *const *)choices[i].offered));
        is_string(best == N_MECHANISM ? NULL : mechanism_to_string(best), choices[i].best,
                  "\"%s\" from %s...", choices[i].allowed,
                  choices[i].offered[0] ? choices[i].offered[0] : "nothing");
    }
}

static void test_mistakes(void)
{
    static const char *const texts[] = {"PLAIN,LOGIN", "SCRAM", "PLAIN XOAUTH2", "GSSAPI"};

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        _cleanup_free_ char *problem = NULL;
        unsigned allowed = 77;

        ok(mechanisms_parse(texts[i], &allowed, &problem) == -EINVAL && problem && allowed == 77,
           "\"%s\" is refused: %s", texts[i], problem ? problem : "");
    }
}

static void test_strength(void)
{
    ok(mechanism_is_weaker(MECHANISM_SCRAM_SHA_1, MECHANISM_PLAIN), "PLAIN shows what SCRAM hides");
    ok(mechanism_is_weaker(MECHANISM_SCRAM_SHA_1_PLUS, MECHANISM_SCRAM_SHA_256),
       "without -PLUS the login is not tied to the session");
    ok(!mechanism_is_weaker(MECHANISM_SCRAM_SHA_256, MECHANISM_SCRAM_SHA_1),
       "another hash is as good");
    ok(!mechanism_is_weaker(MECHANISM_LOGIN, MECHANISM_SCRAM_SHA_256),
       "a stronger one is not weaker");
}

/* What the kernel says of the page at `at`, in /proc/self/smaps: its flags. */
static bool has_flag(const void *at, const char *flag)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false, found = false;

    while (file && fgets(line, sizeof(line), file)) {
        unsigned long from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (unsigned long)at >= from && (unsigned long)at < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag);
    }
    if (file)
        fclose(file);
    return found;
}

static int put(struct secret *secret, const char *bytes, size_t n)
{
    int ends[2], r;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    if (write(ends[1], bytes, n) != (ssize_t)n)
        return -EIO;
    close(ends[1]);
    r = secret_read(secret, ends[0]);
    close(ends[0]);
    return r;
}

static void test_secret(void)
{
    static char large[101];
    struct secret *secret = NULL;
    int ends[2];

    if (secret_new(&secret, 100) < 0) {
        skip("a secret", "this machine locks no memory");
        return;
    }
    if (CONTAIN_ASAN)
        skip("its page is locked", "AddressSanitizer makes mlock(2) do nothing");
    else
        ok(has_flag(secret, " lo "), "its page is locked");
    ok(has_flag(secret, " dd "), "and is not dumped");
    ok(has_flag(secret, " dc "), "nor inherited");
    ok(put(secret, "wrong horse\r\nand more", 21) == 0 && secret->length == 21, "it is read");
    ok(secret_cut(secret) == 0 && strcmp(secret->bytes, "wrong horse") == 0,
       "its first line counts");
    ok(!memmem(secret->bytes, secret->size, "more", 4), "what stood behind it is wiped");
    ok(secret_add(secret, large, 90) == -EFBIG && secret->length == 11, "it has bounds");
    secret->length = 0;
    ok(put(secret, large, 100) == 0 && secret->length == 100, "as much as there is room for");
    ok(secret_cut(secret) == -EBADMSG, "a NUL is in no password");
    secret->length = 0;
    ok(put(secret, large, 101) == -EFBIG, "and not a byte more");
    secret->length = 0;
    ok(put(secret, "\n", 1) == 0 && secret_cut(secret) == -EBADMSG, "an empty line is none");
    secret->length = 0;
    ok(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 && write(ends[1], "ab", 2) == 2 &&
           secret_read(secret, ends[0]) == SECRET_MORE && secret->length == 2,
       "what is not there yet is waited for by the caller");
    close(ends[0]);
    close(ends[1]);
    ok(!secret_free(secret), "it is given back");
}

int main(void)
{
    test_choice();
    test_mistakes();
    test_strength();
    test_secret();
    return tap_done();
}
