/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Small documents by HTTPS, several at once. Nothing is taken from a server that TLS does not
 * verify, whoever sent us there. */

#define FETCH_TIMEOUT_S 10
#define FETCH_REDIRECTS 5

enum fetch_result {
    FETCH_PENDING, /* not answered yet, or not waited for */
    FETCH_GOT,
    FETCH_NOTHING, /* no such host, or the server has no such document */
    FETCH_FAILED,  /* no answer, or not one of use: another time it may be there */
    FETCH_REFUSED, /* by us: what it wanted is not safe */
};

struct fetch {
    char *url; /* https; not owned by what is below */
    size_t max;
    enum fetch_result result;
    char *problem; /* why not, in words that are safe to show; NULL where it was got */
    char *body;
    size_t length;
};

/* What of it belongs to fetch_all() is freed. */
void fetch_clear(struct fetch *fetch);

/*
 * Fetches all of them side by side. Each time one has ended `ended` is called; where it says true
 * nothing more is waited for. 0 or negative errno.
 */
int fetch_all(struct fetch *fetches, size_t n, bool (*ended)(void *userdata), void *userdata);

/* The URL with `text` behind it, percent-encoded. New; NULL without memory. */
char *url_with(const char *url, const char *text);
