/* reading.c - see reading.h. */
#include "clickhouse/reading.h"

/* A profile's limits that cut an answer short instead of failing, and what hides rows, would all let stored rows look
 * missing: FINAL hides deleted ones, a cache old states, another replica its lag. */
static const struct {
    const char *name;
    const char *value;
} pinned[READING_N_SETTINGS] = {
    {"final", "0"},
    {"limit", "0"},
    {"offset", "0"},
    {"use_query_cache", "0"},
    {"max_parallel_replicas", "1"},
    {"read_overflow_mode", "throw"},
    {"group_by_overflow_mode", "throw"},
    {"sort_overflow_mode", "throw"},
    {"join_overflow_mode", "throw"},
    {"set_overflow_mode", "throw"},
    {"result_overflow_mode", "throw"},
    {"timeout_overflow_mode", "throw"},
};

void reading_settings(struct sluice_ch_pair out[READING_N_SETTINGS])
{
    for (size_t i = 0; i < READING_N_SETTINGS; i++)
        out[i] = (struct sluice_ch_pair){pinned[i].name, sluice_str_from(pinned[i].value)};
}
