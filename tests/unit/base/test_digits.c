/* Numbers of every length against a byte by byte reading; every other byte at every place is no digit. */
#include "base/digits.h"

#include "support/check.h"
#include "support/exact.h"
#include "support/random.h"

static uint64_t slowly(const char *text, size_t n)
{
    uint64_t number = 0;
    for (size_t i = 0; i < n; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    return number;
}

static void make_digits(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('0' + (random_below(3) == 0 ? 9 * random_below(2) : random_below(10)));
}

static void check_scan(struct sluice_str bytes, size_t n_digits)
{
    uint64_t number = 1;
    struct sluice_str exact = exact_copy(bytes);
    CHECK_INT(sluice_digits_scan(exact.ptr, exact.ptr + exact.len, &number), n_digits);
    if (n_digits <= DIGITS_MAX)
        CHECK(number == slowly(bytes.ptr, n_digits));
    exact_free(exact);
}

static void check_read(struct sluice_str bytes, bool good)
{
    uint64_t number = 1;
    struct sluice_str exact = exact_copy(bytes);
    CHECK_INT(sluice_digits_read(exact.ptr, exact.len, &number), good);
    if (good)
        CHECK(number == slowly(bytes.ptr, bytes.len));
    exact_free(exact);
}

static void test_all_digits(void)
{
    char text[32];
    for (size_t n = 0; n <= 24; n++) {
        for (int i = 0; i < 200; i++) {
            make_digits(text, n);
            check_scan((struct sluice_str){text, n}, n);
            if (n > 0 && n <= DIGITS_MAX)
                check_read((struct sluice_str){text, n}, true);
        }
    }
}

static void test_other_bytes(void)
{
    char text[32];
    for (size_t n = 1; n <= DIGITS_MAX; n++) {
        for (size_t at = 0; at < n; at++) {
            for (int byte = 0; byte < 256; byte++) {
                if (byte >= '0' && byte <= '9')
                    continue;
                make_digits(text, n);
                text[at] = (char)byte;
                check_read((struct sluice_str){text, n}, false);
                check_scan((struct sluice_str){text, n}, at);
            }
        }
    }
}

static void test_largest(void)
{
    uint64_t number = 0;
    CHECK(sluice_digits_read("9999999999999999999", 19, &number));
    CHECK(number == UINT64_C(9999999999999999999));
}

int main(int argc, char **argv)
{
    (void)random_start(argc, argv, 0);
    test_all_digits();
    test_other_bytes();
    test_largest();
    return check_result();
}
