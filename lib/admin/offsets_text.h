/* offsets_text.h - what `sluice offsets` reads beside times and durations (sluice/offsets.h): scopes and CSV lines as
 * Kafka's own tool has them. Pure. */
#ifndef SLUICE_ADMIN_OFFSETS_TEXT_H
#define SLUICE_ADMIN_OFFSETS_TEXT_H

#include "base/error.h"
#include "base/str.h"

/* "name" or "name:0,1". */
struct offsets_topic {
    struct sluice_str name;
    struct sluice_str partitions; /* "0,1"; empty: all of them */
};

/* Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code offsets_topic_parse(const char *text, struct offsets_topic *out,
                                                       struct sluice_error *err);
bool offsets_topic_has(const struct offsets_topic *topic, const char *name, int32_t partition);
/* The partitions in turn; `at` begins with 0. False at the end. */
bool offsets_topic_next(const struct offsets_topic *topic, size_t *at, int32_t *partition);

struct offsets_line {
    struct sluice_str group; /* empty where the line has none */
    struct sluice_str topic;
    int32_t partition;
    int64_t offset;
};

/* Takes one line of "topic,partition,offset" or "group,topic,partition,offset" off `*text`; names may stand in double
 * quotes, as Kafka's tool writes long ones. `*found`: false at the end of the text. Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code offsets_line_take(struct sluice_str *text, struct offsets_line *out, bool *found,
                                                     struct sluice_error *err);

#endif
