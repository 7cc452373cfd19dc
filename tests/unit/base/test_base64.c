/* Base64 against a plain encoder, and everything that is not base64. */
#include "base/base64.h"

#include <stdlib.h>

#include "unit/table/table_support.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const unsigned char *bytes, size_t n, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i += 3) {
        unsigned long group = (unsigned long)bytes[i] << 16;
        if (i + 1 < n)
            group |= (unsigned long)bytes[i + 1] << 8;
        if (i + 2 < n)
            group |= bytes[i + 2];
        out[length++] = alphabet[group >> 18 & 63];
        out[length++] = alphabet[group >> 12 & 63];
        out[length++] = i + 1 < n ? alphabet[group >> 6 & 63] : '=';
        out[length++] = i + 2 < n ? alphabet[group & 63] : '=';
    }
    return length;
}

static void test_round_trip(uint64_t seed)
{
    unsigned char bytes[64];
    unsigned char back[64];
    char text[96];
    for (size_t n = 0; n < 64; n++) {
        for (size_t i = 0; i < n; i++)
            bytes[i] = (unsigned char)random_next(&seed);
        struct sluice_str encoded = {text, encode(bytes, n, text)};
        CHECK_INT(base64_size(encoded), n);
        CHECK(base64_decode(encoded, back));
        CHECK_BYTES(back, n, bytes, n);
    }
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "A",    "AA",    "AAA",  "AAAAA", "A===",     "=AAA", "AA=A",    "====",     "AA-A", "AA_A",
        "AA A", "AAA\n", "AB==", "AAB=",  "AA==AAAA", "A=AA", "\x80/AA", "AAAAA===", "12.5", "AAAA.AAA"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(texts); i++) {
        unsigned char out[16];
        if (!CHECK(!base64_decode(sluice_str_from(texts[i]), out)))
            (void)fprintf(stderr, "    text \"%s\"\n", texts[i]);
    }
}

int main(int argc, char **argv)
{
    test_round_trip(random_seed(argc, argv));
    test_refused();
    return check_result();
}
