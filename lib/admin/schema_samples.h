/* schema_samples.h - the shapes of the tables whose records are in the topics, from some records of each partition.
 * Thread: main. */
#ifndef SLUICE_ADMIN_SCHEMA_SAMPLES_H
#define SLUICE_ADMIN_SCHEMA_SAMPLES_H

#include "pipeline/catalog.h"

struct record_reader;

/* The tables and shapes are those of a catalog; the newest shapes of a table stand first. */
struct schema_samples {
    struct catalog catalog;
    size_t n_failed;                                                   /* records that could not be read */
    void (*tell)(void *context, const char *what, const char *reason); /* why; may be called for each of them */
    void *context;
    struct record_reader *records; /* has the schemas of a registry, which the shapes refer to */
};

/* Reads. `samples` has `tell` and `context`. Errors: those of Kafka, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code schema_samples_read(struct schema_samples *samples,
                                                       const struct sluice_config *config, struct sluice_error *err);
void schema_samples_deinit(struct schema_samples *samples);

#endif
