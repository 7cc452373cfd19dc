/* keeper_map_read.c - what is stored: the lines of an answer, the results of calls, all rows of a pipeline. */
#include "ledger/keeper_map_internal.h"

#include "base/arena.h"
#include "clickhouse/tsv.h"

#include <string.h>

enum { LINE_MAX_BYTES = 64 << 10 };

struct stored {
    const char *key;
    bool is_damaged;
    struct sluice_ledger_row row;
    int64_t written_ms;
};

static bool read_number(struct sluice_str field, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < field.len; i++) {
        char c = field.ptr[i];
        if (c < '0' || c > '9' || value > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(c - '0');
    }
    *out = value;
    return field.len > 0;
}

static enum sluice_code not_understood(const struct keeper_map *map, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_STOP,
                            "read the ledger \"%.100s.%.100s\": the answer is not a list of its rows; look at what "
                            "stands between sluice and the server",
                            map->database, map->table);
}

/* False: `text` is not what a worker writes into the row with these numbers. */
static bool read_state(const struct keeper_map *map, const char *text, const uint64_t numbers[3],
                       struct sluice_ledger_row *row)
{
    char path[SLUICE_LEDGER_PATH];
    enum sluice_ledger_kind kind;
    return sluice_ledger_row_parse(row, &kind, path, text) == SLUICE_LEDGER_TEXT_ROW &&
           kind == SLUICE_LEDGER_KEEPER_MAP && strcmp(path, map->path) == 0 && row->epoch == numbers[0] &&
           row->owner == numbers[1] && row->seq == numbers[2];
}

/* What is left of a damaged row: that which a write compares. */
static void keep_numbers(const uint64_t numbers[3], struct sluice_ledger_row *row)
{
    sluice_ledger_row_init(row);
    row->epoch = numbers[0];
    row->owner = numbers[1];
    row->seq = numbers[2];
}

/* `line` is an answer's; what is stored in `out` lives as long as `arena`. */
static enum sluice_code read_line(const struct keeper_map *map, struct sluice_str line, struct sluice_arena *arena,
                                  struct stored *out, struct sluice_error *err)
{
    enum { KEY, EPOCH, OWNER, SEQ, STATE, WRITTEN, N_FIELDS, MAX_STATE = 2 * SLUICE_LEDGER_TEXT };
    struct sluice_str fields[N_FIELDS] = {0};
    const char *text;
    uint64_t numbers[3];
    uint64_t written_ms;
    size_t n = 0;
    while (n < N_FIELDS && tsv_next_field(&line, &fields[n]))
        n++;
    if (n != N_FIELDS || !read_number(fields[EPOCH], &numbers[0]) || !read_number(fields[OWNER], &numbers[1]) ||
        !read_number(fields[SEQ], &numbers[2]) || !read_number(fields[WRITTEN], &written_ms))
        return not_understood(map, err);
    if (fields[STATE].len > MAX_STATE) /* more than a worker can have written */
        fields[STATE].len = 0;
    enum sluice_code code = tsv_unescape(arena, fields[KEY], &out->key, err);
    if (code == SLUICE_OK)
        code = tsv_unescape(arena, fields[STATE], &text, err);
    if (code != SLUICE_OK)
        return code;
    out->is_damaged = !read_state(map, text, numbers, &out->row);
    if (out->is_damaged)
        keep_numbers(numbers, &out->row);
    out->written_ms = (int64_t)written_ms;
    return SLUICE_OK;
}

/* Sets the result of every entry with this key; `entries` are sorted. */
static void set_result(struct keeper_map_entry *const *entries, size_t n, const struct stored *stored)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(entries[middle]->key, stored->key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && strcmp(entries[low]->key, stored->key) == 0; low++) {
        entries[low]->call->exists = true;
        entries[low]->call->is_damaged = stored->is_damaged;
        entries[low]->call->row = stored->row;
        entries[low]->call->written_ms = stored->written_ms;
    }
}

static void clear_results(struct keeper_map_entry *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        entries[i]->call->exists = false;
        entries[i]->call->is_damaged = false;
        entries[i]->call->written_ms = 0;
        sluice_ledger_row_init(&entries[i]->call->row);
    }
}

enum sluice_code keeper_map_read(struct keeper_map *map, struct keeper_map_entry *const *entries, size_t n,
                                 struct sluice_error *err)
{
    struct sluice_str line;
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_select(&map->sql, &map->place, entries, n, err);
    if (code == SLUICE_OK)
        code = keeper_map_query(map, "read the ledger", err);
    clear_results(entries, n);
    struct sluice_str text = sluice_buf_str(&map->answer);
    while (code == SLUICE_OK && tsv_next_line(&text, &line)) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct stored stored;
        sluice_arena_init(&arena, LINE_MAX_BYTES, "a row of the ledger");
        code = read_line(map, line, &arena, &stored, err);
        if (code == SLUICE_OK)
            set_result(entries, n, &stored);
    }
    return code;
}

/* ---- all rows ---- */

/* What follows the prefix: "topic/partition"; a topic's name holds no slash. False for anything else, such as a row of
 * a cluster whose id begins with ours and a slash. The slash becomes the end of the topic. */
static bool split_key(char *rest, int32_t *partition)
{
    uint64_t number;
    char *slash = strchr(rest, '/');
    if (slash == NULL || slash == rest || !read_number(sluice_str_from(slash + 1), &number) || number > INT32_MAX)
        return false;
    *slash = '\0';
    *partition = (int32_t)number;
    return true;
}

static enum sluice_code visit_line(const struct keeper_map *map, struct sluice_str line, sluice_ledger_visit_fn visit,
                                   void *context, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    struct stored stored;
    int32_t partition;
    sluice_arena_init(&arena, LINE_MAX_BYTES, "a row of the ledger");
    enum sluice_code code = read_line(map, line, &arena, &stored, err);
    if (code != SLUICE_OK)
        return code;
    const size_t n_prefix = strlen(map->prefix);
    if (strncmp(stored.key, map->prefix, n_prefix) != 0)
        return not_understood(map, err);
    char *rest = sluice_arena_copy(&arena, sluice_str_from(stored.key + n_prefix), err);
    if (rest == NULL)
        return err->code;
    if (split_key(rest, &partition))
        visit(context,
              &(struct sluice_ledger_found){rest, partition, stored.is_damaged, stored.row, stored.written_ms});
    return SLUICE_OK;
}

enum sluice_code keeper_map_visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit, void *context,
                                  struct sluice_error *err)
{
    struct keeper_map *map = (struct keeper_map *)ledger;
    struct sluice_str line;
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_select_all(&map->sql, &map->place, map->prefix, err);
    if (code == SLUICE_OK)
        code = keeper_map_query(map, "read the ledger", err);
    struct sluice_str text = sluice_buf_str(&map->answer);
    while (code == SLUICE_OK && tsv_next_line(&text, &line))
        code = visit_line(map, line, visit, context, err);
    return code;
}
