/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "secret.h"
#include <stdint.h>

/*
 * The Secret Service's way to hand over a secret, dh-ietf1024-sha256-aes128-cbc-pkcs7: a key is
 * agreed on, and what passes through the memory of libdbus and of the bus is of no use without it.
 * Pure, but for the random numbers.
 */

#define KEY_EXCHANGE_SIZE 128 /* bytes of a public number, the highest first */
#define KEY_EXCHANGE_IV   16

/* A new private number, and the public one that goes with it. 0 or negative errno. */
int key_exchange_begin(struct secret **ret, uint8_t ret_public[static KEY_EXCHANGE_SIZE]);

/* The other side's public number: the private one is replaced by the key. 0; -EBADMSG where the
 * number is none that an honest side would send. */
int key_exchange_end(struct secret *secret, const uint8_t *number, size_t n);

/* Decrypts straight into `ret`, which is to be empty. 0; -EBADMSG where it is no such text; -EFBIG.
 */
int key_exchange_decrypt(const struct secret *key, const uint8_t iv[static KEY_EXCHANGE_IV],
                         const uint8_t *bytes, size_t n, struct secret *ret);
