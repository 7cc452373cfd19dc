/* refusal.h - what an envelope is refused with, in the same words whatever its encoding. Each is SLUICE_REJECT and
 * returns the error's code. Private to lib/debezium. */
#ifndef SLUICE_DEBEZIUM_REFUSAL_H
#define SLUICE_DEBEZIUM_REFUSAL_H

#include "debezium/change.h"

/* The end of a text about a record that is no envelope. */
#define REFUSAL_IF_FLATTENED                                                                                           \
    "if the connector flattens its records (transform ExtractNewRecordState), set records.layout: flattened or name "  \
    "the topic in records.flattened_topics; else leave it out of kafka.topics"

/* Remedies of refuse_name(). */
#define REFUSAL_OTHER_PREFIX "choose another topic.prefix for the connector"
#define REFUSAL_LEAVE_TABLE_OUT                                                                                        \
    "rename it, or leave it out with the connector's table.exclude.list or schema.exclude.list"

/* `op` is none that is known. */
SLUICE_MUST_CHECK enum sluice_code refuse_op(struct sluice_error *err);

/* The name in `field` of the source block is none of PostgreSQL. */
SLUICE_MUST_CHECK enum sluice_code refuse_name(const char *field, struct sluice_str name, const char *remedy,
                                               struct sluice_error *err);

/* The source block does not name its connector. */
SLUICE_MUST_CHECK enum sluice_code refuse_no_connector(struct sluice_error *err);

#endif
