/* probe.c - see probe.h. */
#include "pipeline/probe.h"

#include "pipeline/catalog.h"
#include "pipeline/ranges.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* ---- lane ---- */

void probe_note(struct flight *flight, int64_t offset)
{
    size_t n = flight->n_places;
    int64_t place = offset - flight->first;
    if (n + 1 != sluice_batch_n_changes(flight->batch) || place > UINT32_MAX)
        return; /* from now on they are fewer than rows */
    if (n == flight->places_allocated) {
        size_t n_wanted = n > 0 ? n * 2 : 64;
        uint32_t *grown = realloc(flight->places, n_wanted * sizeof *grown);
        if (grown == NULL)
            return;
        flight->places = grown;
        flight->places_allocated = n_wanted;
    }
    flight->places[flight->n_places++] = (uint32_t)place;
}

bool probe_may_help(const struct lane *lane, const struct flight *flight)
{
    const struct job *job = &flight->job;
    return lane->world.letters != NULL && job->kind == JOB_INSERT && job->code == SLUICE_E_SERVER &&
           job->advice == SLUICE_CH_BAD_ROW && !flight->waits && !flight->is_late && flight->is_sealed &&
           !flight->is_replaced && flight->n_places == sluice_batch_n_changes(flight->batch);
}

void probe_send(struct lane *lane, struct flight *flight)
{
    flight->job.kind = JOB_PROBE;
    flight->job.n_attempts = 0;
    job_send(lane, &flight->job);
}

static int compare_places(const void *a, const void *b)
{
    const struct sluice_ch_bad_row *left = a;
    const struct sluice_ch_bad_row *right = b;
    return (left->arrival > right->arrival) - (left->arrival < right->arrival);
}

enum sluice_code probe_write_letters(struct lane *lane, struct flight *flight, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    flight->job.n_attempts = 0;
    qsort(flight->bad, flight->n_bad, sizeof *flight->bad, compare_places);
    for (size_t i = 0; i < flight->n_bad && code == SLUICE_OK; i++)
        code = letters_write_row(lane, flight, flight->first + flight->places[flight->bad[i].arrival], &flight->bad[i],
                                 err);
    free(flight->bad);
    flight->bad = NULL;
    flight->n_bad = 0;
    return code;
}

/* ---- sender ---- */

/* One partition probes one target at a time. */
static void name_copy(const struct flight *flight, const struct sluice_config *config, char name[32])
{
    const struct partition *p = flight->partition;
    const char *table = sluice_plan_table(sluice_batch_plan(flight->batch));
    uLong crc = crc32_z(0, (const unsigned char *)config->name, strlen(config->name) + 1);
    crc = crc32_z(crc, (const unsigned char *)p->topic, strlen(p->topic) + 1);
    crc = crc32_z(crc, (const unsigned char *)&p->id, sizeof p->id);
    crc = crc32_z(crc, (const unsigned char *)table, strlen(table));
    (void)snprintf(name, 32, "sluice_probe_%08lx", crc);
}

static enum sluice_code take_out(struct flight *flight, struct sluice_error *err)
{
    bool *refused = calloc(sluice_batch_n_changes(flight->batch) + 1, sizeof *refused);
    if (refused == NULL)
        return sluice_error_nomem(err, "bad rows", sluice_batch_n_changes(flight->batch));
    for (size_t i = 0; i < flight->n_bad; i++)
        refused[flight->bad[i].arrival] = true;
    enum sluice_code code = sluice_batch_refuse(flight->batch, refused, flight->collapse, err);
    free(refused);
    return code;
}

enum sluice_code probe_run(struct flight *flight, const struct sluice_config *config, struct sluice_ch_client *client,
                           struct sluice_error *err)
{
    char name[32];
    name_copy(flight, config, name);
    flight->n_bad = 0;
    if (flight->bad == NULL)
        flight->bad = calloc(SLUICE_LEDGER_MAX_SKIP, sizeof *flight->bad);
    if (flight->bad == NULL)
        return sluice_error_nomem(err, "bad rows", SLUICE_LEDGER_MAX_SKIP * sizeof *flight->bad);
    enum sluice_code code =
        sluice_ch_find_bad_rows(client, flight->batch, name, flight->bad, SLUICE_LEDGER_MAX_SKIP, &flight->n_bad, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "the server refused a batch for a value, and the row could not be found");
    if (flight->n_bad == 0)
        return sluice_error_set(
            err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
            "the server refused a batch for \"%s.%s\" for a value, and a copy of the table takes each "
            "of its rows; look for what the copy does not have: a view, the PARTITION BY",
            sluice_plan_database(sluice_batch_plan(flight->batch)),
            sluice_plan_table(sluice_batch_plan(flight->batch)));
    return take_out(flight, err);
}
