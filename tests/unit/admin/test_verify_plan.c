/* The statements that both servers are asked, and what a line of their answers is taken apart into. */
#include "admin/verify_plan.h"

#include <stdlib.h>

#include "admin/verify_postgres.h"
#include "admin/verify_progress.h"
#include "admin/verify_result.h"
#include "sluice/verify.h"
#include "support/check.h"

static struct verify_column columns[] = {
    {.source = "id", .target = "id", .expression = "`id`", .literal = VERIFY_NUMBER},
    {.source = "na\"me", .target = "na`me", .expression = "`na\\`me`", .literal = VERIFY_TEXT},
    {.source = "at", .target = "at", .expression = "toTimeZone(`at`, 'UTC')"},
};
static const struct verify_plan plan = {.schema = "public",
                                        .table = "orders",
                                        .database = "shop",
                                        .target = "orders",
                                        .version_column = "_version",
                                        .deleted_column = "is_deleted",
                                        .columns = columns,
                                        .n_columns = 3,
                                        .n_key = 2,
                                        .has_literals = true};

static void check_sql(bool is_source, const struct verify_where *where, bool with_state, const char *want)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a SELECT");
    CHECK_INT(is_source ? verify_plan_source_sql(&plan, where, with_state, &sql, &err)
                        : verify_plan_target_sql(&plan, where, with_state, &sql, &err),
              SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), want);
}

static void test_statements(void)
{
    const struct verify_where all = {.share = 1};
    const struct verify_where some = {.share = 0.5};
    const struct sluice_str one[] = {SLUICE_STR_LITERAL("-7"), SLUICE_STR_LITERAL("it's \\")};
    const struct sluice_str odd[] = {SLUICE_STR_LITERAL("8"), SLUICE_STR_LITERAL("\xff")};
    const struct sluice_str *const keys[] = {one, odd};
    const struct verify_where two = {.share = 1, .keys = keys, .n_keys = 2};
    const struct verify_where none = {.share = 1, .keys = keys + 1, .n_keys = 1};
    check_sql(true, &all, false,
              "COPY (SELECT '', \"id\", \"na\"\"me\", \"at\" FROM \"public\".\"orders\" WHERE true) TO STDOUT");
    check_sql(false, &all, false,
              "SELECT '', `id`, `na\\`me`, toTimeZone(`at`, 'UTC') FROM `shop`.`orders` FINAL WHERE `is_deleted` = 0 "
              "FORMAT TabSeparated");
    check_sql(
        true, &some, true,
        "COPY (SELECT CAST(xmin AS text) || '/' || CAST(ctid AS text) || '/' || CAST(tableoid AS text), \"id\", "
        "\"na\"\"me\", \"at\" FROM \"public\".\"orders\" WHERE true AND substr(md5(convert_to(CAST(\"id\" AS text) "
        "|| '|' || CAST(\"na\"\"me\" AS text), 'UTF8')), 1, 8) COLLATE \"C\" < '7fffffff') TO STDOUT");
    check_sql(false, &some, true,
              "SELECT toString(`_version`), `id`, `na\\`me`, toTimeZone(`at`, 'UTC') FROM `shop`.`orders` FINAL WHERE "
              "`is_deleted` = 0 AND substring(lower(hex(MD5(toString(`id`) || '|' || toString(`na\\`me`)))), 1, 8) < "
              "'7fffffff' FORMAT TabSeparated");
    /* A text that PostgreSQL can't hold is not asked for: it is not there. */
    check_sql(true, &two, false,
              "COPY (SELECT '', \"id\", \"na\"\"me\", \"at\" FROM \"public\".\"orders\" WHERE true AND "
              "(\"id\",\"na\"\"me\") IN ((-7,'it''s \\'))) TO STDOUT");
    check_sql(
        true, &none, false,
        "COPY (SELECT '', \"id\", \"na\"\"me\", \"at\" FROM \"public\".\"orders\" WHERE true AND false) TO STDOUT");
    check_sql(
        false, &two, false,
        "SELECT '', `id`, `na\\`me`, toTimeZone(`at`, 'UTC') FROM `shop`.`orders` FINAL WHERE `is_deleted` = 0 AND "
        "(`id`,`na\\`me`) IN ((-7,'it\\'s \\\\'), (8,'\xff')) FORMAT TabSeparated");
}

static void test_lines(void)
{
    struct sluice_str fields[3];
    char line[] = "a\\tb\t\\N\t";
    CHECK(verify_split(line, strlen("a\\tb\t\\N\t"), fields, 3));
    CHECK_BYTES(fields[0].ptr, fields[0].len, "a\tb", 3);
    CHECK(fields[1].ptr == NULL);
    CHECK(fields[2].ptr != NULL && fields[2].len == 0);
    char other[] = "a\tb";
    CHECK(!verify_split(other, 3, fields, 3));
    CHECK(!verify_split(other, 3, fields, 1));
    CHECK(verify_split(other, 3, fields, 2));
    char empty[1] = "";
    CHECK(verify_split(empty, 0, fields, 1));
    CHECK(fields[0].ptr != NULL && fields[0].len == 0);
}

static void test_shares(void)
{
    double share = 0;
    CHECK(sluice_verify_parse_share("5%", &share) && share > 0.049 && share < 0.051);
    CHECK(sluice_verify_parse_share("0.1", &share) && share > 0.0009 && share < 0.0011);
    CHECK(sluice_verify_parse_share("100%", &share) && share > 0.999);
    static const char *const wrong[] = {"", "0", "0%", "101%", "-1%", "5 %", "5%%", "x", "nan", "0x10", "1e999"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++)
        if (!CHECK(!sluice_verify_parse_share(wrong[i], &share)))
            (void)fprintf(stderr, "    %s\n", wrong[i]);
}

static void test_shown(void)
{
    char text[40];
    verify_show_cell((struct sluice_str){0}, text, sizeof text);
    CHECK_TEXT(text, "NULL");
    verify_show_cell(SLUICE_STR_LITERAL("grün"), text, sizeof text);
    CHECK_TEXT(text, "grün");
    verify_show_cell(SLUICE_STR_LITERAL("\x00\xff"), text, sizeof text);
    CHECK_TEXT(text, "\\x00ff");
    verify_show_cell(SLUICE_STR_LITERAL("0123456789012345678901234567890123456789"), text, sizeof text);
    CHECK_INT(strlen(text), 38);
    verify_progress_text(500, 1000, 2000000, text, sizeof text);
    CHECK_TEXT(text, " 50%  250 rows/s  0:02 left");
    verify_progress_text(0, 0, 2000000, text, sizeof text);
    CHECK_TEXT(text, "2 s");
}

int main(void)
{
    test_statements();
    test_lines();
    test_shares();
    test_shown();
    return check_result();
}
