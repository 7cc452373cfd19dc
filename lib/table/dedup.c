/* dedup.c - see dedup.h. */
#include "table/dedup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "table/lex.h"

enum { MAX_INNER_NAME = 128 };

const char *dedup_window_setting(enum sluice_engine_home home)
{
    return home == SLUICE_ENGINE_LOCAL ? "non_replicated_deduplication_window" : "replicated_deduplication_window";
}

const char *dedup_seconds_setting(enum sluice_engine_home home)
{
    return home == SLUICE_ENGINE_LOCAL ? "" : "replicated_deduplication_window_seconds";
}

/* What stands behind the word SETTINGS, which is the last clause; empty if there is none. */
static struct sluice_str settings_of(const char *engine_full)
{
    static const char word[] = " SETTINGS ";
    struct sluice_str text = sluice_str_from(engine_full);
    for (size_t at = 0; at + sizeof word - 1 < text.len;) {
        if (strchr("'`\"", text.ptr[at]) != NULL) {
            size_t length = lex_quoted_length((struct sluice_str){text.ptr + at, text.len - at});
            if (length == 0)
                break;
            at += length;
        } else if (memcmp(text.ptr + at, word, sizeof word - 1) == 0) {
            at += sizeof word - 1;
            return (struct sluice_str){text.ptr + at, text.len - at};
        } else {
            at++;
        }
    }
    return (struct sluice_str){text.ptr, 0};
}

/* `name = 123` */
static void read_setting(struct sluice_str item, const char *name_z, int64_t *value)
{
    size_t length = strlen(name_z);
    unsigned long number;
    if (length == 0 || item.len <= length + 3 || memcmp(item.ptr, name_z, length) != 0 ||
        memcmp(item.ptr + length, " = ", 3) != 0)
        return;
    if (lex_unsigned((struct sluice_str){item.ptr + length + 3, item.len - length - 3}, LONG_MAX, &number))
        *value = (int64_t)number;
}

void dedup_read_settings(const char *engine_name, const char *engine_full, struct sluice_dedup *dedup)
{
    const enum sluice_engine_home home = sluice_engine_of(engine_name).home;
    struct sluice_str rest = settings_of(engine_full);
    struct sluice_str item;
    bool ok = true;
    while (lex_next(&rest, &item, &ok)) {
        read_setting(item, dedup_window_setting(home), &dedup->window);
        read_setting(item, dedup_seconds_setting(home), &dedup->window_seconds);
    }
}

/* A statement on the way to its end. Once something did not fit, nothing more is taken. */
struct reader {
    struct sluice_arena *arena;
    struct sluice_str text;
    enum sluice_code code;
    struct sluice_error *err;
};

static bool take_word(struct reader *reader, const char *word_z)
{
    struct sluice_str *text = &reader->text;
    size_t length = strlen(word_z);
    if (text->len < length || memcmp(text->ptr, word_z, length) != 0)
        return false;
    *text = (struct sluice_str){text->ptr + length, text->len - length};
    return true;
}

/* A name as the server prints it: in backquotes, or letters, digits and underlines. */
static bool take_name(struct reader *reader, const char **out)
{
    struct sluice_str *text = &reader->text;
    struct sluice_str name;
    bool is_identifier = false;
    bool is_quoted = text->len > 0 && text->ptr[0] == '`';
    size_t length = is_quoted ? lex_quoted_length(*text) : 0;
    while (!is_quoted && length < text->len && strchr(" .(", text->ptr[length]) == NULL)
        length++;
    reader->code =
        lex_identifier(reader->arena, (struct sluice_str){text->ptr, length}, &name, &is_identifier, reader->err);
    if (reader->code != SLUICE_OK || !is_identifier)
        return false;
    *out = name.ptr;
    *text = (struct sluice_str){text->ptr + length, text->len - length};
    return true;
}

static bool take_table(struct reader *reader, const char **database, const char **table)
{
    return take_name(reader, database) && take_word(reader, ".") && take_name(reader, table);
}

enum sluice_code dedup_read_view(struct sluice_arena *arena, struct sluice_target_view *view, const char *uuid,
                                 struct sluice_error *err)
{
    char inner[MAX_INNER_NAME];
    struct reader reader = {arena, sluice_str_from(view->create_sql), SLUICE_OK, err};
    const char *database = NULL;
    const char *table = NULL;
    view->target_database = "";
    view->target_table = "";
    if (!take_word(&reader, "CREATE MATERIALIZED VIEW ") || !take_table(&reader, &database, &table))
        return reader.code;
    if (take_word(&reader, " TO ")) {
        if (!take_table(&reader, &database, &table))
            return reader.code;
    } else {
        (void)snprintf(inner, sizeof inner, ".inner_id.%.60s", uuid);
        table = sluice_arena_copy(arena, sluice_str_from(inner), err);
        if (table == NULL)
            return err->code;
    }
    view->target_database = database;
    view->target_table = table;
    return SLUICE_OK;
}

#define UNSAFE(err, ...) sluice_error_set((err), SLUICE_E_UNSAFE, SLUICE_STOP_PARTITION, __VA_ARGS__)

/* Views that refresh themselves are not among them: they read the table, an insert does not feed them. */
static enum sluice_code check_view(const struct sluice_target *target, const struct sluice_target_view *view,
                                   int64_t min_window, struct sluice_error *err)
{
    const enum sluice_engine_home home = sluice_engine_of(view->engine).home;
    if (sluice_engine_of(target->engine).home == SLUICE_ENGINE_LOCAL)
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" feeds the materialized view \"%.80s.%.80s\": after a crash between the "
                      "two, only one of them would have the rows; run DROP VIEW `%.80s`.`%.80s`, make it a refreshable "
                      "view (CREATE MATERIALIZED VIEW ... REFRESH EVERY ...), or set delivery: at_least_once",
                      target->database, target->table, view->database, view->name, view->database, view->name);
    if (*view->engine == '\0')
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" feeds the materialized view \"%.80s.%.80s\", whose target cannot be seen; "
                      "grant SHOW TABLES on it, run DROP VIEW `%.80s`.`%.80s`, or set delivery: at_least_once",
                      target->database, target->table, view->database, view->name, view->database, view->name);
    if (home == SLUICE_ENGINE_LOCAL)
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" feeds the materialized view \"%.80s.%.80s\", whose target \"%.80s.%.80s\" "
                      "is %.60s and would count rows twice; let the view write into a Replicated table, make it a "
                      "refreshable view, or set delivery: at_least_once",
                      target->database, target->table, view->database, view->name, view->target_database,
                      view->target_table, view->engine);
    if (view->dedup.window < min_window)
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" feeds the materialized view \"%.80s.%.80s\", whose target remembers the "
                      "last %" PRId64 " blocks only; run ALTER TABLE `%.80s`.`%.80s` MODIFY SETTING %s = %" PRId64,
                      target->database, target->table, view->database, view->name, view->dedup.window,
                      view->target_database, view->target_table, dedup_window_setting(home), min_window);
    return SLUICE_OK;
}

static enum sluice_code check_engine(const struct sluice_target *target, struct sluice_error *err)
{
    if (sluice_engine_of(target->engine).kind != SLUICE_ENGINE_OTHER)
        return SLUICE_OK;
    if (strcmp(target->engine, "Distributed") == 0)
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" is Distributed, which acknowledges rows that it has not stored; write to "
                      "the local tables behind it (clickhouse.url, clickhouse.database), or set delivery: "
                      "at_least_once",
                      target->database, target->table);
    return UNSAFE(
        err,
        "table \"%.80s.%.80s\": the engine %.60s does not remember the tokens of inserts; make the table with "
        "a MergeTree engine, or set delivery: at_least_once",
        target->database, target->table, target->engine);
}

enum sluice_code sluice_target_check_exactly_once(const struct sluice_target *target, int64_t min_window,
                                                  struct sluice_error *err)
{
    const char *setting = dedup_window_setting(sluice_engine_of(target->engine).home);
    enum sluice_code code = check_engine(target, err);
    if (code != SLUICE_OK)
        return code;
    if (target->dedup.window < min_window)
        return UNSAFE(err,
                      "table \"%.80s.%.80s\" remembers the tokens of the last %" PRId64 " blocks, which is less than "
                      "tables.dedup_window (%" PRId64 "); run ALTER TABLE `%.80s`.`%.80s` MODIFY SETTING %s = %" PRId64,
                      target->database, target->table, target->dedup.window, min_window, target->database,
                      target->table, setting, min_window);
    for (size_t i = 0; i < target->n_views && code == SLUICE_OK; i++)
        code = check_view(target, &target->views[i], min_window, err);
    return code;
}

enum sluice_code sluice_target_check_servers(const struct sluice_target *target, size_t n_servers,
                                             struct sluice_error *err)
{
    const struct sluice_engine engine = sluice_engine_of(target->engine);
    if (n_servers < 2 || engine.home != SLUICE_ENGINE_LOCAL || engine.kind == SLUICE_ENGINE_OTHER)
        return SLUICE_OK; /* another engine than a MergeTree is refused by sluice_target_check_exactly_once() */
    return UNSAFE(
        err,
        "table \"%.80s.%.80s\" is not replicated and clickhouse.url names %zu servers, each of which would have "
        "rows and a window of its own; name one server, or make the table Replicated%.60s",
        target->database, target->table, n_servers, target->engine);
}
