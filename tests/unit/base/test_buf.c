/* A buffer grows to its ceiling and not beyond, and stays as it was when an append fails. */
#include "base/buf.h"

#include "support/check.h"

static void test_append(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf buf;
    sluice_buf_init(&buf, 1000, "test buffer");
    CHECK_TEXT(sluice_buf_text(&buf), "");
    CHECK_INT(sluice_buf_append_z(&buf, "a", &err), SLUICE_OK);
    CHECK_INT(sluice_buf_append_char(&buf, 'b', &err), SLUICE_OK);
    CHECK_INT(sluice_buf_printf(&buf, &err, "%d-%s", 42, "x"), SLUICE_OK);
    CHECK_INT(sluice_buf_append(&buf, NULL, 0, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&buf), "ab42-x");
    sluice_buf_clear(&buf);
    CHECK_TEXT(sluice_buf_text(&buf), "");
}

static void test_ceiling(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf buf;
    sluice_buf_init(&buf, 100, "test buffer");
    for (int i = 0; i < 100; i++)
        CHECK_INT(sluice_buf_append_char(&buf, 'x', &err), SLUICE_OK);
    CHECK_INT(sluice_buf_append_char(&buf, 'y', &err), SLUICE_E_LIMIT);
    CHECK_CONTAINS(err.text, "test buffer");
    CHECK_INT(buf.len, 100);
    CHECK_INT(sluice_buf_printf(&buf, &err, "%s", "z"), SLUICE_E_LIMIT);
    CHECK_INT(strlen(sluice_buf_text(&buf)), 100);
    CHECK_INT(sluice_buf_reserve(&buf, SIZE_MAX, &err), SLUICE_E_LIMIT);

    SLUICE_AUTO(sluice_buf) struct sluice_buf small; /* below the size of the first allocation */
    sluice_buf_init(&small, 3, "small buffer");
    CHECK_INT(sluice_buf_append_z(&small, "abc", &err), SLUICE_OK);
    CHECK_INT(sluice_buf_append_z(&small, "d", &err), SLUICE_E_LIMIT);
}

/* Sizes around every doubling, each byte checked afterwards. */
static void test_growth(void)
{
    struct sluice_error err = {0};
    for (size_t step = 1; step < 200; step += 13) {
        SLUICE_AUTO(sluice_buf) struct sluice_buf buf;
        char piece[200];
        sluice_buf_init(&buf, 5000, "test buffer");
        memset(piece, 'p', sizeof piece);
        while (buf.len + step <= 5000) {
            if (!CHECK_INT(sluice_buf_append(&buf, piece, step, &err), SLUICE_OK))
                return;
        }
        CHECK_INT(strspn(sluice_buf_text(&buf), "p"), buf.len);
    }
}

static void test_leb128(void)
{
    static const struct {
        uint64_t value;
        unsigned char bytes[10];
        size_t n;
    } cases[] = {
        {0, {0}, 1},
        {127, {0x7f}, 1},
        {128, {0x80, 0x01}, 2},
        {300, {0xac, 0x02}, 2},
        {UINT64_MAX, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err = {0};
        SLUICE_AUTO(sluice_buf) struct sluice_buf buf;
        sluice_buf_init(&buf, 100, "test buffer");
        CHECK_INT(sluice_buf_append_leb128(&buf, cases[i].value, &err), SLUICE_OK);
        CHECK_BYTES(buf.ptr, buf.len, cases[i].bytes, cases[i].n);
    }
}

int main(void)
{
    test_append();
    test_ceiling();
    test_growth();
    test_leb128();
    return check_result();
}
