/* What ledger.c adds to a backend: empty results on entry, nothing asked for nothing, the counts. */
#include "ledger/backend.h"

#include "support/check.h"

static enum sluice_code answer;
static int n_runs;
static bool freed;

/* Writes what is wanted, apart from odd partitions, which somebody else has. */
static enum sluice_code fake_run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n,
                                 struct sluice_error *err)
{
    (void)err;
    ledger->counts.n_statements += 2;
    n_runs++;
    for (size_t i = 0; i < n; i++) {
        CHECK(!calls[i].exists && !calls[i].conflict && calls[i].written_ms == 0 && calls[i].row.next == -1);
        calls[i].exists = true;
        if (calls[i].is_write && calls[i].partition % 2 == 0)
            calls[i].row = calls[i].wanted;
        else
            calls[i].conflict = calls[i].is_write;
    }
    return answer;
}

static enum sluice_code fake_prepare(struct sluice_ledger *ledger, struct sluice_error *err)
{
    (void)ledger;
    return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_STOP, "prepare");
}

static enum sluice_code fake_look(struct sluice_ledger *ledger, struct sluice_error *err)
{
    (void)ledger;
    return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP, "look");
}

static enum sluice_code fake_visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit, void *context,
                                   struct sluice_error *err)
{
    (void)err;
    struct sluice_ledger_found found = {
        .topic = "t", .partition = (int32_t)ledger->counts.n_statements, .written_ms = 5};
    sluice_ledger_row_init(&found.row);
    visit(context, &found);
    return SLUICE_OK;
}

static void fake_free(struct sluice_ledger *ledger)
{
    (void)ledger;
    freed = true;
}

static const struct ledger_backend fake = {.kind = SLUICE_LEDGER_KAFKA,
                                           .run = fake_run,
                                           .prepare = fake_prepare,
                                           .look = fake_look,
                                           .visit = fake_visit,
                                           .free = fake_free};

static void keep_partition(void *context, const struct sluice_ledger_found *found)
{
    *(int32_t *)context = found->partition;
    CHECK_TEXT(found->topic, "t");
    CHECK_INT(found->row.hi, -1);
    CHECK_INT(found->written_ms, 5);
}

static void test_counts(struct sluice_ledger *ledger)
{
    struct sluice_error err;
    struct sluice_ledger_call calls[3];
    for (int32_t i = 0; i < 3; i++)
        calls[i] = (struct sluice_ledger_call){.partition = i, .is_write = true, .exists = true, .written_ms = 7};
    calls[2].is_write = false;
    CHECK_INT(sluice_ledger_run(ledger, calls, 0, &err), SLUICE_OK);
    CHECK_INT(n_runs, 0);
    CHECK_INT(sluice_ledger_run(ledger, calls, 3, &err), SLUICE_OK);
    answer = SLUICE_E_SERVER; /* nothing is known about the writes, so none is counted */
    CHECK_INT(sluice_ledger_run(ledger, calls, 3, &err), SLUICE_E_SERVER);
    struct sluice_ledger_counts counts = sluice_ledger_counts(ledger);
    CHECK_INT(counts.n_statements, 4);
    CHECK_INT(counts.n_writes, 1);
    CHECK_INT(counts.n_conflicts, 1);
}

int main(void)
{
    struct sluice_ledger ledger = {.backend = &fake};
    struct sluice_error err;
    int32_t partition = -1;
    test_counts(&ledger);
    CHECK_INT(sluice_ledger_prepare(&ledger, &err), SLUICE_E_LEDGER);
    CHECK_INT(sluice_ledger_look(&ledger, &err), SLUICE_E_SERVER);
    CHECK_INT(sluice_ledger_visit(&ledger, keep_partition, &partition, &err), SLUICE_OK);
    CHECK_INT(partition, 4);
    CHECK_INT(sluice_ledger_kind(&ledger), SLUICE_LEDGER_KAFKA);
    CHECK_TEXT(sluice_ledger_path(&ledger), "-");
    sluice_ledger_free(NULL);
    CHECK(!freed);
    sluice_ledger_free(&ledger);
    CHECK(freed);
    return check_result();
}
