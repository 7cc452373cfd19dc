/* source_state.h - what one Kafka partition has seen of each source, and the row version that follows from it.
 *
 * Version (Debezium reference, "LSN: what it is and how it orders"): a streamed event is ordered by the end of the last
 * COMMIT before it (`sequence[0]`), then by its own lsn; a row read by query by its snapshot position, before
 * everything streamed at that position. The first transaction after a snapshot carries no `sequence[0]`; its changes
 * may lie below the snapshot's lsn though they came after it, so they take the highest snapshot lsn seen: this is the
 * state.
 *
 * A fall of `sequence[0]` is a re-emission after a connector restart (commit time not above the highest seen) or a
 * source whose history went back (restore, failover). The second is refused by name: its positions would undercut rows
 * that are already stored.
 *
 * The state travels in the metadata of the committed Kafka offset, as it was before that offset, so that a replay gives
 * every row the same version. Thread: lane. No allocation; copies are plain assignments.
 */
#ifndef SLUICE_DEBEZIUM_SOURCE_STATE_H
#define SLUICE_DEBEZIUM_SOURCE_STATE_H

#include "debezium/change.h"
#include "debezium/version.h"

/* Sources (connector and database) whose records may meet in one partition. */
enum { SLUICE_MAX_SOURCES = 4 };
/* Room for the text of a full state, NUL included; Kafka's default ceiling for metadata is 4096 bytes. */
enum { SLUICE_SOURCE_STATE_TEXT = 512 };

struct sluice_source_position {
    uint64_t id;           /* hash of source.name and source.db */
    uint64_t commit;       /* highest sequence[0] of streamed events */
    uint64_t snapshot_lsn; /* highest position of rows read by query */
    int64_t ts_us;         /* highest commit time of streamed events */
};

struct sluice_source_state {
    struct sluice_source_position sources[SLUICE_MAX_SOURCES];
    size_t n_sources;
};

/* The version of one change (op c, u, d, r); the state moves on with it. `moved_key`: the record is the create half of
 * a key change (header __debezium.oldkey), which shares its position with the delete half and comes after it.
 * `clock_slack_us`: how far commit times of one history may run backwards.
 * Errors, all SLUICE_REJECT with the state unchanged: SLUICE_E_POSITION (no usable lsn or sequence), SLUICE_E_HISTORY,
 * SLUICE_E_LIMIT (more sources in one partition than SLUICE_MAX_SOURCES). */
SLUICE_MUST_CHECK enum sluice_code sluice_source_state_version(struct sluice_source_state *state,
                                                               const struct sluice_source *source, char op,
                                                               bool moved_key, int64_t clock_slack_us,
                                                               struct sluice_version *out, struct sluice_error *err);

/* Text for the commit metadata, e.g. "sluice1 9f2c...:16b3748:16b3700:5f5e100". Always fits. */
void sluice_source_state_format(const struct sluice_source_state *state, char text[SLUICE_SOURCE_STATE_TEXT]);

/* Reads the text back. False when it is not ours (an operator's tool leaves it empty): *state is then empty. */
bool sluice_source_state_parse(struct sluice_source_state *state, const char *text_z);

#endif
