/* dlq_view.h - what stands in the dead-letter topic, one entry for each place of a record. Thread: main. */
#ifndef SLUICE_ADMIN_DLQ_VIEW_H
#define SLUICE_ADMIN_DLQ_VIEW_H

#include "base/arena.h"
#include "kafka/letters.h"
#include "kafka/samples.h"
#include "sluice/dlq.h"

enum dlq_state { DLQ_OPEN, DLQ_REPLAYED, DLQ_PURGED };
const char *dlq_state_label(enum dlq_state state);

/* The newest dead letter of a place, and what became of it. Texts are in the view's arena; "" where the letter says
 * nothing. */
struct dlq_entry {
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *table;
    const char *code;
    const char *text;
    const char *version;
    int64_t attempt;
    int64_t time_ms;
    int32_t letter_partition; /* where it stands in the dead-letter topic */
    int64_t letter_offset;
    size_t n_bytes; /* of key and value */
    bool has_record;
    enum dlq_state state;
    size_t n_letters; /* about this place */
    bool is_selected;
};

struct dlq_view {
    const struct sluice_config *config;
    struct sluice_samples *samples;
    struct sluice_arena arena;
    struct dlq_entry *entries; /* by time */
    size_t n_entries;
    size_t n_selected;
    int n_partitions; /* of the dead-letter topic; 0: it is not there */
    int64_t *ends;    /* of its partitions, as they were read */
};

/* Reads the topic and selects. Deinit it whatever the outcome. Errors: as sluice_dlq_list(). */
SLUICE_MUST_CHECK enum sluice_code dlq_view_read(struct dlq_view *view, const struct sluice_config *config,
                                                 const struct sluice_dlq_filter *filter, struct sluice_error *err);
void dlq_view_deinit(struct dlq_view *view);
SLUICE_DEFINE_AUTO(dlq_view, struct dlq_view, dlq_view_deinit)

/* Called with each letter that is selected, in the order of the dead-letter topic; the message is borrowed for the
 * call. An error ends it. */
typedef enum sluice_code (*dlq_letter_fn)(void *context, const struct dlq_entry *entry,
                                          const rd_kafka_message_t *message, struct sluice_error *err);
/* Reads the topic once more. Errors: SLUICE_E_KAFKA, those of `visit`. */
SLUICE_MUST_CHECK enum sluice_code dlq_view_visit(const struct dlq_view *view, dlq_letter_fn visit, void *context,
                                                  struct sluice_error *err);

/* "2026-11-22T03:04:05.678Z" */
enum { DLQ_TIME_SIZE = 32 };
void dlq_time_text(int64_t time_ms, char text[DLQ_TIME_SIZE]);
/* Appends the entries that are selected to a table or a JSON array of objects and prints it. */
SLUICE_MUST_CHECK enum sluice_code dlq_view_print(const struct dlq_view *view, FILE *out, bool json,
                                                  struct sluice_error *err);

#endif
