/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Logins of accounts. Always: the book is on the disk before a probe gets a secret, so that no
 * crash makes a failure uncounted; a secret is held while it is fetched and handed over, and no
 * longer.
 */
#include "logins.h"
#include "check-request.h"
#include "check.h"
#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "journal.h"
#include "log.h"
#include "login-book.h"
#include "paths.h"
#include "prober.h"
#include <string.h>
#include <time.h>

#define FILE_MAX (1 << 20)

struct login {
    struct logins *logins;
    struct account *account;
    struct endpoint endpoint;
    char network[MEMORY_TEXT_MAX];
    logins_callback callback;
    void *userdata;
    struct credentials *credentials;
    struct secret *secret;
    struct prober *prober;
    sd_event_source *reaper; /* it is over, and goes when nobody is at work in it any more */
    credentials_time changed;
    bool asked;
    bool begun; /* the book reckons with it */
    bool over;
    struct finding finding;
    bool found;
    struct login *next;
};

/* Why an account's last login could not be checked, as the log has it. */
struct told {
    char *account, *problem;
    struct told *next;
};

struct logins {
    sd_event *event;
    struct memory *memory;
    const struct keyring *keyring; /* or NULL */
    char *path;
    struct login_book *book;
    struct login *logins;
    struct told *told;
};

DEFINE_CLEANUP(struct logins *, logins_free)

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int save(struct logins *logins)
{
    _cleanup_free_ char *text = login_book_write(logins->book);
    int r = text ? 0 : -ENOMEM;

    if (r == 0 && logins->path)
        r = file_write(logins->path, text, strlen(text));
    if (r < 0)
        log_error("%s: cannot be written: %s", logins->path ? logins->path : "the book of logins",
                  strerror(-r));
    return r;
}

static struct login *login_free(struct login *login)
{
    if (!login)
        return NULL;
    prober_free(login->prober); /* before what it reads */
    credentials_free(login->credentials);
    secret_free(login->secret);
    sd_event_source_disable_unref(login->reaper);
    finding_clear(&login->finding);
    free(login);
    return NULL;
}
DEFINE_CLEANUP(struct login *, login_free)

static int on_reap(sd_event_source *source _unused_, void *userdata)
{
    struct login *login = userdata, **at = &login->logins->logins;

    while (*at != login)
        at = &(*at)->next;
    *at = login->next;
    login_free(login);
    return 0;
}

static struct login_intent intent_of(const struct login *login)
{
    return (struct login_intent){account_settings(login->account), login->endpoint.host,
                                 login->network, login->changed};
}

static enum login_outcome outcome_of(const struct finding *finding)
{
    const char *word = evidence_text(&finding->evidence, EVIDENCE_LOGIN);

    for (int i = 0; word && i < N_LOGIN_OUTCOME; i++)
        if (strcmp(word, login_outcome_to_string((enum login_outcome)i)) == 0)
            return (enum login_outcome)i;
    return LOGIN_NONE;
}

static void forget_told(struct logins *logins, const char *account)
{
    struct told **at = &logins->told;

    while (*at && strcmp((*at)->account, account) != 0)
        at = &(*at)->next;
    if (*at) {
        struct told *told = *at;

        *at = told->next;
        free(told->account);
        free(told->problem);
        free(told);
    }
}

/* A keyring may stay locked for days, and each check would say so: once is enough, until it is over
 * or something else. */
static void tell(struct logins *logins, const char *account, const char *problem)
{
    struct told *told;

    for (told = logins->told; told; told = told->next)
        if (strcmp(told->account, account) == 0 && strcmp(told->problem, problem) == 0)
            return;
    log_error("account %s: the login could not be checked: %s", account, problem);
    forget_told(logins, account);
    told = calloc(1, sizeof(*told));
    if (!told)
        return; /* then it is said again */
    *told = (struct told){strdup(account), strdup(problem), logins->told};
    if (told->account && told->problem) {
        logins->told = told;
        return;
    }
    free(told->account);
    free(told->problem);
    free(told);
}

/* Exactly once: what was found, or `problem`, or an answer. */
static void end(struct login *login, const char *problem, enum logins_answer answer)
{
    struct logins *logins = login->logins;
    const struct account_settings *settings = account_settings(login->account);
    const struct finding *finding = login->found && !problem ? &login->finding : NULL;
    const struct login_intent intent = intent_of(login);

    if (login->over)
        return;
    login->over = true;
    login->secret = secret_free(login->secret);
    /* A probe that died has perhaps logged in: what it did stays counted as a failure. */
    if (login->begun && finding) {
        login_book_note(logins->book, &intent, outcome_of(finding), now_us());
        (void)save(logins);
    }
    if (finding)
        account_note_login(login->account, finding);
    if (problem)
        tell(logins, settings->name, problem);
    else
        forget_told(logins, settings->name);
    if (login->callback)
        login->callback(finding, problem, answer, login->userdata);
    if (sd_event_add_defer(logins->event, &login->reaper, on_reap, login) < 0)
        log_error("out of memory: a login stays in the way of the next");
}

static enum prober_wish on_line(const char *line, size_t length, void *userdata)
{
    struct login *login = userdata;

    if (login->found || finding_from_line(line, length, &login->finding) < 0)
        return PROBER_NOT_SO;
    login->found = true;
    return endpoint_equal(&login->finding.endpoint, &login->endpoint) ? PROBER_ENOUGH
                                                                      : PROBER_NOT_SO;
}

static void on_prober(const char *problem, void *userdata)
{
    end(userdata, problem, 0);
}

/* The probe gets the request, and the secret behind it. */
static int ask_probe(struct login *login)
{
    static const struct prober_callbacks callbacks = {.line = on_line, .ended = on_prober};
    const struct account_settings *settings = account_settings(login->account);
    struct logins *logins = login->logins;
    const struct login_intent intent = intent_of(login);
    struct finding expected = {.verdict = VERDICT_UNKNOWN};
    _cleanup_free_ char *request = NULL;
    int r = memory_expected(logins->memory, settings->name, &login->endpoint, &expected);

    if (r >= 0)
        request = login_request(settings, &login->endpoint, r == 0 ? &expected : NULL);
    finding_clear(&expected);
    if (!request)
        return -ENOMEM;
    r = login_book_begin(logins->book, &intent);
    if (r == 0)
        r = save(logins);
    if (r < 0)
        return r;
    login->begun = true;
    return prober_new(&login->prober, logins->event, request, login->secret->bytes,
                      login->secret->length, CHECK_DEADLINE_S, &callbacks, login);
}

/* What the book says, with what is known of the secret so far. 0 or an answer. */
static int consult(const struct login *login)
{
    const struct login_intent intent = intent_of(login);

    switch (login_book_ask(login->logins->book, &intent, login->asked, now_us())) {
    case LEAVE_GIVEN:
        return 0;
    case LEAVE_REFUSED:
        return LOGINS_REFUSED;
    case LEAVE_DONE:
    case LEAVE_LATER:
        break;
    }
    return LOGINS_NOT_NOW;
}

/* Here the book has the last word: what it said before may have been of another password, and
 * another account may have used this one meanwhile. */
static void on_secret(enum credentials_answer answer, struct secret *secret,
                      credentials_time changed, const char *problem, void *userdata)
{
    struct login *login = userdata;
    int r;

    login->secret = secret;
    login->changed = changed;
    switch (answer) {
    case CREDENTIALS_FOUND:
        r = consult(login);
        if (r == 0)
            r = ask_probe(login);
        if (r != 0)
            end(login, r < 0 ? strerror(-r) : NULL, r > 0 ? (enum logins_answer)r : 0);
        return;
    case CREDENTIALS_NONE:
    case CREDENTIALS_FAILED:
        end(login, problem, LOGINS_NO_SECRET);
        return;
    case CREDENTIALS_UNCHANGED:
        end(login, NULL, LOGINS_REFUSED);
        return;
    }
}

static int may_begin(const struct logins *logins, const struct account *account)
{
    const struct finding *working = account_working(account);

    for (const struct login *login = logins->logins; login; login = login->next)
        if (login->account == account && !login->over)
            return LOGINS_BUSY;
    if (!working)
        return LOGINS_NO_ENDPOINT;
    return working->verdict == VERDICT_WORKS || working->verdict == VERDICT_LOGIN_REFUSED
               ? 0
               : LOGINS_INSECURE;
}

/* What was refused is not fetched again, but for who says when it was changed last: only that is
 * asked for. */
static int ask_for_secret(struct login *login)
{
    const struct login_intent intent = intent_of(login);
    credentials_time unless = 0;
    int r = consult(login);

    if (r == LOGINS_REFUSED)
        unless = login_book_refused(login->logins->book, &intent);
    if (r != 0 && unless == 0)
        return r;
    r = credentials_new(&login->credentials, login->logins->event, intent.settings, intent.server,
                        unless, login->logins->keyring, on_secret, login);
    if (r == CREDENTIALS_UNCHANGED)
        return LOGINS_REFUSED;
    return r == CREDENTIALS_NONE ? LOGINS_NO_SECRET : r;
}

int logins_begin(struct logins *logins, struct account *account, bool asked,
                 logins_callback callback, void *userdata)
{
    _cleanup_(login_freep) struct login *login = NULL;
    int r = may_begin(logins, account);

    if (r != 0)
        return r;
    login = calloc(1, sizeof(*login));
    if (!login)
        return -ENOMEM;
    login->logins = logins;
    login->account = account;
    login->endpoint = account_working(account)->endpoint;
    strcpy(login->network, memory_network(logins->memory));
    login->asked = asked;
    login->callback = callback;
    login->userdata = userdata;
    r = ask_for_secret(login);
    if (r != 0)
        return r;
    login->next = logins->logins;
    logins->logins = TAKE(login);
    return 0;
}

void logins_set_keyring(struct logins *logins, const struct keyring *keyring)
{
    logins->keyring = keyring;
}

void logins_end(struct logins *logins, const struct account *account, const char *problem)
{
    for (struct login *login = logins->logins; login; login = login->next)
        if (login->account == account) {
            end(login, problem, 0);
            login->prober = prober_free(login->prober);
            login->credentials = credentials_free(login->credentials);
        }
    forget_told(logins, account_settings(account)->name); /* which may be new to it */
}

int logins_new(struct logins **ret, sd_event *event, struct memory *memory, const char *path)
{
    _cleanup_(logins_freep) struct logins *logins = calloc(1, sizeof(*logins));
    _cleanup_free_ char *text = NULL;
    size_t length = 0;
    int r;

    if (!logins)
        return -ENOMEM;
    logins->event = sd_event_ref(event);
    logins->memory = memory;
    logins->path = path ? strdup(path) : NULL;
    if (path && !logins->path)
        return -ENOMEM;
    r = path ? file_read(path, FILE_MAX, &text, &length) : 0;
    if (r < 0 && r != -ENOENT)
        log_warning("%s: cannot be read: %s", path, strerror(-r));
    logins->book = login_book_new(text, length);
    if (!logins->book)
        return -ENOMEM;
    *ret = TAKE(logins);
    return 0;
}

struct logins *logins_free(struct logins *logins)
{
    if (!logins)
        return NULL;
    while (logins->logins) {
        struct login *login = logins->logins;

        logins->logins = login->next;
        login_free(login);
    }
    while (logins->told)
        forget_told(logins, logins->told->account);
    login_book_free(logins->book);
    sd_event_unref(logins->event);
    free(logins->path);
    free(logins);
    return NULL;
}
