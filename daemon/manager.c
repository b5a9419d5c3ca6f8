/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The accounts and the network they are on. Account files are the truth: adding and removing work
 * on them and then load, so that what a restart would find is what runs.
 */
#include "manager.h"
#include "account-files.h"
#include "asker.h"
#include "cleanup.h"
#include "error.h"
#include "found/adopt.h"
#include "found/finder.h"
#include "found/overrides.h"
#include "journal.h"
#include "log.h"
#include "logins.h"
#include "paths.h"
#include "targets.h"
#include "text.h"
#include "watch/networkd.h"
#include <stdio.h>
#include <string.h>

#define WAKING_US 10000000 /* two reports of one waking-up are less than this apart */

struct manager {
    sd_event *event;
    const struct manager_listener *listener;
    void *userdata;
    struct memory *memory;
    struct logins *logins;
    struct watch *watch;
    struct asker *asker;             /* for the watch */
    struct way_out last_way;         /* of the network we are on, or were on last */
    char network_id[NETWORK_ID_MAX]; /* that was told last */
    struct settings settings;
    struct circumstances circumstances;
    struct surroundings surroundings;
    char portal_url[PORTAL_URL_MAX];
    uint64_t woken_at;         /* µs of CLOCK_BOOTTIME: when logind last said so */
    bool loaded;               /* the files have been read once */
    struct account **accounts; /* NULL-terminated */
    size_t n_accounts;
    struct finder *finder;      /* accounts of other programs */
    struct overrides overrides; /* own files before them */
    unsigned changes;           /* not announced yet */
    struct targets targets;
    struct turns *turns; /* of the accounts, to check */
};

DEFINE_CLEANUP(struct manager *, manager_free)

/* Told by the way out, because a network that has just come has no id yet. */
static enum change kind_of_change(struct manager *manager, const struct network *network)
{
    const struct way_out *way = network_primary(network), *last = &manager->last_way;
    bool here;

    if (!way)
        return CHANGE_OFFLINE;
    here = strcmp(way->interface, last->interface) == 0 &&
           strcmp(way->gateway, last->gateway) == 0 && strcmp(way->source, last->source) == 0;
    manager->last_way = *way;
    return here ? CHANGE_HERE : CHANGE_ELSEWHERE;
}

/* The memory hears of the network before anybody who may ask it. */
static void visit(struct manager *manager, const struct network *network, bool moved)
{
    memory_visit(manager->memory, network->id, network->name, moved, network->since);
    journal_on_network(network->id, network->name);
}

static void tell_network(struct manager *manager, const struct network *network, unsigned changes,
                         const char *reason)
{
    const struct event_facts facts = {.reason = reason};

    if (changes & WATCH_MOVED)
        journal(EVENT_NETWORK, &facts, "network: %s",
                network_primary(network) ? network->name : "none");
    else if (changes & WATCH_PATH)
        journal(EVENT_PATH, &facts, "network: %s", reason);
    if (strcmp(network->id, manager->network_id) != 0 && *network->id)
        journal(EVENT_NETWORK_KNOWN, NULL, "network: %s, %s", network->name,
                memory_known(manager->memory) ? "not for the first time" : "for the first time");
    strcpy(manager->network_id, network->id);
}

/* From whoever knows it: NetworkManager, or systemd-networkd. */
static void update_portal_url(struct manager *manager)
{
    const struct way_out *way = network_primary(watch_network(manager->watch));
    char url[PORTAL_URL_MAX];

    if (*manager->surroundings.portal_url)
        strcpy(url, manager->surroundings.portal_url);
    else
        (void)networkd_portal_url(NETWORKD_LINKS, way ? way->ifindex : 0, url);
    if (strcmp(url, manager->portal_url) == 0)
        return;
    strcpy(manager->portal_url, url);
    manager->listener->changed(manager, MANAGER_PORTAL, manager->userdata);
}

static void on_network(const struct network *network, unsigned changes, const char *reason,
                       void *userdata)
{
    struct manager *manager = userdata;
    enum change change = kind_of_change(manager, network);

    visit(manager, network, changes & WATCH_MOVED);
    tell_network(manager, network, changes, reason);
    if (changes & (WATCH_MOVED | WATCH_IDENTITY))
        manager->listener->changed(manager, MANAGER_NETWORK, manager->userdata);
    update_portal_url(manager);
    for (size_t i = 0; i < manager->n_accounts; i++) {
        struct account *account = manager->accounts[i];

        if (changes & WATCH_IDENTITY && !(changes & WATCH_MOVED))
            account_identified(account);
        if (changes & (WATCH_MOVED | WATCH_PATH))
            account_set_network(account, network, changes & WATCH_MOVED, change, reason);
        else if (!account_is_checking(account) && !account_working(account))
            account_recheck(account, "more is known of the network"); /* the other family, say */
    }
}

static void recheck_all(struct manager *manager, const char *reason)
{
    for (size_t i = 0; i < manager->n_accounts; i++)
        account_recheck(manager->accounts[i], reason);
}

static bool has_server(const char *host, const void *userdata)
{
    const struct manager *manager = userdata;

    for (size_t i = 0; i < manager->n_accounts; i++) {
        const struct account_settings *settings = account_settings(manager->accounts[i]);

        for (size_t j = 0; j < settings->n_endpoints; j++)
            if (strcmp(settings->endpoints[j].host, host) == 0)
                return true;
    }
    return false;
}

/* The targets are others now. */
static void follow_targets(struct manager *manager)
{
    int r = watch_set_targets(manager->watch, manager->targets.items, manager->targets.n);

    if (r < 0)
        log_error("Cannot follow the routes to the mail servers: %s", strerror(-r));
}

static void on_account_changed(struct account *account, unsigned changes, void *userdata)
{
    struct manager *manager = userdata;

    if (changes & ACCOUNT_ENDPOINTS && targets_learn(&manager->targets, account_findings(account),
                                                     account_settings(account)->n_endpoints))
        follow_targets(manager);
    if (changes & ACCOUNT_STATE && account_state(account) == STATE_PORTAL)
        update_portal_url(manager); /* by now whoever knows it does */
    manager->listener->account.changed(account, changes, manager->userdata);
}

static void on_check_ended(struct account *account, const char *problem, void *userdata)
{
    struct manager *manager = userdata;

    manager->listener->account.check_ended(account, problem, manager->userdata);
}

static const struct account_listener account_listener = {
    .changed = on_account_changed,
    .check_ended = on_check_ended,
};

static int open_memory(struct memory **ret)
{
    _cleanup_free_ char *path = path_state("networks.json");

    return !path && errno != ENOENT ? -ENOMEM : memory_new(ret, path);
}

static int open_logins(struct manager *manager)
{
    _cleanup_free_ char *path = path_state("logins.json");

    return !path && errno != ENOENT
               ? -ENOMEM
               : logins_new(&manager->logins, manager->event, manager->memory, path);
}

static uint64_t boottime_us(const struct manager *manager)
{
    uint64_t now = 0;

    (void)sd_event_now(manager->event, CLOCK_BOOTTIME, &now);
    return now;
}

void manager_surroundings(struct manager *manager, const struct surroundings *surroundings,
                          unsigned changes)
{
    struct circumstances *circumstances = &manager->circumstances;
    enum connectivity before = manager->surroundings.connectivity;

    manager->surroundings = *surroundings;
    if (changes & (SURROUNDINGS_SLEEPING | SURROUNDINGS_RESUMED))
        log_info("%s", surroundings->sleeping ? "about to sleep" : "awake again");
    if (changes & SURROUNDINGS_CONNECTIVITY)
        log_info("connectivity: %s -> %s", connectivity_to_string(before),
                 connectivity_to_string(surroundings->connectivity));
    update_portal_url(manager);
    circumstances->asleep = surroundings->sleeping;
    circumstances->portal = surroundings->connectivity == CONNECTIVITY_PORTAL;
    circumstances->cost.sparing = surroundings->metered || surroundings->on_battery;
    for (size_t i = 0; i < manager->n_accounts; i++)
        account_set_circumstances(manager->accounts[i], circumstances);
    if (changes & SURROUNDINGS_RESUMED) {
        manager->woken_at = boottime_us(manager);
        recheck_all(manager, "resumed");
    }
    if (changes & SURROUNDINGS_RESOLVER)
        recheck_all(manager, "name servers changed");
}

const char *manager_portal_url(const struct manager *manager)
{
    return manager->portal_url;
}

static bool clock_is_wrong(uint64_t realtime)
{
    return clock_looks_wrong(realtime, clock_program_written(), 0);
}

void manager_clock(struct manager *manager, const struct clock_news *news)
{
    uint64_t now = clock_realtime(), before = now - (uint64_t)news->set_by * 1000000;
    bool right = clock_is_wrong(before) && !clock_is_wrong(now);

    if (news->changes & CLOCK_SET)
        journal(EVENT_CLOCK_SET, NULL, "the clock was set by %lld s", (long long)news->set_by);
    for (size_t i = 0; news->changes & CLOCK_SET && i < manager->n_accounts; i++)
        if (right || account_has(manager->accounts[i], VERDICT_BAD_CERTIFICATE))
            account_recheck(manager->accounts[i], "the clock was set");
    /* Where logind runs, it tells that, too: about now, or it has just done so. */
    if (news->changes & CLOCK_RESUMED && !manager->circumstances.asleep &&
        (manager->woken_at == 0 || boottime_us(manager) - manager->woken_at > WAKING_US))
        recheck_all(manager, "resumed");
}

static void on_found(void *userdata);

static int ask(int ifindex, const struct ip *address, void *userdata)
{
    return asker_ask(userdata, ifindex, address);
}

static void on_asked(bool asked, void *userdata)
{
    struct manager *manager = userdata;

    watch_asked(manager->watch, asked);
}

int manager_new(struct manager **ret, sd_event *event, const struct manager_listener *listener,
                void *userdata)
{
    _cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
    int r;

    if (!manager)
        return -ENOMEM;
    manager->event = sd_event_ref(event);
    manager->listener = listener;
    manager->userdata = userdata;
    manager->accounts = calloc(1, sizeof(*manager->accounts));
    if (!manager->accounts)
        return -ENOMEM;
    if (clock_is_wrong(clock_realtime()))
        journal(EVENT_CLOCK_WRONG, NULL,
                "the clock of this machine is wrong: it is behind this program");
    r = open_memory(&manager->memory);
    if (r == 0)
        r = turns_new(&manager->turns, event);
    if (r == 0)
        r = open_logins(manager);
    if (r == 0)
        r = watch_new(&manager->watch, event, memory_salt(manager->memory), on_network, manager);
    if (r == 0)
        r = finder_new(&manager->finder, event, on_found, manager);
    if (r == 0)
        r = asker_new(&manager->asker, event, on_asked, manager);
    if (r < 0)
        return r;
    watch_set_ask(manager->watch, ask, manager->asker);
    visit(manager, watch_network(manager->watch), true);
    *ret = TAKE(manager);
    return 0;
}

/* The listener may look at the others meanwhile: the account has left the list before it goes. */
static void drop(struct manager *manager, size_t at)
{
    struct account *account = manager->accounts[at];

    manager->n_accounts--;
    memmove(&manager->accounts[at], &manager->accounts[at + 1],
            (manager->n_accounts - at + 1) * sizeof(*manager->accounts));
    manager->changes |= MANAGER_ACCOUNTS;
    manager->listener->removed(account, manager->userdata);
    account_free(account);
}

struct manager *manager_free(struct manager *manager)
{
    if (!manager)
        return NULL;
    while (manager->n_accounts > 0)
        drop(manager, manager->n_accounts - 1);
    free(manager->accounts);
    finder_free(manager->finder);
    overrides_clear(&manager->overrides);
    asker_free(manager->asker);
    watch_free(manager->watch);
    logins_free(manager->logins);
    memory_free(manager->memory);
    turns_free(manager->turns);
    settings_clear(&manager->settings);
    sd_event_unref(manager->event);
    free(manager);
    return NULL;
}

/* The place of the account of this name, or where it would stand. */
static size_t place_of(const struct manager *manager, const char *name)
{
    size_t at = 0;

    while (at < manager->n_accounts &&
           strcmp(account_settings(manager->accounts[at])->name, name) < 0)
        at++;
    return at;
}

struct account *manager_find(const struct manager *manager, const char *name)
{
    size_t at = place_of(manager, name);

    return at < manager->n_accounts &&
                   strcmp(account_settings(manager->accounts[at])->name, name) == 0
               ? manager->accounts[at]
               : NULL;
}

/* A new account from its settings, which it takes over. */
static int take_up(struct manager *manager, struct account_settings **settings)
{
    size_t at = place_of(manager, (*settings)->name);
    struct account **accounts, *account;
    int r;

    accounts = reallocarray(manager->accounts, manager->n_accounts + 2, sizeof(*manager->accounts));
    if (!accounts)
        return -ENOMEM;
    manager->accounts = accounts;
    r = account_new(&account, manager->event, *settings, manager->memory, manager->turns,
                    &account_listener, manager);
    if (r < 0)
        return r;
    *settings = NULL;
    account_set_logins(account, manager->logins);
    r = manager->listener->added(account, manager->userdata);
    if (r < 0) {
        account_free(account);
        return r;
    }
    memmove(&accounts[at + 1], &accounts[at], (manager->n_accounts - at + 1) * sizeof(*accounts));
    accounts[at] = account;
    manager->n_accounts++;
    manager->changes |= MANAGER_ACCOUNTS;
    account_set_circumstances(account, &manager->circumstances);
    account_set_network(account, watch_network(manager->watch), true, CHANGE_HERE,
                        manager->loaded ? "the account is new" : "mailroamd has started");
    return 0;
}

DEFINE_CLEANUP(struct account_settings *, account_settings_free)

/* Brings the account of this name into line with its settings, which it may take over. */
static int settle(struct manager *manager, struct account_settings **settings)
{
    struct account *account = manager_find(manager, (*settings)->name);
    int r;

    if (!account) {
        _cleanup_free_ char *name = strdup((*settings)->name);

        if (!name)
            return -ENOMEM;
        r = take_up(manager, settings);
        if (r < 0 && r != -ENOMEM)
            journal(EVENT_ACCOUNT_FILE, &(struct event_facts){.account = name},
                    "cannot be published: %s", strerror(-r));
        return r == -ENOMEM ? r : 0;
    }
    if (account_settings_equal(account_settings(account), *settings)) {
        account_set_sources(account, *settings);
        return 0;
    }
    r = account_set_settings(account, *settings);
    if (r == 0)
        *settings = NULL;
    return r;
}

static bool is_found(const struct manager *manager, size_t at)
{
    return account_settings_are_found(account_settings(manager->accounts[at]));
}

/* Brings the account of this name into line with its file. */
static int load_account(struct manager *manager, const char *directory, const char *name)
{
    _cleanup_(account_settings_freep) struct account_settings *settings = NULL;
    int r = account_settings_read(&settings, directory, name);

    if (r == -ENOMEM)
        return r;
    if (r < 0) { /* said already; what runs of the user's own goes on */
        const struct account *account = manager_find(manager, name);

        return overrides_add(&manager->overrides, name,
                             account ? account_settings(account)->address : NULL);
    }
    r = overrides_add(&manager->overrides, name, settings->address);
    if (r == 0 && !settings->disabled)
        r = settle(manager, &settings);
    else if (r == 0 && manager_find(manager, name))
        drop(manager, place_of(manager, name));
    return r;
}

/* Loads all files, and lets the accounts go that have none any more. A directory that cannot be
 * read says nothing. */
static int load_files(struct manager *manager)
{
    _cleanup_free_ char *directory = account_files_directory();
    _cleanup_(account_names_clear) struct account_names names = {NULL, 0};
    int r = directory ? account_files_list(&names) : -errno;

    if (r < 0)
        return r == -ENOMEM ? r : 0;
    overrides_clear(&manager->overrides);
    for (int i = 0; r == 0 && i < names.n; i++)
        r = load_account(manager, directory, names.items[i]);
    for (size_t at = manager->n_accounts; r == 0 && at-- > 0;)
        if (!is_found(manager, at) &&
            !account_names_have(&names, account_settings(manager->accounts[at])->name))
            drop(manager, at);
    return r;
}

static bool finds(const struct manager *manager, const char *name)
{
    const struct found *found = finder_found(manager->finder);

    for (size_t i = 0; i < found->n_accounts; i++)
        if (strcmp(found->accounts[i].name, name) == 0)
            return !overrides_find(&manager->overrides, &found->accounts[i]);
    return false;
}

/* Takes up what is found, as far as no file of the user's own stands in its place, and lets go what
 * is found no more. */
static int load_found(struct manager *manager)
{
    const struct found *found = finder_found(manager->finder);
    int r = 0;

    for (size_t at = manager->n_accounts; at-- > 0;)
        if (is_found(manager, at) && !finds(manager, account_settings(manager->accounts[at])->name))
            drop(manager, at);
    for (size_t i = 0; r == 0 && i < found->n_accounts; i++) {
        _cleanup_(account_settings_freep) struct account_settings *settings = NULL;

        if (overrides_find(&manager->overrides, &found->accounts[i]))
            continue;
        r = found_adopt(&found->accounts[i], &settings);
        if (r == 0)
            r = settle(manager, &settings);
        else if (r != -ENOMEM)
            r = 0; /* no settings can be made of it: it stays among what was found */
    }
    return r;
}

static const char *default_name(const struct manager *manager)
{
    const struct account *account = manager_default(manager);

    return account ? account_settings(account)->name : "";
}

static int load_settings(struct manager *manager)
{
    struct settings settings;
    int r = settings_read(&settings);

    if (r < 0)
        return r;
    settings_clear(&manager->settings);
    manager->settings = settings;
    log_set_level(settings.log_level);
    manager->circumstances.cost.confirm_us = settings.confirm_us;
    for (size_t i = 0; i < manager->n_accounts; i++)
        account_set_circumstances(manager->accounts[i], &manager->circumstances);
    return 0;
}

/* Tells the listener what a change of the accounts came to; `before` named the default one. */
static void announce(struct manager *manager, const char *before)
{
    unsigned changes = manager->changes;

    manager->changes = 0;
    if (targets_sweep(&manager->targets, has_server, manager))
        follow_targets(manager);
    if (strcmp(default_name(manager), before) != 0)
        changes |= MANAGER_DEFAULT;
    if (changes)
        manager->listener->changed(manager, changes, manager->userdata);
}

static void log_unknown_default(const char *name)
{
    _cleanup_free_ char *safe = text_safe(name, strlen(name), 80);

    journal(EVENT_UNKNOWN_SETTING, NULL,
            "mailroam.conf: DefaultAccount=%s: there is no such account", safe ? safe : "");
}

/* Other programs' files have changed. */
static void on_found(void *userdata)
{
    struct manager *manager = userdata;
    _cleanup_free_ char *before = strdup(default_name(manager));

    if (!before || load_found(manager) < 0)
        log_error("Cannot take up the accounts of other programs: %s", strerror(ENOMEM));
    announce(manager, before ? before : "");
}

int manager_load(struct manager *manager)
{
    _cleanup_free_ char *before = strdup(default_name(manager));
    const char *wanted;
    int r;

    if (!before)
        return -ENOMEM;
    r = load_settings(manager);
    if (r == 0)
        r = load_files(manager);
    if (r == 0)
        r = finder_look(manager->finder, manager->settings.clients);
    if (r == 0)
        r = load_found(manager);
    wanted = manager->settings.default_account;
    if (wanted && !manager_find(manager, wanted))
        log_unknown_default(wanted);
    manager->loaded = true;
    announce(manager, before);
    return r;
}

const struct network *manager_network(const struct manager *manager)
{
    return watch_network(manager->watch);
}

bool manager_network_known(const struct manager *manager)
{
    return memory_known(manager->memory);
}

struct logins *manager_logins(const struct manager *manager)
{
    return manager->logins;
}

const struct memory_list *manager_trips(const struct manager *manager)
{
    return memory_trips(manager->memory);
}

int manager_forget(struct manager *manager, const char *network_id)
{
    bool known = memory_known(manager->memory);
    int r = memory_forget(manager->memory, network_id);

    if (memory_known(manager->memory) != known)
        manager->listener->changed(manager, MANAGER_NETWORK, manager->userdata);
    return r;
}

struct account *const *manager_accounts(const struct manager *manager)
{
    return manager->accounts;
}

struct account *manager_default(const struct manager *manager)
{
    const char *name = manager->settings.default_account;
    struct account *account = name ? manager_find(manager, name) : NULL;

    if (account)
        return account;
    for (size_t at = 0; at < manager->n_accounts; at++)
        if (!is_found(manager, at))
            return manager->accounts[at];
    return manager->accounts[0];
}

enum state manager_state(const struct manager *manager)
{
    const struct account *account = manager_default(manager);

    return account ? account_state(account) : STATE_UNCONFIGURED;
}

int manager_add(struct manager *manager, const char *name, const char *text, char **ret_problem)
{
    _cleanup_free_ char *directory = account_files_directory(), *before = NULL;
    const struct account *account = manager_find(manager, name);
    int r;

    before = strdup(default_name(manager));
    if (!before)
        return -ENOMEM;
    if (account && !account_settings_are_found(account_settings(account)))
        return -EEXIST;
    r = account_file_create(name, text, ret_problem);
    if (r == 0)
        r = directory ? load_account(manager, directory, name) : -ENOMEM;
    if (r == 0)
        r = load_found(manager); /* without those that the file stands in place of */
    announce(manager, before);
    return r;
}

/* -EPERM, and the sentence. */
static int refuse_removal(const struct account_settings *settings, char **ret_problem)
{
    _cleanup_free_ char *directory = account_files_directory();
    const struct account_source *source = &settings->sources[0];
    enum mail_client client;
    bool known = mail_client_from_string(source->client, &client) == 0;
    int r =
        problem(ret_problem,
                "%s is set up in %s (%s): remove it there; or to have Mailroam leave it alone, "
                "write a file %s/%s.account with the lines [Account] and Enabled=no, or set "
                "FindAccounts= in mailroam.conf",
                settings->name, known ? mail_client_title(client) : source->client, source->file,
                directory ? directory : "~/.config/mailroam/accounts", settings->name);

    return r == -ENOMEM ? r : -EPERM;
}

int manager_remove(struct manager *manager, struct account *account, char **ret_problem)
{
    const struct account_settings *settings = account_settings(account);
    _cleanup_free_ char *before = strdup(default_name(manager)), *name = strdup(settings->name);
    int r;

    if (!before || !name)
        return -ENOMEM;
    if (account_settings_are_found(settings))
        return refuse_removal(settings, ret_problem);
    r = account_file_delete(name, ret_problem);
    if (r < 0)
        return r;
    memory_forget_account(manager->memory, name);
    drop(manager, place_of(manager, name));
    overrides_remove(&manager->overrides, name);
    r = load_found(manager); /* with what the file stood in place of */
    announce(manager, before);
    return r;
}

const struct found *manager_found(const struct manager *manager)
{
    return finder_found(manager->finder);
}

const char *manager_override(const struct manager *manager, const struct found_account *account)
{
    return overrides_find(&manager->overrides, account);
}
