/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The accounts and the network they are on. Account files are the truth: adding and removing work
 * on them and then load (manager-load.c), so that what a restart would find is what runs.
 */
#include "account-files.h"
#include "asker.h"
#include "cleanup.h"
#include "error.h"
#include "journal.h"
#include "log.h"
#include "manager-internal.h"
#include "paths.h"
#include "text.h"
#include "watch/networkd.h"
#include <stdio.h>
#include <string.h>

#define WAKING_US 10000000 /* two reports of one waking-up are less than this apart */

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
        r = asker_new(&manager->asker, event, on_asked, manager);
    if (r < 0)
        return r;
    watch_set_ask(manager->watch, ask, manager->asker);
    visit(manager, watch_network(manager->watch), true);
    r = manager_follow(manager);
    if (r < 0)
        return r;
    *ret = TAKE(manager);
    return 0;
}

/* The listener may look at the others meanwhile: the account has left the list before it goes. */
void manager_drop(struct manager *manager, size_t at)
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
        manager_drop(manager, manager->n_accounts - 1);
    free(manager->accounts);
    follow_free(manager->follow_files);
    follow_free(manager->follow_settings);
    account_files_clear(&manager->files);
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

size_t manager_place_of(const struct manager *manager, const char *name)
{
    size_t at = 0;

    while (at < manager->n_accounts &&
           strcmp(account_settings(manager->accounts[at])->name, name) < 0)
        at++;
    return at;
}

struct account *manager_find(const struct manager *manager, const char *name)
{
    size_t at = manager_place_of(manager, name);

    return at < manager->n_accounts &&
                   strcmp(account_settings(manager->accounts[at])->name, name) == 0
               ? manager->accounts[at]
               : NULL;
}

bool manager_has_found(const struct manager *manager, size_t at)
{
    return account_settings_are_found(account_settings(manager->accounts[at]));
}

int manager_take_up(struct manager *manager, struct account_settings **settings)
{
    size_t at = manager_place_of(manager, (*settings)->name);
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

const char *manager_default_name(const struct manager *manager)
{
    const struct account *account = manager_default(manager);

    return account ? account_settings(account)->name : "";
}

void manager_announce(struct manager *manager, const char *before)
{
    unsigned changes = manager->changes;

    manager->changes = 0;
    if (targets_sweep(&manager->targets, has_server, manager))
        follow_targets(manager);
    if (strcmp(manager_default_name(manager), before) != 0)
        changes |= MANAGER_DEFAULT;
    if (changes)
        manager->listener->changed(manager, changes, manager->userdata);
}

void manager_set_registry(struct manager *manager, const struct registry *registry)
{
    finder_set_registry(manager->finder, registry);
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
        if (!manager_has_found(manager, at))
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

    before = strdup(manager_default_name(manager));
    if (!before)
        return -ENOMEM;
    if (account && !account_settings_are_found(account_settings(account)))
        return -EEXIST;
    r = account_file_create(name, text, ret_problem);
    if (r == 0)
        r = directory ? manager_load_account(manager, directory, name) : -ENOMEM;
    if (r == 0)
        r = manager_load_found(manager); /* without those that the file stands in place of */
    manager_announce(manager, before);
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
    _cleanup_free_ char *before = strdup(manager_default_name(manager)),
                        *name = strdup(settings->name);
    int r;

    if (!before || !name)
        return -ENOMEM;
    if (account_settings_are_found(settings))
        return refuse_removal(settings, ret_problem);
    r = account_file_delete(name, ret_problem);
    if (r < 0)
        return r;
    memory_forget_account(manager->memory, name);
    manager_drop(manager, manager_place_of(manager, name));
    overrides_remove(&manager->overrides, name);
    r = manager_load_found(manager); /* with what the file stood in place of */
    manager_announce(manager, before);
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
