/* question.c - see question.h. */
#include "clickhouse/question.h"

#include <stdio.h>

#include "clickhouse/reading.h"
#include "table/ddl.h"

enum {
    KEY_MAX_BYTES = 64 << 20, /* of one row's key */
    SQL_MAX_BYTES = 2 * (QUESTION_CHUNK_BYTES + KEY_MAX_BYTES) + (1 << 20),
    ANSWER_MAX_BYTES = 512 << 20,
    NUMBER_BYTES = 20
};

enum { N_SETTINGS = READING_N_SETTINGS + 3 };

enum sluice_code question_init(struct question *question, struct sluice_ch_client *client,
                               const struct sluice_plan *plan, const char *verb, struct sluice_error *err)
{
    *question = (struct question){.client = client, .plan = plan};
    sluice_buf_init(&question->table, SQL_MAX_BYTES, "name of a table");
    sluice_buf_init(&question->values, QUESTION_CHUNK_BYTES + KEY_MAX_BYTES, "keys to look up");
    sluice_buf_init(&question->sql, SQL_MAX_BYTES, "statement of a look-up");
    sluice_buf_init(&question->answer, ANSWER_MAX_BYTES, "answer to a look-up");
    (void)snprintf(question->what, sizeof question->what, "%s in \"%.120s.%.120s\"", verb, plan->database, plan->table);
    enum sluice_code code = sluice_ddl_quote_name(&question->table, plan->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(&question->table, '.', err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_name(&question->table, plan->table, err);
}

void question_deinit(struct question *question)
{
    sluice_buf_deinit(&question->table);
    sluice_buf_deinit(&question->values);
    sluice_buf_deinit(&question->sql);
    sluice_buf_deinit(&question->answer);
}

static enum sluice_code append_hex(struct sluice_buf *sql, struct sluice_str bytes, struct sluice_error *err)
{
    static const char digits[] = "0123456789abcdef";
    enum sluice_code code = sluice_buf_reserve(sql, 2 * bytes.len, err);
    if (code != SLUICE_OK)
        return code;
    char *at = sql->ptr + sql->len;
    for (size_t i = 0; i < bytes.len; i++) {
        *at++ = digits[(unsigned char)bytes.ptr[i] >> 4];
        *at++ = digits[(unsigned char)bytes.ptr[i] & 0xf];
    }
    sql->len += 2 * bytes.len;
    return SLUICE_OK;
}

enum sluice_code question_append_asked(struct question *question, struct sluice_str structure, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(&question->sql, "WITH asked AS (SELECT * FROM format(RowBinary, ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_text(&question->sql, structure, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&question->sql, ", unhex('", err);
    if (code == SLUICE_OK)
        code = append_hex(&question->sql, sluice_buf_str(&question->values), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(&question->sql, "')))", err);
}

enum sluice_code question_ask(struct question *question, const struct sluice_ch_pair *params, size_t n_params,
                              struct sluice_error *err)
{
    char size[NUMBER_BYTES + 1];
    struct sluice_ch_pair settings[N_SETTINGS];
    size_t n = READING_N_SETTINGS;
    reading_settings(settings);
    (void)snprintf(size, sizeof size, "%zu", question->sql.len + 1024);
    settings[n++] = (struct sluice_ch_pair){"max_query_size", sluice_str_from(size)};
    settings[n++] = (struct sluice_ch_pair){"allow_suspicious_fixed_string_types", SLUICE_STR_LITERAL("1")};
    if (question->plan->home == SLUICE_ENGINE_SHARED)
        settings[n++] = (struct sluice_ch_pair){"select_sequential_consistency", SLUICE_STR_LITERAL("1")};
    const struct sluice_ch_query query = {.sql = sluice_buf_text(&question->sql),
                                          .what = question->what,
                                          .params = params,
                                          .n_params = n_params,
                                          .settings = settings,
                                          .n_settings = n};
    sluice_buf_clear(&question->answer);
    return sluice_ch_query(question->client, &query, &question->answer, err);
}

/* LIGHTWEIGHT waits for parts to come, not for merges. */
enum sluice_code question_sync_replica(struct question *question, struct sluice_error *err)
{
    if (question->plan->home != SLUICE_ENGINE_REPLICATED)
        return SLUICE_OK;
    sluice_buf_clear(&question->sql);
    enum sluice_code code =
        sluice_buf_printf(&question->sql, err, "SYSTEM SYNC REPLICA %s LIGHTWEIGHT", sluice_buf_text(&question->table));
    const struct sluice_ch_query query = {.sql = sluice_buf_text(&question->sql), .what = question->what};
    return code != SLUICE_OK ? code : sluice_ch_query(question->client, &query, NULL, err);
}

enum sluice_code question_not_understood(const struct question *question, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
                            "%s: the server's answer is not understood; check its version", question->what);
}
