/* config.h - the options of a worker, from one YAML file and `--set` arguments.
 *
 * The fields come from options.def. Durations are in microseconds, sizes in bytes. A loaded configuration is complete
 * and checked, immutable, and may be read by any thread until it is freed; every text in it belongs to it.
 */
#ifndef SLUICE_CONFIG_H
#define SLUICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sluice/error.h"
#include "sluice/log.h"

/* X(symbol, name as written in the file) */
#define SLUICE_DELIVERY_NAMES(X)                                                                                       \
    X(SLUICE_DELIVERY_AT_LEAST_ONCE, "at_least_once")                                                                  \
    X(SLUICE_DELIVERY_EXACTLY_ONCE, "exactly_once")
#define SLUICE_FORMAT_NAMES(X)                                                                                         \
    X(SLUICE_FORMAT_AUTO, "auto")                                                                                      \
    X(SLUICE_FORMAT_JSON, "json")                                                                                      \
    X(SLUICE_FORMAT_AVRO, "avro")
#define SLUICE_ON_BAD_RECORD_NAMES(X)                                                                                  \
    X(SLUICE_ON_BAD_RECORD_STOP, "stop")                                                                               \
    X(SLUICE_ON_BAD_RECORD_DEAD_LETTER, "dead_letter")
#define SLUICE_DEAD_LETTERS_PAYLOAD_NAMES(X)                                                                           \
    X(SLUICE_PAYLOAD_SAFE, "safe")                                                                                     \
    X(SLUICE_PAYLOAD_ORIGINAL, "original")
#define SLUICE_LEDGER_CHOICE_NAMES(X)                                                                                  \
    X(SLUICE_USE_AUTO, "auto")                                                                                         \
    X(SLUICE_USE_KEEPER_MAP, "keeper_map")                                                                             \
    X(SLUICE_USE_KAFKA, "kafka")
#define SLUICE_ON_OFFSET_LOST_NAMES(X)                                                                                 \
    X(SLUICE_ON_OFFSET_LOST_STOP, "stop")                                                                              \
    X(SLUICE_ON_OFFSET_LOST_EARLIEST, "earliest")
#define SLUICE_TABLES_MODE_NAMES(X)                                                                                    \
    X(SLUICE_MODE_REPLACE, "replace")                                                                                  \
    X(SLUICE_MODE_LOG, "log")
#define SLUICE_RECORDS_LAYOUT_NAMES(X)                                                                                 \
    X(SLUICE_RECORDS_AUTO, "auto")                                                                                     \
    X(SLUICE_RECORDS_ENVELOPE, "envelope")                                                                             \
    X(SLUICE_RECORDS_FLATTENED, "flattened")
#define SLUICE_VERSION_MODE_NAMES(X)                                                                                   \
    X(SLUICE_VERSION_LOG_POSITION, "log_position")                                                                     \
    X(SLUICE_VERSION_LSN, "lsn")                                                                                       \
    X(SLUICE_VERSION_OFFSET, "offset")
#define SLUICE_VERSION_ON_NEW_HISTORY_NAMES(X)                                                                         \
    X(SLUICE_NEW_HISTORY_GENERATION, "new_generation")                                                                 \
    X(SLUICE_NEW_HISTORY_STOP, "stop")

enum sluice_delivery { SLUICE_DELIVERY_NAMES(SLUICE_NAME_ENUM) SLUICE_N_DELIVERIES };
enum sluice_format { SLUICE_FORMAT_NAMES(SLUICE_NAME_ENUM) SLUICE_N_FORMATS };
enum sluice_on_bad_record { SLUICE_ON_BAD_RECORD_NAMES(SLUICE_NAME_ENUM) SLUICE_N_ON_BAD_RECORD };
enum sluice_dead_letters_payload { SLUICE_DEAD_LETTERS_PAYLOAD_NAMES(SLUICE_NAME_ENUM) SLUICE_N_DEAD_LETTERS_PAYLOADS };
enum sluice_ledger_choice { SLUICE_LEDGER_CHOICE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_LEDGER_CHOICES };
enum sluice_on_offset_lost { SLUICE_ON_OFFSET_LOST_NAMES(SLUICE_NAME_ENUM) SLUICE_N_ON_OFFSET_LOST };
enum sluice_tables_mode { SLUICE_TABLES_MODE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_TABLES_MODES };
enum sluice_records_layout { SLUICE_RECORDS_LAYOUT_NAMES(SLUICE_NAME_ENUM) SLUICE_N_RECORDS_LAYOUTS };
enum sluice_version_mode { SLUICE_VERSION_MODE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_VERSION_MODES };
enum sluice_version_on_new_history {
    SLUICE_VERSION_ON_NEW_HISTORY_NAMES(SLUICE_NAME_ENUM) SLUICE_N_VERSION_ON_NEW_HISTORY
};

/* Room for a topic's name, NUL included: Kafka allows 249 bytes. */
enum { SLUICE_TOPIC_SIZE = 250 };

struct sluice_config_list {
    const char *const *items; /* NUL-terminated; NULL when empty */
    size_t n_items;
};

/* A librdkafka property of `kafka.*`, without the prefix ("security.protocol"). */
struct sluice_config_property {
    const char *key;
    const char *value;
    bool secret; /* never shown */
};

struct sluice_config_details; /* the arena, and where each value came from */

struct sluice_config {
#define SLUICE_FIELD_STRING(field)                             const char *field;
#define SLUICE_FIELD_SECRET(field)                             const char *field;
#define SLUICE_FIELD_URL_LIST(field)                           struct sluice_config_list field;
#define SLUICE_FIELD_LIST(field)                               struct sluice_config_list field;
#define SLUICE_FIELD_BOOL(field)                               bool field;
#define SLUICE_FIELD_INT(field)                                int64_t field;
#define SLUICE_FIELD_BYTES(field)                              int64_t field;
#define SLUICE_FIELD_DURATION(field)                           int64_t field;
#define SLUICE_FIELD_ENUM(field)                               enum sluice_##field field;
#define OPT(key, type, field, default_, min, max, flags, text) SLUICE_FIELD_##type(field)
#include "sluice/options.def"
#undef OPT
    /* Everything under kafka. that is not an option of its own, in the order given, for rd_kafka_conf_set(). Keys on
     * which delivery rests are refused when loading; bootstrap.servers and group.id are fields, not in here. */
    const struct sluice_config_property *kafka_properties;
    size_t n_kafka_properties;
    struct sluice_config_details *details;
};

/* Reads `path` (NULL: no file), then applies `sets` ("key=value", the value a YAML scalar or flow list), checks
 * everything. Errors: SLUICE_E_CONFIG with "file:line: key: what; remedy", SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_config_load(const char *path, const char *const *sets, size_t n_sets,
                                                      struct sluice_config **out, struct sluice_error *err);
/* Loads again what `current` was loaded from. */
SLUICE_MUST_CHECK enum sluice_code sluice_config_reload(const struct sluice_config *current, struct sluice_config **out,
                                                        struct sluice_error *err);
/* The first option that differs and needs a restart to take effect, or NULL. A kafka property counts as "kafka.*". */
const char *sluice_config_restart_key(const struct sluice_config *current, const struct sluice_config *next);
/* NULL does nothing. */
void sluice_config_free(struct sluice_config *config);

/* True when a rule has a transform: for the fields of records whose table is not known. */
bool sluice_config_has_transforms(const struct sluice_config *config);
/* The value of a property in kafka_properties, or NULL. */
const char *sluice_config_kafka_property(const struct sluice_config *config, const char *key);

/* Each option with its effective value and source, secrets masked. Errors of these five: SLUICE_E_IO, _NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_config_show(const struct sluice_config *config, FILE *out, bool json,
                                                      struct sluice_error *err);
/* A line for each option, for --help. */
SLUICE_MUST_CHECK enum sluice_code sluice_config_help(FILE *out, struct sluice_error *err);
/* docs/configuration.md, schemas/config.schema.json and schemas/sluice.sample.yaml */
SLUICE_MUST_CHECK enum sluice_code sluice_config_docs(FILE *out, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_config_schema(FILE *out, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_config_sample(FILE *out, struct sluice_error *err);

#endif
