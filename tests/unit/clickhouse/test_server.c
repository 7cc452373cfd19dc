/* The probe: what is asked, and what is made of the answer. */
#include "clickhouse/server.h"

#include "support/check.h"

static void test_statement(void)
{
    struct sluice_error err;
    size_t n = 0;
    const struct sluice_ch_setting *settings = sluice_ch_pinned(&n);
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 65536, "sql");
    CHECK_INT(sluice_ch_server_sql(&sql, &err), SLUICE_OK);
    for (size_t i = 0; i < n; i++)
        CHECK_CONTAINS(sql.ptr, settings[i].name);
    CHECK_CONTAINS(sql.ptr, "version()");
}

static void test_answer(void)
{
    struct sluice_error err;
    struct sluice_ch_server server;
    struct sluice_str answer =
        SLUICE_STR_LITERAL("setting\tmax_insert_block_size\nversion\t26.7.2.1\n"
                           "setting\tasync_insert\ntimezone\tEtc/UTC\nsetting\tnever_heard_of\n");
    CHECK_INT(sluice_ch_server_parse(&server, answer, &err), SLUICE_OK);
    CHECK_TEXT(server.version, "26.7.2.1");
    CHECK_TEXT(server.timezone, "Etc/UTC");
    CHECK_INT(server.major, 26);
    CHECK_INT(server.minor, 7);
    CHECK(sluice_ch_server_knows(&server, "async_insert"));
    CHECK(!sluice_ch_server_knows(&server, "deduplicate_insert"));
    CHECK(!sluice_ch_server_knows(&server, "never_heard_of"));
}

static void test_refused(void)
{
    static const char *const answers[] = {"",
                                          "<html>\n",
                                          "version\t26.7\n",
                                          "version\tx\nsetting\tmax_insert_block_size\n",
                                          "version\t99999999999999999999.1\nsetting\tmax_insert_block_size\n",
                                          "version\n",
                                          "setting\tmax_insert_block_size\n"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(answers); i++) {
        struct sluice_error err = {0};
        struct sluice_ch_server server = {.major = 1};
        CHECK_INT(sluice_ch_server_parse(&server, sluice_str_from(answers[i]), &err), SLUICE_E_SERVER);
        CHECK_INT(server.major, 1);
        CHECK_CONTAINS(err.text, "clickhouse.url");
    }
}

int main(void)
{
    test_statement();
    test_answer();
    test_refused();
    return check_result();
}
