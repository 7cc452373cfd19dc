/* letters.h - bad records that become dead letters instead of stopping their partition (on_bad_record: dead_letter).
 *
 * A record is dead-lettered only if what is wrong with it is in that record alone, so that leaving it out makes no
 * other row wrong; see docs/dead-letters.md for what that is. The letter is sent at once. Until Kafka acknowledged it,
 * the offset of the record counts as not durable: in exactly-once delivery its range is not opened. Thread: lane,
 * everywhere. Private to lib/pipeline.
 */
#ifndef SLUICE_PIPELINE_LETTERS_H
#define SLUICE_PIPELINE_LETTERS_H

#include "pipeline/lane_internal.h"

/* How far a record came before it was refused. */
struct refusal {
    const struct sluice_change *change;           /* NULL: it could not be decoded */
    const struct sluice_version *version;         /* NULL: not known */
    const struct sluice_table_settings *settings; /* of its table; NULL: not known */
};

/* Was the record dead-lettered by whoever opened the range that is read again? */
static inline bool letters_know(const struct partition *p, int64_t offset)
{
    const struct sluice_ledger_skip *skip = p->lane.skip;
    if (SLUICE_LIKELY(skip == NULL))
        return false;
    for (uint32_t i = 0; i < skip->n; i++) {
        if (skip->offsets[i] == offset)
            return true;
    }
    return false;
}

/* Writes a dead letter about the record at p->lane.position, with `err` as its reason. False: it has to stop its
 * partition, and `err` says why. */
bool letters_take(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                  const struct refusal *refusal, struct sluice_error *err);
/* Writes one about a row of the flight, which the server refused. Errors: as those of letters_take(). */
SLUICE_MUST_CHECK enum sluice_code letters_write_row(struct lane *lane, struct flight *flight, int64_t offset,
                                                     const struct sluice_ch_bad_row *row, struct sluice_error *err);
/* A letter came back from the postman. */
void letters_returned(struct lane *lane, struct letter *letter);
/* Is one of the letters up to `offset` not acknowledged? */
bool letters_are_due(const struct partition *p, int64_t offset);
/* The partition leaves: forgets its letters, those at the postman when they come back. */
void letters_drop(struct lane *lane, struct partition *p);

#endif
