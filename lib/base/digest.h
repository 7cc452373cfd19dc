/* digest.h - SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), by libcrypto.
 *
 * Each thread has one context, made at its first use and released at its end, so that a digest allocates nothing.
 * Thread: any.
 */
#ifndef SLUICE_BASE_DIGEST_H
#define SLUICE_BASE_DIGEST_H

#include "base/error.h"
#include "base/str.h"

enum { DIGEST_BYTES = 32, DIGEST_BLOCK = 64 };

/* The key, padded to a block and combined with the two constants of RFC 2104. */
struct sluice_hmac_key {
    unsigned char inner[DIGEST_BLOCK];
    unsigned char outer[DIGEST_BLOCK];
};

/* Errors of all: SLUICE_E_NOMEM, SLUICE_E_UNSUPPORTED (libcrypto refuses SHA-256). */
SLUICE_MUST_CHECK enum sluice_code sluice_sha256(struct sluice_str text, unsigned char out[DIGEST_BYTES],
                                                 struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_hmac_key_init(struct sluice_hmac_key *self, struct sluice_str key,
                                                        struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_hmac(const struct sluice_hmac_key *key, struct sluice_str text,
                                               unsigned char out[DIGEST_BYTES], struct sluice_error *err);

#endif
