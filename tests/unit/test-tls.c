/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Names beyond ASCII, trust anchors, and what is wrong with certificates, made here as needed. */
#include "cleanup.h"
#include "error.h"
#include "probe/certificate.h"
#include "probe/idna.h"
#include "tap.h"
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <utime.h>

#define DAY 86400L

static EVP_PKEY *key; /* everybody's */

/* --- names --------------------------------------------------------------------------------------
 */

static const struct {
    const char *host, *ascii; /* NULL: refused */
} hosts[] = {
    {"mail.example.org", "mail.example.org"},
    {"Mail.Example.ORG.", "Mail.Example.ORG."},
    {"192.0.2.1", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"under_score.example", "under_score.example"},
    {"xn--mller-kva.example", "xn--mller-kva.example"},
    {"müller.example", "xn--mller-kva.example"},
    {"MÜLLER.Example", "xn--mller-kva.example"},
    {"mu\xcc\x88ller.example", "xn--mller-kva.example"},
    {"straße.example", "xn--strae-oqa.example"}, /* not strasse: another name since IDNA2008 */
    {"παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"},
    {"mail。例え。テスト", "mail.xn--r8jz45g.xn--zckzah"},
    {"müller.example.", "xn--mller-kva.example."},
    {"mül_ler.example", "xn--ml_ler-3ya.example"},
    {"xn--ü.example", NULL},
    {"ü\xcc\x80-.example", NULL},
    {"\xcc\x80.example", NULL},
    {"üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü.example", NULL},
};

static void test_hosts(void)
{
    for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
        char ascii[HOST_MAX + 1];
        int r = host_to_ascii(hosts[i].host, ascii);

        if (hosts[i].ascii)
            is_string(r == 0 ? ascii : NULL, hosts[i].ascii, "'%s' in DNS", hosts[i].host);
        else
            is_number(r, -EINVAL, "'%s' is no name", hosts[i].host);
    }
}

/* --- certificates -------------------------------------------------------------------------------
 */

/* What is to be made; all that is not said is fine. */
struct order {
    const char *names; /* subjectAltName as openssl.cnf has it; NULL: none */
    const char *common_name;
    long from, until; /* days from now; both 0: -1 to 1 */
    EVP_PKEY *key;
    const EVP_MD *hash;
    bool authority;
};

static void extend(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

    if (!extension || X509_add_ext(certificate, extension, -1) != 1)
        abort();
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: itself. */
static X509 *make(const struct order *order, X509 *issuer)
{
    static long serial;
    X509 *made = X509_new();
    X509_NAME *subject = X509_get_subject_name(made);
    const char *name = order->common_name ? order->common_name : "x";

    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made),
                    (order->from || order->until ? order->from : -1) * DAY);
    X509_gmtime_adj(X509_getm_notAfter(made),
                    (order->from || order->until ? order->until : 1) * DAY);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made, issuer ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(made, order->key ? order->key : key);
    extend(made, NID_basic_constraints, order->authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (order->names)
        extend(made, NID_subject_alt_name, order->names);
    if (X509_sign(made, key, order->hash ? order->hash : EVP_sha256()) == 0)
        abort();
    return made;
}

static const struct order root_order = {.common_name = "root", .authority = true};
static X509 *root, *intermediate, *foreign;

/* The fault found in what is presented by a server; `text` (of 600 bytes) takes what is said of it.
 */
static enum fault fault_in(struct trust *trust, const char *host, X509 *certificate, X509 *between,
                           char *text)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct presented presented = {.certificate = certificate, .chain = chain};
    struct evidence evidence = {0};
    const char *said;
    enum fault fault = FAULT_NONE;

    sk_X509_push(chain, certificate);
    if (between)
        sk_X509_push(chain, between);
    ok(certificate_verify(&presented, trust, host, &fault, &evidence) == 0, "%s: is verified",
       host);
    said = evidence_text(&evidence, EVIDENCE_REPLY);
    if (text)
        snprintf(text, 600, "%s", said ? said : "");
    evidence_clear(&evidence);
    sk_X509_free(chain);
    return fault;
}

static struct trust *trusting(X509 *anchor)
{
    struct trust *trust = calloc(1, sizeof(*trust));

    trust->anchors = X509_STORE_new();
    X509_STORE_add_cert(trust->anchors, anchor);
    X509_STORE_set_flags(trust->anchors, X509_V_FLAG_PARTIAL_CHAIN);
    return trust;
}

static const struct {
    const char *names, *host;
    bool fine;
} name_cases[] = {
    {"DNS:mail.example.org", "mail.example.org", true},
    {"DNS:mail.example.org", "MAIL.Example.org", true},
    {"DNS:MAIL.example.ORG", "mail.example.org", true},
    {"DNS:mail.example.org", "mail.example.org.", true},
    {"DNS:other.example.org,DNS:mail.example.org", "mail.example.org", true},
    {"DNS:mail.example.org", "example.org", false},
    {"DNS:example.org", "mail.example.org", false},
    {"DNS:mail.example.org.evil.test", "mail.example.org", false},
    {"DNS:*.example.org", "mail.example.org", true},
    {"DNS:*.example.org", "a.mail.example.org", false},
    {"DNS:*.example.org", "example.org", false},
    {"DNS:*.example.org", "xn--mller-kva.example.org", true},
    {"DNS:ma*.example.org", "mail.example.org", false},
    {"DNS:*il.example.org", "mail.example.org", false},
    {"DNS:mail.*.org", "mail.example.org", false},
    {"DNS:*", "mail", false},
    {"DNS:*.org", "example.org", false},
    {"DNS:xn--mller-kva.example", "xn--mller-kva.example", true},
    {"email:mail.example.org", "mail.example.org", false},
    {"URI:smtp://mail.example.org", "mail.example.org", false},
    {NULL, "mail.example.org", false}, /* whatever its common name says */
    {"IP:192.0.2.1", "192.0.2.1", true},
    {"IP:192.0.2.1", "192.0.2.2", false},
    {"DNS:192.0.2.1", "192.0.2.1", false},
    {"IP:2001:db8::1", "2001:db8::1", true},
    {"IP:2001:db8::1", "2001:DB8:0::1", true},
    {"IP:2001:db8::1", "2001:db8::2", false},
    {"IP:192.0.2.1", "::ffff:192.0.2.1", false},
};

static void test_names(void)
{
    struct trust *trust = trusting(root);

    for (size_t i = 0; i < ELEMENTSOF(name_cases); i++) {
        struct order order = {.names = name_cases[i].names, .common_name = "mail.example.org"};
        X509 *certificate = make(&order, root);

        is_number(fault_in(trust, name_cases[i].host, certificate, NULL, NULL),
                  name_cases[i].fine ? FAULT_NONE : FAULT_NAME, "%s %s %s",
                  name_cases[i].names ? name_cases[i].names : "no name",
                  name_cases[i].fine ? "is for" : "is not for", name_cases[i].host);
        X509_free(certificate);
    }
    trust_free(trust);
}

/* --- faults -------------------------------------------------------------------------------------
 */

enum issuer { BY_ROOT, BY_INTERMEDIATE, BY_FOREIGN, BY_ITSELF };
#define GOOD .names = "DNS:mail.test"
#define BAD  .names = "DNS:a.test,DNS:b.test,IP:192.0.2.1"

static EVP_PKEY *small_key;

static const struct {
    const char *name;
    struct order order;
    enum issuer issuer;
    bool alone; /* what it was issued by is not sent along */
    enum fault fault;
    const char *text;
} fault_cases[] = {
    {"nothing", {GOOD}, BY_ROOT, false, FAULT_NONE, ""},
    {"nothing, with an intermediate", {GOOD}, BY_INTERMEDIATE, false, FAULT_NONE, ""},
    {"a missing intermediate",
     {GOOD},
     BY_INTERMEDIATE,
     true,
     FAULT_UNKNOWN_ISSUER,
     "the server sends no certificate of its issuer, an intermediate one may be missing: "
     "CN=intermediate"},
    {"another root, sent along",
     {GOOD},
     BY_FOREIGN,
     false,
     FAULT_UNKNOWN_ISSUER,
     "the chain of certificates ends at a root that is not trusted here: CN=somebody"},
    {"another root", {GOOD}, BY_FOREIGN, true, FAULT_UNKNOWN_ISSUER, NULL},
    {"self-signed", {GOOD}, BY_ITSELF, false, FAULT_SELF_SIGNED, ""},
    {"name", {BAD}, BY_ROOT, false, FAULT_NAME, "it is for a.test, b.test, 192.0.2.1"},
    {"expired", {GOOD, .from = -2, .until = -1}, BY_ROOT, false, FAULT_EXPIRED, ""},
    {"not yet valid", {GOOD, .from = 1, .until = 2}, BY_ROOT, false, FAULT_NOT_YET_VALID, NULL},
    {"signed with SHA-1", {GOOD, .hash = NULL}, BY_ROOT, false, FAULT_WEAK, NULL},
    {"all at once, self-signed",
     {BAD, .from = -2, .until = -1},
     BY_ITSELF,
     false,
     FAULT_SELF_SIGNED,
     ""},
    {"all at once, by another root",
     {BAD, .from = -2, .until = -1},
     BY_FOREIGN,
     false,
     FAULT_UNKNOWN_ISSUER,
     NULL},
    {"name and expired", {BAD, .from = -2, .until = -1}, BY_ROOT, false, FAULT_NAME, NULL},
    {"name and not yet valid", {BAD, .from = 1, .until = 2}, BY_ROOT, false, FAULT_NAME, NULL},
    {"self-signed and for an authority",
     {GOOD, .authority = true},
     BY_ITSELF,
     false,
     FAULT_SELF_SIGNED,
     NULL},
};

static X509 *issuer_of(enum issuer issuer)
{
    switch (issuer) {
    case BY_ROOT:
        return root;
    case BY_INTERMEDIATE:
        return intermediate;
    case BY_FOREIGN:
        return foreign;
    case BY_ITSELF:
        break;
    }
    return NULL;
}

static void test_faults(void)
{
    struct trust *trust = trusting(root);

    for (size_t i = 0; i < ELEMENTSOF(fault_cases); i++) {
        X509 *issuer = issuer_of(fault_cases[i].issuer), *certificate;
        struct order order = fault_cases[i].order;
        char text[600];

        if (strcmp(fault_cases[i].name, "signed with SHA-1") == 0)
            order.hash = EVP_sha1(); /* no constant */
        certificate = make(&order, issuer);
        is_string(fault_to_string(fault_in(trust, "mail.test", certificate,
                                           fault_cases[i].alone ? NULL : issuer, text)),
                  fault_to_string(fault_cases[i].fault), "%s", fault_cases[i].name);
        if (fault_cases[i].text)
            is_string(text, fault_cases[i].text, "%s, in words", fault_cases[i].name);
        X509_free(certificate);
    }
    trust_free(trust);
}

static void test_weak_keys(void)
{
    struct order weak = {GOOD, .key = small_key};
    struct order weak_and_late = {GOOD, .key = small_key, .from = -2, .until = -1};
    X509 *certificate = make(&weak, root), *late = make(&weak_and_late, root);
    struct trust *trust = trusting(root);
    char text[600];

    is_number(fault_in(trust, "mail.test", certificate, NULL, text), FAULT_WEAK, "a small key");
    is_string(text, "the certificate has a key of 1024 bits", "in words");
    is_number(fault_in(trust, "mail.test", late, NULL, text), FAULT_EXPIRED,
              "expired with a small key");
    X509_free(certificate);
    X509_free(late);
    trust_free(trust);
}

/* An anchor of the user's own need not be a root. */
static void test_anchors(void)
{
    struct order order = {GOOD};
    X509 *certificate = make(&order, intermediate), *alone = make(&order, NULL);
    struct trust *trust = trusting(intermediate);

    is_number(fault_in(trust, "mail.test", certificate, NULL, NULL), FAULT_NONE,
              "an intermediate as anchor");
    trust_free(trust);
    trust = trusting(alone);
    is_number(fault_in(trust, "mail.test", alone, NULL, NULL), FAULT_NONE,
              "a self-signed one as its own");
    is_number(fault_in(trust, "other.test", alone, NULL, NULL), FAULT_NAME,
              "but not for another name");
    X509_free(certificate);
    X509_free(alone);
    trust_free(trust);
}

static void test_clock(void)
{
    struct order early = {GOOD, .from = 1, .until = 2}, late = {GOOD, .from = -2, .until = -1};
    X509 *certificate = make(&early, root), *expired = make(&late, root);
    struct trust *trust = trusting(root);
    char text[600];

    (void)fault_in(trust, "mail.test", certificate, NULL, text);
    ok(strncmp(text, "it is valid from 2", 18) == 0, "not yet valid: %s", text);
    trust->newest = time(NULL) + 3 * DAY;
    is_number(fault_in(trust, "mail.test", certificate, NULL, text), FAULT_NOT_YET_VALID,
              "not yet valid, and the clock is behind what lies on this machine");
    ok(strncmp(text, "the clock of this machine is wrong, it says 2", 45) == 0, "is said: %s",
       text);
    is_number(fault_in(trust, "mail.test", expired, NULL, text), FAULT_EXPIRED,
              "expired is expired all the more by the right time");
    is_string(text, "", "and no reason to speak of the clock");
    X509_free(certificate);
    X509_free(expired);
    trust_free(trust);
}

/* --- where anchors come from --------------------------------------------------------------------
 */

static char folder[] = "/tmp/mailroam-tls-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_anchor(const char *name, X509 *anchor)
{
    FILE *file = fopen(in_folder(name), "we");

    if (!file || PEM_write_X509(file, anchor) != 1)
        abort();
    fclose(file);
}

/* Whether a server of the root's, and one of the foreign root's, is trusted: "r", "f", "rf" or "".
 * `directory` and `file` are names in the folder, or NULL where the variable is not to be set. */
static const char *trusts(const char *directory, const char *file, const char *ca_file)
{
    struct order order = {GOOD};
    X509 *ours = make(&order, root), *theirs = make(&order, foreign);
    struct trust *trust = NULL;
    char *problem_text = NULL, own[200];
    static char answer[3];

    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
    if (directory)
        setenv("SSL_CERT_DIR", directory, 1);
    if (file)
        setenv("SSL_CERT_FILE", in_folder(file), 1);
    if (ca_file)
        snprintf(own, sizeof(own), "%s", in_folder(ca_file));
    ok(trust_new(&trust, ca_file ? own : NULL, &problem_text) == 0, "anchors are loaded");
    snprintf(answer, sizeof(answer), "%s%s",
             fault_in(trust, "mail.test", ours, root, NULL) == FAULT_NONE ? "r" : "",
             fault_in(trust, "mail.test", theirs, foreign, NULL) == FAULT_NONE ? "f" : "");
    trust_free(trust);
    free(problem_text);
    X509_free(ours);
    X509_free(theirs);
    return answer;
}

static void test_places(void)
{
    char hashed[200], plain[200], none[200], both[420], link[64];
    struct trust *trust = NULL;
    char *problem_text = NULL;

    if (!mkdtemp(folder))
        abort();
    snprintf(hashed, sizeof(hashed), "%s", in_folder("hashed"));
    snprintf(plain, sizeof(plain), "%s", in_folder("plain"));
    snprintf(none, sizeof(none), "%s", in_folder("none"));
    snprintf(both, sizeof(both), "%s:%s", none, hashed);
    mkdir(hashed, 0700);
    mkdir(plain, 0700);
    snprintf(link, sizeof(link), "hashed/%08lx.0",
             X509_NAME_hash_ex(X509_get_subject_name(root), NULL, NULL, NULL));
    write_anchor(link, root);
    write_anchor("plain/ca-certificates.crt", root);
    write_anchor("bundle.pem", foreign);

    is_string(trusts(hashed, "no-file", NULL), "r", "a directory of hashed links");
    is_string(trusts(both, "no-file", NULL), "r", "a list of directories");
    is_string(trusts(hashed, "bundle.pem", NULL), "rf", "a directory, and a bundle that has more");
    is_string(trusts(none, "bundle.pem", NULL), "f", "a directory that is missing, and a bundle");
    is_string(trusts(none, "no-file", NULL), "", "nothing at all");
    is_string(trusts(plain, "no-file", NULL), "r", "a directory that holds but the bundle");
    is_string(trusts(plain, "bundle.pem", NULL), "f",
              "which is left alone where OpenSSL has its own");
    is_string(trusts("", "no-file", NULL), "", "an empty list");
    is_string(trusts(none, "no-file", "bundle.pem"), "f", "a file of the user's own");
    is_string(trusts(hashed, "no-file", "bundle.pem"), "rf", "beside the system's");
    is_string(trusts(hashed, "hashed", NULL), "r", "a bundle that is a directory");
    if (geteuid() == 0)
        skip("a directory that cannot be read", "root reads everything");
    else {
        chmod(hashed, 0);
        is_string(trusts(hashed, "bundle.pem", NULL), "f", "a directory that cannot be read");
        chmod(hashed, 0700);
    }

    setenv("SSL_CERT_DIR", hashed, 1);
    setenv("SSL_CERT_FILE", in_folder("bundle.pem"), 1);
    utime(in_folder("bundle.pem"), &(struct utimbuf){4000000000, 4000000000});
    if (trust_new(&trust, NULL, &problem_text) == 0) {
        is_number(trust->newest, 4000000000, "the newest of the files is known");
        ok(trust->bundle, "the bundle is left for later where there are hashed links");
        ok(trust_load_rest(trust) && !trust_load_rest(trust), "and read once");
    }
    trust = trust_free(trust);
    is_number(trust_new(&trust, in_folder("nothing.pem"), &problem_text), -EINVAL, "no such file");
    ok(problem_text && strstr(problem_text, "nothing.pem"), "is named: %s", problem_text);
    free(problem_text);

    unlink(in_folder(link));
    unlink(in_folder("plain/ca-certificates.crt"));
    unlink(in_folder("bundle.pem"));
    rmdir(hashed);
    rmdir(plain);
    rmdir(folder);
}

int main(void)
{
    struct order between = {.common_name = "intermediate", .authority = true};
    struct order other = {.common_name = "somebody", .authority = true};

    key = EVP_EC_gen("P-256");
    small_key = EVP_RSA_gen(1024U);
    root = make(&root_order, NULL);
    intermediate = make(&between, root);
    foreign = make(&other, NULL);
    test_hosts();
    test_names();
    test_faults();
    test_weak_keys();
    test_anchors();
    test_clock();
    test_places();
    X509_free(root);
    X509_free(intermediate);
    X509_free(foreign);
    EVP_PKEY_free(key);
    EVP_PKEY_free(small_key);
    return tap_done();
}
