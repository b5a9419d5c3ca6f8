/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The whole SMTP conversation with a server of any behaviour, over a socket pair. The first byte of
 * the input says which security is asked for, whose key is trusted and how the end comes; the rest
 * is what the server sends. A byte 0xff in it begins an act of the server:
 *     T  takes part in TLS; what follows goes through it
 *     R  what follows goes beneath it
 *     others: waits until the client has nothing more to say
 * All that the client sends is read and held against what it may say.
 */
#include "fuzz.h"
#include "judge/judge.h"
#include "log.h"
#include "probe/certificate.h"
#include "probe/conversation.h"
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define TURNS_MAX 64 /* of the loop, for one piece of the script; beyond them it spins */

/* How the conversation is, by bits of the first byte. */
enum {
    MODE_SECURITY = 3, /* modulo N_SECURITY */
    MODE_TRUSTED = 4,  /* the server's key is the pinned one */
    MODE_TIMEOUT = 8,  /* the end: the time is over before the server hangs up */
    MODE_RESET = 16,   /* the end: bytes of the client's are left unread */
};

struct server {
    int fd;
    SSL *tls;
    BIO *in, *out; /* what TLS reads and writes */
    bool encrypts; /* what is sent goes through TLS */
    size_t fed;    /* how much of what the client has sent went to TLS, or came before it */
    struct {
        char bytes[8192];
        size_t n;
    } sent, heard; /* by the client: all bytes; what TLS makes of them */
};

struct talk {
    struct observation observation;
    unsigned ended, closed;
};

static SSL_CTX *server_context;
static struct tls_policy *trusting, *distrusting;

static void make_certificate(EVP_PKEY *key, X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    CHECK(X509_set_version(certificate, 2) == 1);
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"\x1b[31mfuzz", -1,
                                     -1, 0) == 1);
    CHECK(X509_set_issuer_name(certificate, name) == 1);
    CHECK(X509_set_pubkey(certificate, key) == 1);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
}

int LLVMFuzzerInitialize(int *argc _unused_, char ***argv _unused_)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    char pin[PIN_MAX], *problem = NULL;

    log_set_level(LOG_EMERG);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as mailroam-probe does */
    /* No trust anchors: reading the machine's would only take time. */
    CHECK(setenv("SSL_CERT_FILE", "/dev/null", 1) == 0);
    CHECK(setenv("SSL_CERT_DIR", "/dev/null", 1) == 0);
    make_certificate(key, certificate);
    CHECK(certificate_pin(certificate, pin) == 0);
    server_context = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(server_context, certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(server_context, key) == 1);
    CHECK(tls_policy_new(&trusting, NULL, pin, &problem) == 0);
    CHECK(tls_policy_new(&distrusting, NULL, NULL, &problem) == 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

static void on_ended(void *userdata)
{
    struct talk *talk = userdata;

    CHECK(talk->ended++ == 0 && talk->closed == 0);
}

static void on_closed(void *userdata)
{
    struct talk *talk = userdata;

    CHECK(talk->ended == 1 && talk->closed++ == 0);
}

static void run_loop(sd_event *event)
{
    unsigned turns = 0;

    while (sd_event_run(event, 0) > 0)
        CHECK(++turns < TURNS_MAX);
}

static void send_all(const struct server *server, const void *bytes, size_t n)
{
    if (n > 0) /* it may fail: the client may be gone, or read no more */
        (void)send(server->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whether the text at *bytes is this command; then it is skipped. */
static bool skip(const char **bytes, size_t *n, const char *command)
{
    size_t length = strlen(command);

    if (*n < length || memcmp(*bytes, command, length) != 0)
        return false;
    *bytes += length;
    *n -= length;
    return true;
}

#define EHLO "EHLO [127.0.0.1]\r\n"

/* Takes what the client has sent, and lets TLS answer. False where neither had anything to say. */
static bool hear(struct server *server)
{
    ssize_t n = recv(server->fd, server->sent.bytes + server->sent.n,
                     sizeof(server->sent.bytes) - server->sent.n, MSG_DONTWAIT);
    size_t new = n > 0 ? (size_t)n : 0, heard;
    char *bytes;

    server->sent.n += new;
    CHECK(server->sent.n < sizeof(server->sent.bytes));
    if (!server->tls)
        return new > 0;
    (void)BIO_write(server->in, server->sent.bytes + server->fed,
                    (int)(server->sent.n - server->fed));
    server->fed = server->sent.n;
    while (SSL_read_ex(server->tls, server->heard.bytes + server->heard.n,
                       sizeof(server->heard.bytes) - server->heard.n, &heard) == 1)
        server->heard.n += heard;
    n = BIO_get_mem_data(server->out, &bytes);
    send_all(server, bytes, (size_t)n);
    (void)BIO_reset(server->out);
    return new > 0 || n > 0;
}

/* Lets both go on until neither has anything more to say. */
static void settle(struct server *server, sd_event *event)
{
    do
        run_loop(event);
    while (hear(server));
}

/* TLS begins behind what the client has said in clear. */
static void start_tls(struct server *server)
{
    const char *bytes = server->sent.bytes;
    size_t left = server->sent.n;

    server->encrypts = true;
    if (server->tls)
        return;
    (void)skip(&bytes, &left, EHLO);
    (void)skip(&bytes, &left, "STARTTLS\r\n");
    server->fed = server->sent.n - left;
    server->tls = SSL_new(server_context);
    server->in = BIO_new(BIO_s_mem());
    server->out = BIO_new(BIO_s_mem());
    CHECK(server->tls && server->in && server->out);
    SSL_set_bio(server->tls, server->in, server->out);
    SSL_set_accept_state(server->tls);
}

static void say(struct server *server, const uint8_t *bytes, size_t n)
{
    if (n > 0 && server->encrypts && SSL_is_init_finished(server->tls)) {
        (void)SSL_write(server->tls, bytes, (int)n);
        (void)hear(server);
    } else {
        send_all(server, bytes, n);
    }
}

static void perform(struct server *server, sd_event *event, const uint8_t *script, size_t n)
{
    while (n > 0) {
        const uint8_t *mark = memchr(script, 0xff, n);
        size_t piece = mark ? (size_t)(mark - script) : n;

        say(server, script, piece);
        settle(server, event);
        if (!mark || piece + 1 >= n)
            return;
        if (mark[1] == 'T')
            start_tls(server);
        else if (mark[1] == 'R')
            server->encrypts = false;
        settle(server, event);
        script += piece + 2;
        n -= piece + 2;
    }
}

/* All of it has to be whole TLS records (RFC 8446 section 5.1). */
static void check_records(const char *bytes, size_t n)
{
    const uint8_t *record = (const uint8_t *)bytes;

    while (n > 0) {
        size_t length;

        CHECK(n >= 5 && record[0] >= 20 && record[0] <= 23 && record[1] == 3 && record[2] <= 3);
        length = (size_t)record[3] << 8 | record[4];
        CHECK(length <= n - 5);
        record += 5 + length;
        n -= 5 + length;
    }
}

/* EHLO, STARTTLS, TLS or QUIT, in this order, as far as the security has them. */
static void check_sent(const struct server *server, enum security security)
{
    const char *bytes = server->sent.bytes;
    size_t n = server->sent.n;
    bool starttls = false;

    if (security != SECURITY_TLS) {
        if (skip(&bytes, &n, EHLO) && security == SECURITY_STARTTLS)
            starttls = skip(&bytes, &n, "STARTTLS\r\n");
        if (skip(&bytes, &n, "QUIT\r\n"))
            CHECK(n == 0);
    }
    CHECK(n == 0 || security == SECURITY_TLS || starttls);
    check_records(bytes, n);
}

/* Through TLS: EHLO and QUIT, and only to whom we trust. */
static void check_heard(const struct server *server, bool trusted)
{
    const char *bytes = server->heard.bytes;
    size_t n = server->heard.n;

    CHECK(n == 0 || trusted);
    (void)skip(&bytes, &n, EHLO);
    (void)skip(&bytes, &n, "QUIT\r\n");
    CHECK(n == 0);
}

static void check_observation(const struct observation *observation, const struct server *server,
                              enum security security, bool trusted)
{
    struct finding finding = {{"mail.example.org", 587, security}, VERDICT_UNKNOWN, {{{0}}, {0}}};
    const struct siblings siblings = {0};
    bool agreed = server->tls && SSL_get_state(server->tls) == TLS_ST_OK;

    CHECK((observation->halt == HALT_NONE) == (observation->stage == STAGE_COMPLETE));
    CHECK(!observation_is_proved(observation) || (agreed && trusted));
    CHECK(judge(observation, &siblings, NULL, &finding) == 0);
    check_judgement(&finding);
    CHECK(finding.verdict != VERDICT_WORKS || observation_is_proved(observation));
    CHECK(finding.verdict != VERDICT_CLEARTEXT || !observation_is_proved(observation));
    finding_clear(&finding);
}

static void hang_up(struct server *server, struct conversation *conversation, sd_event *event,
                    struct talk *talk, uint8_t mode)
{
    if (mode & MODE_TIMEOUT) {
        conversation_time_out(conversation);
        CHECK(talk->ended == 1);
        settle(server, event);
    }
    if (mode & MODE_RESET)
        close(server->fd); /* what the client has sent since is lost */
    else
        (void)shutdown(server->fd, SHUT_WR);
    run_loop(event);
    CHECK(talk->ended == 1 && talk->closed == 1);
    if (!(mode & MODE_RESET)) {
        (void)hear(server);
        close(server->fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct conversation_callbacks callbacks = {on_ended, on_closed};
    static struct server server; /* static: large */
    struct talk talk = {.observation = {.n_attempts = 1}};
    struct endpoint endpoint = {"mail.example.org", 587, SECURITY_TLS};
    struct conversation *conversation = NULL;
    sd_event *event = NULL;
    uint8_t mode;
    int pair[2];

    if (size < 1)
        return 0;
    mode = data[0];
    endpoint.security = (enum security)((mode & MODE_SECURITY) % N_SECURITY);
    talk.observation.attempts[0] =
        (struct attempt){.family = AF_INET, .address = "192.0.2.25", .end = ATTEMPT_CONNECTED};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(sd_event_new(&event) >= 0);
    memset(&server, 0, sizeof(server));
    server.fd = pair[1];
    CHECK(conversation_new(&conversation, event, pair[0], &endpoint,
                           mode & MODE_TRUSTED ? trusting : distrusting, &talk.observation,
                           &callbacks, &talk) == 0);

    perform(&server, event, data + 1, size - 1);
    hang_up(&server, conversation, event, &talk, mode);
    check_sent(&server, endpoint.security);
    check_heard(&server, mode & MODE_TRUSTED);
    check_observation(&talk.observation, &server, endpoint.security, mode & MODE_TRUSTED);

    conversation_free(conversation);
    sd_event_unref(event);
    SSL_free(server.tls);
    evidence_clear(&talk.observation.evidence);
    return 0;
}
