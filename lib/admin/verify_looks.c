/* verify_looks.c - looks at keys that may differ until each is decided on; the rules are in verify_keys.h. */
#include "admin/verify_table.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAX_ASKED = 1000,       /* keys that stand in a statement; more are read with the whole table */
    POLL_EVERY_US = 200000, /* at the source, while it is waited */
    PAUSE_MS = 200
};

struct looks {
    struct verify_reading *reading;
    struct verify_keys *keys;
    struct verify_result *result;
    const struct sluice_str **asked; /* MAX_ASKED places */
    struct verify_where where;
    int64_t polled_us;
    struct verify_seen *polled; /* by slot; what a poll has found */
    bool has_before;
};

static enum sluice_code digest_state(struct sluice_str state, unsigned char out[VERIFY_DIGEST],
                                     struct sluice_error *err)
{
    unsigned char whole[DIGEST_BYTES];
    enum sluice_code code = sluice_sha256(state, whole, err);
    if (code == SLUICE_OK)
        memcpy(out, whole, VERIFY_DIGEST);
    return code;
}

/* Whole, since they are compared; without memory the key is decided on without them. */
static const struct sluice_str *keep_cells(struct verify_reading *reading, const struct sluice_str *cells)
{
    struct sluice_error ignored;
    const size_t n = reading->plan->n_columns;
    struct sluice_str *copies = sluice_arena_alloc_array(&reading->keys->cells, n, sizeof *copies, &ignored);
    for (size_t i = 0; i < n && copies != NULL; i++) {
        if (cells[i].ptr == NULL)
            continue;
        copies[i].ptr = sluice_arena_copy(&reading->keys->cells, cells[i], &ignored);
        copies[i].len = cells[i].len;
        if (copies[i].ptr == NULL)
            return NULL;
    }
    return copies;
}

/* A row of a look, or of a poll in the midst of one. */
static enum sluice_code take_look(void *context, struct sluice_str state, const struct sluice_str *cells,
                                  struct sluice_error *err)
{
    struct looks *looks = context;
    struct verify_reading *reading = looks->reading;
    struct verify_digest digest;
    unsigned char version[VERIFY_DIGEST];
    bool taken = false;
    enum sluice_code code = verify_digest_key(reading, cells, &digest, &taken, err);
    struct verify_key *key = code == SLUICE_OK && taken ? verify_keys_find(looks->keys, digest.key) : NULL;
    if (key == NULL)
        return code;
    code = verify_digest_row(reading, cells, &digest, err);
    if (code == SLUICE_OK)
        code = digest_state(state, version, err);
    if (code != SLUICE_OK)
        return code;
    if (reading->is_poll) {
        verify_seen_add(&looks->polled[key - looks->keys->slots], &digest, version);
        return SLUICE_OK;
    }
    verify_seen_add(&key->now[reading->side], &digest, version);
    if (reading->keeps_cells && key->cells[reading->side] == NULL)
        key->cells[reading->side] = keep_cells(reading, cells);
    return SLUICE_OK;
}

static bool looks_take(const void *context, const unsigned char *key)
{
    return verify_keys_find(context, key) != NULL;
}

/* The pending keys, if the servers can be asked for them alone. */
static void choose_where(struct looks *looks)
{
    size_t n = 0;
    looks->where = (struct verify_where){
        .share = looks->reading->run->options->share, .takes = looks_take, .context = looks->keys};
    if (looks->keys->n_keys > MAX_ASKED || !looks->reading->plan->has_literals)
        return;
    for (size_t i = 0; i < looks->keys->n_slots; i++) {
        if (!looks->keys->slots[i].is_used)
            continue;
        if (looks->keys->slots[i].literals == NULL)
            return;
        looks->asked[n++] = looks->keys->slots[i].literals;
    }
    looks->where.keys = looks->asked;
    looks->where.n_keys = n;
}

static enum sluice_code read_source(struct looks *looks, struct sluice_error *err)
{
    const struct verify_source *source = &looks->reading->run->source;
    looks->reading->side = CANON_SOURCE;
    return source->read(source->self, looks->reading->plan, &looks->where, true, take_look, looks, err);
}

/* What the source has now may be what the target shows at the end of the look. */
static enum sluice_code poll_source(struct looks *looks, struct sluice_error *err)
{
    if (looks->where.keys == NULL)
        return SLUICE_OK;
    memset(looks->polled, 0, looks->keys->n_slots * sizeof *looks->polled);
    looks->reading->is_poll = true;
    enum sluice_code code = read_source(looks, err);
    looks->reading->is_poll = false;
    for (size_t i = 0; i < looks->keys->n_slots && code == SLUICE_OK; i++)
        if (looks->keys->slots[i].is_used)
            verify_key_remember(looks->keys, &looks->keys->slots[i], &looks->polled[i]);
    return code;
}

static void tick(void *context, const char *what)
{
    struct looks *looks = context;
    struct sluice_error ignored;
    int64_t now_us = sluice_mono_us();
    verify_progress_tick(&looks->reading->run->progress, what);
    if (now_us - looks->polled_us < POLL_EVERY_US)
        return;
    /* A poll only adds to what may be equal; one that fails shows in the next look. */
    if (poll_source(looks, &ignored) == SLUICE_OK)
        looks->polled_us = sluice_mono_us();
}

/* One look, in the order that verify_keys.h rests on. */
static enum sluice_code look(struct looks *looks, struct sluice_error *err)
{
    struct verify_run *run = looks->reading->run;
    verify_keys_begin_look(looks->keys);
    choose_where(looks);
    verify_progress_begin(&run->progress, looks->result->source, "looking at rows that may differ", 0);
    enum sluice_code code = read_source(looks, err);
    looks->polled_us = sluice_mono_us();
    if (code == SLUICE_OK)
        code = run->source.wait(run->source.self, &run->wait, err);
    if (code == SLUICE_OK)
        code = verify_target_sync(run->client, looks->reading->plan, err);
    if (code != SLUICE_OK)
        return code;
    looks->reading->side = CANON_TARGET;
    code = verify_target_read(run->client, looks->reading->plan, &looks->where, true, take_look, looks, err);
    return code == SLUICE_OK ? poll_source(looks, err) : code;
}

/* ---- what is certain ---- */

static enum sluice_code spell(struct verify_reading *reading, size_t column, enum canon_side side,
                              struct sluice_str cell, struct sluice_buf *out, struct sluice_error *err)
{
    sluice_buf_clear(out);
    return canon_append(&reading->plan->columns[column].canon, side, cell, out, err);
}

static enum sluice_code find_cells(struct verify_reading *reading, const struct verify_key *key, bool *differs,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf other;
    enum sluice_code code = SLUICE_OK;
    sluice_buf_init(&other, reading->cells.max, "a cell that is compared");
    for (size_t i = 0; i < reading->plan->n_columns && code == SLUICE_OK; i++) {
        code = spell(reading, i, CANON_SOURCE, key->cells[CANON_SOURCE][i], &reading->cells, err);
        if (code == SLUICE_OK)
            code = spell(reading, i, CANON_TARGET, key->cells[CANON_TARGET][i], &other, err);
        differs[i] = !sluice_str_equal(sluice_buf_str(&reading->cells), sluice_buf_str(&other));
    }
    return code;
}

static enum verify_kind kind_of(const struct verify_key *key)
{
    uint32_t n_source = key->now[CANON_SOURCE].n_rows;
    uint32_t n_target = key->now[CANON_TARGET].n_rows;
    if (n_target == 0)
        return VERIFY_MISSING;
    return n_source == 0 ? VERIFY_GHOST : n_target != n_source ? VERIFY_REPEATED : VERIFY_CHANGED;
}

static enum sluice_code report_key(struct looks *looks, const struct verify_key *key, struct sluice_error *err)
{
    struct verify_result *result = looks->result;
    bool differs[VERIFY_MAX_COLUMNS] = {false};
    enum verify_kind kind = kind_of(key);
    bool has_cells = (key->now[CANON_SOURCE].n_rows == 0 || key->cells[CANON_SOURCE] != NULL) &&
                     (key->now[CANON_TARGET].n_rows == 0 || key->cells[CANON_TARGET] != NULL);
    if (!has_cells || result->n_listed >= looks->reading->run->options->limit) {
        result->n_found[kind]++;
        return SLUICE_OK;
    }
    if (kind == VERIFY_CHANGED) {
        enum sluice_code code = find_cells(looks->reading, key, differs, err);
        if (code != SLUICE_OK)
            return code;
    }
    verify_result_add(result, kind, key->cells[CANON_SOURCE], key->cells[CANON_TARGET], differs);
    return SLUICE_OK;
}

static enum sluice_code judge(struct looks *looks, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < looks->keys->n_slots && code == SLUICE_OK; i++) {
        struct verify_key *key = &looks->keys->slots[i];
        if (!key->is_used)
            continue;
        key->verdict = verify_key_judge(key, looks->has_before);
        if (key->verdict == VERIFY_DIFFERENT)
            code = report_key(looks, key, err);
    }
    looks->has_before = true;
    looks->reading->keeps_cells = true; /* of the second look on: most keys were equal in the first one */
    return code == SLUICE_OK ? verify_keys_drop_decided(looks->keys, err) : code;
}

/* Time is up, or nothing can be said of how far the target is. */
static void give_up(struct looks *looks, const char *why)
{
    looks->result->n_undecided += looks->keys->n_keys;
    (void)snprintf(looks->result->reason, sizeof looks->result->reason, "%s", why);
}

static enum sluice_code look_again_and_again(struct looks *looks, struct sluice_error *err)
{
    struct verify_run *run = looks->reading->run;
    const struct timespec time = {.tv_nsec = PAUSE_MS * 1000000L};
    while (looks->keys->n_keys > 0) {
        enum sluice_code code = look(looks, err);
        if (code == SLUICE_E_LIMIT && sluice_mono_us() >= run->wait.deadline_us) {
            give_up(looks, err->text);
            return SLUICE_OK;
        }
        if (code == SLUICE_OK)
            code = judge(looks, err);
        if (code != SLUICE_OK)
            return code;
        if (looks->keys->n_keys > 0 && sluice_mono_us() >= run->wait.deadline_us) {
            give_up(looks, "rows changed in every look and never agreed; try again when there is less load, or with a "
                           "longer --timeout");
            return SLUICE_OK;
        }
        if (looks->keys->n_keys > 0)
            (void)nanosleep(&time, NULL);
    }
    return SLUICE_OK;
}

enum sluice_code verify_looks(struct verify_reading *reading, struct verify_keys *keys, struct verify_result *result,
                              struct sluice_error *err)
{
    struct verify_run *run = reading->run;
    struct looks looks = {.reading = reading,
                          .keys = keys,
                          .result = result,
                          .asked = calloc(MAX_ASKED, sizeof *looks.asked),
                          .polled = calloc(keys->n_slots, sizeof *looks.polled)};
    enum sluice_code code = SLUICE_OK;
    reading->keys = keys;
    reading->keeps_cells = false;
    run->wait.tick = tick;
    run->wait.context = &looks;
    run->wait.deadline_us = sluice_mono_us() + run->options->timeout_us;
    if (looks.asked == NULL || looks.polled == NULL)
        code = sluice_error_nomem(err, "keys that may differ", keys->n_slots * sizeof *looks.polled);
    if (code == SLUICE_OK)
        code = look_again_and_again(&looks, err);
    free(looks.asked);
    free(looks.polled);
    return code;
}
