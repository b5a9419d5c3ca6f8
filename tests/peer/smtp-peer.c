/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smtp-peer: a scripted mail server for tests and the demonstration.
 *
 * Listens where it is told, and plays on each port what its argument says (dialogue.c), in one
 * process for each connection. Those die with it, and it dies with its parent where asked to, so
 * that nothing outlives a test. It keeps no mail, no state and no secret, and is never installed.
 */
#include "peer.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define LISTENERS_MAX 64
#define STAPLE_MAX    16384
#define ADDRESS_MAX   (INET6_ADDRSTRLEN + sizeof("[]:65535"))

struct listener {
    int fd;
    unsigned port;
    struct script script;
    SSL_CTX *context;
    char address[ADDRESS_MAX];
};

static const char usage[] =
    "usage: smtp-peer [--cert CHAIN.pem --key KEY.pem] [--log FILE] [--ready-fd N]\n"
    "                 [--die-with-parent] ADDRESS:PORT/BEHAVIOUR[,OPTION...]...\n"
    "IPv6 addresses stand in brackets; port 0 picks a free one. Prints \"ready ADDRESS:PORT...\"\n"
    "once all listen. Behaviours: tls, starttls, plain. Options:\n"
    "  no-auth                  AUTH is never offered\n"
    "  auth-clear auth-early    also before TLS; only before TLS\n"
    "  auth=MECHANISMS          what AUTH offers, and does in earnest (user:secret)\n"
    "  auth-forge auth-skip     proves in SCRAM what is wrong; proves nothing and says 235\n"
    "  auth-reply=TEXT          answers every AUTH so, code and all\n"
    "  auth-say=BASE64          its first challenge, whatever the mechanism\n"
    "  extra=LINE               one more line in the reply to EHLO\n"
    "  name=HOST greet=TEXT     its name; the whole greeting, code and all\n"
    "  reject busy              greets with 554; with 421\n"
    "  teaser=MS slow-greet=MS  a 220- line, and the last line after MS; nothing for MS\n"
    "  drip=MS                  every reply byte by byte, one in MS\n"
    "  mute close reset         accepts and says nothing; closes; resets\n"
    "  http banner=garbage      greets with a redirection to a portal; with binary noise\n"
    "  garbled strip            keywords XXXX-ed, greeting ****-ed; STARTTLS taken out\n"
    "  inject inject-late       sends more in clear behind the reply to STARTTLS; a little later\n"
    "  surplus=STEP             sends more behind the reply at greeting or ehlo; with busy: 421\n"
    "  starttls-refused         454 to STARTTLS\n"
    "  tls-garbage tls-close    noise, or the end, in place of a TLS handshake\n"
    "  alpn=NAME                speaks SMTP only to clients that ask for NAME\n"
    "  long many                greets with an endless line; with endless lines\n"
    "  long-ehlo many-ehlo      replies so to EHLO\n"
    "  mixed-codes ehlo-reject  250 and 500 in one reply to EHLO; 502 to EHLO\n"
    "  close-at=STEP            hangs up at ehlo, starttls, tls (once it stands), auth or quit\n"
    "  reset-at=STEP            resets the connection there\n"
    "  mute-at=STEP             says nothing more from there on\n"
    "  busy-at=STEP             says 421 there, and hangs up\n"
    "  cert=FILE key=FILE       this listener's own certificate and key\n"
    "  staple=FILE              the OCSP response to go with it (DER)\n"
    "  tls12                    TLS 1.2 at most\n"
    "  old-tls small-dh         TLS 1.1 at most; 1024 bits of Diffie-Hellman (with an RSA key)\n"
    "The log has one line for each event, \"PORT PEER: WHAT\": CONNECT, TLS, each command, CLOSE,\n"
    "and \"VIOLATION ...\" where the client did what a polite one does not do.\n";

#define FLAG(name, member)                                                                         \
    {                                                                                              \
        name, 0, offsetof(struct script, member)                                                   \
    }
#define NUMBER(name, member)                                                                       \
    {                                                                                              \
        name, 'n', offsetof(struct script, member)                                                 \
    }
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, 't', offsetof(struct script, member)                                                 \
    }

static const struct option_word {
    const char *name; /* with "=" where a value follows */
    char kind;        /* 0: a flag; 'n': a number of milliseconds; 't': text */
    size_t offset;
} option_words[] = {
    FLAG("no-auth", no_auth),
    FLAG("auth-clear", auth_clear),
    FLAG("auth-early", auth_early),
    FLAG("auth-forge", auth_forge),
    FLAG("auth-skip", auth_skip),
    FLAG("reject", reject),
    FLAG("busy", busy),
    FLAG("mute", mute),
    FLAG("close", close),
    FLAG("reset", reset),
    FLAG("http", http),
    FLAG("banner=garbage", noise),
    FLAG("garbled", garbled),
    FLAG("strip", strip),
    FLAG("inject", inject),
    FLAG("inject-late", inject_late),
    FLAG("starttls-refused", starttls_refused),
    FLAG("tls-garbage", tls_garbage),
    FLAG("tls-close", tls_close),
    FLAG("old-tls", old_tls),
    FLAG("tls12", tls12),
    FLAG("small-dh", small_dh),
    FLAG("long", long_line),
    FLAG("many", many_lines),
    FLAG("long-ehlo", long_ehlo),
    FLAG("many-ehlo", many_ehlo),
    FLAG("mixed-codes", mixed_codes),
    FLAG("ehlo-reject", ehlo_reject),
    NUMBER("teaser=", teaser_ms),
    NUMBER("slow-greet=", slow_greet_ms),
    NUMBER("drip=", drip_ms),
    TEXT("greet=", greet),
    TEXT("close-at=", close_at),
    TEXT("mute-at=", mute_at),
    TEXT("reset-at=", reset_at),
    TEXT("busy-at=", busy_at),
    TEXT("surplus=", surplus_at),
    TEXT("auth=", auth),
    TEXT("auth-reply=", auth_reply),
    TEXT("auth-say=", auth_say),
    TEXT("extra=", extra),
    TEXT("staple=", staple),
    TEXT("alpn=", alpn),
    TEXT("cert=", cert),
    TEXT("key=", key),
    TEXT("name=", name),
};

static bool set_option(struct script *script, const char *word)
{
    for (size_t i = 0; i < ELEMENTSOF(option_words); i++) {
        const struct option_word *option = &option_words[i];
        size_t n = strlen(option->name);
        void *member = (char *)script + option->offset;
        const char *value = word + n;
        unsigned long number;
        char *end;

        if (strncmp(word, option->name, n) != 0 || (option->kind == 0) != (*value == '\0'))
            continue;
        if (option->kind == 0) {
            *(bool *)member = true;
        } else if (option->kind == 't') {
            *(const char **)member = value;
        } else {
            number = strtoul(value, &end, 10);
            if (*end != '\0' || number > 3600000)
                return false;
            *(unsigned *)member = (unsigned)number;
        }
        return true;
    }
    return false;
}

static void check_step(const char *option, const char *step)
{
    static const char *const steps[] = {"ehlo", "starttls", "tls", "auth", "quit"};
    size_t i = 0;

    while (step && i < ELEMENTSOF(steps) && strcmp(steps[i], step) != 0)
        i++;
    if (i == ELEMENTSOF(steps))
        errx(2, "%s=%s: expected ehlo, starttls, tls, auth or quit", option, step);
}

/* Reads BEHAVIOUR[,OPTION...] in place; the script points into `text`. */
static void read_script(struct script *script, char *text)
{
    static const char *const behaviours[] = {
        [PEER_TLS] = "tls", [PEER_STARTTLS] = "starttls", [PEER_PLAIN] = "plain"};
    char *word = strsep(&text, ",");
    size_t i = 0;

    while (i < ELEMENTSOF(behaviours) && strcmp(behaviours[i], word) != 0)
        i++;
    if (i == ELEMENTSOF(behaviours))
        errx(2, "%s: expected tls, starttls or plain", word);
    script->security = (enum peer_security)i;
    while ((word = strsep(&text, ",")))
        if (!set_option(script, word))
            errx(2, "%s: no such option, or a value out of range", word);
    check_step("close-at", script->close_at);
    check_step("mute-at", script->mute_at);
    check_step("reset-at", script->reset_at);
    check_step("busy-at", script->busy_at);
}

/* Takes the protocol the script names and refuses all others, as a shared port does. */
static int choose_alpn(SSL *tls _unused_, const unsigned char **ret, unsigned char *ret_length,
                       const unsigned char *offered, unsigned length, void *userdata)
{
    const char *wanted = userdata;

    for (unsigned i = 0; i < length && offered[i] < length - i; i += offered[i] + 1U)
        if (offered[i] == strlen(wanted) && memcmp(offered + i + 1, wanted, offered[i]) == 0) {
            *ret = offered + i + 1;
            *ret_length = offered[i];
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Sends the file as it is, to whoever asks for it. */
static int send_staple(SSL *tls, void *path)
{
    unsigned char *staple = OPENSSL_malloc(STAPLE_MAX);
    FILE *file = fopen(path, "re");
    size_t n = file && staple ? fread(staple, 1, STAPLE_MAX, file) : 0;

    if (n == 0)
        err(1, "%s", (const char *)path);
    fclose(file);
    SSL_set_tlsext_status_ocsp_resp(tls, staple, (long)n); /* owns it */
    return SSL_TLSEXT_ERR_OK;
}

/* 1024 bits, the group of RFC 5114 section 2.1. */
static void use_small_dh(SSL_CTX *context)
{
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "DHX", NULL);
    EVP_PKEY *group = NULL;

    if (!maker || EVP_PKEY_paramgen_init(maker) != 1 ||
        EVP_PKEY_CTX_set_dh_rfc5114(maker, 1) != 1 || EVP_PKEY_paramgen(maker, &group) != 1 ||
        SSL_CTX_set0_tmp_dh_pkey(context, group) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "DHE-RSA-AES128-GCM-SHA256") != 1)
        errx(1, "small-dh: %s", ERR_reason_error_string(ERR_peek_last_error()));
    EVP_PKEY_CTX_free(maker);
}

static SSL_CTX *tls_context(const struct script *script, const char *cert, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    cert = script->cert ? script->cert : cert;
    key = script->key ? script->key : key;
    if (!context)
        errx(1, "no memory");
    if (!cert || !key)
        errx(2, "TLS needs --cert and --key, or cert= and key=");
    SSL_CTX_set_security_level(context, 0); /* weak keys too: it is for the client to refuse them */
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        errx(1, "%s, %s: %s", cert, key, ERR_reason_error_string(ERR_peek_last_error()));
    if (script->alpn)
        SSL_CTX_set_alpn_select_cb(context, choose_alpn, (void *)script->alpn);
    if (script->staple) {
        SSL_CTX_set_tlsext_status_cb(context, send_staple);
        SSL_CTX_set_tlsext_status_arg(context, (void *)script->staple);
    }
    if (script->tls12)
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    if (script->old_tls) {
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    }
    if (script->small_dh)
        use_small_dh(context);
    return context;
}

static void open_socket(struct listener *listener, const struct addrinfo *where, const char *text)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    char host[ADDRESS_MAX];
    char port[8];
    int on = 1;

    listener->fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        err(1, "socket");
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (where->ai_family == AF_INET6)
        setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(listener->fd, where->ai_addr, where->ai_addrlen) < 0 || listen(listener->fd, 128) < 0)
        err(1, "%s", text);
    getsockname(listener->fd, (struct sockaddr *)&bound, &length);
    getnameinfo((struct sockaddr *)&bound, length, host, sizeof(host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV);
    listener->port = (unsigned)strtoul(port, NULL, 10);
    snprintf(listener->address, sizeof(listener->address),
             where->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* Makes the listener of one argument, which is taken apart. */
static void listen_on(struct listener *listener, char *text, const char *cert, const char *key)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *where;
    char *script = strchr(text, '/'), *host = text, *port;

    if (!script)
        errx(2, "%s: expected ADDRESS:PORT/BEHAVIOUR", text);
    *script++ = '\0';
    port = strrchr(text, ':');
    if (!port)
        errx(2, "%s: expected ADDRESS:PORT", text);
    *port++ = '\0';
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        host[strlen(host) - 1] = '\0';
        host++;
    }
    if (getaddrinfo(host, port, &hints, &where) != 0)
        errx(2, "%s, %s: expected a numeric address and port", host, port);

    read_script(&listener->script, script);
    if (listener->script.security != PEER_PLAIN)
        listener->context = tls_context(&listener->script, cert, key);
    open_socket(listener, where, host);
    freeaddrinfo(where);
}

static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it went before we asked */
        _exit(1);
}

static void serve(struct listener *listener, int log_fd)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    pid_t self = getpid(), child;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
    struct wire wire = {.fd = fd, .log_fd = log_fd, .drip_ms = listener->script.drip_ms};
    char label[ADDRESS_MAX + 8], host[ADDRESS_MAX];
    int on = 1;

    if (fd < 0)
        return; /* gone again before it was accepted */
    child = fork();
    if (child < 0)
        warn("fork");
    if (child != 0) {
        close(fd);
        return;
    }
    die_with(self);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    getnameinfo((struct sockaddr *)&from, length, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
    snprintf(label, sizeof(label), "%u %s", listener->port, host);
    wire.label = label;
    wire_log(&wire, "CONNECT");
    dialogue(&listener->script, listener->context, &wire);
}

static void announce(const struct listener *listeners, size_t n, int fd)
{
    FILE *out = fdopen(fd, "w");

    if (!out)
        err(1, "descriptor %d", fd);
    fputs("ready", out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, " %s", listeners[i].address);
    fputc('\n', out);
    fclose(out);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"cert", required_argument, NULL, 'c'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"log", required_argument, NULL, 'l'},
                                            {"ready-fd", required_argument, NULL, 'r'},
                                            {"die-with-parent", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {}};
    static struct listener listeners[LISTENERS_MAX];
    struct pollfd polled[LISTENERS_MAX];
    const char *cert = NULL, *key = NULL;
    int option, log_fd = -1, ready_fd = -1;
    pid_t parent = getppid();
    size_t n = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == 'c')
            cert = optarg;
        else if (option == 'k')
            key = optarg;
        else if (option == 'r')
            ready_fd = atoi(optarg);
        else if (option == 'd')
            die_with(parent);
        else if (option == 'h')
            return fputs(usage, stdout) < 0;
        else if (option != 'l')
            return 2;
        else if ((log_fd = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) < 0)
            err(1, "%s", optarg);
    if (optind == argc || argc - optind > LISTENERS_MAX) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* nobody waits for the connections' processes */
    for (; optind < argc; optind++, n++) {
        listen_on(&listeners[n], argv[optind], cert, key);
        polled[n] = (struct pollfd){.fd = listeners[n].fd, .events = POLLIN};
    }
    announce(listeners, n, STDOUT_FILENO);
    if (ready_fd >= 0)
        announce(listeners, n, ready_fd);
    for (;;) {
        if (poll(polled, n, -1) < 0 && errno != EINTR)
            err(1, "poll");
        for (size_t i = 0; i < n; i++)
            if (polled[i].revents)
                serve(&listeners[i], log_fd);
    }
}
