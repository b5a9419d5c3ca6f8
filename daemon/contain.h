/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "judge/endpoint.h"
#include <stdbool.h>

/*
 * Gives up for good whatever a check does not need, so that whoever takes it over from the network
 * has gained nothing: files, other processes, other programs, other ports, time and memory.
 *
 * Call it when all that is configured has been read (options, trust anchors, the name servers) and
 * before anything is read from a socket. Afterwards the process reads the directory of trust
 * anchors and the hosts file, writes to what is open, connects by TCP to the ports of `endpoints`
 * and to name servers, and is killed after `deadline_s` whatever it does.
 *
 * Returns what this kernel does not give, named for people ("Landlock, seccomp"; static), or NULL.
 * The rest holds all the same.
 */
const char *contain(const struct endpoint *endpoints, size_t n, unsigned deadline_s);

/*
 * The same for what fetches documents, before anything is asked. What differs: beside the trust
 * anchors and the hosts file it reads `files` (or what is in them, where they are directories; NULL
 * at the end; those that are not there are passed over), connects to any TCP port, and has threads,
 * but no other process.
 */
const char *contain_discovery(const char *const *files, unsigned deadline_s);

/* Whether this is built with AddressSanitizer, which maps terabytes, and at the end reads /proc and
 * traces itself: then the walls that forbid it are left out. */
#ifndef __has_feature /* clang's way to ask; gcc defines a macro */
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define CONTAIN_ASAN true
#else
#define CONTAIN_ASAN false
#endif
