/* keeper_map_prepare.c - makes the ledger's table and tries it out: whether a write that must be refused is refused can
 * be known only by sending one. The row of the probe has a key that no pipeline's begins with; it is removed. */
#include "ledger/keeper_map_internal.h"

#include "base/random.h"
#include "clickhouse/tsv.h"
#include "table/ddl.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BAD_ARGUMENTS = 36, /* without keeper_map_path_prefix; or the path is used with other columns */
    UNKNOWN_STORAGE = 56,
    NO_ELEMENTS_IN_CONFIG = 139, /* a prefix but no Keeper */
    ACCESS_DENIED = 497
};

/* Says what to configure where only a person can help. Code and detail stay those of the server. */
static enum sluice_code explain(const struct keeper_map *map, struct sluice_error *err)
{
    if (err->code != SLUICE_E_SERVER)
        return err->code;
    switch (err->detail) {
    case BAD_ARGUMENTS:
    case UNKNOWN_STORAGE:
    case NO_ELEMENTS_IN_CONFIG:
        err->action = SLUICE_STOP;
        return sluice_error_wrap(err, "KeeperMap needs keeper_map_path_prefix and a Keeper in the server's "
                                      "configuration, or set ledger: kafka; a path that is in use with other columns "
                                      "needs another clickhouse.ledger_path");
    case ACCESS_DENIED:
        err->action = SLUICE_STOP;
        return sluice_error_wrap(err,
                                 "GRANT CREATE TABLE, SELECT, INSERT, ALTER UPDATE, ALTER DELETE ON `%.100s`.`%.100s` "
                                 "TO `%.60s`, and GRANT TABLE ENGINE ON KeeperMap where the server asks for it",
                                 map->database, map->table, map->user[0] != '\0' ? map->user : "default");
    default:
        return err->code;
    }
}

/* A table of this name may be there and be something else; rows would go to where no other worker looks. `*missing`:
 * there is none. */
static enum sluice_code check_engine(struct keeper_map *map, bool *missing, struct sluice_error *err)
{
    enum { ENGINE_MAX_BYTES = 2048 };
    SLUICE_AUTO(sluice_buf) struct sluice_buf wanted;
    sluice_buf_init(&wanted, ENGINE_MAX_BYTES, "the ledger's engine");
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_engine(&map->sql, &map->place, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&wanted, "KeeperMap(", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_text(&wanted, sluice_str_from(map->path), err);
    if (code == SLUICE_OK)
        code = keeper_map_query(map, "look at the ledger", err);
    if (code != SLUICE_OK)
        return code;
    struct sluice_str text = sluice_buf_str(&map->answer);
    struct sluice_str engine = {0};
    *missing = !tsv_next_line(&text, &engine);
    if (*missing)
        return SLUICE_OK;
    if (engine.len >= wanted.len && memcmp(engine.ptr, wanted.ptr, wanted.len) == 0)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_STOP,
                            "ledger \"%.120s.%.120s\": the table there is %.*s, not the KeeperMap of this pipeline "
                            "on path \"%s\"; give it a name of its own in clickhouse.ledger_table, or the path of that "
                            "table in clickhouse.ledger_path",
                            map->database, map->table, SLUICE_STR_ARG(engine), map->path);
}

/* ---- the probe ---- */

static enum sluice_code insert_probe(struct keeper_map *map, struct keeper_map_entry *const *probe,
                                     struct sluice_error *err)
{
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_insert(&map->sql, &map->place, probe, 1, err);
    return code != SLUICE_OK ? code : keeper_map_query(map, "write a trial row to the ledger", err);
}

static enum sluice_code update_probe(struct keeper_map *map, struct keeper_map_entry *const *probe,
                                     struct sluice_error *err)
{
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_update(&map->sql, &map->place, probe, 1, err);
    return code != SLUICE_OK ? code : keeper_map_query(map, "change a trial row of the ledger", err);
}

static enum sluice_code delete_probe(struct keeper_map *map, struct keeper_map_entry *const *probe,
                                     struct sluice_error *err)
{
    sluice_buf_clear(&map->sql);
    enum sluice_code code = keeper_map_sql_delete(&map->sql, &map->place, probe[0]->key, err);
    return code != SLUICE_OK ? code : keeper_map_query(map, "remove a trial row from the ledger", err);
}

/* `code` is of a write that had to be refused. */
static enum sluice_code want_refusal(const struct keeper_map *map, enum sluice_code code, struct sluice_error *err)
{
    if (code != SLUICE_OK && keeper_map_conflict(map))
        return SLUICE_OK;
    if (code != SLUICE_OK)
        return code;
    return sluice_error_set(err, SLUICE_E_UNSAFE, SLUICE_STOP,
                            "ledger \"%.120s.%.120s\": the server took a write that keeper_map_strict_mode has to "
                            "refuse; exactly once needs ClickHouse 23.8 or newer, or set ledger: kafka",
                            map->database, map->table);
}

/* Nobody else writes the trial row: a refused write is one whose request libcurl repeated, after a connection that it
 * had used before closed without an answer. */
static enum sluice_code retry_own_conflict(const struct keeper_map *map, enum sluice_code code,
                                           struct sluice_error *err)
{
    if (code != SLUICE_OK && keeper_map_conflict(map))
        err->action = SLUICE_RETRY;
    return code;
}

static enum sluice_code try_out(struct keeper_map *map, struct keeper_map_entry *const *probe, struct sluice_error *err)
{
    struct sluice_ledger_call *call = probe[0]->call;
    enum sluice_code code = retry_own_conflict(map, insert_probe(map, probe, err), err);
    if (code != SLUICE_OK)
        return code;
    code = want_refusal(map, insert_probe(map, probe, err), err);
    if (code != SLUICE_OK)
        return code;
    call->expected = call->wanted;
    call->wanted.seq++;
    code = retry_own_conflict(map, update_probe(map, probe, err), err);
    if (code == SLUICE_OK)
        code = want_refusal(map, update_probe(map, probe, err), err);
    if (code == SLUICE_OK)
        code = keeper_map_read(map, probe, 1, err);
    if (code != SLUICE_OK)
        return code;
    if (call->exists && sluice_ledger_row_equal(&call->row, &call->wanted))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_UNSAFE, SLUICE_RETRY,
                            "ledger \"%.120s.%.120s\": a row that was just written reads otherwise; look at the "
                            "server's Keeper",
                            map->database, map->table);
}

static enum sluice_code make_table(struct keeper_map *map, struct sluice_error *err)
{
    bool missing = false;
    enum sluice_code code = keeper_map_make_table(map, err);
    if (code == SLUICE_OK)
        code = check_engine(map, &missing, err);
    if (code != SLUICE_OK || !missing)
        return code;
    return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_RETRY,
                            "ledger \"%.120s.%.120s\": the table that was just made is not there: somebody dropped it, "
                            "or the user may not see it (GRANT SHOW TABLES)",
                            map->database, map->table);
}

enum sluice_code keeper_map_look(struct sluice_ledger *ledger, struct sluice_error *err)
{
    struct keeper_map *map = (struct keeper_map *)ledger;
    bool missing = false;
    enum sluice_code code = check_engine(map, &missing, err);
    if (code == SLUICE_OK && missing)
        code = make_table(map, err);
    return code == SLUICE_OK ? SLUICE_OK : explain(map, err);
}

enum sluice_code keeper_map_prepare(struct sluice_ledger *ledger, struct sluice_error *err)
{
    struct keeper_map *map = (struct keeper_map *)ledger;
    struct sluice_ledger_call call = {.is_write = true};
    struct sluice_error ignored;
    char key[64];
    (void)snprintf(key, sizeof key, "/probe/%" PRIx64, sluice_random_u64());
    struct keeper_map_entry entry = {.key = key, .call = &call};
    struct keeper_map_entry *probe = &entry;
    sluice_ledger_row_init(&call.wanted);
    call.wanted.epoch = 1;
    call.wanted.seq = 1;
    enum sluice_code code = make_table(map, err);
    if (code != SLUICE_OK)
        return explain(map, err);
    code = try_out(map, &probe, err);
    if (code == SLUICE_OK)
        code = delete_probe(map, &probe, err);
    else
        (void)delete_probe(map, &probe, &ignored); /* best effort: nobody reads it */
    return code == SLUICE_OK ? SLUICE_OK : explain(map, err);
}
