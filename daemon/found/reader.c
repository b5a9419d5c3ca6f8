/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What the readers share: files in, accounts and remarks out. A file is opened only when it is a
 * regular one, and read as a whole up to a bound of its own and one for all together; its memory is
 * wiped, because a password may have been in it. Nothing is opened for writing, and no name from a
 * file becomes anything but the path of another file to read.
 */
#include "found/reader.h"
#include "error.h"
#include "file.h"
#include "found/found-internal.h"
#include "text.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX   ((size_t)4 << 20) /* Thunderbird's prefs.js has hundreds of KiB after years */
#define NAMES_MAX  512               /* of one directory */
#define DETAIL_MAX 120

int reader_open(struct reader *reader, const char *path, struct reader_text *ret)
{
    size_t max = *reader->budget < FILE_MAX ? *reader->budget : FILE_MAX, length = 0;
    struct stat status;
    int r = found_add_path(reader->found, path, "");

    if (r < 0)
        return r;
    /* Before it is opened: to open a device can do something. */
    if (stat(path, &status) < 0)
        r = -errno;
    else if (!S_ISREG(status.st_mode))
        r = -EBADMSG;
    else
        r = file_read(path, max, &ret->memory, &length);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        const char *why = r == -EBADMSG ? "not a regular file"
                          : r == -EFBIG ? "too large"
                                        : strerror(-r);
        const char *before = reader->file;

        if (r == -ENOENT || r == -ENOTDIR)
            return READER_NOTHING;
        reader->file = path;
        r = reader_remark(reader, REMARK_UNREADABLE, 0, (struct slice){why, strlen(why)});
        reader->file = before;
        return r < 0 ? r : READER_NOTHING;
    }
    *reader->budget -= length;
    ret->all = (struct slice){ret->memory, length};
    if (slice_begins(ret->all, "\xEF\xBB\xBF")) /* a byte order mark */
        ret->all = (struct slice){ret->memory + 3, length - 3};
    return 0;
}

void reader_text_clear(struct reader_text *text)
{
    if (text->memory)
        explicit_bzero(text->memory, (size_t)(text->all.at - text->memory) + text->all.n);
    free(text->memory);
    *text = (struct reader_text){.memory = NULL};
}

static void closedirp(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

void reader_names_free(char ***names)
{
    for (char **name = *names; name && *name; name++)
        free(*name);
    free(*names);
    *names = NULL;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);

    return n > m && strcmp(text + n - m, suffix) == 0;
}

int reader_list(struct reader *reader, const char *path, const char *suffix, char ***ret)
{
    _cleanup_(reader_names_free) char **names = calloc(NAMES_MAX + 1, sizeof(*names));
    _cleanup_(closedirp) DIR *directory = NULL;
    struct dirent *entry;
    size_t n = 0;
    int r = found_add_path(reader->found, path, "/");

    if (!names || r < 0)
        return -ENOMEM;
    directory = opendir(path);
    while (directory && r == 0 && (entry = readdir(directory))) {
        if (*entry->d_name == '.' || !ends_with(entry->d_name, suffix))
            continue;
        if (n == NAMES_MAX)
            return reader_remark(reader, REMARK_TOO_MANY, 0, (struct slice){path, strlen(path)});
        names[n] = strdup(entry->d_name);
        if (!names[n++])
            return -ENOMEM;
    }
    if (n > 0) /* so that the same is found each time */
        qsort(names, n, sizeof(*names), by_name);
    *ret = TAKE(names);
    return 0;
}

char *reader_path(const char *base, const char *rest)
{
    char *path;

    return base && asprintf(&path, "%s/%s", base, rest) >= 0 ? path : NULL;
}

char *reader_expand(const struct reader *reader, struct slice name, const char *directory)
{
    const char *base = directory;
    char *path;

    errno = EINVAL;
    if (name.n == 0 || name.n > 4000 || slice_has(name, '\0'))
        return NULL;
    if (slice_begins(name, "~/")) {
        base = reader->places->home;
        name = slice_between(name.at + 2, name.at + name.n);
    } else if (*name.at == '/') {
        return strndup(name.at, name.n);
    } else if (*name.at == '~') {
        return NULL; /* somebody else's home */
    }
    if (!base)
        return NULL;
    return asprintf(&path, "%s/%.*s", base, (int)name.n, name.at) < 0 ? NULL : path;
}

int reader_remark(struct reader *reader, enum remark remark, unsigned line, struct slice detail)
{
    _cleanup_free_ char *safe = text_safe(detail.at ? detail.at : "", detail.n, DETAIL_MAX);

    if (!safe)
        return -ENOMEM;
    return found_add_remark(reader->found, reader->client, remark, reader->file ? reader->file : "",
                            line, safe);
}

/* ME in "Name <ME>". */
void draft_set_address(struct draft *draft, struct slice value)
{
    struct slice rest;

    value = slice_trim(value);
    if (slice_has(value, '<')) {
        (void)slice_cut(value, '<', &rest);
        value = slice_trim(slice_cut(rest, '>', &rest));
    }
    (void)slice_copy(slice_unquote(value), draft->address, sizeof(draft->address));
}

void draft_set_host(struct draft *draft, struct slice value)
{
    value = slice_unquote(slice_trim(value));
    if (value.n > 2 && *value.at == '[' && value.at[value.n - 1] == ']')
        value = (struct slice){value.at + 1, value.n - 2};
    if (value.n > 1 && value.at[value.n - 1] == '.') /* the root, as DNS has it */
        value.n--;
    if (!slice_copy(value, draft->host, sizeof(draft->host)))
        strcpy(draft->host, "?"); /* something, and no host */
}

void draft_set_username(struct draft *draft, struct slice value)
{
    (void)slice_copy(slice_unquote(slice_trim(value)), draft->username, sizeof(draft->username));
}

void draft_set_host_and_port(struct draft *draft, struct slice value)
{
    struct slice port = {"", 0};

    value = slice_trim(value);
    if (value.n > 0 && *value.at == '[') {
        struct slice host = slice_cut(value, ']', &port);

        value = slice_between(host.at + 1, host.at + host.n);
        (void)slice_cut(port, ':', &port);
    } else if (slice_has(value, ':')) {
        struct slice rest, host = slice_cut(value, ':', &rest);

        if (!slice_has(rest, ':')) { /* else it is an IPv6 address alone */
            value = host;
            port = rest;
        }
    }
    draft_set_host(draft, value);
    if (port.n > 0)
        draft->port = slice_number(port);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void set_decoded_username(struct draft *draft, struct slice value)
{
    size_t n = 0;

    for (size_t i = 0; i < value.n && n < DRAFT_TEXT_MAX; i++) {
        bool coded = value.at[i] == '%' && i + 2 < value.n && hex(value.at[i + 1]) >= 0 &&
                     hex(value.at[i + 2]) >= 0;
        char c = value.at[i];

        if (coded)
            c = (char)(hex(value.at[i + 1]) * 16 + hex(value.at[i + 2]));
        i += coded ? 2 : 0;
        if (c != '\0')
            draft->username[n++] = c;
    }
    draft->username[n] = '\0';
}

struct slice draft_set_url(struct draft *draft, struct slice url)
{
    const char *end, *at = NULL;
    struct slice scheme, rest, user;

    scheme = slice_cut(url, ':', &rest);
    if (!slice_begins(rest, "//"))
        return (struct slice){url.at, 0};
    rest = slice_between(rest.at + 2, rest.at + rest.n);
    /* The last @ before the host: a user's name often is an address, and not everybody codes it. */
    end = rest.at + rest.n;
    at = rest.n > 0 ? memrchr(rest.at, '@', rest.n) : NULL;
    user = slice_between(rest.at, at ? at : rest.at);
    rest = slice_between(at ? at + 1 : rest.at, end);
    user = slice_cut(user, ':', &(struct slice){0});
    user = slice_cut(user, ';', &(struct slice){0}); /* ;AUTH=... */
    set_decoded_username(draft, user);
    rest = slice_cut(rest, '/', &(struct slice){0});
    rest = slice_cut(rest, '?', &(struct slice){0});
    draft_set_host_and_port(draft, rest);
    return scheme;
}

static bool is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "ip6-localhost") == 0 ||
           strcasecmp(host, "localhost.localdomain") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0 || strcmp(host, "0.0.0.0") == 0 || *host == '/';
}

/* The endpoint that the client uses, with the encryption that it should use. */
static struct endpoint preferred_of(const struct draft *draft)
{
    struct endpoint endpoint = {.port = (uint16_t)draft->port};

    switch (draft->security) {
    case DRAFT_UNSAID:
        endpoint.security =
            draft->port == 465 || draft->port == 443 ? SECURITY_TLS : SECURITY_STARTTLS;
        break;
    case DRAFT_TLS:
        endpoint.security = SECURITY_TLS;
        endpoint.port = draft->port ? endpoint.port : 465;
        break;
    case DRAFT_STARTTLS:
        endpoint.security = SECURITY_STARTTLS;
        endpoint.port = draft->port ? endpoint.port : 587;
        break;
    case DRAFT_OPPORTUNISTIC:
    case DRAFT_NONE:
        endpoint.security = draft->port == 465 ? SECURITY_TLS : SECURITY_STARTTLS;
        break;
    }
    return endpoint;
}

int reader_take(struct reader *reader, const struct draft *original)
{
    struct draft draft = *original;
    struct slice host = {draft.host, strlen(draft.host)};
    struct endpoint preferred;
    int r = 0;

    if (*draft.host == '\0')
        return reader_remark(reader, REMARK_NO_SERVER, draft.line,
                             (struct slice){draft.address, strlen(draft.address)});
    if (is_this_machine(draft.host))
        return reader_remark(reader, *draft.host == '/' ? REMARK_PROGRAM : REMARK_LOCAL, draft.line,
                             host);
    text_lower(draft.host);
    if (host_check(draft.host) < 0 || !text_is_safe(draft.host))
        return reader_remark(reader, REMARK_BAD_SERVER, draft.line, host);
    if (draft.port < 0 || draft.port > UINT16_MAX) {
        draft.port = 0;
        r = reader_remark(reader, REMARK_BAD_PORT, draft.line, host);
    }
    if (r == 0 && draft.security == DRAFT_NONE)
        r = reader_remark(reader, REMARK_CLEARTEXT, draft.line, host);
    if (r == 0 && draft.security == DRAFT_OPPORTUNISTIC)
        r = reader_remark(reader, REMARK_OPPORTUNISTIC, draft.line, host);
    if (*draft.address == '\0' && strchr(draft.username, '@'))
        strcpy(draft.address, draft.username);
    preferred = preferred_of(&draft);
    strcpy(preferred.host, draft.host);
    return r < 0 ? r
                 : found_add_account(reader->found, reader->client, reader->file, draft.address,
                                     draft.username, &preferred);
}
