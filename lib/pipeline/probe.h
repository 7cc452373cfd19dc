/* probe.h - rows that the server refuses, found by probing and dead-lettered; the others go on.
 *
 * A batch that is refused for a value goes to a sender once more, which finds the rows (clickhouse/bad_rows.h) and
 * takes them out. Their records are not in memory any more: their letters say where they are, and the postman reads
 * them. Batches with rows that were completed from earlier ones (settle.h) are not probed: which record a row is of is
 * not known there.
 */
#ifndef SLUICE_PIPELINE_PROBE_H
#define SLUICE_PIPELINE_PROBE_H

#include "pipeline/letters.h"

/* A row was appended, of the record at `offset`. Thread: lane. */
void probe_note(struct flight *flight, int64_t offset);
/* It came back refused for a value, and probing can find the row. Thread: lane. */
bool probe_may_help(const struct lane *lane, const struct flight *flight);
/* Sends it to be probed. Thread: lane. */
void probe_send(struct lane *lane, struct flight *flight);
/* One attempt: flight->bad says which rows were taken out, at least one. Errors: as sluice_ch_find_bad_rows();
 * SLUICE_E_SERVER, SLUICE_STOP_PARTITION: the copy of the target takes every row. Thread: sender. */
SLUICE_MUST_CHECK enum sluice_code probe_run(struct flight *flight, const struct sluice_config *config,
                                             struct sluice_ch_client *client, struct sluice_error *err);
/* Writes the letters of the rows that were found. Errors: those for which a partition stops. Thread: lane. */
SLUICE_MUST_CHECK enum sluice_code probe_write_letters(struct lane *lane, struct flight *flight,
                                                       struct sluice_error *err);

#endif
