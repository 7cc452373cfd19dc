/* What ClickHouse says about a table and about what is stored: each answer is a part of the input, up to 0xff. The
 * program is linked with --wrap=sluice_ch_query. */
#include "fuzz.h"

#include "clickhouse/schema.h"
#include "table/dedup.h"

static struct sluice_str answers;

enum sluice_code __wrap_sluice_ch_query(struct sluice_ch_client *client, const struct sluice_ch_query *query,
                                        struct sluice_buf *answer, struct sluice_error *err);

enum sluice_code __wrap_sluice_ch_query(struct sluice_ch_client *client, const struct sluice_ch_query *query,
                                        struct sluice_buf *answer, struct sluice_error *err)
{
    const struct sluice_str next = fuzz_part(&answers);
    (void)client;
    (void)query;
    return answer != NULL ? sluice_buf_append(answer, next.ptr, next.len, err) : SLUICE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    bool exists = false;
    answers = (struct sluice_str){(const char *)data, size};
    sluice_target_init(&target);
    if (sluice_ch_read_target(NULL, "shop", "orders", &target, &exists, &err) != SLUICE_OK || !exists)
        return 0;
    if (sluice_ch_read_dedup(NULL, &target, &err) == SLUICE_OK)
        (void)sluice_target_check_exactly_once(&target, 100, &err);
    return 0;
}
