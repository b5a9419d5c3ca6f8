/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The agreement on a key with a keyring: against numbers that were calculated by other means
 * (Python's), and against numbers that nobody honest sends. */
#include "cleanup.h"
#include "error.h"
#include "key-exchange.h"
#include "tap.h"
#include <stdio.h>
#include <string.h>

static const char prime[] = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
                            "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
                            "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
                            "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff";

static size_t from_hex(const char *hex, uint8_t *ret)
{
    size_t n = 0;

    for (unsigned byte; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        ret[n] = (uint8_t)byte;
    return n;
}

static void test_known(void)
{
    static const struct {
        const char *number, *key, *what;
    } cases[] = {
        {"0000010000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000",
         "97a6d2945d3641ccf25a5366680e2115", "a known number makes the known key"},
        {"801e3d4802fb8d3279d24c929fdc2112eeeb8ab37761a676f9dab3f9801e5bb9"
         "fcaee6459d5b8836fafe3b7f8748d51d88bd6680a46b8a28d21f78a9cb51fcfe"
         "09d48a975d1f6faf684cd6c1647fb44cd9e81cd0bad13ddd9d5f20238adbd797"
         "4c526aceae959d22991e3598b3c8d7211314bde20513507d6fbe79689fc0903a",
         "2a3ae38b8a7a28ade3f9746adc37571b",
         "so does one with which the common secret begins with a zero"},
    };

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct secret *secret = NULL;
        uint8_t number[KEY_EXCHANGE_SIZE], key[16];

        (void)secret_new(&secret, 32);
        (void)secret_add(secret, "0123456789abcdef0123456789ABCDEF", 32);
        (void)from_hex(cases[i].number, number);
        (void)from_hex(cases[i].key, key);
        ok(key_exchange_end(secret, number, sizeof(number)) == 0 && secret->length == sizeof(key) &&
               memcmp(secret->bytes, key, sizeof(key)) == 0,
           "%s", cases[i].what);
        secret_free(secret);
    }
}

static void test_both_sides(void)
{
    struct secret *a = NULL, *b = NULL;
    uint8_t of_a[KEY_EXCHANGE_SIZE], of_b[KEY_EXCHANGE_SIZE];

    (void)key_exchange_begin(&a, of_a);
    (void)key_exchange_begin(&b, of_b);
    ok(memcmp(of_a, of_b, sizeof(of_a)) != 0, "two sides have two numbers");
    (void)key_exchange_end(a, of_b, sizeof(of_b));
    (void)key_exchange_end(b, of_a, sizeof(of_a));
    ok(a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0, "and one key");
    secret_free(a);
    secret_free(b);
}

static void test_dishonest(void)
{
    uint8_t number[KEY_EXCHANGE_SIZE + 1];
    struct secret *secret = NULL;

    (void)secret_new(&secret, 32);
    (void)secret_add(secret, "0123456789abcdef0123456789ABCDEF", 32);
    is_number(key_exchange_end(secret, NULL, 0), -EBADMSG, "no number");
    is_number(key_exchange_end(secret, (uint8_t[]){0}, 1), -EBADMSG, "0");
    is_number(key_exchange_end(secret, (uint8_t[]){0, 1}, 2), -EBADMSG, "1");
    (void)from_hex(prime, number);
    is_number(key_exchange_end(secret, number, KEY_EXCHANGE_SIZE), -EBADMSG, "the prime");
    number[KEY_EXCHANGE_SIZE - 1]--;
    is_number(key_exchange_end(secret, number, KEY_EXCHANGE_SIZE), -EBADMSG, "-1");
    memset(number, 0xff, sizeof(number));
    is_number(key_exchange_end(secret, number, KEY_EXCHANGE_SIZE), -EBADMSG, "above the prime");
    memset(number, 1, sizeof(number));
    is_number(key_exchange_end(secret, number, sizeof(number)), -EBADMSG, "a long one");
    is_number((long)secret->length, 32, "and the private number is there as it was");
    secret_free(secret);
}

static void test_decrypt(void)
{
    /* "kohlrabi" by openssl enc -aes-128-cbc -K 30...66 -iv 00... */
    static const uint8_t iv[KEY_EXCHANGE_IV];
    struct secret *key = NULL, *text = NULL;
    uint8_t bytes[16];

    (void)secret_new(&key, 16);
    (void)secret_add(key, "0123456789abcdef", 16);
    (void)secret_new(&text, 16);
    (void)from_hex("f1c5f48f478ac6f87fe497b3431a3576", bytes);
    ok(key_exchange_decrypt(key, iv, bytes, sizeof(bytes), text) == 0 &&
           strcmp(text->bytes, "kohlrabi") == 0 && text->length == 8,
       "a text is decrypted, and its end found");
    is_number(key_exchange_decrypt(key, iv, bytes, 0, text), -EBADMSG, "nothing is no text");
    is_number(key_exchange_decrypt(key, iv, bytes, 15, text), -EBADMSG, "nor is half a block");
    bytes[0] ^= 1;
    is_number(key_exchange_decrypt(key, iv, bytes, sizeof(bytes), text), -EBADMSG,
              "nor what was changed on the way");
    is_number((long)text->length, 0, "and nothing is left of it");
    is_number(key_exchange_decrypt(key, iv, bytes, 32, text), -EFBIG, "one that is too long");
    secret_free(key);
    secret_free(text);
}

int main(void)
{
    test_known();
    test_both_sides();
    test_dishonest();
    test_decrypt();
    return tap_done();
}
