/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * An account file of any content. It lies in memory: what account_settings_read() opens is a
 * symbolic link to a descriptor of this process. Settings that are taken have to be complete, in
 * bounds and safe to show; read again they are the same.
 */
#include "account-settings.h"
#include "log.h"
#include "fuzz.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

static char *directory, *file;
static int memory = -1;

static void remove_directory(void)
{
    (void)unlink(file);
    (void)rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc _unused_, char ***argv _unused_)
{
    const char *place = getenv("TMPDIR"); /* a fuzzer that has found something removes nothing */
    char target[64];

    log_set_level(LOG_EMERG);
    memory = memfd_create("account", MFD_CLOEXEC);
    CHECK(asprintf(&directory, "%s/mailroam-fuzz-XXXXXX", place ? place : "/tmp") > 0);
    CHECK(memory >= 0 && mkdtemp(directory));
    CHECK(asprintf(&file, "%s/fuzz.account", directory) > 0);
    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", memory);
    CHECK(symlink(target, file) == 0);
    return atexit(remove_directory);
}

static bool safe(const char *text)
{
    return !text || text_is_safe(text);
}

static void check_settings(const struct account_settings *settings)
{
    CHECK(strcmp(settings->name, "fuzz") == 0);
    if (settings->disabled) /* then nothing else has to be there */
        return;
    CHECK(settings->address && settings->username);
    CHECK(safe(settings->address) && safe(settings->username) && safe(settings->mechanisms));
    CHECK(safe(settings->password_command) && safe(settings->ca_file) && safe(settings->pin));
    CHECK(!settings->ca_file || *settings->ca_file == '/');
    CHECK(settings->minimum < N_MINIMUM);
    CHECK(settings->n_endpoints >= 1 && settings->n_endpoints <= ACCOUNT_ENDPOINTS_MAX);
    for (size_t i = 0; i < settings->n_endpoints; i++) {
        CHECK(host_check(settings->endpoints[i].host) == 0 && settings->endpoints[i].port > 0);
        CHECK(settings->endpoints[i].security < N_SECURITY);
        for (size_t j = 0; j < i; j++)
            CHECK(!endpoint_equal(&settings->endpoints[i], &settings->endpoints[j]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(account_settings_freep) struct account_settings *settings = NULL, *same = NULL;

    CHECK(ftruncate(memory, 0) == 0 && pwrite(memory, data, size, 0) == (ssize_t)size);
    if (account_settings_read(&settings, directory, "fuzz") < 0)
        return 0;
    check_settings(settings);
    CHECK(account_settings_read(&same, directory, "fuzz") == 0);
    CHECK(account_settings_equal(settings, same));
    return 0;
}
