/* TabSeparated, read back. */
#include "clickhouse/tsv.h"

#include "support/check.h"

static void test_lines_and_fields(void)
{
    struct sluice_str text = SLUICE_STR_LITERAL("a\tb\t\n\nlast");
    struct sluice_str line;
    struct sluice_str field;
    CHECK(tsv_next_line(&text, &line));
    CHECK(tsv_next_field(&line, &field) && sluice_str_equal_z(field, "a"));
    CHECK(tsv_next_field(&line, &field) && sluice_str_equal_z(field, "b"));
    CHECK(tsv_next_field(&line, &field) && field.len == 0);
    CHECK(!tsv_next_field(&line, &field));
    CHECK(tsv_next_line(&text, &line));
    CHECK(tsv_next_field(&line, &field) && field.len == 0);
    CHECK(!tsv_next_field(&line, &field));
    CHECK(tsv_next_line(&text, &line) && sluice_str_equal_z(line, "last"));
    CHECK(!tsv_next_line(&text, &line));
}

static void test_unescape(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1024, "test");
    const char *out = NULL;
    CHECK_INT(tsv_unescape(&arena, SLUICE_STR_LITERAL("a\\tb\\nc\\\\d\\'e\\r\\b\\f\\0z\\"), &out, &err), SLUICE_OK);
    static const char want[] = "a\tb\nc\\d'e\r\b\f\0z\\";
    CHECK_BYTES(out, sizeof want, want, sizeof want);
    CHECK_INT(tsv_unescape(&arena, SLUICE_STR_LITERAL(""), &out, &err), SLUICE_OK);
    CHECK_TEXT(out, "");
}

int main(void)
{
    test_lines_and_fields();
    test_unescape();
    return check_result();
}
