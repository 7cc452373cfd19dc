/* source_memory.h - the last `source` that was read, without its numbers. Private to lib/debezium.
 *
 * Of records of one table that follow each other, `source` differs in a few numbers only: what stands between those,
 * names of members or not, is compared as a whole, and nothing else of it is read. A guess only: whatever differs, or
 * is not sure, is read the long way, and is the guess for next time.
 */
#ifndef SLUICE_DEBEZIUM_SOURCE_MEMORY_H
#define SLUICE_DEBEZIUM_SOURCE_MEMORY_H

#include "debezium/change.h"
#include "debezium/source.h"

enum source_number {
    SOURCE_NUMBER_IGNORED, /* nobody wants it */
    SOURCE_NUMBER_TS_MS,
    SOURCE_NUMBER_TS_US,
    SOURCE_NUMBER_TXID,
    SOURCE_NUMBER_LSN,
    SOURCE_NUMBER_SEQUENCE0,
    SOURCE_NUMBER_SEQUENCE1
};

/* Where records of several tables take turns, what is remembered is of use for some of them. It is given up only for
 * another that was missed as often as this in a row: to learn costs more than to miss. */
enum { SOURCE_PATIENCE = 4 };

enum { SOURCE_MAX_RUNS = 8, SOURCE_MAX_TEXT = 512, SOURCE_N_NAMES = 4 };

struct source_memory {
    const void *schema; /* of Avro: the node that the bytes are of; NULL: JSON */
    size_t n_runs;      /* 0: nothing is remembered */
    unsigned n_misses;  /* since it last served */
    struct source_run {
        size_t length;
        enum source_number number; /* behind it; the last run has none */
        size_t n_digits;           /* of a number that is text in Avro, whose length stands in the run; else 0 */
    } runs[SOURCE_MAX_RUNS];
    struct source_name {
        size_t run;
        size_t at;
        size_t length;
    } names[SOURCE_N_NAMES]; /* name, db, schema, table */
    bool snapshot;
    bool says_false;
    char text[SOURCE_MAX_TEXT]; /* of all runs */
};

/* Takes a number at *at, or returns false. */
typedef bool (*source_number_fn)(const char **at, const char *end, const struct source_run *run, uint64_t *number);

/* False: the long way decides about it. */
static inline bool source_take_number(struct sluice_source *source, enum source_number which, uint64_t number,
                                      uint64_t *ts_ms)
{
    switch (which) {
    case SOURCE_NUMBER_IGNORED:
        return true;
    case SOURCE_NUMBER_TS_MS:
        *ts_ms = number;
        return number <= INT64_MAX / 1000;
    case SOURCE_NUMBER_TS_US:
        source->ts_us = (int64_t)number;
        return number <= INT64_MAX;
    case SOURCE_NUMBER_TXID:
        source->txid = number;
        source->has_txid = true;
        return number <= INT64_MAX;
    case SOURCE_NUMBER_LSN:
        source->lsn = number;
        source->has_lsn = true;
        return number <= SOURCE_MAX_POSITION;
    case SOURCE_NUMBER_SEQUENCE0:
        source->sequence0 = number;
        source->has_sequence0 = true;
        return number <= SOURCE_MAX_POSITION;
    case SOURCE_NUMBER_SEQUENCE1:
        source->sequence1 = number;
        source->has_sequence1 = true;
        return number <= SOURCE_MAX_POSITION;
    }
    return false;
}

static inline struct sluice_str source_name_of(const struct source_name *name, const char *const *starts)
{
    return name->length == 0 ? (struct sluice_str){NULL, 0}
                             : (struct sluice_str){starts[name->run] + name->at, name->length};
}

/* Reads what stands at *at into the zeroed `source`, if it is what is remembered. False: *at is as before, and `source`
 * means nothing. */
static inline bool source_recall(struct source_memory *memory, const void *schema, const char **at, const char *end,
                                 source_number_fn read_number, struct sluice_source *source)
{
    const char *starts[SOURCE_MAX_RUNS];
    const char *here = *at;
    const char *text = memory->text;
    uint64_t ts_ms = UINT64_MAX;
    if (memory->n_runs == 0 || memory->schema != schema)
        return false;
    for (size_t i = 0;; i++) {
        const struct source_run *run = &memory->runs[i];
        uint64_t number = 0;
        if ((size_t)(end - here) < run->length || memcmp(here, text, run->length) != 0)
            return false;
        starts[i] = here;
        here += run->length;
        text += run->length;
        if (i + 1 == memory->n_runs)
            break;
        if (!read_number(&here, end, run, &number) || !source_take_number(source, run->number, number, &ts_ms))
            return false;
    }
    if (source->ts_us == 0) {
        if (ts_ms > INT64_MAX / 1000)
            return false;
        source->ts_us = (int64_t)ts_ms * 1000;
    }
    source->name = source_name_of(&memory->names[0], starts);
    source->db = source_name_of(&memory->names[1], starts);
    source->schema = source_name_of(&memory->names[2], starts);
    source->table = source_name_of(&memory->names[3], starts);
    source->snapshot = memory->snapshot;
    source->says_false = memory->says_false;
    memory->n_misses = 0;
    *at = here;
    return true;
}

/* Fills a memory while a `source` is read the long way, unless patience lets it be as it is; until it is finished
 * nothing is remembered. */
struct source_learning {
    struct source_memory *memory;
    const char *run; /* where the present one began */
    size_t n_bytes;
    size_t n_runs; /* beyond SOURCE_MAX_RUNS: it does not fit, or is not to be learned */
};

static inline bool source_is_learning(const struct source_learning *learning)
{
    return learning->n_runs <= SOURCE_MAX_RUNS;
}

void source_learn(struct source_learning *learning, struct source_memory *memory, const void *schema, const char *at);
/* The number from `at` to `end` is left out. `source` as far as it is read. Only while source_is_learning(). */
void source_learn_number(struct source_learning *learning, const char *at, const char *end, enum source_number number,
                         const struct sluice_source *source);
/* The same of each number in a sequence. `fixed`: its length stands in front of it. */
void source_learn_sequence(struct source_learning *learning, const char *at, const char *end, bool fixed,
                           const struct sluice_source *source);
void source_learn_finish(struct source_learning *learning, const char *end, const struct sluice_source *source);

#endif
