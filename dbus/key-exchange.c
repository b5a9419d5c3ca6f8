/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Diffie-Hellman in the second Oakley group (RFC 2409), HKDF with SHA-256, AES-128 in CBC mode.
 *
 * Always: the private number and the key are in locked memory, and every other number on the way is
 * wiped. Which steps are taken depends on no bit of the private number.
 *
 * Rejected: GMP, which leaves what it calculates with in the heap, for one power a login.
 */
#include "key-exchange.h"
#include "cleanup.h"
#include "error.h"
#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <string.h>
#include <sys/random.h>

#define LIMBS         (KEY_EXCHANGE_SIZE / 4)
#define EXPONENT_SIZE 32 /* bytes; the group is worth no more */

DEFINE_CLEANUP(struct secret *, secret_free)

struct number {
    uint32_t limbs[LIMBS]; /* the lowest first */
};

/* clang-format off */
static const struct number prime = {{
    0xffffffff, 0xffffffff, 0xece65381, 0x49286651, 0x7c4b1fe6, 0xae9f2411,
    0x5a899fa5, 0xee386bfb, 0xf406b7ed, 0x0bff5cb6, 0xa637ed6b, 0xf44c42e9,
    0x625e7ec6, 0xe485b576, 0x6d51c245, 0x4fe1356d, 0xf25f1437, 0x302b0a6d,
    0xcd3a431b, 0xef9519b3, 0x8e3404dd, 0x514a0879, 0x3b139b22, 0x020bbea6,
    0x8a67cc74, 0x29024e08, 0x80dc1cd1, 0xc4c6628b, 0x2168c234, 0xc90fdaa2,
    0xffffffff, 0xffffffff,
}};
/* clang-format on */

/* Less the prime, where that is not negative, or where `carry` stands above a. */
static void reduce(struct number *a, uint32_t carry)
{
    struct number less;
    uint64_t borrow = 0;
    uint32_t keep;

    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t limb = (uint64_t)a->limbs[i] - prime.limbs[i] - borrow;

        less.limbs[i] = (uint32_t)limb;
        borrow = limb >> 63;
    }
    keep = (uint32_t)0 - (uint32_t)(borrow & (carry ^ 1));
    for (size_t i = 0; i < LIMBS; i++)
        a->limbs[i] = (a->limbs[i] & keep) | (less.limbs[i] & ~keep);
    explicit_bzero(&less, sizeof(less));
}

static void twice(struct number *a)
{
    uint32_t carry = 0;

    for (size_t i = 0; i < LIMBS; i++) {
        uint32_t limb = a->limbs[i];

        a->limbs[i] = limb << 1 | carry;
        carry = limb >> 31;
    }
    reduce(a, carry);
}

/* a * b / 2^1024 (Montgomery). The prime's lowest limb is -1, so its inverse need not be known. */
static struct number multiply(const struct number *a, const struct number *b)
{
    uint32_t sum[LIMBS + 2] = {0};
    struct number product;

    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        uint32_t factor;

        for (size_t j = 0; j < LIMBS; j++) {
            carry += (uint64_t)a->limbs[j] * b->limbs[i] + sum[j];
            sum[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += sum[LIMBS];
        sum[LIMBS] = (uint32_t)carry;
        sum[LIMBS + 1] = (uint32_t)(carry >> 32);
        factor = sum[0];
        carry = ((uint64_t)factor * prime.limbs[0] + sum[0]) >> 32;
        for (size_t j = 1; j < LIMBS; j++) {
            carry += (uint64_t)factor * prime.limbs[j] + sum[j];
            sum[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += sum[LIMBS];
        sum[LIMBS - 1] = (uint32_t)carry;
        sum[LIMBS] = sum[LIMBS + 1] + (uint32_t)(carry >> 32);
    }
    memcpy(product.limbs, sum, sizeof(product.limbs));
    reduce(&product, sum[LIMBS]);
    explicit_bzero(sum, sizeof(sum));
    return product;
}

static void power(const struct number *base, const struct secret *exponent,
                  uint8_t ret[static KEY_EXCHANGE_SIZE])
{
    static const struct number one = {{1}};
    struct number square = one, factor, result, more;

    for (size_t i = 0; i < 16 * (size_t)KEY_EXCHANGE_SIZE; i++)
        twice(&square); /* 2^2048: multiplied by that, a number becomes one that multiply() wants */
    factor = multiply(base, &square);
    result = multiply(&one, &square);
    for (size_t i = 0; i < 8 * exponent->length; i++) {
        uint32_t bit = (uint8_t)exponent->bytes[i / 8] >> (7 - i % 8) & 1, take = (uint32_t)0 - bit;

        result = multiply(&result, &result);
        more = multiply(&result, &factor);
        for (size_t j = 0; j < LIMBS; j++)
            result.limbs[j] = (more.limbs[j] & take) | (result.limbs[j] & ~take);
    }
    result = multiply(&result, &one);
    for (size_t i = 0; i < KEY_EXCHANGE_SIZE; i++)
        ret[i] = (uint8_t)(result.limbs[(KEY_EXCHANGE_SIZE - 1 - i) / 4] >>
                           (8 * ((KEY_EXCHANGE_SIZE - 1 - i) % 4)));
    explicit_bzero(&factor, sizeof(factor));
    explicit_bzero(&result, sizeof(result));
    explicit_bzero(&more, sizeof(more));
}

int key_exchange_begin(struct secret **ret, uint8_t ret_public[static KEY_EXCHANGE_SIZE])
{
    static const struct number generator = {{2}};
    _cleanup_(secret_freep) struct secret *secret = NULL;
    int r = secret_new(&secret, EXPONENT_SIZE);

    if (r < 0)
        return r;
    if (getrandom(secret->bytes, EXPONENT_SIZE, 0) != EXPONENT_SIZE)
        return -EIO;
    secret->length = EXPONENT_SIZE;
    power(&generator, secret, ret_public);
    *ret = TAKE(secret);
    return 0;
}

/* 0, 1 and -1 would make a key that anybody knows; what is not below the prime is none of its
 * numbers. */
static bool is_honest(const struct number *number)
{
    struct number reduced = *number;
    bool small = number->limbs[0] <= 1, same;

    for (size_t i = 1; small && i < LIMBS; i++)
        small = number->limbs[i] == 0;
    reduce(&reduced, 0);
    same = memcmp(&reduced, number, sizeof(reduced)) == 0;
    reduced = prime;
    reduced.limbs[0]--;
    return !small && same && memcmp(&reduced, number, sizeof(reduced)) != 0;
}

int key_exchange_end(struct secret *secret, const uint8_t *number, size_t n)
{
    static const uint8_t no_salt[SHA256_DIGEST_SIZE];
    uint8_t common[KEY_EXCHANGE_SIZE], extracted[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx hash;
    struct number theirs = {{0}};

    if (n > KEY_EXCHANGE_SIZE)
        return -EBADMSG;
    for (size_t i = 0; i < n; i++)
        theirs.limbs[i / 4] |= (uint32_t)number[n - 1 - i] << (8 * (i % 4));
    if (!is_honest(&theirs))
        return -EBADMSG;
    power(&theirs, secret, common);
    hmac_sha256_set_key(&hash, sizeof(no_salt), no_salt);
    hkdf_extract(&hash, (nettle_hash_update_func *)hmac_sha256_update,
                 (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(extracted), sizeof(common),
                 common, extracted);
    hmac_sha256_set_key(&hash, sizeof(extracted), extracted);
    hkdf_expand(&hash, (nettle_hash_update_func *)hmac_sha256_update,
                (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(extracted), 0, NULL,
                AES128_KEY_SIZE, (uint8_t *)secret->bytes);
    secret->length = AES128_KEY_SIZE;
    explicit_bzero(secret->bytes + secret->length, secret->size - secret->length);
    explicit_bzero(common, sizeof(common));
    explicit_bzero(extracted, sizeof(extracted));
    explicit_bzero(&hash, sizeof(hash));
    return 0;
}

int key_exchange_decrypt(const struct secret *key, const uint8_t iv[static KEY_EXCHANGE_IV],
                         const uint8_t *bytes, size_t n, struct secret *ret)
{
    uint8_t chain[KEY_EXCHANGE_IV], padding;
    struct aes128_ctx aes;
    bool fine;

    if (key->length != AES128_KEY_SIZE || n == 0 || n % AES_BLOCK_SIZE != 0)
        return -EBADMSG;
    if (n > ret->size)
        return -EFBIG;
    memcpy(chain, iv, sizeof(chain));
    aes128_set_decrypt_key(&aes, (const uint8_t *)key->bytes);
    cbc_decrypt(&aes, (nettle_cipher_func *)aes128_decrypt, AES_BLOCK_SIZE, chain, n,
                (uint8_t *)ret->bytes, bytes);
    explicit_bzero(&aes, sizeof(aes));
    padding = (uint8_t)ret->bytes[n - 1];
    fine = padding > 0 && padding <= AES_BLOCK_SIZE;
    for (size_t i = 1; fine && i <= padding; i++)
        fine = (uint8_t)ret->bytes[n - i] == padding;
    ret->length = fine ? n - padding : 0;
    explicit_bzero(ret->bytes + ret->length, n - ret->length);
    return fine ? 0 : -EBADMSG;
}
