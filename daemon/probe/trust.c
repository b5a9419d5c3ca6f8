/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Trust anchors, read as late as possible: out of a directory of hashed links OpenSSL takes the one
 * certificate it looks for, whereas a bundle costs 20 ms to parse. Where there are both, the bundle
 * waits until a certificate does not verify without it; what is trusted in the end is the same.
 */
#include "probe/trust.h"
#include "cleanup.h"
#include "error.h"
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

DEFINE_CLEANUP(struct trust *, trust_free)

/* "01234567.0": what openssl-rehash(1) makes. */
static bool is_hashed_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           name[9 + strspn(name + 9, "0123456789")] == '\0' && name[9] != '\0';
}

static bool is_hash_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool found = false;

    while (directory && !found && (entry = readdir(directory)))
        found = is_hashed_name(entry->d_name);
    if (directory)
        closedir(directory);
    return found;
}

static void note_time(struct trust *trust, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && status.st_mtime > trust->newest)
        trust->newest = status.st_mtime;
}

/* Whether it is a file that can be read, as far as can be said without doing so. */
static bool is_there(const char *path)
{
    return access(path, R_OK) == 0;
}

/*
 * The bundle: OpenSSL's own file. Where that is missing and no directory is hashed, OpenSSL would
 * trust nobody; the distributions' bundle in the directory itself is what was meant then.
 */
static int find_bundle(struct trust *trust, const char *directory, bool hashed)
{
    static const char *const names[] = {"ca-certificates.crt", "ca-bundle.crt"};
    const char *file = getenv(X509_get_default_cert_file_env());

    if (!file)
        file = X509_get_default_cert_file();
    if (hashed || is_there(file)) {
        trust->bundle = is_there(file) ? strdup(file) : NULL;
        return trust->bundle || !is_there(file) ? 0 : -ENOMEM;
    }
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", directory, names[i]) < 0) {
            path = NULL;
            return -ENOMEM;
        }
        if (is_there(path)) {
            trust->bundle = TAKE(path);
            return 0;
        }
    }
    return 0;
}

static int load_system(struct trust *trust)
{
    const char *variable = getenv(X509_get_default_cert_dir_env());
    _cleanup_free_ char *directories = strdup(variable ? variable : X509_get_default_cert_dir());
    bool hashed = false;
    char *rest = directories, *directory;
    int r;

    if (!directories || (*directories && X509_STORE_load_path(trust->anchors, directories) != 1))
        return -ENOMEM;
    while ((directory = strsep(&rest, ":"))) {
        hashed |= is_hash_directory(directory);
        note_time(trust, directory);
    }
    r = find_bundle(trust, directories, hashed); /* strsep() left the first of them */
    if (r < 0)
        return r;
    if (trust->bundle)
        note_time(trust, trust->bundle);
    if (!hashed)
        (void)trust_load_rest(trust);
    return 0;
}

int trust_new(struct trust **ret, const char *ca_file, char **ret_problem)
{
    _cleanup_(trust_freep) struct trust *trust = calloc(1, sizeof(*trust));
    int r;

    if (!trust)
        return -ENOMEM;
    trust->anchors = X509_STORE_new();
    if (!trust->anchors || X509_STORE_set_flags(trust->anchors, X509_V_FLAG_PARTIAL_CHAIN) != 1)
        return -ENOMEM;
    r = load_system(trust);
    if (r == 0 && ca_file) {
        if (X509_STORE_load_file(trust->anchors, ca_file) != 1)
            r = problem(ret_problem, "'%s' cannot be read as certificates in PEM form", ca_file);
        note_time(trust, ca_file);
    }
    ERR_clear_error();
    if (r < 0)
        return r;
    *ret = TAKE(trust);
    return 0;
}

bool trust_load_rest(struct trust *trust)
{
    _cleanup_free_ char *bundle = TAKE(trust->bundle);
    bool loaded = bundle && X509_STORE_load_file(trust->anchors, bundle) == 1;

    ERR_clear_error();
    return loaded;
}

struct trust *trust_free(struct trust *trust)
{
    if (!trust)
        return NULL;
    X509_STORE_free(trust->anchors);
    free(trust->bundle);
    free(trust);
    return NULL;
}
