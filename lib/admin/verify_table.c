/* verify_table.c - see verify_table.h. */
#include "admin/verify_table.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdlib.h>

enum {
    MAX_ROW_BYTES = 64 << 20,
    MAX_KEYS = 60000,
    MAX_PICKED = 40000, /* rows of both sides; the target may grow meanwhile */
};

/* ---- digests ---- */

void verify_reading_init(struct verify_reading *reading, struct verify_run *run, const struct verify_plan *plan)
{
    *reading = (struct verify_reading){.run = run, .plan = plan};
    sluice_buf_init(&reading->cells, MAX_ROW_BYTES, "a row that is compared");
}

void verify_reading_deinit(struct verify_reading *reading)
{
    sluice_buf_deinit(&reading->cells);
}
SLUICE_DEFINE_AUTO(reading, struct verify_reading, verify_reading_deinit)

static enum sluice_code digest_of(const struct sluice_buf *text, unsigned char out[VERIFY_DIGEST],
                                  struct sluice_error *err)
{
    unsigned char whole[DIGEST_BYTES];
    enum sluice_code code = sluice_sha256(sluice_buf_str(text), whole, err);
    if (code == SLUICE_OK)
        memcpy(out, whole, VERIFY_DIGEST);
    return code;
}

/* Where the servers can't take the sample themselves; by bits that no level of the sums looks at. */
static bool is_sampled(const struct verify_reading *reading, const unsigned char key[VERIFY_DIGEST])
{
    double share = reading->run->options->share;
    if (share >= 1 || reading->plan->has_literals)
        return true;
    uint32_t number = (uint32_t)key[12] | (uint32_t)key[13] << 8 | (uint32_t)key[14] << 16 | (uint32_t)key[15] << 24;
    return (double)number < share * 4294967296.0;
}

enum sluice_code verify_digest_key(struct verify_reading *reading, const struct sluice_str *cells,
                                   struct verify_digest *digest, bool *taken, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    sluice_buf_clear(&reading->cells);
    for (size_t i = 0; i < reading->plan->n_key && code == SLUICE_OK; i++)
        code = canon_append(&reading->plan->columns[i].canon, reading->side, cells[i], &reading->cells, err);
    if (code == SLUICE_OK)
        code = digest_of(&reading->cells, digest->key, err);
    *taken = code == SLUICE_OK && is_sampled(reading, digest->key);
    return code;
}

enum sluice_code verify_digest_row(struct verify_reading *reading, const struct sluice_str *cells,
                                   struct verify_digest *digest, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = reading->plan->n_key; i < reading->plan->n_columns && code == SLUICE_OK; i++)
        code = canon_append(&reading->plan->columns[i].canon, reading->side, cells[i], &reading->cells, err);
    return code == SLUICE_OK ? digest_of(&reading->cells, digest->row, err) : code;
}

/* ---- passes over both sides ---- */

static enum sluice_code take_sum(void *context, struct sluice_str state, const struct sluice_str *cells,
                                 struct sluice_error *err)
{
    struct verify_reading *reading = context;
    struct verify_digest digest;
    bool taken = false;
    (void)state;
    verify_progress_add(&reading->run->progress, 1);
    enum sluice_code code = verify_digest_key(reading, cells, &digest, &taken, err);
    reading->n_rows += taken ? 1 : 0;
    if (code != SLUICE_OK || !taken || !verify_sums_takes(reading->sums, digest.key))
        return code;
    code = verify_digest_row(reading, cells, &digest, err);
    if (code == SLUICE_OK)
        verify_sums_add(reading->sums, reading->side, &digest);
    return code;
}

static bool is_number(struct sluice_str text)
{
    size_t i = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    bool is_good = i < text.len && text.len < 21;
    for (; i < text.len && is_good; i++)
        is_good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
    return is_good;
}

/* So that the servers can be asked for this key alone. Best effort: without, they are read whole. */
static void keep_literals(struct verify_reading *reading, struct verify_key *key, const struct sluice_str *cells)
{
    struct sluice_error ignored;
    const struct verify_plan *plan = reading->plan;
    if (!plan->has_literals || key->literals != NULL)
        return;
    struct sluice_str *texts = sluice_arena_alloc_array(&reading->keys->literals, plan->n_key, sizeof *texts, &ignored);
    for (size_t i = 0; i < plan->n_key && texts != NULL; i++) {
        if (cells[i].ptr == NULL || (plan->columns[i].literal == VERIFY_NUMBER && !is_number(cells[i])))
            return;
        texts[i].ptr = sluice_arena_copy(&reading->keys->literals, cells[i], &ignored);
        texts[i].len = cells[i].len;
        if (texts[i].ptr == NULL)
            return;
    }
    key->literals = texts;
}

static enum sluice_code take_key(void *context, struct sluice_str state, const struct sluice_str *cells,
                                 struct sluice_error *err)
{
    static const unsigned char no_state[VERIFY_DIGEST] = {0};
    struct verify_reading *reading = context;
    struct verify_digest digest;
    bool taken = false;
    (void)state;
    verify_progress_add(&reading->run->progress, 1);
    enum sluice_code code = verify_digest_key(reading, cells, &digest, &taken, err);
    if (code != SLUICE_OK || !taken || !verify_sums_want(reading->sums, digest.key))
        return code;
    code = verify_digest_row(reading, cells, &digest, err);
    if (code != SLUICE_OK)
        return code;
    struct verify_key *key = verify_keys_add(reading->keys, digest.key);
    if (key == NULL)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP,
                                "more than %d keys are in ranges that differ, as the table grew meanwhile; try again, "
                                "when the worker has caught up",
                                (int)MAX_KEYS);
    keep_literals(reading, key, cells);
    verify_seen_add(&key->now[reading->side], &digest, no_state);
    return SLUICE_OK;
}

static bool sums_take(const void *context, const unsigned char *key)
{
    const struct verify_reading *reading = context;
    return reading->keys != NULL ? verify_sums_want(reading->sums, key) : verify_sums_takes(reading->sums, key);
}

static enum sluice_code read_both(struct verify_reading *reading, verify_row_fn visit, struct verify_result *result,
                                  uint64_t n_rows[2], struct sluice_error *err)
{
    struct verify_run *run = reading->run;
    const struct verify_where where = {.share = run->options->share, .takes = sums_take, .context = reading};
    verify_progress_begin(&run->progress, result->source, run->source.reading, result->n_rows[CANON_SOURCE]);
    reading->side = CANON_SOURCE;
    reading->n_rows = 0;
    enum sluice_code code = run->source.read(run->source.self, reading->plan, &where, false, visit, reading, err);
    n_rows[CANON_SOURCE] = reading->n_rows;
    if (code != SLUICE_OK)
        return code;
    verify_progress_begin(&run->progress, result->source, "reading ClickHouse", result->n_rows[CANON_TARGET]);
    reading->side = CANON_TARGET;
    reading->n_rows = 0;
    code = verify_target_read(run->client, reading->plan, &where, false, visit, reading, err);
    n_rows[CANON_TARGET] = reading->n_rows;
    return code;
}

/* Narrows down until the ranges that differ hold few rows, or as many as before. */
static enum sluice_code narrow(struct verify_reading *reading, struct verify_sums *sums, struct verify_result *result,
                               uint64_t *n_left, struct sluice_error *err)
{
    uint64_t n_rows = result->n_rows[CANON_SOURCE] > result->n_rows[CANON_TARGET] ? result->n_rows[CANON_SOURCE]
                                                                                  : result->n_rows[CANON_TARGET];
    uint64_t n_read[2];
    size_t n_differ = 0;
    size_t n_buckets = 0;
    reading->sums = sums;
    for (;;) {
        enum sluice_code code = verify_sums_open(sums, n_rows, err);
        if (code == SLUICE_OK)
            code = read_both(reading, take_sum, result, n_read, err);
        if (code != SLUICE_OK)
            return code;
        if (sums->n_levels == 1) /* what was compared, rather than what was counted a moment before */
            memcpy(result->n_rows, n_read, sizeof n_read);
        *n_left = verify_sums_close(sums, &n_differ, &n_buckets);
        if (n_differ == 0 || *n_left <= MAX_PICKED / 2 || *n_left > n_rows / 2 || sums->n_levels == VERIFY_MAX_LEVELS)
            break;
        n_rows = *n_left;
    }
    if (n_differ > 0 && *n_left == 0)
        *n_left = 1;
    return SLUICE_OK;
}

/* What was equal, or is by now, is no longer looked at. */
static enum sluice_code judge_first(struct verify_keys *keys, struct sluice_error *err)
{
    for (size_t i = 0; i < keys->n_slots; i++)
        if (keys->slots[i].is_used)
            keys->slots[i].verdict = verify_key_judge(&keys->slots[i], false);
    return verify_keys_drop_decided(keys, err);
}

static enum sluice_code settle_picked(struct verify_reading *reading, struct verify_result *result,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(verify_keys) struct verify_keys keys = {0};
    uint64_t n_read[2];
    enum sluice_code code = verify_keys_init(&keys, MAX_KEYS, err);
    reading->keys = &keys;
    if (code == SLUICE_OK)
        code = read_both(reading, take_key, result, n_read, err);
    if (code == SLUICE_OK)
        code = judge_first(&keys, err);
    /* The snapshot keeps VACUUM from its work, and waiting may take minutes. */
    if (code == SLUICE_OK && !verify_sums_has_more(reading->sums))
        reading->run->source.end(reading->run->source.self);
    if (code == SLUICE_OK && keys.n_keys > 0)
        code = verify_looks(reading, &keys, result, err);
    reading->keys = NULL;
    return code;
}

static enum sluice_code compare(struct verify_run *run, struct verify_result *result, struct sluice_error *err)
{
    SLUICE_AUTO(verify_sums) struct verify_sums sums = {0};
    SLUICE_AUTO(reading) struct verify_reading reading;
    uint64_t n_left = 0;
    verify_reading_init(&reading, run, result->plan);
    enum sluice_code code = narrow(&reading, &sums, result, &n_left, err);
    while (code == SLUICE_OK && n_left > 0 && verify_sums_pick(&sums, MAX_PICKED)) {
        code = settle_picked(&reading, result, err);
        if (verify_result_found(result) >= run->options->limit && verify_sums_has_more(&sums)) {
            result->is_complete = false;
            break;
        }
    }
    return code;
}

static enum sluice_code count_both(struct verify_run *run, struct verify_result *result, struct sluice_error *err)
{
    const struct verify_where where = {.share = run->options->share};
    verify_progress_begin(&run->progress, result->source, "counting", 0);
    enum sluice_code code =
        run->source.count(run->source.self, result->plan, &where, &result->n_rows[CANON_SOURCE], err);
    if (code == SLUICE_OK)
        code = verify_target_count(run->client, result->plan, &where, &result->n_rows[CANON_TARGET], err);
    result->has_counts = code == SLUICE_OK;
    return code;
}

enum sluice_code verify_table(struct verify_run *run, struct verify_result *result, struct sluice_error *err)
{
    int64_t start_us = sluice_mono_us();
    result->share = run->options->share;
    verify_progress_begin(&run->progress, result->source, "beginning", 0);
    enum sluice_code code = run->source.begin(run->source.self, &result->lsn, err);
    if (code == SLUICE_OK)
        code = verify_target_sync(run->client, result->plan, err);
    if (code == SLUICE_OK)
        code = count_both(run, result, err);
    if (code == SLUICE_OK)
        code = compare(run, result, err);
    run->source.end(run->source.self);
    verify_progress_end(&run->progress);
    result->took_us = sluice_mono_us() - start_us;
    if (code == SLUICE_OK)
        result->outcome = verify_result_found(result) > 0 ? VERIFY_IS_DIFFERENT
                          : result->n_undecided > 0       ? VERIFY_IS_UNDECIDED
                                                          : VERIFY_IS_EQUAL;
    return code;
}
