/* source_state.h - what one Kafka partition has seen of each source, and the row version that follows from it.
 *
 * Version (Debezium reference, "LSN: what it is and how it orders"): a streamed event is ordered by the end of the last
 * COMMIT before it (`sequence[0]`), then by its own lsn; a row read by query by its snapshot position, before
 * everything streamed at that position. The first transaction after a snapshot carries no `sequence[0]`; its changes
 * may lie below the snapshot's lsn though they came after it, so they take the highest snapshot lsn seen: this is the
 * state.
 *
 * A source's history can go back: restored from a base backup, or failed over to a server that lacked the last changes.
 * Its positions then undercut rows that are already stored, and old and new positions can't be compared. So each
 * history has a generation, in front of the position. It is counted for each partition by itself: versions need to
 * order only the changes of one key, and a key stays in its partition. Raising it is safe at any record, since whatever
 * follows in the partition is raised with it; that is why the few cases below that could also be a connector made anew
 * raise it too.
 *
 *   - A commit position below the highest seen, with a commit time not above the highest seen, is a re-emission after a
 *     restart of the connector: every such event was seen before, its time too.
 *   - With a commit time above it by more than the clock slack it is a new history; in between it is unclear.
 *   - A row read by an initial snapshot (no `sequence[0]`) below the highest position seen: a snapshot takes the
 * present position, so the same rule. Incremental reads carry no lsn and the connector's clock, and are not looked at.
 *   - A streamed event without `sequence[0]` comes of a connector that began anew: the same rule, unless a snapshot was
 *     read since the last streamed change; its positions may lie below that snapshot.
 *
 * The state travels in the metadata of the committed Kafka offset, as it was before that offset, so that a replay gives
 * every row the same version. Thread: lane. No allocation; copies are plain assignments.
 */
#ifndef SLUICE_DEBEZIUM_SOURCE_STATE_H
#define SLUICE_DEBEZIUM_SOURCE_STATE_H

#include "debezium/change.h"
#include "debezium/version.h"
#include "sluice/config.h"

/* Sources (connector and database) whose records may meet in one partition. */
enum { SLUICE_MAX_SOURCES = 4 };
/* Room for the text of a full state, NUL included; Kafka's default ceiling for metadata is 4096 bytes. */
enum { SLUICE_SOURCE_STATE_TEXT = 512 };

struct sluice_source_position {
    uint64_t id;           /* hash of source.name and source.db */
    uint64_t commit;       /* highest sequence[0] of streamed events, in this generation */
    uint64_t snapshot_lsn; /* highest position of rows read by query, in this generation */
    int64_t ts_us;         /* highest commit time of streamed events */
    uint64_t generation;   /* how often the history went back */
};

/* How the rows of a partition were laid out last; what a null value means hangs on it. */
enum sluice_seen_layout {
    SLUICE_SEEN_NO_ROW,
    SLUICE_SEEN_ENVELOPE,
    SLUICE_SEEN_FLATTENED,       /* without __deleted: a null value is a delete */
    SLUICE_SEEN_FLATTENED_MARKED /* with it: a null value is a tombstone behind the delete */
};

struct sluice_source_state {
    struct sluice_source_position sources[SLUICE_MAX_SOURCES];
    size_t n_sources;
    enum sluice_seen_layout layout; /* written down for flattened records only */
};

/* What the options say about versions. */
struct sluice_version_rules {
    enum sluice_version_mode mode; /* not OFFSET: sluice_version_of_offset() */
    enum sluice_version_on_new_history on_new_history;
    int64_t clock_slack_us; /* how far commit times of one history may run backwards */
    uint64_t generation;    /* of a source that is met without a state */
};

/* The version of one change (op c, u, d, r, t); the state moves on with it. `moved_key`: the record is the create half
 * of a key change (header __debezium.oldkey), which shares its position with the delete half and comes after it.
 * Errors, all SLUICE_REJECT with the state unchanged: SLUICE_E_POSITION (no usable lsn or sequence), SLUICE_E_HISTORY,
 * SLUICE_E_LIMIT (more sources in one partition than SLUICE_MAX_SOURCES, too many generations). */
SLUICE_MUST_CHECK enum sluice_code sluice_source_state_version(struct sluice_source_state *state,
                                                               const struct sluice_source *source, char op,
                                                               bool moved_key, const struct sluice_version_rules *rules,
                                                               struct sluice_version *out, struct sluice_error *err);
/* The version of a record by its place in the partition, in mode OFFSET. `offset` is not negative. */
struct sluice_version sluice_version_of_offset(uint64_t generation, int64_t offset);
/* The generation of a source, 0 if it was not met. */
uint64_t sluice_source_state_generation(const struct sluice_source_state *state, const struct sluice_source *source);

/* Text for the commit metadata, e.g. "sluice1 9f2c...:16b3748:16b3700:5f5e100", with a fifth number for a generation
 * above 0, and " ~2" or " ~3" at the end for a layout. Always fits. */
void sluice_source_state_format(const struct sluice_source_state *state, char text[SLUICE_SOURCE_STATE_TEXT]);

/* Reads the text back. False when it is not ours (an operator's tool leaves it empty): *state is then empty. */
bool sluice_source_state_parse(struct sluice_source_state *state, const char *text_z);

#endif
