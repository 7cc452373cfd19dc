/* lookup.c - see lookup.h. Mode replace: keys and versions of the rows go to the server inside the statement, in
 * chunks; it answers with the numbers of those it holds. The target is read through its primary index alone, since the
 * keys are also a condition on it. */
#include "clickhouse/lookup.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clickhouse/question.h"
#include "table/ddl.h"
#include "table/rowkey.h"
#include "table/settle.h"

enum { NUMBER_BYTES = 20 };

struct lookup {
    struct question question;
    const struct sluice_plan *plan;
    const struct sluice_batch *batch;
    size_t n_rows;
    bool *stored; /* one per row */
    struct rowkey key;
};

static void lookup_deinit(struct lookup *lookup)
{
    free(lookup->stored);
    question_deinit(&lookup->question);
}
SLUICE_DEFINE_AUTO(lookup, struct lookup, lookup_deinit)

static enum sluice_code lookup_init(struct lookup *lookup, struct sluice_ch_client *client,
                                    const struct sluice_batch *batch, struct sluice_error *err)
{
    const struct sluice_plan *plan = sluice_batch_plan(batch);
    *lookup = (struct lookup){.plan = plan, .batch = batch, .n_rows = sluice_batch_n_rows(batch)};
    enum sluice_code code = question_init(&lookup->question, client, plan, "look up rows", err);
    if (code != SLUICE_OK)
        return code;
    lookup->stored = calloc(lookup->n_rows, sizeof *lookup->stored);
    return lookup->stored != NULL
               ? SLUICE_OK
               : sluice_error_nomem(err, "rows of a look-up", lookup->n_rows * sizeof *lookup->stored);
}

static uint64_t load_little(const char *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return value;
}

/* ---- mode replace ---- */

/* Number, key and version of the rows from `first` on, as many as a chunk takes; *end is behind the last one. */
static enum sluice_code fill_values(struct lookup *lookup, size_t first, size_t *end, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    size_t i = first;
    sluice_buf_clear(&lookup->question.values);
    for (; code == SLUICE_OK && i < lookup->n_rows && lookup->question.values.len < QUESTION_CHUNK_BYTES; i++) {
        const unsigned char number[4] = {(unsigned char)i, (unsigned char)(i >> 8), (unsigned char)(i >> 16),
                                         (unsigned char)(i >> 24)};
        code = sluice_buf_append(&lookup->question.values, number, sizeof number, err);
        if (code == SLUICE_OK)
            code = rowkey_append_row(&lookup->key, sluice_batch_row(lookup->batch, i), &lookup->question.values, err);
    }
    *end = i;
    return code;
}

static enum sluice_code append_asked(struct lookup *lookup, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf structure;
    sluice_buf_init(&structure, 1 << 20, "columns of a look-up");
    enum sluice_code code = sluice_buf_append_z(&structure, "`sluice:n` UInt32, ", err);
    if (code == SLUICE_OK)
        code = rowkey_append_structure(&lookup->key, &structure, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&structure, ", `sluice:version` UInt128", err);
    return code != SLUICE_OK ? code : question_append_asked(&lookup->question, sluice_buf_str(&structure), err);
}

/* A row is stored if its event is: by PENDING_MASK two attempts at one event may differ. In the mode log the key is the
 * record's place, and the version has to be the same (find_offsets()). */
static enum sluice_code write_question(struct lookup *lookup, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf names;
    SLUICE_AUTO(sluice_buf) struct sluice_buf version;
    sluice_buf_init(&names, 1 << 20, "names of key columns");
    sluice_buf_init(&version, 1 << 20, "name of the version column");
    sluice_buf_clear(&lookup->question.sql);
    enum sluice_code code = rowkey_append_names(&lookup->key, &names, err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&version, lookup->plan->version_column, err);
    if (code == SLUICE_OK)
        code = append_asked(lookup, err);
    const char *keys = sluice_buf_text(&names);
    const bool is_log = lookup->plan->is_log;
    if (code == SLUICE_OK)
        code = sluice_buf_printf(&lookup->question.sql, err,
                                 " SELECT `sluice:n` FROM asked INNER JOIN (SELECT %s, %s(bitAnd(%s, "
                                 "bitNot(toUInt128(%d)))) AS `sluice:stored` "
                                 "FROM %s WHERE (%s) IN (SELECT %s FROM asked) GROUP BY %s%s) AS held USING (%s) "
                                 "WHERE `sluice:stored` %s bitAnd(`sluice:version`, bitNot(toUInt128(%d))) "
                                 "FORMAT RowBinary",
                                 keys, is_log ? "" : "max", sluice_buf_text(&version), PENDING_MASK,
                                 sluice_buf_text(&lookup->question.table), keys, keys, keys,
                                 is_log ? ", `sluice:stored`" : "", keys, is_log ? "=" : ">=", PENDING_MASK);
    return code;
}

static enum sluice_code mark_numbers(struct lookup *lookup, size_t first, size_t end, struct sluice_error *err)
{
    const size_t width = sizeof(uint32_t);
    if (lookup->question.answer.len % width != 0)
        return question_not_understood(&lookup->question, err);
    for (size_t at = 0; at < lookup->question.answer.len; at += width) {
        uint64_t row = load_little(lookup->question.answer.ptr + at, width);
        if (row < first || row >= end)
            return question_not_understood(&lookup->question, err);
        lookup->stored[row] = true;
    }
    return SLUICE_OK;
}

static enum sluice_code find_keys(struct lookup *lookup, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    rowkey_init(&lookup->key, lookup->plan);
    for (size_t first = 0, end = 0; code == SLUICE_OK && first < lookup->n_rows; first = end) {
        code = fill_values(lookup, first, &end, err);
        if (code == SLUICE_OK)
            code = write_question(lookup, err);
        if (code == SLUICE_OK)
            code = question_ask(&lookup->question, NULL, 0, err);
        if (code == SLUICE_OK)
            code = mark_numbers(lookup, first, end, err);
    }
    return code;
}

/* ---- mode log ---- */

static enum sluice_code ask_offsets(struct lookup *lookup, const struct sluice_ch_range *range,
                                    struct sluice_error *err)
{
    char partition[NUMBER_BYTES + 1];
    char lo[NUMBER_BYTES + 1];
    char hi[NUMBER_BYTES + 1];
    (void)snprintf(partition, sizeof partition, "%" PRId32, range->partition);
    (void)snprintf(lo, sizeof lo, "%" PRId64, range->lo);
    (void)snprintf(hi, sizeof hi, "%" PRId64, range->hi);
    const struct sluice_ch_pair params[] = {{"topic", sluice_str_from(range->topic)},
                                            {"partition", sluice_str_from(partition)},
                                            {"lo", sluice_str_from(lo)},
                                            {"hi", sluice_str_from(hi)}};
    SLUICE_AUTO(sluice_buf) struct sluice_buf version;
    sluice_buf_init(&version, 1 << 20, "name of the version column");
    sluice_buf_clear(&lookup->question.sql);
    enum sluice_code code = sluice_ddl_quote_name(&version, lookup->plan->version_column, err);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(
            &lookup->question.sql, err,
            "SELECT DISTINCT toInt64(`_offset`) AS `sluice:offset`, toUInt128(%s) FROM %s WHERE `_topic` = "
            "{topic:String} AND `_partition` = {partition:Int32} AND `_offset` >= {lo:Int64} AND `_offset` <= "
            "{hi:Int64} ORDER BY `sluice:offset` FORMAT RowBinary",
            sluice_buf_text(&version), sluice_buf_text(&lookup->question.table));
    return code != SLUICE_OK ? code : question_ask(&lookup->question, params, SLUICE_N_ELEMENTS(params), err);
}

static int64_t answered_offset(const struct lookup *lookup, size_t at)
{
    return (int64_t)load_little(lookup->question.answer.ptr + at, sizeof(int64_t));
}

/* The rows are in the order of their offsets, as the answer is. The version has to be the same too: a topic that was
 * made anew has other records under the offsets of the old one. */
static enum sluice_code find_offsets(struct lookup *lookup, const struct sluice_ch_range *range,
                                     struct sluice_error *err)
{
    const size_t width = sizeof(int64_t) + PLAN_VERSION_BYTES;
    enum sluice_code code = ask_offsets(lookup, range, err);
    if (code != SLUICE_OK)
        return code;
    if (lookup->question.answer.len % width != 0)
        return question_not_understood(&lookup->question, err);
    size_t at = 0;
    for (size_t i = 0; i < lookup->n_rows; i++) {
        struct sluice_str row = sluice_batch_row(lookup->batch, i);
        int64_t offset = rowkey_offset(lookup->plan, row);
        assert(offset >= range->lo && offset <= range->hi);
        for (; at < lookup->question.answer.len && answered_offset(lookup, at) <= offset; at += width)
            if (answered_offset(lookup, at) == offset && memcmp(lookup->question.answer.ptr + at + sizeof(int64_t),
                                                                rowkey_version(row), PLAN_VERSION_BYTES) == 0)
                lookup->stored[i] = true;
    }
    return SLUICE_OK;
}

enum sluice_code sluice_ch_drop_stored(struct sluice_ch_client *client, struct sluice_batch *batch,
                                       const struct sluice_ch_range *range, size_t *n_missing, struct sluice_error *err)
{
    SLUICE_AUTO(lookup) struct lookup lookup = {0};
    enum sluice_code code = SLUICE_OK;
    if (sluice_batch_n_rows(batch) > 0) {
        code = lookup_init(&lookup, client, batch, err);
        if (code == SLUICE_OK)
            code = question_sync_replica(&lookup.question, err);
        bool is_by_range = lookup.plan->is_log && !range->is_replay;
        if (code == SLUICE_OK)
            code = is_by_range ? find_offsets(&lookup, range, err) : find_keys(&lookup, err);
        if (code != SLUICE_OK)
            return code;
        sluice_batch_leave_out(batch, lookup.stored);
    }
    *n_missing = sluice_batch_n_rows(batch);
    return SLUICE_OK;
}
