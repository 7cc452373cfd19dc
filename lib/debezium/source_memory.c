/* source_memory.c - see source_memory.h. */
#include "debezium/source_memory.h"

#include "json/scan.h"

void source_learn(struct source_learning *learning, struct source_memory *memory, const void *schema, const char *at)
{
    *learning = (struct source_learning){.memory = memory, .run = at};
    if (memory->n_runs > 0 && ++memory->n_misses < SOURCE_PATIENCE) {
        learning->n_runs = SOURCE_MAX_RUNS + 1;
        return;
    }
    memory->schema = schema;
    memory->n_runs = 0;
    memory->n_misses = 0;
    memset(memory->names, 0, sizeof memory->names);
}

static void keep_name(struct source_name *kept, struct sluice_str name, struct sluice_str run, size_t i)
{
    if (name.len > 0 && name.ptr >= run.ptr && name.ptr < run.ptr + run.len)
        *kept = (struct source_name){i, (size_t)(name.ptr - run.ptr), name.len};
}

static void end_run(struct source_learning *learning, const char *end, struct source_run run,
                    const struct sluice_source *source)
{
    struct source_memory *memory = learning->memory;
    const size_t i = learning->n_runs;
    if (!source_is_learning(learning))
        return;
    const struct sluice_str text = {learning->run, (size_t)(end - learning->run)};
    if (i == SOURCE_MAX_RUNS || text.len > SOURCE_MAX_TEXT - learning->n_bytes) {
        learning->n_runs = SOURCE_MAX_RUNS + 1;
        return;
    }
    memcpy(memory->text + learning->n_bytes, text.ptr, text.len);
    keep_name(&memory->names[0], source->name, text, i);
    keep_name(&memory->names[1], source->db, text, i);
    keep_name(&memory->names[2], source->schema, text, i);
    keep_name(&memory->names[3], source->table, text, i);
    run.length = text.len;
    memory->runs[i] = run;
    learning->n_runs++;
    learning->n_bytes += text.len;
}

void source_learn_number(struct source_learning *learning, const char *at, const char *end, enum source_number number,
                         const struct sluice_source *source)
{
    end_run(learning, at, (struct source_run){.number = number}, source);
    learning->run = end;
}

void source_learn_sequence(struct source_learning *learning, const char *at, const char *end, bool fixed,
                           const struct sluice_source *source)
{
    struct source_run run = {.number = source->has_sequence0 ? SOURCE_NUMBER_SEQUENCE0 : SOURCE_NUMBER_SEQUENCE1};
    for (; at < end; at++) {
        const char *digits = at;
        if (!json_is_digit(*at))
            continue;
        at = json_find_no_digit(at, end);
        run.n_digits = fixed ? (size_t)(at - digits) : 0;
        end_run(learning, digits, run, source);
        learning->run = at;
        run.number = SOURCE_NUMBER_SEQUENCE1;
    }
}

/* A name need not lie in the record: Avro's enums are spelled in the schema. */
static bool has_names(const struct source_memory *memory, const struct sluice_source *source)
{
    return memory->names[0].length == source->name.len && memory->names[1].length == source->db.len &&
           memory->names[2].length == source->schema.len && memory->names[3].length == source->table.len;
}

void source_learn_finish(struct source_learning *learning, const char *end, const struct sluice_source *source)
{
    end_run(learning, end, (struct source_run){.number = SOURCE_NUMBER_IGNORED}, source);
    if (!source_is_learning(learning))
        return;
    learning->memory->snapshot = source->snapshot;
    learning->memory->says_false = source->says_false;
    if (has_names(learning->memory, source))
        learning->memory->n_runs = learning->n_runs;
}
