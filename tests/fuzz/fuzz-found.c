/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A mail client's file of any content, which client's the first byte says. It lies in memory: what
 * stands at each place where the client has a file is a symbolic link to a descriptor of this
 * process. What is found has to be in bounds, safe to show, and the same when it is read again.
 * Evolution's is also what its registry says.
 */
#include "account-settings.h"
#include "found/adopt.h"
#include "found/evolution.h"
#include "found/found.h"
#include "fuzz.h"
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

DEFINE_CLEANUP(struct account_settings *, account_settings_free)
DEFINE_CLEANUP(struct evolution_sources *, evolution_sources_free)

static char home[64];
static int memory = -1;

static int remove_one(const char *path, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(path);
}

static void remove_home(void)
{
    (void)nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The link at this path beneath the home directory, and the directories above it. */
static void put_link(const char *target, const char *path)
{
    char whole[256];

    CHECK(snprintf(whole, sizeof(whole), "%s/%s", home, path) < (int)sizeof(whole));
    for (char *slash = strchr(whole + strlen(home) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    CHECK(symlink(target, whole) == 0);
}

int LLVMFuzzerInitialize(int *argc _unused_, char ***argv _unused_)
{
    static const char *const places[] = {".thunderbird/profiles.ini",
                                         ".thunderbird/a/prefs.js",
                                         ".config/evolution/sources/a.source",
                                         ".config/goa-1.0/accounts.conf",
                                         ".config/mailtransports",
                                         ".config/emailidentities",
                                         ".config/geary/account_01/geary.ini",
                                         ".claws-mail/accountrc",
                                         ".msmtprc",
                                         ".config/neomutt/neomuttrc",
                                         ".muttrc",
                                         ".config/aerc/accounts.conf",
                                         ".config/himalaya/config.toml",
                                         ".gitconfig"};
    const char *place = getenv("TMPDIR");
    char target[64];

    memory = memfd_create("found", MFD_CLOEXEC);
    (void)snprintf(home, sizeof(home), "%s/mailroam-fuzz-XXXXXX",
                   place && strlen(place) < 40 ? place : "/tmp");
    CHECK(memory >= 0 && mkdtemp(home));
    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", memory);
    for (size_t i = 0; i < ELEMENTSOF(places); i++)
        put_link(target, places[i]);
    return atexit(remove_home);
}

static void check_account(const struct found_account *account)
{
    _cleanup_(account_settings_freep) struct account_settings *settings = NULL;

    CHECK(account_name_check(account->name) == 0 && account->n_sources >= 1);
    CHECK(text_is_safe(account->address) && text_is_safe(account->username));
    CHECK(host_check(account->preferred.host) == 0);
    CHECK(account->preferred.security != SECURITY_NONE);
    CHECK(found_adopt(account, &settings) == 0 && settings->minimum == MINIMUM_VERIFIED);
    CHECK(settings->n_endpoints >= 1 && account_settings_are_found(settings));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct registry_source source = {"b", {(const char *)data + 1, size - 1}};
    _cleanup_(evolution_sources_freep) struct evolution_sources *told = NULL;
    char config[80];
    struct found_places places = {home, config, "/nowhere", NULL};
    struct found found, again;
    unsigned clients;

    if (size == 0)
        return 0;
    (void)snprintf(config, sizeof(config), "%s/.config", home);
    clients = MAIL_CLIENT_BIT(data[0] % N_MAIL_CLIENT);
    CHECK(ftruncate(memory, 0) == 0 && pwrite(memory, data + 1, size - 1, 0) == (ssize_t)size - 1);
    CHECK(evolution_sources_new(&told, &source, 1) == 0 && evolution_sources_equal(told, told));
    places.evolution = told;
    CHECK(found_look(&found, &places, clients) == 0 && found_look(&again, &places, clients) == 0);
    CHECK(found.n_accounts <= FOUND_ACCOUNTS_MAX && found.n_remarks <= FOUND_REMARKS_MAX);
    CHECK(found.n_accounts == again.n_accounts && found.n_remarks == again.n_remarks);
    for (size_t i = 0; i < found.n_accounts; i++) {
        check_account(&found.accounts[i]);
        CHECK(strcmp(found.accounts[i].name, again.accounts[i].name) == 0);
    }
    for (size_t i = 0; i < found.n_remarks; i++)
        CHECK(text_is_safe(found.remarks[i].detail) && text_is_safe(found.remarks[i].file));
    found_clear(&found);
    found_clear(&again);
    return 0;
}
