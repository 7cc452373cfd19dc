/* encode_column.c - writes the body of an INSERT of one column's values, for tests/integration/test_encoding.py.
 *
 * Reads one JSON value per line and writes rows (id Int32: the line's number, v TYPE, _version UInt128, is_deleted
 * UInt8) as the encoder makes them, sorted by KEY; an empty line makes a deleted row. A value that is refused ends the
 * program with its error. Usage: encode_column KEY SOURCE TYPE   with KEY "id" or "v", SOURCE as in
 * tables.source_types
 */
#include <stdio.h>
#include <stdlib.h>

#include "table/batch.h"
#include "table/shape.h"
#include "table/target.h"
#include "json/cursor.h"

enum { MAX_LINE = 1 << 20, MAX_ROWS = 100000 };

static struct sluice_error err;

static void must(enum sluice_code code)
{
    if (code == SLUICE_OK)
        return;
    (void)fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static struct sluice_source_column source_column(struct sluice_arena *arena, const char *text)
{
    struct sluice_source_column column = {.name = "v"};
    bool known = false;
    must(source_type_hint(arena, sluice_str_from(text), &column, &known, &err));
    if (!known)
        exit(2);
    return column;
}

static struct sluice_plan *make_plan(const char *key, const char *source, const char *type)
{
    static const char *const names[] = {"id", "v", "_version", "is_deleted"};
    const char *const types[] = {"Int32", type, "UInt128", "UInt8"};
    const size_t key_index = strcmp(key, "v") == 0 ? 1 : 0;
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32}, {.name = "v"}};
    const struct sluice_shape shape = {.schema = "test",
                                       .table = "encoding",
                                       .typed = true,
                                       .columns = columns,
                                       .n_columns = 2,
                                       .key = &key_index,
                                       .n_key = 1};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    columns[1] = source_column(&target.arena, source);
    target.database = target.table = "encoding";
    target.engine = "ReplacingMergeTree";
    target.sorting_key = key;
    target.version_column = "_version";
    target.deleted_column = "is_deleted";
    target.n_columns = SLUICE_N_ELEMENTS(names);
    target.columns = sluice_arena_alloc_array(&target.arena, target.n_columns, sizeof *target.columns, &err);
    if (target.columns == NULL)
        must(err.code);
    for (size_t i = 0; i < target.n_columns; i++) {
        target.columns[i] = (struct sluice_target_column){.name = names[i], .type_text = types[i]};
        must(sluice_type_parse(&target.arena, sluice_str_from(types[i]), &target.columns[i].type, &err));
    }
    columns[key_index].is_key = true;
    must(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err));
    return plan;
}

static void append_line(struct sluice_batch *batch, struct sluice_str line, size_t number)
{
    char id[24];
    bool full;
    struct sluice_value value = {.text = SLUICE_STR_LITERAL("null"), .kind = SLUICE_VALUE_NULL};
    struct sluice_json_cursor cursor;
    if (line.len > 0) {
        sluice_json_init(&cursor, line);
        must(sluice_json_value(&cursor, &value, &err));
        must(sluice_json_finish(&cursor, &err));
    }
    (void)snprintf(id, sizeof id, "%zu", number);
    const struct sluice_field fields[] = {
        {SLUICE_STR_LITERAL("id"), {.text = sluice_str_from(id), .kind = SLUICE_VALUE_NUMBER}},
        {SLUICE_STR_LITERAL("v"), value},
    };
    const struct sluice_key key = {.fields = fields, .n_fields = 1};
    const struct sluice_change change = {
        .kind = SLUICE_CHANGE_ROW, .op = line.len > 0 ? 'c' : 'd', .fields = fields, .n_fields = 2};
    must(sluice_batch_append(batch, &change, line.len > 0 ? NULL : &key, (struct sluice_version){7, number},
                             &(struct sluice_record_place){"t", 0, 0}, &full, &err));
}

int main(int argc, char **argv)
{
    static char line[MAX_LINE];
    static char piece[1 << 16];
    struct sluice_batch_reader reader;
    struct sluice_batch *batch = NULL;
    if (argc != 4)
        return 2;
    struct sluice_plan *plan = make_plan(argv[1], argv[2], argv[3]);
    must(sluice_batch_new(plan, MAX_ROWS, 64 << 20, &batch, &err));
    for (size_t number = 0; fgets(line, sizeof line, stdin) != NULL; number++)
        append_line(batch, (struct sluice_str){line, strcspn(line, "\n")}, number);
    must(sluice_batch_seal(batch, false, &err));
    sluice_batch_read_init(&reader, batch);
    for (size_t n; (n = sluice_batch_read(&reader, piece, sizeof piece)) > 0;) {
        if (fwrite(piece, 1, n, stdout) != n)
            return 1;
    }
    sluice_batch_free(batch);
    sluice_plan_unref(plan);
    return fflush(stdout) == 0 ? 0 : 1;
}
