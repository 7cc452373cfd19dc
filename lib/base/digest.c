/* digest.c - see digest.h.
 *
 * HMAC is put together here: libcrypto's own EVP_MAC copies contexts, and so allocates, for each value.
 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static bool has_key;

static void context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void make_key(void)
{
    has_key = pthread_key_create(&context_key, context_free) == 0;
}

static enum sluice_code refused(struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_UNSUPPORTED, SLUICE_STOP,
                            "libcrypto refuses SHA-256; allow it in the configuration of OpenSSL");
}

static enum sluice_code new_context(EVP_MD_CTX **out, struct sluice_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        return sluice_error_nomem(err, "a SHA-256 context", 0);
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return refused(err);
    }
    if (pthread_setspecific(context_key, context) != 0) {
        EVP_MD_CTX_free(context);
        return sluice_error_nomem(err, "a SHA-256 context", 0);
    }
    *out = context;
    return SLUICE_OK;
}

/* The thread's own, at the beginning of a digest. */
static enum sluice_code begin(EVP_MD_CTX **out, struct sluice_error *err)
{
    (void)pthread_once(&once, make_key);
    if (!has_key)
        return sluice_error_nomem(err, "a SHA-256 context", 0);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context == NULL)
        return new_context(out, err);
    if (EVP_DigestInit_ex(context, NULL, NULL) != 1)
        return refused(err);
    *out = context;
    return SLUICE_OK;
}

static enum sluice_code digest(struct sluice_str head, struct sluice_str text, unsigned char out[DIGEST_BYTES],
                               struct sluice_error *err)
{
    EVP_MD_CTX *context = NULL;
    enum sluice_code code = begin(&context, err);
    if (code != SLUICE_OK)
        return code;
    if ((head.len > 0 && EVP_DigestUpdate(context, head.ptr, head.len) != 1) ||
        (text.len > 0 && EVP_DigestUpdate(context, text.ptr, text.len) != 1) ||
        EVP_DigestFinal_ex(context, out, NULL) != 1)
        return refused(err);
    return SLUICE_OK;
}

static struct sluice_str bytes(const unsigned char *at, size_t n)
{
    return (struct sluice_str){(const char *)at, n};
}

enum sluice_code sluice_sha256(struct sluice_str text, unsigned char out[DIGEST_BYTES], struct sluice_error *err)
{
    return digest((struct sluice_str){NULL, 0}, text, out, err);
}

enum sluice_code sluice_hmac_key_init(struct sluice_hmac_key *self, struct sluice_str key, struct sluice_error *err)
{
    unsigned char block[DIGEST_BLOCK] = {0};
    if (key.len > sizeof block) {
        enum sluice_code code = sluice_sha256(key, block, err);
        if (code != SLUICE_OK)
            return code;
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    for (size_t i = 0; i < sizeof block; i++) {
        self->inner[i] = block[i] ^ 0x36;
        self->outer[i] = block[i] ^ 0x5c;
    }
    return SLUICE_OK;
}

enum sluice_code sluice_hmac(const struct sluice_hmac_key *key, struct sluice_str text, unsigned char out[DIGEST_BYTES],
                             struct sluice_error *err)
{
    unsigned char inner[DIGEST_BYTES];
    enum sluice_code code = digest(bytes(key->inner, sizeof key->inner), text, inner, err);
    return code != SLUICE_OK ? code
                             : digest(bytes(key->outer, sizeof key->outer), bytes(inner, sizeof inner), out, err);
}
