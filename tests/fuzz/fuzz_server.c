/* What ClickHouse says about a table and about what is stored. */
#include "ch_answers.h"

#include "clickhouse/schema.h"
#include "table/dedup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    bool exists = false;
    ch_answers_set(data, size);
    sluice_target_init(&target);
    if (sluice_ch_read_target(NULL, "shop", "orders", &target, &exists, &err) != SLUICE_OK || !exists)
        return 0;
    if (sluice_ch_read_dedup(NULL, &target, &err) == SLUICE_OK)
        (void)sluice_target_check_exactly_once(&target, 100, &err);
    return 0;
}
