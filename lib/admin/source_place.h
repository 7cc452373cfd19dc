/* source_place.h - source_search.h on the records of Kafka. Thread: main. */
#ifndef SLUICE_ADMIN_SOURCE_PLACE_H
#define SLUICE_ADMIN_SOURCE_PLACE_H

#include "admin/source_search.h"
#include "kafka/consumer.h"
#include "sluice/config.h"

struct source_places;

/* Both are borrowed. Connects nothing yet. Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code source_places_new(const struct sluice_config *config,
                                                     struct sluice_consumer *consumer, struct source_places **out,
                                                     struct sluice_error *err);
void source_places_free(struct source_places *places); /* NULL does nothing */

/* source_search() on one partition, which holds `low` to `high`. Errors: those of Kafka and the registry; also
 * SLUICE_E_POSITION where a record does not tell its position or time, or where records of several sources are mixed,
 * so that there is no answer. */
SLUICE_MUST_CHECK enum sluice_code source_places_find(struct source_places *places, const char *topic,
                                                      int32_t partition, int64_t low, int64_t high,
                                                      const struct source_place *place, int64_t *offset,
                                                      struct sluice_error *err);

#endif
