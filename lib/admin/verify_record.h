/* verify_record.h - a Kafka record read by jansson or avro-c: its key, its row, and the types of both as far as it
 * tells.
 *
 * The independent reader of a comparison with a topic. Of the worker's code it uses what finds a schema (the framing,
 * the registry's client), not what decodes with it. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_RECORD_H
#define SLUICE_ADMIN_VERIFY_RECORD_H

#include "base/error.h"
#include "sluice/config.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>

struct verify_records; /* reads them, and knows the registry's schemas */

/* Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_records_new(const struct sluice_config *config, struct verify_records **out,
                                                      struct sluice_error *err);
void verify_records_free(struct verify_records *records); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(verify_records, struct verify_records, verify_records_free)

/* One side of a record. */
struct verify_part {
    json_t *root;         /* owned: what was read */
    json_t *kept;         /* owned: a schema that is shared with other records */
    json_t *payload;      /* of that; NULL: there is nothing */
    const json_t *schema; /* Connect's form, of the payload; NULL: it tells none. Lives as long as the part */
};
void verify_part_deinit(struct verify_part *part);
SLUICE_DEFINE_AUTO(verify_part, struct verify_part, verify_part_deinit)

/* Errors: SLUICE_E_JSON, SLUICE_E_AVRO (not understood), those of the registry, SLUICE_E_UNSUPPORTED. */
SLUICE_MUST_CHECK enum sluice_code verify_records_key(struct verify_records *records, const rd_kafka_message_t *message,
                                                      struct verify_part *part, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code verify_records_value(struct verify_records *records,
                                                        const rd_kafka_message_t *message, struct verify_part *part,
                                                        struct sluice_error *err);

/* The schema of a struct's field; NULL if it has none of that name. */
const json_t *verify_field_schema(const json_t *schema, const char *name);

#endif
