/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The sources, each a list of questions that are put side by side. The documents' places and their
 * order are those of draft-ietf-mailmaint-autoconfig-06, section 4, and, second, the one that the
 * drafts before it had; never by http. The first in this order that is of use counts, and what
 * stands behind it is not waited for.
 */
#include "discover/sources.h"
#include "cleanup.h"
#include "discover/fetch.h"
#include "discover/records.h"
#include "error.h"
#include "words.h"
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define ISPDB         "https://autoconfig.thunderbird.net/v1.1/"
#define DOCUMENTS_MAX 4
#define BY_MAX        (HOST_MAX + sizeof("autoconfig."))

static const char *const source_words[N_SOURCE] = {
    [SOURCE_AUTOCONFIG] = "autoconfig",
    [SOURCE_ISPDB] = "ispdb",
    [SOURCE_SRV] = "srv",
    [SOURCE_MX] = "mx",
    [SOURCE_GUESS] = "guess",
};

const char *source_to_string(enum source source)
{
    return source_words[source];
}

int source_from_string(const char *text, enum source *ret)
{
    for (int i = 0; i < N_SOURCE; i++)
        if (strcmp(text, source_words[i]) == 0) {
            *ret = (enum source)i;
            return 0;
        }
    return -EINVAL;
}

static const char *const result_words[N_STEP_RESULT] = {
    [STEP_FOUND] = "found",   [STEP_NOTHING] = "nothing", [STEP_NOT_OFFERED] = "not-offered",
    [STEP_FAILED] = "failed", [STEP_REFUSED] = "refused",
};

const char *step_result_to_string(enum step_result result)
{
    return result_words[result];
}

/* --- documents ------------------------------------------------------------------------------- */

/* Documents in the order in which they count. */
struct documents {
    const struct mail_address *address;
    struct fetch fetches[DOCUMENTS_MAX];
    struct autoconfig configs[DOCUMENTS_MAX];
    bool read[DOCUMENTS_MAX];
    size_t n;
    int error;
};

static void documents_clear(struct documents *documents)
{
    for (size_t i = 0; i < documents->n; i++) {
        free(documents->fetches[i].url);
        fetch_clear(&documents->fetches[i]);
        autoconfig_clear(&documents->configs[i]);
    }
}

/* Takes the URL, NULL meaning that there was no memory for it. */
static int add_document(struct documents *documents, char *url)
{
    if (!url)
        return -ENOMEM;
    documents->fetches[documents->n++] = (struct fetch){.url = url, .max = AUTOCONFIG_BYTES_MAX};
    return 0;
}

static char *document_url(const char *host, const char *path)
{
    char *url = NULL;

    return asprintf(&url, "https://%s%s", host, path) < 0 ? NULL : url;
}

/* What was fetched, read; what of it is not to be had is put like any other failure. */
static void read_document(struct documents *documents, size_t i)
{
    struct fetch *fetch = &documents->fetches[i];
    int r;

    documents->read[i] = true;
    if (fetch->result != FETCH_GOT)
        return;
    r = autoconfig_parse(fetch->body, fetch->length, documents->address, &documents->configs[i],
                         &fetch->problem);
    if (r == 0 && documents->configs[i].n_servers == 0) {
        fetch->problem = strdup(documents->configs[i].left_out ? documents->configs[i].left_out
                                                               : N_("it names no mail server"));
        r = fetch->problem ? -EINVAL : -ENOMEM;
    }
    if (r == -EINVAL)
        fetch->result = FETCH_REFUSED;
    else if (r < 0)
        documents->error = r;
}

/* Whether one is of use and nothing is open that would count more. */
static bool documents_settled(void *userdata)
{
    struct documents *documents = userdata;

    for (size_t i = 0; i < documents->n; i++)
        if (documents->fetches[i].result != FETCH_PENDING && !documents->read[i])
            read_document(documents, i);
    for (size_t i = 0; i < documents->n; i++)
        if (documents->configs[i].n_servers > 0 || documents->error)
            return true;
        else if (documents->fetches[i].result == FETCH_PENDING)
            return false;
    return false;
}

static enum step_result step_of(const struct fetch *fetch)
{
    switch (fetch->result) {
    case FETCH_GOT:
        return STEP_FOUND;
    case FETCH_NOTHING:
        return STEP_NOTHING;
    case FETCH_REFUSED:
        return STEP_REFUSED;
    case FETCH_PENDING:
    case FETCH_FAILED:
        break;
    }
    return STEP_FAILED;
}

static void tell_documents(const struct documents *documents, const struct listener *listener)
{
    for (size_t i = 0; i < documents->n; i++) {
        const struct fetch *fetch = &documents->fetches[i];
        const struct autoconfig *config = &documents->configs[i];
        const char *host = fetch->url + strlen("https://");
        char by[BY_MAX];

        if (fetch->result == FETCH_PENDING)
            return;
        listener->step(fetch->url, step_of(fetch),
                       fetch->problem     ? fetch->problem
                       : config->left_out ? config->left_out
                                          : "",
                       listener->userdata);
        (void)snprintf(by, sizeof(by), "%.*s", (int)strcspn(host, "/"), host);
        for (size_t j = 0; j < config->n_servers; j++)
            listener->server(&config->servers[j], by, listener->userdata);
        if (config->n_servers > 0)
            return;
    }
}

static int ask_documents(struct documents *documents, const struct listener *listener)
{
    int r = fetch_all(documents->fetches, documents->n, documents_settled, documents);

    if (r == 0)
        r = documents->error;
    if (r == 0)
        tell_documents(documents, listener);
    return r;
}

static int ask_autoconfig(const struct mail_address *address, const struct listener *listener)
{
    _cleanup_(documents_clear) struct documents documents = {.address = address};
    char host[BY_MAX];
    _cleanup_free_ char *current = NULL, *former = NULL;
    int r;

    (void)snprintf(host, sizeof(host), "autoconfig.%s", address->ascii);
    current = document_url(host, "/mail/config-v1.1.xml?emailaddress=");
    former = document_url(host, "/.well-known/mail-v1.xml?emailaddress=");
    if (!current || !former)
        return -ENOMEM;
    r = add_document(&documents, url_with(current, address->full));
    if (r == 0)
        r = add_document(&documents, url_with(former, address->full));
    if (r == 0)
        r = add_document(&documents, document_url(address->ascii,
                                                  "/.well-known/autoconfig/mail/config-v1.1.xml"));
    return r < 0 ? r : ask_documents(&documents, listener);
}

static int ask_ispdb(const struct mail_address *address, const struct listener *listener)
{
    _cleanup_(documents_clear) struct documents documents = {.address = address};
    int r = add_document(&documents, url_with(ISPDB, address->ascii));

    return r < 0 ? r : ask_documents(&documents, listener);
}

/* --- DNS ------------------------------------------------------------------------------------- */

/* "smtp.example.org port 465", of all that are named. New, NULL without memory. */
static char *records_words(const struct question *question)
{
    _cleanup_free_ char *words = strdup("");

    for (size_t i = 0; words && i < question->n_records; i++) {
        const struct record *record = &question->records[i];
        _cleanup_free_ char *before = TAKE(words);

        if (asprintf(&words, record->port ? "%s%s%s port %u" : "%s%s%s", before,
                     *before ? ", " : "", record->host, record->port) < 0)
            words = NULL;
    }
    return TAKE(words);
}

/* RFC 2782: the root as the only target. */
static bool says_no(const struct question *question)
{
    return question->n_records == 1 && !*question->records[0].host;
}

static int tell_question(const struct question *question, const struct listener *listener)
{
    _cleanup_free_ char *asked = NULL, *found = records_words(question);
    const char *text = question->problem   ? question->problem
                       : says_no(question) ? N_("the domain says that it has no such service")
                                           : found;
    enum step_result result = !question->problem   ? STEP_FOUND
                              : question->answered ? STEP_NOTHING
                                                   : STEP_FAILED;

    if (!found || asprintf(&asked, "%s %s", question->name,
                           question->type == RECORD_SRV ? "SRV" : "MX") < 0) {
        asked = NULL;
        return -ENOMEM;
    }
    listener->step(asked, says_no(question) ? STEP_NOT_OFFERED : result, text, listener->userdata);
    return 0;
}

/*
 * Both services in one order: RFC 6186 section 3.4 lets a domain prefer one service to another by
 * priority; among equals implicit TLS goes first (RFC 8314 section 5.1).
 */
static void tell_services(const struct question *submissions, const struct question *submission,
                          const char *by, const struct listener *listener)
{
    size_t i = 0, j = 0;

    while (i < submissions->n_records || j < submission->n_records) {
        const struct record *a = &submissions->records[i], *b = &submission->records[j];
        bool implicit = j == submission->n_records ||
                        (i < submissions->n_records && a->priority <= b->priority);
        const struct record *next = implicit ? a : b;
        struct found_server server = {.endpoint = {
                                          .port = next->port,
                                          .security = implicit ? SECURITY_TLS : SECURITY_STARTTLS,
                                      }};

        *(implicit ? &i : &j) += 1;
        strcpy(server.endpoint.host, next->host);
        if (next->port && host_name_check(next->host) == 0)
            listener->server(&server, by, listener->userdata);
    }
}

static int ask_srv(const struct mail_address *address, const struct listener *listener)
{
    char names[2][HOST_MAX + sizeof("_submissions._tcp.")];
    struct question questions[2] = {{.name = names[0], .type = RECORD_SRV},
                                    {.name = names[1], .type = RECORD_SRV}};
    int r;

    (void)snprintf(names[0], sizeof(names[0]), "_submissions._tcp.%s", address->ascii);
    (void)snprintf(names[1], sizeof(names[1]), "_submission._tcp.%s", address->ascii);
    r = records_ask(questions, ELEMENTSOF(questions));
    for (size_t i = 0; r == 0 && i < ELEMENTSOF(questions); i++)
        r = tell_question(&questions[i], listener);
    if (r == 0)
        tell_services(&questions[0], &questions[1], address->ascii, listener);
    return r;
}

/* The domain's first mail exchanger, "" where there is none, or negative errno. Tells of it where
 * there is a listener. */
static int ask_exchanger(const struct mail_address *address, const struct listener *listener,
                         char ret[static HOST_MAX + 1])
{
    struct question question = {.name = address->ascii, .type = RECORD_MX};
    int r = records_ask(&question, 1);

    if (r == 0 && listener)
        r = tell_question(&question, listener);
    if (r < 0)
        return r;
    strcpy(ret, question.n_records > 0 ? question.records[0].host : "");
    for (char *c = ret; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return 0;
}

/* The documents of `domain`. The address is not told: only DNS says who they are. */
static int add_of_exchanger(struct documents *documents, const char *domain)
{
    char host[BY_MAX];

    (void)snprintf(host, sizeof(host), "autoconfig.%s", domain);
    return add_document(documents, document_url(host, "/mail/config-v1.1.xml"));
}

static int ask_mx(const struct mail_address *address, bool ispdb, const struct listener *listener)
{
    _cleanup_(documents_clear) struct documents documents = {.address = address};
    char exchanger[HOST_MAX + 1], base[HOST_MAX + 1];
    const char *dot, *domains[2];
    size_t n = 0;
    int r = ask_exchanger(address, listener, exchanger);

    if (r < 0 || host_name_check(exchanger) < 0)
        return r;
    dot = strchr(exchanger, '.');
    domain_base(exchanger, base);
    if (strlen(dot + 1) > strlen(base) && strcmp(dot + 1, address->ascii) != 0)
        domains[n++] = dot + 1;
    if (strcmp(base, address->ascii) != 0) /* else it was asked as the address' own */
        domains[n++] = base;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_of_exchanger(&documents, domains[i]);
    for (size_t i = 0; r == 0 && ispdb && i < n; i++)
        r = add_document(&documents, url_with(ISPDB, domains[i]));
    return r < 0 ? r : documents.n > 0 ? ask_documents(&documents, listener) : 0;
}

/* --- guesses --------------------------------------------------------------------------------- */

static int guess(const char *host, const struct listener *listener)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses = NULL;
    int error = getaddrinfo(host, NULL, &hints, &addresses);
    bool none = error == EAI_NONAME || error == EAI_NODATA;

    if (error == 0)
        freeaddrinfo(addresses);
    listener->step(host,
                   error == 0 ? STEP_FOUND
                   : none     ? STEP_NOTHING
                              : STEP_FAILED,
                   error == 0 ? N_("there is a host of this name")
                   : none     ? N_("no such host")
                              : N_("no answer from the name server"),
                   listener->userdata);
    return error;
}

/* 465 and 587; whoever checks them tries 25 as well. */
static void tell_guess(const char *host, const char *by, const struct listener *listener)
{
    for (size_t i = 0; i < 2; i++) {
        struct found_server server = {.endpoint = endpoint_defaults[i]};

        strcpy(server.endpoint.host, host);
        listener->server(&server, by, listener->userdata);
    }
}

static int ask_guess(const struct mail_address *address, const struct listener *listener)
{
    static const char *const words[] = {"smtp", "mail"};
    char names[3][HOST_MAX + sizeof("smtp.")], exchanger[HOST_MAX + 1];
    size_t n = 0;
    int r = ask_exchanger(address, NULL, exchanger);

    if (r < 0)
        return r;
    for (; n < ELEMENTSOF(words); n++)
        (void)snprintf(names[n], sizeof(names[n]), "%s.%s", words[n], address->ascii);
    /* A mail exchanger of somebody else's is hardly where the domain's people log in. */
    if (*exchanger && !host_is_foreign(address, exchanger) && strcmp(exchanger, names[0]) != 0 &&
        strcmp(exchanger, names[1]) != 0)
        strcpy(names[n++], exchanger);
    for (size_t i = 0; i < n; i++)
        if (host_name_check(names[i]) == 0 && guess(names[i], listener) == 0)
            tell_guess(names[i], address->ascii, listener);
    return 0;
}

int source_ask(enum source source, const struct mail_address *address, bool ispdb,
               const struct listener *listener)
{
    switch (source) {
    case SOURCE_AUTOCONFIG:
        return ask_autoconfig(address, listener);
    case SOURCE_ISPDB:
        return ask_ispdb(address, listener);
    case SOURCE_SRV:
        return ask_srv(address, listener);
    case SOURCE_MX:
        return ask_mx(address, ispdb, listener);
    case SOURCE_GUESS:
        return ask_guess(address, listener);
    case N_SOURCE:
        break;
    }
    return -EINVAL;
}
