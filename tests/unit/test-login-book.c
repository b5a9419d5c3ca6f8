/* SPDX-License-Identifier: GPL-3.0-or-later */

/* When a login may be made, in simulated time: no server is to see three failures in a row. */
#include "cleanup.h"
#include "login-book.h"
#include "tap.h"
#include <string.h>

#define HOUR UINT64_C(3600000000)

static struct account_settings *account(const char *name, const char *user, const char *server,
                                        const char *command)
{
    struct account_settings *settings = account_settings_new(name);
    char *problem = NULL;

    (void)account_settings_set(settings, "Server", server, &problem);
    (void)account_settings_set(settings, "Username", user, &problem);
    (void)account_settings_set(settings, "PasswordCommand", command, &problem);
    (void)account_settings_complete(settings, &problem);
    free(problem);
    return settings;
}

static enum login_leave may(const struct login_book *book, const struct account_settings *settings,
                            const char *network, bool asked, uint64_t now)
{
    const struct login_intent intent = {settings, settings->servers[0], network, 0};

    return login_book_ask(book, &intent, asked, now);
}

/* Whether the server sees a login, whose outcome is this one, with a password of that time. */
static bool log_in_with(struct login_book *book, const struct account_settings *settings,
                        uint64_t changed, const char *network, bool asked,
                        enum login_outcome outcome, uint64_t now)
{
    const struct login_intent intent = {settings, settings->servers[0], network, changed};

    if (login_book_ask(book, &intent, asked, now) != LEAVE_GIVEN)
        return false;
    (void)login_book_begin(book, &intent);
    login_book_note(book, &intent, outcome, now);
    return true;
}

static bool log_in(struct login_book *book, const struct account_settings *settings,
                   const char *network, bool asked, enum login_outcome outcome, uint64_t now)
{
    return log_in_with(book, settings, 0, network, asked, outcome, now);
}

/* As a restart finds it. */
static struct login_book *reopen(struct login_book *book)
{
    _cleanup_free_ char *text = login_book_write(book);
    struct login_book *again = login_book_new(text, strlen(text));

    login_book_free(book);
    return again;
}

static void test_networks(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "pass");
    struct login_book *book = login_book_new(NULL, 0);

    ok(log_in(book, me, "home", false, LOGIN_ACCEPTED, 1), "a network: one login");
    ok(!log_in(book, me, "home", false, LOGIN_ACCEPTED, HOUR), "and no other");
    book = reopen(book);
    ok(!log_in(book, me, "home", false, LOGIN_ACCEPTED, HOUR), "nor after a restart");
    ok(log_in(book, me, "home", true, LOGIN_ACCEPTED, HOUR), "but for who asks");
    ok(log_in(book, me, "hotel", false, LOGIN_ACCEPTED, HOUR), "on another one again");
    is_number(may(book, me, "hotel", false, HOUR), LEAVE_DONE, "done");
    login_book_free(book);
    account_settings_free(me);
}

static void test_refusals(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "pass");
    struct account_settings *twin = account("twin", "me", "MAIL.example.org", "other");
    struct account_settings *mended = account("me", "me", "mail.example.org", "pass new");
    struct account_settings *other = account("other", "you", "mail.example.org", "pass");
    struct login_book *book = login_book_new(NULL, 0);
    unsigned failures = 0;

    for (unsigned i = 0; i < 50; i++) {
        char network[16];

        (void)snprintf(network, sizeof(network), "net%u", i % 7);
        failures += log_in(book, i % 3 == 0 ? twin : me, network, false, LOGIN_REFUSED, i * HOUR);
        if (i % 5 == 0)
            book = reopen(book);
    }
    is_number(failures, 1, "50 networks, two accounts, ten restarts: one failure");
    ok(log_in(book, other, "net0", false, LOGIN_ACCEPTED, 60 * HOUR),
       "another user is not stopped");
    for (unsigned i = 0; i < 50; i++)
        failures += log_in(book, i % 2 ? twin : me, "net0", true, LOGIN_REFUSED, i * HOUR);
    is_number(failures, 2, "somebody asks 50 times: a second one, and no third");
    is_number(may(book, me, "net0", true, 0), LEAVE_REFUSED, "refused");
    ok(log_in(book, mended, "net0", false, LOGIN_ACCEPTED, 99 * HOUR), "other settings: at once");
    ok(log_in(book, twin, "net1", false, LOGIN_ACCEPTED, 99 * HOUR),
       "which is good for the twin, too");
    login_book_free(book);
    account_settings_free(me);
    account_settings_free(twin);
    account_settings_free(mended);
    account_settings_free(other);
}

/* A keyring says when the password was changed. */
static void test_keyring(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "");
    struct account_settings *twin = account("twin", "me", "mail.example.org", "");
    struct account_settings *both = account("both", "me", "other.example.org", "");
    struct login_book *book = login_book_new(NULL, 0);
    struct login_intent intent = {me, "mail.example.org", "home", 0};
    char *problem = NULL;

    (void)account_settings_set(both, "Server", "mail.example.org", &problem);
    is_number(login_book_refused(book, &intent), 0, "nothing was refused yet");
    ok(log_in_with(book, me, 100, "home", false, LOGIN_REFUSED, 1), "a wrong password");
    ok(!log_in_with(book, me, 100, "hotel", false, LOGIN_REFUSED, HOUR), "is not tried again");
    book = reopen(book);
    is_number(login_book_refused(book, &intent), 100, "which password it was is in the file");
    ok(!log_in_with(book, me, 100, "hotel", false, LOGIN_REFUSED, HOUR), "nor after a restart");
    ok(!log_in_with(book, me, 0, "hotel", false, LOGIN_REFUSED, HOUR),
       "nor where nobody knows when it was changed");
    ok(!log_in_with(book, both, 200, "hotel", false, LOGIN_REFUSED, HOUR),
       "nor is another server's password the one that was refused");
    ok(log_in_with(book, me, 200, "home", false, LOGIN_REFUSED, HOUR), "a changed one is, once");
    ok(!log_in_with(book, twin, 200, "home", false, LOGIN_REFUSED, HOUR), "and not by the twin");
    ok(log_in_with(book, twin, 200, "home", true, LOGIN_REFUSED, HOUR), "who asks gets one more");
    ok(!log_in_with(book, me, 200, "home", true, LOGIN_REFUSED, HOUR), "and no third");
    ok(log_in_with(book, me, 150, "home", true, LOGIN_ACCEPTED, HOUR),
       "changed to an earlier time: changed");
    is_number(login_book_refused(book, &intent), 0, "after which nothing is refused");
    ok(log_in(book, me, "inn", false, LOGIN_REFUSED, HOUR), "one of a command, say");
    ok(!log_in_with(book, me, 300, "inn", false, LOGIN_REFUSED, HOUR),
       "nobody knows whether that has changed");
    login_book_free(book);
    account_settings_free(me);
    account_settings_free(twin);
    account_settings_free(both);
    free(problem);
}

static void test_patience(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "pass");
    struct login_book *book = login_book_new(NULL, 0);

    ok(log_in(book, me, "home", false, LOGIN_DEFERRED, HOUR), "a server that has no time");
    is_number(may(book, me, "home", false, HOUR + LOGIN_LATER_US - 1), LEAVE_LATER, "later");
    ok(log_in(book, me, "home", true, LOGIN_DEFERRED, HOUR + 1), "who asks does not wait");
    is_number(may(book, me, "home", false, HOUR + LOGIN_LATER_US + 2), LEAVE_GIVEN,
              "now, on the same network");
    is_number(may(book, me, "home", false, 1), LEAVE_GIVEN,
              "a clock that was set back makes nobody wait");
    login_book_free(book);
    account_settings_free(me);
}

static void test_crash(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "pass");
    struct login_book *book = login_book_new(NULL, 0);

    (void)login_book_begin(
        book, &(struct login_intent){.settings = me, .server = "mail.example.org", .network = ""});
    book = reopen(book);
    is_number(may(book, me, "home", false, 1), LEAVE_REFUSED,
              "killed in mid-login: it may have failed");
    ok(log_in(book, me, "home", true, LOGIN_ACCEPTED, 1), "who asks finds out");
    is_number(may(book, me, "hotel", false, 1), LEAVE_GIVEN, "and all is well again");
    login_book_free(book);
    account_settings_free(me);
}

static void test_file(void)
{
    static const char bare[] = "{\"version\":1,\"logins\":[{\"user\":\"me\",\"server\":"
                               "\"mail.example.org\",\"refusals\":2}]}";
    static const char *const texts[] = {
        "", "{", "[]", "{\"logins\":{}}", "{\"logins\":[1,{},{\"user\":\"me\"}]}", bare};
    struct account_settings *me = account("me", "me", "mail.example.org", "pass");

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        struct login_book *book = login_book_new(texts[i], strlen(texts[i]));

        is_number(may(book, me, "home", false, 1), LEAVE_GIVEN, "a file of no use: %s", texts[i]);
        login_book_free(book);
    }
    account_settings_free(me);
}

/* As before passwords had times. */
static void test_old_file(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "");
    struct login_book *book = login_book_new(NULL, 0), *old;
    _cleanup_free_ char *text = NULL;
    char *changed;

    (void)log_in(book, me, "home", false, LOGIN_REFUSED, 1);
    text = login_book_write(book);
    changed = strstr(text, "\"changed\":0,");
    ok(changed, "a time is written");
    if (changed)
        memmove(changed, changed + strlen("\"changed\":0,"),
                strlen(changed + strlen("\"changed\":0,")) + 1);
    old = login_book_new(text, strlen(text));
    is_number(may(old, me, "home", false, 1), LEAVE_REFUSED, "a file without one is read");
    ok(!log_in_with(old, me, 100, "home", false, LOGIN_REFUSED, 1), "and its refusals count");
    login_book_free(old);
    login_book_free(book);
    account_settings_free(me);
}

/* What is written for the account by a book that has never seen another one. */
static char *digest_in_new_book(const struct account_settings *settings)
{
    struct login_book *book = login_book_new(NULL, 0);
    _cleanup_free_ char *text = NULL;
    const char *digest;

    (void)login_book_begin(book, &(struct login_intent){settings, settings->servers[0], "", 0});
    text = login_book_write(book);
    login_book_free(book);
    digest = strstr(text, "\"settings\":\"");
    return digest ? strndup(digest + strlen("\"settings\":\""), 64) : NULL;
}

static void test_salt(void)
{
    struct account_settings *me = account("me", "me", "mail.example.org", "echo password");
    _cleanup_free_ char *one = digest_in_new_book(me), *other = digest_in_new_book(me);

    ok(one && other && strlen(one) == 64 && strcmp(one, other) != 0,
       "no two books have the same digest of the same settings");
    account_settings_free(me);
}

int main(void)
{
    test_networks();
    test_refusals();
    test_keyring();
    test_patience();
    test_crash();
    test_file();
    test_old_file();
    test_salt();
    return tap_done();
}
