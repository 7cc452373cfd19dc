/* postman.h - the thread that writes dead letters. It decides nothing and waits for Kafka's acknowledgement only. */
#ifndef SLUICE_PIPELINE_POSTMAN_H
#define SLUICE_PIPELINE_POSTMAN_H

#include "base/queue.h"
#include "kafka/letters.h"

struct postman;

/* All borrowed until postman_join(). */
struct postman_world {
    const struct sluice_config *config;
    struct sluice_letters *producer;
    struct sluice_queue *letters; /* JOB_LETTER, from the lane */
    struct sluice_queue *lane;    /* where they go back to */
    const atomic_bool *abort;     /* ends what waits for an acknowledgement */
};

/* Starts the thread. Errors: SLUICE_E_NOMEM, SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code postman_new(const struct postman_world *world, struct postman **out,
                                               struct sluice_error *err);
/* Waits for the thread, which ends when `letters` is closed and empty, and frees it. NULL does nothing. */
void postman_join(struct postman *postman);

#endif
