/* verify_topic.h - the state of a table as its topic tells it: of each key the last record, from the oldest one to a
 * bound. Read by verify_cells.h; nothing of the worker's decoding takes part.
 *
 * For each key it is kept where its last record is (24 bytes, at most 3 million keys); a state is read by going through
 * the topic once more and decoding the last record of each key that is wanted. So memory does not grow with the rows'
 * size. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_TOPIC_H
#define SLUICE_ADMIN_VERIFY_TOPIC_H

#include "admin/verify_postgres.h"
#include "admin/verify_table.h"

struct verify_topic;

struct verify_topic_options {
    struct verify_run *run;
    const struct verify_plan *plan;
    const struct sluice_shape *shape;
    const struct sluice_table_settings *settings;
    const struct sluice_target *target;
};
/* Borrows what the options name. Errors: SLUICE_E_TABLE (no topic is named after the table, its oldest records are
 * gone, TRUNCATE is applied), those of Kafka. */
SLUICE_MUST_CHECK enum sluice_code verify_topic_new(const struct verify_topic_options *options,
                                                    struct verify_topic **out, struct sluice_error *err);
void verify_topic_free(struct verify_topic *topic); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(verify_topic, struct verify_topic, verify_topic_free)

/* Moves the bound to the present ends. Errors: those of Kafka and of the records. */
SLUICE_MUST_CHECK enum sluice_code verify_topic_extend(struct verify_topic *topic, struct sluice_error *err);
/* Keys that were met, deleted ones too. */
uint64_t verify_topic_n_keys(const struct verify_topic *topic);
/* The rows that live at the bound. Errors: as verify_topic_extend(), SLUICE_E_TOAST (a value that the topic does not
 * hold). */
SLUICE_MUST_CHECK enum sluice_code verify_topic_read(struct verify_topic *topic, const struct verify_where *where,
                                                     verify_row_fn visit, void *context, struct sluice_error *err);

#endif
