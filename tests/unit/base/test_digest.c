/* Known answers: FIPS 180-4 examples, RFC 4231 for HMAC; several threads, each with a context of its own. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "support/check.h"

static const char *hex(const unsigned char *digest)
{
    static char text[2 * DIGEST_BYTES + 1];
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static void test_sha256(void)
{
    static const char *const cases[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    unsigned char digest[DIGEST_BYTES];
    struct sluice_error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(sluice_sha256(sluice_str_from(cases[i][0]), digest, &err), SLUICE_OK);
        CHECK_TEXT(hex(digest), cases[i][1]);
    }
}

/* RFC 4231, cases 1, 2, 6 and 7. */
static void test_hmac(void)
{
    char ones[20];
    char long_key[131];
    memset(ones, 0x0b, sizeof ones);
    memset(long_key, 0xaa, sizeof long_key);
    const struct {
        struct sluice_str key;
        const char *text;
        const char *expected;
    } cases[] = {
        {{ones, 20}, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {SLUICE_STR_LITERAL("Jefe"), "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{long_key, 131},
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {{long_key, 131},
         "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
         "hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sluice_hmac_key key;
        struct sluice_error err;
        unsigned char digest[DIGEST_BYTES];
        CHECK_INT(sluice_hmac_key_init(&key, cases[i].key, &err), SLUICE_OK);
        CHECK_INT(sluice_hmac(&key, sluice_str_from(cases[i].text), digest, &err), SLUICE_OK);
        CHECK_TEXT(hex(digest), cases[i].expected);
    }
}

enum { N_THREADS = 4, N_ROUNDS = 2000 };

static void *hash_often(void *failures)
{
    size_t *n_failed = failures;
    unsigned char first[DIGEST_BYTES];
    unsigned char again[DIGEST_BYTES];
    struct sluice_error err;
    char text[40];
    for (int i = 0; i < N_ROUNDS; i++) {
        (void)snprintf(text, sizeof text, "value %d", i % 100);
        *n_failed += sluice_sha256(sluice_str_from(text), first, &err) != SLUICE_OK;
        *n_failed += sluice_sha256(sluice_str_from(text), again, &err) != SLUICE_OK;
        *n_failed += memcmp(first, again, sizeof first) != 0;
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[N_THREADS];
    size_t failures[N_THREADS] = {0};
    for (size_t i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, hash_often, &failures[i]) != 0)
            abort();
    for (size_t i = 0; i < N_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK_INT(failures[i], 0);
    }
}

int main(void)
{
    test_sha256();
    test_hmac();
    test_threads();
    return check_result();
}
