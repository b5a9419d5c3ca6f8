/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which notifications are to stand, over journeys; the ledger's text; the settings. */
#include "error.h"
#include "judge/verdict.h"
#include "log.h"
#include "notify-matters.h"
#include "tap.h"
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MINUTE_USEC UINT64_C(60000000)
#define START_DATE  UINT64_C(1700000000)

/* One account on one network: what mailroamd publishes of it. */
struct scene {
    const char *network; /* "": none */
    const char *state;
    unsigned working;      /* the port; 0: none */
    const char *endpoints; /* "465 works 587 blocked" */
    const char *provenance;
};

static struct client_endpoint rows[8];
static struct client_account account, second;
static struct client_account *accounts[2] = {&account, &second};
static struct published published;
static struct matters *matters;
static struct notify_settings settings;
static struct moment moment;
static struct plan plan;

static char *text_of(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

static void endpoints_of(struct client_account *its, const char *words)
{
    char verdict[40];
    unsigned port;
    int used;

    for (size_t i = 0; i < its->n_endpoints; i++) {
        free(rows[i].host);
        free(rows[i].security);
        free(rows[i].verdict);
        evidence_clear(&rows[i].evidence);
    }
    its->endpoints = rows;
    its->n_endpoints = 0;
    for (; sscanf(words, " %u %39s%n", &port, verdict, &used) == 2; words += used) {
        struct client_endpoint *row = &rows[its->n_endpoints++];

        *row = (struct client_endpoint){.host = text_of("mail.example.org"),
                                        .port = (uint16_t)port,
                                        .security = text_of(port == 465 ? "tls" : "starttls"),
                                        .verdict = text_of(verdict)};
        if (strcmp(verdict, "blocked") == 0) {
            (void)evidence_set_text(&row->evidence, EVIDENCE_HOW, "dropped");
            (void)evidence_set_text(&row->evidence, EVIDENCE_BY, "10.20.0.1");
        }
    }
}

static void set(char **text, const char *value)
{
    free(*text);
    *text = text_of(value);
}

static void set_scene(const struct scene *scene)
{
    set(&published.manager.network.id, scene->network);
    set(&published.manager.network.name, scene->network);
    set(&account.name, "work");
    set(&account.address, "me@example.org");
    set(&account.state, scene->state);
    set(&account.provenance, scene->provenance ?: scene->working ? "confirmed" : "none");
    set(&account.working.server, scene->working ? "mail.example.org" : "");
    set(&account.working.security, scene->working == 465 ? "tls" : "starttls");
    account.working.port = (uint16_t)scene->working;
    endpoints_of(&account, scene->endpoints);
}

static void reset(void)
{
    matters = matters_free(matters);
    if (matters_new(&matters) < 0)
        abort();
    settings = (struct notify_settings){
        .kinds = {true, true, true, true, true}, .wanted = {25}, .n_wanted = 1};
    moment = (struct moment){.boottime = 1000 * MINUTE_USEC, .date = START_DATE, .can_show = true};
    published.accounts = accounts;
    published.n_accounts = 1;
}

/* What the plan says, as "+Portal -PortBlocked"; each time a minute later. */
static const char *visit(const struct scene *scene)
{
    static char words[200];

    words[0] = '\0';
    set_scene(scene);
    moment.boottime += MINUTE_USEC;
    moment.date += 60;
    if (matters_decide(matters, &published, &settings, &moment, &plan) < 0)
        abort();
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        if (plan.steps[matter] != STEP_KEEP)
            snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s%s",
                     *words ? " " : "", plan.steps[matter] == STEP_SHOW ? "+" : "-",
                     matter_to_string(matter));
    return words;
}

static const struct scene home = {"home", "ready", 465, "465 works 587 works 25 works"},
                          hotel = {"hotel", "ready", 465, "465 works 587 works 25 blocked"},
                          narrow = {"narrow", "degraded", 587, "465 blocked 587 works 25 blocked"},
                          office = {"office", "degraded", 587, "465 refused 587 works 25 works"},
                          dead = {"dead", "blocked", 0, "465 blocked 587 blocked 25 blocked"},
                          cafe = {"cafe", "portal", 0, "465 portal 587 portal 25 portal"},
                          open_cafe = {"cafe", "ready", 465, "465 works 587 works 25 works"},
                          bad = {"bad", "degraded", 587, "465 intercepted 587 works 25 works"},
                          stripped = {"bad", "ready", 465, "465 works 587 stripped 25 works"},
                          offline = {"", "offline", 0, ""},
                          checking = {"hotel", "checking", 0, "465 unknown 587 unknown 25 unknown"},
                          half = {"hotel", "ready", 465, "465 works 587 unknown 25 blocked"},
                          recalled = {"hotel", "ready", 465, "465 works 587 works 25 blocked",
                                      "remembered"};

static void test_journeys(void)
{
    static const struct {
        const char *name;
        const struct {
            const struct scene *scene;
            const char *expected;
        } legs[10];
    } journeys[] = {
        {"what works at the first start is no news", {{&home, ""}, {&home, ""}}},
        {"a blocked port is told once on a network, and withdrawn",
         {{&home, ""},
          {&hotel, "+PortBlocked"},
          {&hotel, ""},
          {&home, "-PortBlocked"},
          {&hotel, ""},
          {&home, ""}}},
        {"another network with the same replaces it",
         {{&home, ""}, {&hotel, "+PortBlocked"}, {&narrow, "+PortBlocked"}}},
        {"the blocked port's notice says what works instead",
         {{&home, ""}, {&narrow, "+PortBlocked"}, {&home, "-PortBlocked"}, {&narrow, ""}}},
        {"another port is told once on a network",
         {{&home, ""},
          {&office, "+PortChanged"},
          {&home, "-PortChanged"},
          {&office, ""},
          {&home, ""}}},
        {"mail cannot leave",
         {{&home, ""}, {&dead, "+MailBlocked"}, {&dead, ""}, {&home, "-MailBlocked"}, {&dead, ""}}},
        {"a portal wants a login, and the login ends it",
         {{&home, ""}, {&cafe, "+Portal"}, {&open_cafe, "-Portal"}, {&cafe, ""}}},
        {"something intercepts, and then strips: another matter of the same kind",
         {{&home, ""}, {&bad, "+Tampering"}, {&stripped, "+Tampering"}, {&home, "-Tampering"}}},
        {"offline, everything is withdrawn",
         {{&home, ""}, {&hotel, "+PortBlocked"}, {&offline, "-PortBlocked"}, {&hotel, ""}}},
        {"nothing changes while a check is under way",
         {{&dead, "+MailBlocked"},
          {&checking, ""},
          {&half, ""},
          {&recalled, ""},
          {&hotel, "-MailBlocked +PortBlocked"}}},
    };

    for (size_t i = 0; i < ELEMENTSOF(journeys); i++) {
        reset();
        for (size_t j = 0; j < ELEMENTSOF(journeys[i].legs) && journeys[i].legs[j].scene; j++)
            is_string(visit(journeys[i].legs[j].scene), journeys[i].legs[j].expected, "%s: %zu",
                      journeys[i].name, j + 1);
    }
}

static void test_over(void)
{
    reset();
    moment.date = START_DATE;
    is_string(visit(&dead), "+MailBlocked", "an outage");
    is_string(visit(&(struct scene){"dead", "ready", 465, "465 works"}), "-MailBlocked", "its end");
    is_string(visit(&dead), "", "once more within the hour: no news");
    moment.date += 3600;
    is_string(visit(&dead), "+MailBlocked", "an hour later it is");
    moment.date = START_DATE - 86400;
    is_string(visit(&dead), "", "a clock that was set back changes nothing while it holds");
}

static void test_limit(void)
{
    struct scene roaming = hotel;
    char network[20];

    reset();
    visit(&home);
    for (unsigned i = 0; i < 8; i++) {
        bool first_ones = i < MATTERS_BURST;

        snprintf(network, sizeof(network), "train %u", i);
        roaming.network = network;
        is_string(visit(&roaming),
                  first_ones           ? "+PortBlocked"
                  : i == MATTERS_BURST ? "-PortBlocked"
                                       : "",
                  "roaming: network %u", i + 1);
        ok(plan.held_back == !first_ones, "held back: %d", !first_ones);
    }
    ok(plan.again_at > moment.boottime && plan.again_at < moment.boottime + MATTERS_PERIOD_USEC,
       "it is said when there can be another one");
    moment.boottime = plan.again_at;
    is_string(visit(&roaming), "+PortBlocked", "then the last network's is told");
}

static void test_no_server(void)
{
    reset();
    visit(&home);
    moment.can_show = false;
    is_string(visit(&hotel), "", "nobody would show it");
    ok(plan.held_back && plan.again_at == 0, "it is held back, and not for a time");
    is_string(visit(&office), "", "another port neither");
    moment.can_show = true;
    is_string(visit(&office), "+PortChanged", "what still holds then is told");
    is_string(visit(&hotel), "+PortBlocked -PortChanged", "and what was not told is still news");
}

/* The daemon goes away, and perhaps comes back, the moment at which it does counted in seconds. */
static const char *after(unsigned seconds, const struct scene *scene)
{
    struct moment before = moment;
    static char words[200];

    before.boottime += seconds * UINT64_C(1000000);
    if (scene) {
        moment.boottime = before.boottime - MINUTE_USEC;
        return visit(scene);
    }
    moment = before;
    if (matters_decide(matters, NULL, &settings, &moment, &plan) < 0)
        abort();
    words[0] = '\0';
    for (enum matter matter = 0; matter < N_MATTER; matter++)
        if (plan.steps[matter] == STEP_WITHDRAW)
            snprintf(words + strlen(words), sizeof(words) - strlen(words), "-%s",
                     matter_to_string(matter));
    return words;
}

static void test_absence(void)
{
    static const struct scene new = {"", "unconfigured", 0, ""};
    const struct notice notice = {(char *)"Mail cannot leave", (char *)"because"};
    uint64_t gone;

    reset();
    visit(&home);
    is_string(visit(&dead), "+MailBlocked", "something stands");
    is_string(after(1, NULL), "", "the daemon goes away: it stays");
    gone = moment.boottime;
    ok(plan.again_at == gone + MATTERS_ABSENCE_USEC, "to be decided again after a while");
    is_string(after(10, NULL), "", "it is still away");
    is_string(after(2, &new), "", "it comes back and knows no network yet: it stays");
    is_string(after(2, &checking), "", "it checks");
    is_string(after(2, &dead), "", "it finds the same: nothing is told");
    ok(plan.again_at == 0, "and that is that");
    is_string(visit(&offline), "-MailBlocked", "being offline withdraws at once");

    is_string(visit(&hotel), "+PortBlocked", "something else stands");
    is_string(after(1, NULL), "", "the daemon goes away again");
    is_string(after(31, NULL), "-PortBlocked", "too long: it is withdrawn");
    is_string(after(31, NULL), "", "once");

    reset();
    ok(matters_adopt(matters, MATTER_MAIL_BLOCKED, "dead", &notice) == 0,
       "an earlier process has shown something");
    is_string(after(1, NULL), "", "the daemon is not there yet");
    is_string(visit(&home), "-MailBlocked", "it does not hold any more");
}

static void test_a_person(void)
{
    reset();
    visit(&home);
    visit(&hotel);
    is_string(matters_network(matters, MATTER_PORT_BLOCKED), "hotel", "what it is about is known");
    matters_closed(matters, MATTER_PORT_BLOCKED);
    is_string(visit(&hotel), "", "what was closed does not come back");
    is_string(visit(&(struct scene){"hotel", "degraded", 587, "465 blocked 587 works 25 blocked"}),
              "+PortChanged", "another matter does");
    ledger_forget(matters_ledger(matters), "hotel");
    is_string(visit(&hotel), "+PortBlocked -PortChanged", "whoever asked is told again");
    ok(ledger_mute(matters_ledger(matters), "hotel", moment.date) == 0, "not on this network");
    is_string(visit(&hotel), "-PortBlocked", "takes away what stands");
    is_string(visit(&(struct scene){"hotel", "blocked", 0, "465 blocked"}), "",
              "nothing is told of it any more");
    is_string(visit(&dead), "+MailBlocked", "of others it is");
}

static void test_kinds(void)
{
    static const struct {
        enum matter matter;
        const struct scene *scene;
    } kinds[] = {{MATTER_PORTAL, &cafe},
                 {MATTER_MAIL_BLOCKED, &dead},
                 {MATTER_TAMPERING, &stripped},
                 {MATTER_PORT_BLOCKED, &hotel},
                 {MATTER_PORT_CHANGED, &office}};

    for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
        reset();
        visit(&home);
        settings.kinds[kinds[i].matter] = false;
        is_string(visit(kinds[i].scene), "", "%s is off", matter_to_string(kinds[i].matter));
    }
    reset();
    visit(&home);
    settings.n_wanted = 0;
    is_string(visit(&hotel), "", "a port that nobody wants may be blocked");
    settings.wanted[0] = 465;
    settings.n_wanted = 1;
    is_string(visit(&narrow), "+PortBlocked", "one that somebody wants may not");
    is_string(matters_notice(matters, MATTER_PORT_BLOCKED)->summary,
              "Port 465 is blocked on narrow", "it is named");
}

static void test_accounts(void)
{
    reset();
    second = (struct client_account){.name = text_of("home"),
                                     .address = text_of("i@example.net"),
                                     .state = text_of("checking"),
                                     .provenance = text_of("none"),
                                     .working.server = text_of(""),
                                     .working.security = text_of("")};
    published.n_accounts = 2;
    visit(&home);
    is_string(visit(&hotel), "", "as long as one account is being checked, nothing is told");
    set(&second.state, "unconfigured");
    is_string(visit(&hotel), "+PortBlocked", "one without a server is not waited for");
    set(&second.state, "blocked");
    is_string(visit(&hotel), "+MailBlocked", "each account can fail by itself");
    set(&second.state, "words of a newer daemon");
    is_string(visit(&hotel), "-MailBlocked", "what is not known says nothing");
    free(second.name);
    free(second.address);
    free(second.state);
    free(second.provenance);
    free(second.working.server);
    free(second.working.security);
}

static void test_words(void)
{
    static const struct {
        enum matter matter;
        const struct scene *scene;
        const char *summary, *body;
    } notices[] = {
        {MATTER_PORTAL, &cafe, "A login is needed on cafe",
         "Mail can leave when you have logged in with the browser."},
        {MATTER_MAIL_BLOCKED, &dead, "Mail cannot leave on dead",
         "me@example.org: port 465 blocked, port 587 blocked, port 25 blocked."},
        {MATTER_PORT_CHANGED, &office, "Mail now leaves through port 587",
         "On office: port 587 of mail.example.org (STARTTLS) for me@example.org."},
    };
    const struct notice *notice;

    for (size_t i = 0; i < ELEMENTSOF(notices); i++) {
        reset();
        visit(&home);
        visit(notices[i].scene);
        notice = matters_notice(matters, notices[i].matter);
        is_string(notice ? notice->summary : NULL, notices[i].summary, "%s: in short",
                  matter_to_string(notices[i].matter));
        is_string(notice ? notice->body : NULL, notices[i].body, "at length");
    }
    reset();
    visit(&hotel);
    notice = matters_notice(matters, MATTER_PORT_BLOCKED);
    is_string(notice->summary, "Port 25 is blocked on hotel", "a blocked port");
    ok(strstr(notice->body, "Port 25 of mail.example.org: ") && strstr(notice->body, "10.20.0.1"),
       "by whom");
    ok(strstr(notice->body, "\nMail leaves through port 465 of mail.example.org (TLS)."),
       "and what works instead");
    visit(&(struct scene){"", "offline", 0, ""});
    set_scene(&hotel);
    set(&published.manager.network.name, "");
    is_string(network_called(&published), "this network", "a network without a name");
}

static void test_ledger(void)
{
    static const struct {
        const char *name, *line;
    } bad_lines[] = {
        {"no fields", "told"},
        {"too few", "told\t1\thotel\tPortBlocked"},
        {"too many", "told\t1\thotel\tPortBlocked\t25\tmore"},
        {"another kind", "hold\t1\thotel\tPortBlocked\t25"},
        {"another matter", "told\t1\thotel\tPort\t25"},
        {"no time", "told\t\thotel\tPortBlocked\t25"},
        {"half a time", "told\t1x\thotel\tPortBlocked\t25"},
        {"no network", "told\t1\t\tPortBlocked\t25"},
        {"text that acts", "told\t1\tho\033[2Jtel\tPortBlocked\t25"},
        {"no UTF-8", "told\t1\tho\377tel\tPortBlocked\t25"},
        {"twice", "told\t1\tone\tPortBlocked\t25\nover\t1\tone\tPortBlocked\t25"},
    };
    _cleanup_(ledger_freep) struct ledger *ledger = NULL, *again = NULL;
    _cleanup_free_ char *text = NULL, *copy = NULL;
    struct claims none = {0};
    unsigned left_out = 1;

    if (ledger_new(&ledger) < 0 || ledger_new(&again) < 0)
        abort();
    ok(!ledger_changed(ledger), "a new one has nothing to write");
    ok(ledger_tell(ledger, "hotel", MATTER_PORT_BLOCKED, "25", 100) == 0 &&
           ledger_tell(ledger, "Café", MATTER_PORTAL, "login", 200) == 0 &&
           ledger_tell(ledger, "office", MATTER_MAIL_BLOCKED, "work", 300) == 0 &&
           ledger_mute(ledger, "cabin", 400) == 0 &&
           ledger_set_last(ledger, "work", "work mail.example.org:465/tls", 500) == 0,
       "entries of each kind");
    ledger_end(ledger, "office", &none);
    ledger_end(ledger, "Café", &none);
    ok(ledger_changed(ledger) && !ledger_changed(ledger), "they are to be written, once");
    text = ledger_format(ledger);
    ok(text && ledger_parse(again, text, &left_out) == 0 && left_out == 0, "written and read");
    copy = ledger_format(again);
    is_string(copy, text, "nothing was lost");
    ok(!ledger_changed(again), "what was read need not be written");
    ok(ledger_muted(again, "cabin") && !ledger_muted(again, "hotel"), "which are left alone");
    is_string(ledger_last(again, "work"), "work mail.example.org:465/tls", "the last port");
    ok(ledger_knows(again, "Café", MATTER_PORTAL, "login", UINT64_MAX), "a portal does not end");
    ok(!ledger_knows(again, "office", MATTER_MAIL_BLOCKED, "work", 300 + 3600), "an outage does");

    for (size_t i = 0; i < ELEMENTSOF(bad_lines); i++) {
        _cleanup_free_ char *both = NULL;

        if (asprintf(&both, "# a comment\n\n%s\nmuted\t1\tgood\t-\t-\n", bad_lines[i].line) < 0)
            abort();
        ledger = ledger_free(ledger);
        if (ledger_new(&ledger) < 0 || ledger_parse(ledger, both, &left_out) < 0)
            abort();
        ok(left_out == 1 && ledger_muted(ledger, "good"), "left out: %s", bad_lines[i].name);
    }
    ledger = ledger_free(ledger);
    if (ledger_new(&ledger) < 0)
        abort();
    for (unsigned i = 0; i < LEDGER_MAX + 100; i++) {
        char network[20];

        snprintf(network, sizeof(network), "%u", i);
        if (ledger_tell(ledger, network, MATTER_PORTAL, "login", i) < 0)
            abort();
    }
    ok(!ledger_knows(ledger, "99", MATTER_PORTAL, "login", 1) &&
           ledger_knows(ledger, "100", MATTER_PORTAL, "login", 1),
       "the oldest make room");
}

static char directory[] = "/tmp/mailroam-notify-XXXXXX";

static int remove_one(const char *path, const struct stat *status _unused_, int type _unused_,
                      struct FTW *at _unused_)
{
    return remove(path);
}

static void test_settings(void)
{
    static const struct {
        const char *text;
        unsigned kinds; /* a bit a matter */
        uint16_t wanted[3];
    } files[] = {
        {"", 0x1f, {25}},
        {"[Notify]\nEnabled=no\n", 0, {25}},
        {"[Notify]\nEnabled=no\nPortal=yes\n", 0, {25}},
        {"[Notify]\nPortal=no\nPortChanged=off\n", 0x1e & ~(1U << MATTER_PORT_CHANGED), {25}},
        {"[Notify]\nPortal=perhaps\n", 0x1f, {25}},
        {"[Notify]\nWantedPorts=25 465  587\n", 0x1f, {25, 465, 587}},
        {"[Notify]\nWantedPorts=no\n", 0x1f, {0}},
        {"[Notify]\nWantedPorts=\n", 0x1f, {0}},
        {"[Notify]\nWantedPorts=25 0\n", 0x1f, {25}},
        {"[Notify]\nWantedPorts=65536\n", 0x1f, {25}},
        {"[Notify]\nWantedPorts=-1\n", 0x1f, {25}},
        {"[Notify]\nWantedPorts=25,465\n", 0x1f, {25}},
        {"[Notify]\nWantedPorts=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n", 0x1f, {25}},
        {"[Notify]\nNoSuchKey=1\n[Mailroam]\nPortal=no\nLogLevel=debug\n", 0x1f, {25}},
    };
    char path[100];

    if (!mkdtemp(directory))
        abort();
    setenv("XDG_CONFIG_HOME", directory, 1);
    snprintf(path, sizeof(path), "%s/mailroam", directory);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/mailroam/mailroam.conf", directory);
    for (size_t i = 0; i < ELEMENTSOF(files); i++) {
        struct notify_settings read = {0};
        FILE *file = fopen(path, "w");
        unsigned kinds = 0;
        bool same = true;

        if (!file)
            abort();
        fputs(files[i].text, file);
        fclose(file);
        ok(notify_settings_read(&read) == 0, "settings %zu", i + 1);
        for (enum matter matter = 0; matter < N_MATTER; matter++)
            kinds |= (unsigned)read.kinds[matter] << matter;
        is_number(kinds, files[i].kinds, "the kinds");
        for (size_t j = 0; j < 3; j++)
            same &= files[i].wanted[j] == (j < read.n_wanted ? read.wanted[j] : 0);
        ok(same, "the ports");
    }
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    log_set_level(LOG_EMERG);
    test_journeys();
    test_over();
    test_limit();
    test_no_server();
    test_absence();
    test_a_person();
    test_kinds();
    test_accounts();
    test_words();
    test_ledger();
    test_settings();
    matters_free(matters);
    set_scene(&(struct scene){"", "offline", 0, ""});
    free(published.manager.network.id);
    free(published.manager.network.name);
    free(account.name);
    free(account.address);
    free(account.state);
    free(account.provenance);
    free(account.working.server);
    free(account.working.security);
    return tap_done();
}
