/* keeper_map.c - see ledger.h; the facts behind it are in docs/ledger.md.
 *
 * A strict INSERT creates all of its keys or none. A strict UPDATE carries the version of each znode that it read, so
 * two of them never both succeed, and its guard throws when a row is not the expected one. Both are one multi of
 * Keeper, hence the limits on rows and bytes of a statement. Retries of the server are off: it would repeat a multi
 * that had been carried out and report our own write as a conflict. */
#include "ledger/keeper_map_internal.h"

#include "base/arena.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    /* Keeper refuses a request of more than 1 MiB (jute.maxbuffer); what is counted is an upper bound. */
    MULTI_MAX_BYTES = 768 << 10,
    /* As fast per row as 512, and ZooKeeper, which keeps its last 500 requests in memory, needs half of it. */
    MULTI_MAX_ROWS = 256,
    ZNODE_EXTRA_BYTES = 256, /* the server's path prefix, numbers of the row, Keeper's framing */
    SQL_MAX_BYTES = 16 << 20,
    ANSWER_MAX_BYTES = 256 << 20,
    COMBINED_TRIES = 2, /* then one by one */
    THREW = 395,
    TABLE_UNKNOWN = 60,
    TABLE_DROPPED = 218
};

static const struct sluice_ch_pair settings[] = {
    {"keeper_map_strict_mode", {"1", 1}},
    {"insert_keeper_max_retries", {"0", 1}},
    {"keeper_max_retries", {"0", 1}},
    {"max_query_size", {"16777216", 8}}, /* SQL_MAX_BYTES */
};

static struct keeper_map *self_of(struct sluice_ledger *ledger)
{
    return (struct keeper_map *)ledger;
}

/* ---- queries ---- */

static enum sluice_code send_sql(struct keeper_map *map, const char *sql, const char *what, struct sluice_error *err)
{
    char named[400];
    (void)snprintf(named, sizeof named, "%s \"%.120s.%.120s\"", what, map->database, map->table);
    const struct sluice_ch_query query = {
        .sql = sql, .what = named, .settings = settings, .n_settings = SLUICE_N_ELEMENTS(settings)};
    sluice_buf_clear(&map->answer);
    map->ledger.counts.n_statements++;
    enum sluice_code code = sluice_ch_query(map->client, &query, &map->answer, err);
    if (code != SLUICE_OK && err->action != SLUICE_RETRY)
        err->action = SLUICE_STOP;
    return code;
}

enum sluice_code keeper_map_make_table(struct keeper_map *map, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "the statement that makes the ledger");
    enum sluice_code code = keeper_map_sql_create(&sql, &map->place, err);
    return code != SLUICE_OK ? code : send_sql(map, sql.ptr, "make the ledger", err);
}

enum sluice_code keeper_map_query(struct keeper_map *map, const char *what, struct sluice_error *err)
{
    enum sluice_code code = send_sql(map, sluice_buf_text(&map->sql), what, err);
    int server_code = code != SLUICE_OK ? sluice_ch_client_failure(map->client)->server_code : 0;
    if (server_code != TABLE_UNKNOWN && server_code != TABLE_DROPPED)
        return code;
    code = keeper_map_make_table(map, err);
    return code != SLUICE_OK ? code : send_sql(map, sluice_buf_text(&map->sql), what, err);
}

bool keeper_map_conflict(const struct keeper_map *map)
{
    const struct sluice_ch_failure *failure = sluice_ch_client_failure(map->client);
    return failure->keeper_conflict || failure->server_code == THREW;
}

/* ---- writing ---- */

typedef enum sluice_code (*write_sql_fn)(struct sluice_buf *sql, const struct keeper_map_place *place,
                                         struct keeper_map_entry *const *entries, size_t n, struct sluice_error *err);

enum outcome {
    SENT,    /* carried out, or perhaps: what is read afterwards tells */
    REFUSED, /* one row at least is not the expected one, none was written */
    FAILED   /* surely not carried out, for another reason: err */
};

static enum outcome try_write(struct keeper_map *map, write_sql_fn write_sql, struct keeper_map_entry *const *entries,
                              size_t n, struct sluice_error *err)
{
    sluice_buf_clear(&map->sql);
    if (write_sql(&map->sql, &map->place, entries, n, err) != SLUICE_OK)
        return FAILED;
    enum sluice_code code = keeper_map_query(map, "write to the ledger", err);
    if (code == SLUICE_OK)
        return SENT;
    if (keeper_map_conflict(map))
        return REFUSED;
    return code != SLUICE_E_CANCELLED && sluice_ch_client_failure(map->client)->unknown_outcome ? SENT : FAILED;
}

static bool is_as_expected(const struct sluice_ledger_call *call)
{
    if (!call->expected_exists)
        return !call->exists;
    return call->exists && call->row.epoch == call->expected.epoch && call->row.owner == call->expected.owner &&
           call->row.seq == call->expected.seq;
}

/* Keeps those whose row is still the expected one; the others have lost. */
static enum sluice_code drop_lost(struct keeper_map *map, struct keeper_map_entry **entries, size_t *n,
                                  struct sluice_error *err)
{
    size_t n_kept = 0;
    enum sluice_code code = keeper_map_read(map, entries, *n, err);
    if (code != SLUICE_OK)
        return code;
    for (size_t i = 0; i < *n; i++) {
        if (is_as_expected(entries[i]->call))
            entries[n_kept++] = entries[i];
        else
            entries[i]->refused = true;
    }
    *n = n_kept;
    return SLUICE_OK;
}

static enum sluice_code write_singly(struct keeper_map *map, write_sql_fn write_sql,
                                     struct keeper_map_entry *const *entries, size_t n, struct sluice_error *err)
{
    for (size_t i = 0; i < n; i++) {
        enum outcome outcome = try_write(map, write_sql, entries + i, 1, err);
        if (outcome == FAILED)
            return err->code;
        entries[i]->refused = outcome == REFUSED;
    }
    return SLUICE_OK;
}

/* All in one statement. When it is refused, those that lost are found by reading and the others tried again, in the end
 * one by one: a row that somebody took does not hold up the others. Uses up `entries`. */
static enum sluice_code write_together(struct keeper_map *map, write_sql_fn write_sql,
                                       struct keeper_map_entry **entries, size_t n, struct sluice_error *err)
{
    for (int i = 0; n > 1 && i < COMBINED_TRIES; i++) {
        enum outcome outcome = try_write(map, write_sql, entries, n, err);
        if (outcome != REFUSED)
            return outcome == SENT ? SLUICE_OK : err->code;
        enum sluice_code code = drop_lost(map, entries, &n, err);
        if (code != SLUICE_OK)
            return code;
    }
    return write_singly(map, write_sql, entries, n, err);
}

/* ---- runs ---- */

/* How many of the entries, from the first on, fit into one statement. */
static size_t batch_length(const struct keeper_map *map, struct keeper_map_entry *const *entries, size_t n)
{
    size_t n_bytes = 0;
    size_t length = 0;
    for (; length < n && length < MULTI_MAX_ROWS; length++) {
        /* The znode's name is the key in base64. */
        n_bytes += strlen(entries[length]->key) * 4 / 3 + strlen(map->path) + SLUICE_LEDGER_TEXT + ZNODE_EXTRA_BYTES;
        if (n_bytes > MULTI_MAX_BYTES && length > 0)
            break;
    }
    return length;
}

static enum sluice_code write_all(struct keeper_map *map, struct keeper_map_entry *const *entries, size_t n,
                                  bool expected_exists, struct keeper_map_entry **scratch, struct sluice_error *err)
{
    write_sql_fn write_sql = expected_exists ? keeper_map_sql_update : keeper_map_sql_insert;
    enum sluice_code code = SLUICE_OK;
    size_t n_writes = 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i]->call->is_write && entries[i]->call->expected_exists == expected_exists)
            scratch[n_writes++] = entries[i];
    for (size_t at = 0, length; code == SLUICE_OK && at < n_writes; at += length) {
        length = batch_length(map, scratch + at, n_writes - at);
        code = write_together(map, write_sql, scratch + at, length, err);
    }
    return code;
}

static enum sluice_code read_all(struct keeper_map *map, struct keeper_map_entry *const *entries, size_t n,
                                 struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t at = 0, length; code == SLUICE_OK && at < n; at += length) {
        length = batch_length(map, entries + at, n - at);
        code = keeper_map_read(map, entries + at, length, err);
    }
    return code;
}

/* ---- the backend ---- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(struct keeper_map_entry *const *)a)->key, (*(struct keeper_map_entry *const *)b)->key);
}

static enum sluice_code make_entries(const struct keeper_map *map, struct sluice_ledger_call *calls, size_t n,
                                     struct sluice_arena *arena, struct keeper_map_entry **entries,
                                     struct sluice_error *err)
{
    struct keeper_map_entry *all = sluice_arena_alloc_array(arena, n, sizeof *all, err);
    for (size_t i = 0; all != NULL && i < n; i++) {
        size_t n_key = strlen(map->prefix) + strlen(calls[i].topic) + sizeof "/-2147483648";
        char *key = sluice_arena_alloc(arena, n_key, err);
        if (key == NULL)
            return err->code;
        (void)snprintf(key, n_key, "%s%s/%" PRId32, map->prefix, calls[i].topic, calls[i].partition);
        all[i] = (struct keeper_map_entry){.key = key, .call = &calls[i]};
        entries[i] = &all[i];
    }
    if (all == NULL)
        return err->code;
    qsort(entries, n, sizeof *entries, compare_entries);
    return SLUICE_OK;
}

static enum sluice_code run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n,
                            struct sluice_error *err)
{
    enum { RUN_MAX_BYTES = 64 << 20 };
    struct keeper_map *map = self_of(ledger);
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, RUN_MAX_BYTES, "a call of the ledger");
    struct keeper_map_entry **entries = sluice_arena_alloc_array(&arena, 2 * n, sizeof(struct keeper_map_entry *), err);
    if (entries == NULL)
        return err->code;
    enum sluice_code code = make_entries(map, calls, n, &arena, entries, err);
    if (code == SLUICE_OK)
        code = write_all(map, entries, n, false, entries + n, err);
    if (code == SLUICE_OK)
        code = write_all(map, entries, n, true, entries + n, err);
    if (code == SLUICE_OK)
        code = read_all(map, entries, n, err);
    if (code != SLUICE_OK)
        return code;
    for (size_t i = 0; i < n; i++) {
        struct sluice_ledger_call *call = entries[i]->call;
        call->conflict = entries[i]->refused && !(call->exists && sluice_ledger_row_equal(&call->row, &call->wanted));
    }
    return SLUICE_OK;
}

static const char *path_of(const struct sluice_ledger *ledger)
{
    return ((const struct keeper_map *)ledger)->path;
}

static void free_keeper_map(struct sluice_ledger *ledger)
{
    struct keeper_map *map = self_of(ledger);
    sluice_ch_client_free(map->client);
    free(map->database);
    free(map->table);
    free(map->path);
    free(map->prefix);
    free(map->user);
    sluice_buf_deinit(&map->sql);
    sluice_buf_deinit(&map->answer);
    free(map);
}

static const struct ledger_backend backend = {
    .kind = SLUICE_LEDGER_KEEPER_MAP,
    .run = run,
    .prepare = keeper_map_prepare,
    .look = keeper_map_look,
    .visit = keeper_map_visit,
    .path = path_of,
    .free = free_keeper_map,
};

/* ---- creation ---- */

static enum sluice_code check_path(const char *path, struct sluice_error *err)
{
    size_t n = strlen(path);
    bool ok = n > 0 && n < SLUICE_LEDGER_PATH;
    for (size_t i = 0; i < n; i++)
        ok = ok && (unsigned char)path[i] > ' ' && path[i] != 0x7f;
    return ok ? SLUICE_OK
              : sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                 "clickhouse.ledger_path \"%.120s\": write a path of at most %d bytes without spaces, "
                                 "such as /sluice_shop",
                                 path, SLUICE_LEDGER_PATH - 1);
}

static enum sluice_code copy_text(const char *text, char **out, struct sluice_error *err)
{
    *out = strdup(text != NULL ? text : "");
    return *out != NULL ? SLUICE_OK : sluice_error_nomem(err, "the ledger", 0);
}

static enum sluice_code make_prefix(struct keeper_map *map, const struct sluice_keeper_map_options *options,
                                    struct sluice_error *err)
{
    size_t n = strlen(options->pipeline) + strlen(options->cluster) + 3;
    map->prefix = malloc(n);
    if (map->prefix == NULL)
        return sluice_error_nomem(err, "the ledger", n);
    (void)snprintf(map->prefix, n, "%s/%s/", options->pipeline, options->cluster);
    return SLUICE_OK;
}

static enum sluice_code init(struct keeper_map *map, const struct sluice_keeper_map_options *options,
                             struct sluice_error *err)
{
    map->ledger.backend = &backend;
    sluice_buf_init(&map->sql, SQL_MAX_BYTES, "a statement of the ledger");
    sluice_buf_init(&map->answer, ANSWER_MAX_BYTES, "an answer of the ledger");
    enum sluice_code code = check_path(options->path, err);
    if (code == SLUICE_OK)
        code = copy_text(options->database, &map->database, err);
    if (code == SLUICE_OK)
        code = copy_text(options->table, &map->table, err);
    if (code == SLUICE_OK)
        code = copy_text(options->path, &map->path, err);
    if (code == SLUICE_OK)
        code = copy_text(options->client->user, &map->user, err);
    if (code == SLUICE_OK)
        code = make_prefix(map, options, err);
    map->place = (struct keeper_map_place){map->database, map->table, map->path};
    return code == SLUICE_OK ? sluice_ch_client_new(options->client, &map->client, err) : code;
}

enum sluice_code sluice_ledger_new_keeper_map(const struct sluice_keeper_map_options *options,
                                              struct sluice_ledger **out, struct sluice_error *err)
{
    struct keeper_map *map = calloc(1, sizeof *map);
    if (map == NULL)
        return sluice_error_nomem(err, "the ledger", sizeof *map);
    enum sluice_code code = init(map, options, err);
    if (code != SLUICE_OK) {
        sluice_ledger_free(&map->ledger);
        return code;
    }
    *out = &map->ledger;
    return SLUICE_OK;
}
