/* Wide integers against Python's (wide_vectors.h), and JSON numbers of every form. */
#include "table/wide.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/compiler.h"
#include "support/check.h"

struct vector {
    const char *base64;
    unsigned scale;
    unsigned precision;
    unsigned target_scale;
    const char *encoded;
    const char *text;
};

#include "wide_vectors.h"

static unsigned bits_of(unsigned precision)
{
    return precision <= 9 ? 32 : precision <= 18 ? 64 : precision <= 38 ? 128 : 256;
}

static void check_encoded(const struct wide *w, const struct vector *v)
{
    unsigned char bytes[32];
    char hex[65] = "";
    struct wide scaled = *w;
    bool fits = wide_scale_up(&scaled, v->target_scale - v->scale) && wide_has_digits(&scaled, v->precision);
    if (fits) {
        size_t n = (size_t)(wide_put(&scaled, bits_of(v->precision), bytes) - bytes);
        CHECK(wide_fits(&scaled, bits_of(v->precision), true));
        for (size_t i = 0; i < n; i++)
            (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    }
    CHECK_TEXT(hex, v->encoded);
}

static void test_vectors(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct sluice_str base64 = sluice_str_from(v->base64);
        unsigned char bytes[64];
        char text[WIDE_MAX_TEXT];
        struct wide w;
        CHECK(base64_decode(base64, bytes));
        CHECK(wide_from_bytes(&w, bytes, base64_size(base64)));
        text[wide_text(&w, v->scale, text)] = '\0';
        CHECK_TEXT(text, v->text);
        check_encoded(&w, v);
        /* The same value as a JSON number. */
        if (CHECK_INT(wide_from_number(&w, sluice_str_from(v->text), v->scale), WIDE_OK))
            check_encoded(&w, v);
    }
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        unsigned scale;
        enum wide_reading want;
        const char *plain;
    } cases[] = {
        {"0", 0, WIDE_OK, "0"},
        {"-0", 2, WIDE_OK, "0.00"},
        {"1.10", 1, WIDE_OK, "1.1"},
        {"1.10", 2, WIDE_OK, "1.10"},
        {"1.10", 4, WIDE_OK, "1.1000"},
        {"1.10", 0, WIDE_INEXACT, NULL},
        {"1E-7", 7, WIDE_OK, "0.0000001"},
        {"1E-7", 6, WIDE_INEXACT, NULL},
        {"0E-10", 2, WIDE_OK, "0.00"},
        {"0E+999999999999", 2, WIDE_OK, "0.00"},
        {"1.5e3", 0, WIDE_OK, "1500"},
        {"1.5E+3", 1, WIDE_OK, "1500.0"},
        {"-12.5e-1", 2, WIDE_OK, "-1.25"},
        {"100E-2", 0, WIDE_OK, "1"},
        {"10050E-2", 1, WIDE_OK, "100.5"},
        {"1E999999999999", 0, WIDE_TOO_LONG, NULL},
        {"1E-999999999999", 76, WIDE_INEXACT, NULL},
        {"1E1300", 0, WIDE_TOO_LONG, NULL},
        {"", 0, WIDE_NOT_A_NUMBER, NULL},
        {"-", 0, WIDE_NOT_A_NUMBER, NULL},
        {".5", 1, WIDE_NOT_A_NUMBER, NULL},
        {"5.", 1, WIDE_NOT_A_NUMBER, NULL},
        {"1e", 1, WIDE_NOT_A_NUMBER, NULL},
        {"1e+", 1, WIDE_NOT_A_NUMBER, NULL},
        {"1x", 1, WIDE_NOT_A_NUMBER, NULL},
        {"NaN", 1, WIDE_NOT_A_NUMBER, NULL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char text[WIDE_MAX_TEXT];
        struct wide w;
        if (!CHECK_INT(wide_from_number(&w, sluice_str_from(cases[i].text), cases[i].scale), cases[i].want)) {
            (void)fprintf(stderr, "    number %s, scale %u\n", cases[i].text, cases[i].scale);
            continue;
        }
        if (cases[i].plain == NULL)
            continue;
        text[wide_text(&w, cases[i].scale, text)] = '\0';
        CHECK_TEXT(text, cases[i].plain);
    }
}

/* PostgreSQL's longest numeric, and one byte more than a wide holds. */
static void test_longest(void)
{
    static char digits[1001];
    static unsigned char bytes[4 * WIDE_LIMBS + 8];
    char text[WIDE_MAX_TEXT];
    struct wide w;
    memset(digits, '9', sizeof digits - 1);
    CHECK_INT(wide_from_number(&w, sluice_str_from(digits), 0), WIDE_OK);
    text[wide_text(&w, 0, text)] = '\0';
    CHECK_TEXT(text, digits);
    CHECK(!wide_fits(&w, 256, true));
    CHECK(wide_has_digits(&w, 1000) && !wide_has_digits(&w, 999));
    CHECK_INT(wide_text(&w, WIDE_MAX_SCALE, text), 1002);
    memset(bytes, 0x7f, sizeof bytes);
    CHECK(!wide_from_bytes(&w, bytes, sizeof bytes));
    CHECK(wide_from_bytes(&w, bytes, 4 * WIDE_LIMBS - 1));
    CHECK(wide_text(&w, 0, text) < WIDE_MAX_TEXT);
    /* Any number of leading sign bytes changes nothing. */
    memset(bytes, 0xff, sizeof bytes);
    CHECK(wide_from_bytes(&w, bytes, sizeof bytes));
    text[wide_text(&w, 0, text)] = '\0';
    CHECK_TEXT(text, "-1");
    CHECK(wide_from_bytes(&w, bytes, 0) && w.n_limbs == 0);
}

static void test_fits(void)
{
    static const struct {
        const char *text;
        unsigned bits;
        bool is_signed;
        bool want;
    } cases[] = {
        {"18446744073709551615", 64, false, true},
        {"18446744073709551616", 64, false, false},
        {"-1", 64, false, false},
        {"-9223372036854775808", 64, true, true},
        {"-9223372036854775809", 64, true, false},
        {"9223372036854775808", 64, true, false},
        {"170141183460469231731687303715884105727", 128, true, true},
        {"170141183460469231731687303715884105728", 128, true, false},
        {"-170141183460469231731687303715884105728", 128, true, true},
        {"-170141183460469231731687303715884105729", 128, true, false},
        {"340282366920938463463374607431768211455", 128, false, true},
        {"340282366920938463463374607431768211456", 128, false, false},
        {"57896044618658097711785492504343953926634992332820282019728792003956564819967", 256, true, true},
        {"57896044618658097711785492504343953926634992332820282019728792003956564819968", 256, true, false},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct wide w;
        CHECK_INT(wide_from_number(&w, sluice_str_from(cases[i].text), 0), WIDE_OK);
        CHECK_INT(wide_fits(&w, cases[i].bits, cases[i].is_signed), cases[i].want);
    }
}

int main(void)
{
    test_vectors();
    test_numbers();
    test_longest();
    test_fits();
    return check_result();
}
