/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * clientConfig documents, by libxml2's SAX interface: no tree is built, so a document takes no more
 * memory than its few texts that matter. Nothing is ever loaded or expanded: a document type ends
 * the reading at its first word, and no other document may be named where there is none. What is
 * unknown is skipped, as the draft demands; what is dangerous is left out and told.
 */
#include "discover/autoconfig.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include "words.h"
#include <ctype.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 32
#define TEXT_MAX  512 /* bytes of one element that matters, with the NUL */
#define CHUNK     4096

enum field { FIELD_HOST, FIELD_PORT, FIELD_SOCKET, FIELD_USERNAME, FIELD_AUTHENTICATION, N_FIELD };

static const char *const field_names[N_FIELD] = {
    [FIELD_HOST] = "hostname",
    [FIELD_PORT] = "port",
    [FIELD_SOCKET] = "socketType",
    [FIELD_USERNAME] = "username",
    [FIELD_AUTHENTICATION] = "authentication",
};

/* How a server may know who is there, as the draft and its predecessors call it. What is not here
 * is not supported. */
static const struct {
    const char *word;
    bool token; /* OAuth, no password */
} authentications[] = {
    {"password-cleartext", false},
    {"plain", false},
    {"password-encrypted", false},
    {"secure", false},
    {"OAuth2", true},
    {"OAuth", true},
    {"PLAIN", false},
    {"LOGIN", false},
    {"CRAM-MD5", false},
    {"SCRAM-SHA-1", false},
    {"SCRAM-SHA-256", false},
    {"SCRAM-SHA-1-PLUS", false},
    {"SCRAM-SHA-256-PLUS", false},
    {"OAUTHBEARER", true},
    {"XOAUTH2", true},
};

struct reader {
    xmlParserCtxtPtr parser;
    const struct mail_address *address;
    struct autoconfig *config;
    char *problem;
    bool no_memory;
    unsigned depth;
    bool is_config, in_provider, in_server; /* the elements around the present one, at 1, 2 and 3 */
    enum field field;                       /* the present one at depth 4; else N_FIELD */
    char text[TEXT_MAX];                    /* of the present field */
    size_t n_text;
    char fields[N_FIELD][TEXT_MAX];       /* of the present server; the first of each counts */
    bool authentication, password, token; /* it names one; one with a password; one with a token */
};

static void stop(struct reader *reader, const char *problem)
{
    if (!reader->problem) {
        reader->problem = strdup(problem);
        reader->no_memory |= !reader->problem;
    }
    xmlStopParser(reader->parser);
}

static bool is(const xmlChar *name, const char *word)
{
    return strcmp((const char *)name, word) == 0;
}

/* One more sentence on a server that is not taken. */
static void leave_out(struct reader *reader, const char *why)
{
    const char *host = reader->fields[FIELD_HOST], *port = reader->fields[FIELD_PORT];
    _cleanup_free_ char *safe_host = text_safe(host, strlen(host), HOST_MAX),
                        *safe_port = text_safe(port, strlen(port), 16),
                        *before = TAKE(reader->config->left_out);

    if (before && strlen(before) > 1024) { /* the first ones are enough to understand */
        reader->config->left_out = TAKE(before);
        return;
    }
    if (!safe_host || !safe_port ||
        asprintf(&reader->config->left_out, "%s%s%s port %s: %s.", before ? before : "",
                 before ? " " : "", *safe_host ? safe_host : "?", *safe_port ? safe_port : "?",
                 why) < 0) {
        reader->config->left_out = NULL;
        reader->no_memory = true;
    }
}

static void take_authentication(struct reader *reader)
{
    reader->authentication = true;
    for (size_t i = 0; i < ELEMENTSOF(authentications); i++)
        if (strcasecmp(reader->text, authentications[i].word) == 0) {
            reader->token |= authentications[i].token;
            reader->password |= !authentications[i].token;
        }
}

/* The text of a field has ended: without white space at its ends it counts. */
static void take_field(struct reader *reader)
{
    char *start = reader->text, *end = reader->text + reader->n_text;

    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    while (isspace((unsigned char)*start))
        start++;
    memmove(reader->text, start, (size_t)(end - start) + 1);
    if (reader->field == FIELD_AUTHENTICATION)
        take_authentication(reader);
    else if (!*reader->fields[reader->field])
        strcpy(reader->fields[reader->field], reader->text);
}

static int read_port(const char *text, uint16_t *ret)
{
    unsigned long port;
    char *end;

    if (!isdigit((unsigned char)*text))
        return -EINVAL;
    port = strtoul(text, &end, 10);
    if (*end || port < 1 || port > UINT16_MAX)
        return -EINVAL;
    *ret = (uint16_t)port;
    return 0;
}

/* Why the server cannot be taken, in words; NULL where it can, and then it stands in *server. */
static const char *read_server(struct reader *reader, struct found_server *server)
{
    _cleanup_free_ char *host = mail_address_expand(reader->address, reader->fields[FIELD_HOST]),
                        *user =
                            mail_address_expand(reader->address, reader->fields[FIELD_USERNAME]);
    const char *socket = reader->fields[FIELD_SOCKET];

    if (!host || !user) {
        reader->no_memory = true;
        return "there is not enough memory";
    }
    if (host_name_check(host) < 0)
        return "its host name is none";
    if (read_port(reader->fields[FIELD_PORT], &server->endpoint.port) < 0)
        return "its port is none";
    if (strcasecmp(socket, "plain") == 0)
        return "no encryption, the password would travel in clear: refused";
    if (strcasecmp(socket, "SSL") != 0 && strcasecmp(socket, "TLS") != 0 &&
        strcasecmp(socket, "STARTTLS") != 0)
        return "its encryption is not known";
    if (reader->authentication && !reader->password && !reader->token)
        return "its authentication is not supported";
    if (strlen(user) > USERNAME_MAX || !text_is_safe(user))
        return "its user name is none";
    strcpy(server->endpoint.host, host);
    strcpy(server->username, user);
    server->endpoint.security =
        strcasecmp(socket, "STARTTLS") == 0 ? SECURITY_STARTTLS : SECURITY_TLS;
    server->oauth_only = reader->token && !reader->password;
    return NULL;
}

static void take_server(struct reader *reader)
{
    struct autoconfig *config = reader->config;
    struct found_server server = {0};
    const char *why = read_server(reader, &server);

    for (size_t i = 0; !why && i < config->n_servers; i++)
        if (endpoint_equal(&config->servers[i].endpoint, &server.endpoint))
            return;
    /* An account logs in in one way. */
    if (!why && config->n_servers > 0 &&
        (strcmp(server.username, config->servers[0].username) != 0 ||
         server.oauth_only != config->servers[0].oauth_only))
        why = "it wants another login than the one before";
    if (!why && config->n_servers == AUTOCONFIG_SERVERS_MAX)
        why = "there are too many";
    if (why)
        leave_out(reader, why);
    else
        config->servers[config->n_servers++] = server;
}

/* The value of an attribute is this word. `attributes` are libxml2's: five pointers each. */
static bool attribute_is(const xmlChar **attributes, int n, const char *name, const char *word)
{
    for (int i = 0; i < n; i++) {
        const xmlChar *const *attribute = attributes + (ptrdiff_t)i * 5;

        if (is(attribute[0], name))
            return (size_t)(attribute[4] - attribute[3]) == strlen(word) &&
                   strncasecmp((const char *)attribute[3], word, strlen(word)) == 0;
    }
    return false;
}

static void on_start(void *userdata, const xmlChar *name, const xmlChar *prefix _unused_,
                     const xmlChar *uri _unused_, int n_namespaces _unused_,
                     const xmlChar **namespaces _unused_, int n_attributes,
                     int n_defaulted _unused_, const xmlChar **attributes)
{
    struct reader *reader = userdata;

    switch (++reader->depth) {
    case 1:
        reader->is_config = is(name, "clientConfig");
        if (!reader->is_config)
            stop(reader, N_("it is no mail configuration"));
        break;
    case 2:
        reader->in_provider = is(name, "emailProvider");
        break;
    case 3:
        reader->in_server = reader->in_provider && is(name, "outgoingServer") &&
                            attribute_is(attributes, n_attributes, "type", "smtp");
        memset(reader->fields, 0, sizeof(reader->fields));
        reader->authentication = reader->password = reader->token = false;
        break;
    case 4:
        reader->field = 0;
        while (reader->field < N_FIELD &&
               !(reader->in_server && is(name, field_names[reader->field])))
            reader->field++;
        reader->n_text = 0;
        break;
    default:
        if (reader->depth > DEPTH_MAX)
            stop(reader, N_("its elements nest too deep"));
    }
}

static void on_end(void *userdata, const xmlChar *name _unused_, const xmlChar *prefix _unused_,
                   const xmlChar *uri _unused_)
{
    struct reader *reader = userdata;

    if (reader->depth == 4 && reader->field < N_FIELD) {
        take_field(reader);
        reader->field = N_FIELD;
    } else if (reader->depth == 3 && reader->in_server) {
        take_server(reader);
        reader->in_server = false;
    }
    reader->depth--;
}

static void on_text(void *userdata, const xmlChar *text, int length)
{
    struct reader *reader = userdata;
    size_t n = (size_t)length, room = TEXT_MAX - 1 - reader->n_text;

    if (reader->depth != 4 || reader->field >= N_FIELD)
        return;
    if (n > room) { /* a part of it would be something else than what was said */
        stop(reader, N_("a value in it is too long"));
        return;
    }
    memcpy(reader->text + reader->n_text, text, n);
    reader->n_text += n;
}

static void on_document_type(void *userdata, const xmlChar *name _unused_,
                             const xmlChar *external _unused_, const xmlChar *system _unused_)
{
    stop(userdata, N_("it declares a document type, which is refused"));
}

/* libxml2 would print what is wrong; why it stopped is asked in the end. */
static void on_error(void *userdata _unused_, xmlErrorPtr error _unused_)
{
}

static int parse(struct reader *reader, const char *text, size_t length)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = on_document_type,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .cdataBlock = on_text,
        .serror = on_error,
    };
    bool good;

    reader->parser = xmlCreatePushParserCtxt(&handler, reader, NULL, 0, NULL);
    if (!reader->parser)
        return -ENOMEM;
    xmlCtxtUseOptions(reader->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    for (size_t at = 0; at < length && !reader->problem; at += CHUNK)
        xmlParseChunk(reader->parser, text + at, (int)(length - at < CHUNK ? length - at : CHUNK),
                      0);
    if (!reader->problem)
        xmlParseChunk(reader->parser, NULL, 0, 1);
    good = reader->parser->wellFormed && reader->depth == 0 && reader->is_config;
    xmlFreeParserCtxt(reader->parser);
    if (!reader->problem && !good)
        reader->problem = strdup(N_("it is no well-formed XML"));
    return reader->no_memory || (!good && !reader->problem) ? -ENOMEM : good ? 0 : -EINVAL;
}

int autoconfig_parse(const char *text, size_t length, const struct mail_address *address,
                     struct autoconfig *ret, char **ret_problem)
{
    _cleanup_(autoconfig_clear) struct autoconfig config = {0};
    struct reader reader = {.address = address, .config = &config, .field = N_FIELD};
    int r;

    if (length > AUTOCONFIG_BYTES_MAX)
        return problem(ret_problem, "it is larger than %d bytes", AUTOCONFIG_BYTES_MAX);
    r = parse(&reader, text, length);
    if (r == -EINVAL) {
        *ret_problem = reader.problem;
        return r;
    }
    free(reader.problem);
    if (r == 0) {
        *ret = config;
        config = (struct autoconfig){0};
    }
    return r;
}

void autoconfig_clear(struct autoconfig *config)
{
    free(config->left_out);
    *config = (struct autoconfig){0};
}
