/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * libcurl, with all of it turned off that a mail configuration has no use for: any protocol but
 * HTTPS, also after a redirect; cookies, .netrc, passwords in URLs, compression. Sizes, times and
 * redirects are bounded. Trust is the system's, or $SSL_CERT_FILE's and $SSL_CERT_DIR's as with
 * mailroam-probe. Proxies are those of the user's environment, as with every program.
 */
#include "discover/fetch.h"
#include "cleanup.h"
#include "error.h"
#include "text.h"
#include "words.h"
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 5

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
    struct fetch *fetch = userdata;
    size_t length = size * n;
    char *grown;

    /* Content-Length is only what the server says. */
    if (length > fetch->max - fetch->length)
        return 0;
    grown = realloc(fetch->body, fetch->length + length + 1);
    if (!grown)
        return 0;
    fetch->body = grown;
    memcpy(grown + fetch->length, data, length);
    fetch->length += length;
    grown[fetch->length] = '\0';
    return length;
}

static bool restrict_to_https(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https") == CURLE_OK;
#else
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

/* libcurl itself does not look at these, only its command does. */
static bool set_trust(CURL *curl)
{
    const char *file = getenv("SSL_CERT_FILE"), *directory = getenv("SSL_CERT_DIR");

    return (!file || !*file || curl_easy_setopt(curl, CURLOPT_CAINFO, file) == CURLE_OK) &&
           (!directory || !*directory ||
            curl_easy_setopt(curl, CURLOPT_CAPATH, directory) == CURLE_OK) &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
}

/* NULL where not all of it can be had: then nothing is fetched. */
static CURL *new_transfer(struct fetch *fetch)
{
    CURL *curl = curl_easy_init();

    if (curl && restrict_to_https(curl) && set_trust(curl) &&
        curl_easy_setopt(curl, CURLOPT_URL, fetch->url) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_TIMEOUT_S) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)fetch->max) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PRIVATE, fetch) == CURLE_OK)
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

/* What a failure of libcurl's means to a person; another one is told in libcurl's words. */
static const struct {
    CURLcode code;
    enum fetch_result result;
    const char *words;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, FETCH_NOTHING, N_("no such host")},
    {CURLE_COULDNT_CONNECT, FETCH_FAILED, N_("it cannot be reached")},
    {CURLE_OPERATION_TIMEDOUT, FETCH_FAILED, N_("it does not answer in time")},
    {CURLE_GOT_NOTHING, FETCH_FAILED, N_("it hung up")},
    {CURLE_RECV_ERROR, FETCH_FAILED, N_("it hung up")},
    {CURLE_PEER_FAILED_VERIFICATION, FETCH_REFUSED, N_("its certificate does not verify: refused")},
    {CURLE_SSL_CONNECT_ERROR, FETCH_REFUSED, N_("it speaks no TLS of today: refused")},
    {CURLE_TOO_MANY_REDIRECTS, FETCH_REFUSED, N_("it sends us on and on: refused")},
    {CURLE_UNSUPPORTED_PROTOCOL, FETCH_REFUSED, N_("it sends us to what is not https: refused")},
    {CURLE_LOGIN_DENIED, FETCH_REFUSED, N_("it sends us to a URL with a user name: refused")},
    {CURLE_FILESIZE_EXCEEDED, FETCH_REFUSED, N_("its answer is too large: refused")},
    {CURLE_WRITE_ERROR, FETCH_REFUSED, N_("its answer is too large: refused")},
};

static char *status_words(long status)
{
    char *words = NULL;

    if (status == 404 || status == 410)
        return strdup(N_("it has none"));
    return asprintf(&words, "it has none to give (status %ld)", status) < 0 ? NULL : words;
}

/* 0 or -ENOMEM. */
static int conclude(struct fetch *fetch, CURL *curl, CURLcode code)
{
    const char *said = curl_easy_strerror(code);
    long status = 0;

    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        fetch->result = status == 200 ? FETCH_GOT : status >= 500 ? FETCH_FAILED : FETCH_NOTHING;
        fetch->problem = status == 200 ? NULL : status_words(status);
        return status == 200 || fetch->problem ? 0 : -ENOMEM;
    }
    fetch->result = FETCH_FAILED;
    for (size_t i = 0; i < ELEMENTSOF(failures); i++)
        if (failures[i].code == code) {
            fetch->result = failures[i].result;
            fetch->problem = strdup(failures[i].words);
            return fetch->problem ? 0 : -ENOMEM;
        }
    fetch->problem = text_safe(said, strlen(said), 200);
    return fetch->problem ? 0 : -ENOMEM;
}

/* Takes in what has ended. 0 or -ENOMEM; *ret_enough where no more is wanted. */
static int take_ended(CURLM *multi, bool (*ended)(void *userdata), void *userdata, bool *ret_enough)
{
    struct fetch *fetch;
    CURLMsg *message;
    int left, r = 0;

    while (r == 0 && (message = curl_multi_info_read(multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
        r = conclude(fetch, message->easy_handle, message->data.result);
        *ret_enough |= ended(userdata);
    }
    return r;
}

static int run(CURLM *multi, bool (*ended)(void *userdata), void *userdata)
{
    bool enough = false;
    int running, r;

    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return -EIO;
        r = take_ended(multi, ended, userdata, &enough);
        if (r < 0 || enough || running == 0)
            return r;
        if (curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
            return -EIO;
    }
}

int fetch_all(struct fetch *fetches, size_t n, bool (*ended)(void *userdata), void *userdata)
{
    _cleanup_free_ CURL **transfers = calloc(n, sizeof(CURL *));
    CURLM *multi = curl_multi_init();
    int r = transfers && multi ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < n; i++) {
        transfers[i] = new_transfer(&fetches[i]);
        r = transfers[i] && curl_multi_add_handle(multi, transfers[i]) == CURLM_OK ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = run(multi, ended, userdata);
    for (size_t i = 0; transfers && i < n; i++)
        if (transfers[i]) {
            (void)curl_multi_remove_handle(multi, transfers[i]);
            curl_easy_cleanup(transfers[i]);
        }
    curl_multi_cleanup(multi);
    return r;
}

void fetch_clear(struct fetch *fetch)
{
    free(TAKE(fetch->problem));
    free(TAKE(fetch->body));
}

char *url_with(const char *url, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0), *whole = NULL;

    if (escaped && asprintf(&whole, "%s%s", url, escaped) < 0)
        whole = NULL;
    curl_free(escaped);
    return whole;
}
