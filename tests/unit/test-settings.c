/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Account files, mailroam.conf and its drop-ins, written to a directory of the test's own. */
#include "account-settings.h"
#include "cleanup.h"
#include "config-file.h"
#include "error.h"
#include "log.h"
#include "paths.h"
#include "settings.h"
#include "tap.h"
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

static char directory[] = "/tmp/mailroam-settings-XXXXXX";

static void write_file(const char *name, const char *text)
{
    _cleanup_free_ char *path = NULL;
    FILE *file;

    if (asprintf(&path, "%s/%s", directory, name) < 0 || !(file = fopen(path, "w"))) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
    fputs(text, file);
    fclose(file);
}

static void test_confirm_after(void)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } rows[] = {
        {"1min", 60},    {"90min", 5400}, {"6h", 21600},  {"2d", 172800},
        {"60s", 60},     {"no", 0},       {"0", 0},       {"59s", 21600},
        {"6", 21600},    {"h", 21600},    {"-1h", 21600}, {"366d", 21600},
        {"1.5h", 21600}, {"", 21600},     {"6 h", 21600}, {"99999999999999999999d", 21600},
    };

    setenv("XDG_CONFIG_HOME", directory, 1);
    for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
        struct settings settings;
        char text[80];

        snprintf(text, sizeof(text), "[Mailroam]\nConfirmAfter=%s\n", rows[i].text);
        write_file("mailroam/mailroam.conf", text);
        if (ok(settings_read(&settings) == 0, "ConfirmAfter=%s", rows[i].text)) {
            is_number((long long)(settings.confirm_us / 1000000), (long long)rows[i].seconds,
                      "its value");
            settings_clear(&settings);
        }
    }
}

static int remove_one(const char *path, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(path);
}

static int read_account(const char *text, struct account_settings **ret)
{
    write_file("test.account", text);
    return account_settings_read(ret, directory, "test");
}

static void test_whole_account(void)
{
    struct account_settings *settings = NULL;

    if (!ok(read_account("# a comment\n"
                         "[Account]\n"
                         "Address=me@example.org\n"
                         "Server=mail.example.org\n"
                         "Server = backup.example.org\n"
                         "Endpoints=465/tls 587 2525/starttls\n"
                         "PasswordCommand=sh -c 'a ; b' # not a comment\n"
                         "LoginCheck=once-per-network\n"
                         "CAFile=/etc/passwd\n"
                         "Pin=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                         "MinimumSecurity=encrypted\n",
                         &settings) == 0,
            "an account with everything"))
        return;
    is_string(settings->name, "test", "its name");
    is_string(settings->username, "me@example.org", "the user name is the address");
    is_string(settings->password_command, "sh -c 'a ; b' # not a comment",
              "a command with a semicolon is whole");
    is_number((long long)settings->n_endpoints, 6, "two servers with three endpoints");
    is_string(settings->endpoints[3].host, "backup.example.org", "the second server follows");
    is_number(settings->endpoints[4].port, 587, "in the order of the endpoints");
    is_number(settings->endpoints[4].security, SECURITY_STARTTLS, "with the port's own security");
    is_number(settings->login_check, LOGIN_CHECK_ONCE_PER_NETWORK, "LoginCheck");
    is_number(settings->minimum, MINIMUM_ENCRYPTED, "MinimumSecurity");
    account_settings_free(settings);
}

static void test_small_account(void)
{
    struct account_settings *settings = NULL, *other = NULL;
    _cleanup_free_ char *text = NULL, *longest = calloc(1, 1001);

    ok(read_account("[Account]\nServer=mail.example.org\nColour=blue\n[Else]\nServer=x\n",
                    &settings) == 0,
       "an account with a server, an unknown key and an unknown section");
    is_number((long long)settings->n_endpoints, 3, "has the default endpoints");
    is_number(settings->endpoints[0].port, 465, "465 first");
    is_string(settings->address, "", "and no address");
    memset(longest, 'x', 1000);
    ok(asprintf(&text, "[Account]\nServer=mail.example.org\nPasswordCommand=%s\n", longest) > 0 &&
           read_account(text, &other) == 0,
       "a line of 1,000 characters");
    if (other)
        is_string(other->password_command, longest, "is whole");
    ok(other && !account_settings_equal(settings, other), "and makes it another account");
    account_settings_free(other);
    ok(read_account("[Account]\nServer=mail.example.org\nServer=mail.example.org\n", &other) == 0 &&
           other->n_endpoints == 3,
       "a server named twice is checked once");
    ok(account_settings_equal(settings, other), "and makes the same account");
    account_settings_free(settings);
    account_settings_free(other);
}

static void test_bad_accounts(void)
{
    static const char *const bad[] = {
        "",
        "[Account]\n",
        "[Account]\nAddress=me@example.org\n",
        "[Account]\nServer=\n",
        "[Account]\nServer=two words\n",
        "[Account]\nServer=h\nEndpoints=0/tls\n",
        "[Account]\nServer=h\nEndpoints=465/ssl\n",
        "[Account]\nServer=h\nLoginCheck=always\n",
        "[Account]\nServer=h\nCAFile=relative.pem\n",
        "[Account]\nServer=h\nCAFile=/nonexistent/ca.pem\n",
        "[Account]\nServer=h\nPin=sha256//short\n",
        "[Account]\nServer=h\nMinimumSecurity=some\n",
        "[Account]\nServer=h\nAddress=\x1b[2J\n",
        "[Account\nServer=h\n",
        "Server=h\n",
        "[Account]\nServer=h\nrubbish\n",
    };
    struct account_settings *settings = NULL;

    for (size_t i = 0; i < ELEMENTSOF(bad); i++)
        ok(read_account(bad[i], &settings) == -EINVAL && !settings, "refused: account %zu", i);
    ok(account_settings_read(&settings, directory, "missing") == -ENOENT, "a missing file");
    ok(account_name_check("work") == 0 && account_name_check("me@example.org") == 0 &&
           account_name_check("Büro 2") == 0,
       "names that can be");
    ok(account_name_check("") < 0 && account_name_check("../x") < 0 &&
           account_name_check(".hidden") < 0 && account_name_check("a\nb") < 0,
       "names that cannot");
}

static int count(const char *section _unused_, const char *key _unused_, const char *value,
                 unsigned line, void *userdata)
{
    char *all = userdata;

    sprintf(all + strlen(all), "%u:%s;", line, value);
    return 0;
}

static void test_config_file(void)
{
    _cleanup_free_ char *path = NULL;
    char all[200] = "";
    unsigned line = 0;

    write_file("a.conf",
               "[S]\n  Indented=one\nKey=two\n  and three\n\n; comment\nLast:four ; five");
    ok(asprintf(&path, "%s/a.conf", directory) > 0 &&
           config_file_read(path, count, all, &line) == 0,
       "a file with all there is");
    is_string(all, "2:one;3:two;4:and three;7:four ; five;", "values are whole, lines are right");
    write_file("a.conf", "[S]\nKey=one\nno equals sign\n");
    ok(config_file_read(path, count, all, &line) == -EBADMSG && line == 3, "a bad line is named");
    ok(config_file_read(directory, count, all, &line) < 0, "a directory is no file");
}

static void test_settings(void)
{
    struct settings settings;

    setenv("XDG_CONFIG_HOME", directory, 1);
    ok(settings_read(&settings) == 0 && settings.log_level == LOG_INFO && !settings.default_account,
       "no files: the defaults");
    write_file("mailroam/mailroam.conf", "[Mailroam]\nDefaultAccount=work\nLogLevel=loud\n");
    ok(settings_read(&settings) == 0, "a main file");
    is_string(settings.default_account, "work", "its value");
    is_number(settings.log_level, LOG_INFO, "a bad value is skipped");
    settings_clear(&settings);
    write_file("mailroam/mailroam.conf.d/20.conf", "[Mailroam]\nDefaultAccount=two\n");
    write_file("mailroam/mailroam.conf.d/10.conf",
               "[Mailroam]\nDefaultAccount=one\nLogLevel=debug\n");
    write_file("mailroam/mailroam.conf.d/30.txt", "[Mailroam]\nDefaultAccount=three\n");
    ok(settings_read(&settings) == 0, "drop-ins");
    is_string(settings.default_account, "two", "the last by name counts");
    is_number(settings.log_level, LOG_DEBUG, "together with the others");
    settings_clear(&settings);
    test_confirm_after();
    setenv("XDG_CONFIG_HOME", "relative", 1);
    unsetenv("HOME");
    ok(settings_read(&settings) == 0, "no home at all: the defaults");
    settings_clear(&settings);
}

int main(void)
{
    _cleanup_free_ char *drop_ins = NULL;

    log_set_level(LOG_EMERG); /* what is wrong is wrong on purpose */
    if (!mkdtemp(directory) || asprintf(&drop_ins, "%s/mailroam/mailroam.conf.d", directory) < 0) {
        puts("Bail out! no temporary directory");
        return 1;
    }
    ok(path_make_directories(drop_ins) == 0, "directories are made");
    test_whole_account();
    test_small_account();
    test_bad_accounts();
    test_config_file();
    test_settings();
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
