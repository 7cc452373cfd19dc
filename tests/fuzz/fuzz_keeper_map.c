/* Any bytes as what a KeeperMap holds. */
#include "ch_answers.h"

#include "ledger/ledger.h"

static struct sluice_ledger *make(void)
{
    static const char *const urls[] = {"http://127.0.0.1:1"};
    const struct sluice_ch_options client = {.urls = urls, .n_urls = 1};
    const struct sluice_keeper_map_options options = {.client = &client,
                                                      .database = "shop",
                                                      .table = "sluice_ledger",
                                                      .path = "/sluice_shop",
                                                      .pipeline = "shop",
                                                      .cluster = "c"};
    struct sluice_error err;
    struct sluice_ledger *ledger = NULL;
    if (sluice_ledger_new_keeper_map(&options, &ledger, &err) != SLUICE_OK)
        abort();
    return ledger;
}

static void count(void *context, const struct sluice_ledger_found *found)
{
    size_t *n = context;
    *n += strlen(found->topic) + (found->is_damaged ? 1 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_error err;
    struct sluice_ledger_call calls[] = {{.topic = "t", .is_write = true}, {.topic = "t", .partition = 1}};
    struct sluice_ledger *ledger = make();
    size_t n = 0;
    sluice_ledger_row_init(&calls[0].wanted);
    ch_answers_set(data, size);
    if (sluice_ledger_run(ledger, calls, SLUICE_N_ELEMENTS(calls), &err) == SLUICE_OK && calls[1].is_damaged &&
        !calls[1].exists)
        SLUICE_BUG("a damaged row that is not there");
    (void)sluice_ledger_visit(ledger, count, &n, &err);
    (void)sluice_ledger_look(ledger, &err);
    sluice_ledger_free(ledger);
    return 0;
}
