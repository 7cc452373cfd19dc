/* kafka_offsets.c - the ledger `kafka`: a row is the text beside the group's committed offset `next`.
 *
 * The broker compares no rows. What stands for a compare-and-set:
 *   - a write carries the membership as captured when the partition was assigned, and the broker refuses it once the
 *     group has gone on to another generation or replaced the member;
 *   - a read is stable: an owner reads after its assignment, so it sees every write that was accepted before it, and
 *     none of them can end differently afterwards;
 *   - within one generation a partition has one owner, whose calls come here one after the other: `expected` is
 * compared with what was read before the write.
 *
 * A row whose `next` is -1 can't be committed (offsets begin at 0). It says that nothing was read yet, so nothing of it
 * has to survive: it is kept in memory, for the membership that wrote it. Another owner finds no row, as if this one
 * had never been there, and the first range of a former owner is refused with its membership.
 *
 * Owner: as ledger.h. Memory: one row per partition that was never committed.
 */
#include "ledger/backend.h"

#include "base/random.h"
#include "kafka/client.h"
#include "kafka/group_offsets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct kept {
    char *topic;
    int32_t partition;
    uint64_t membership;
    struct sluice_ledger_row row;
};

struct kafka_ledger {
    struct sluice_ledger base;
    struct sluice_group_offsets *offsets;
    struct kept *kept;
    size_t n_kept;
    size_t max_kept;
};

/* What run() knows of one call. */
struct plan {
    struct sluice_ledger_call *call;
    bool is_due; /* to be written */
};

static uint64_t membership_of(const struct sluice_ledger_call *call)
{
    return call->membership != NULL ? sluice_kafka_membership_id(call->membership) : 0;
}

/* ---- rows in memory ---- */

static struct kept *find_kept(const struct kafka_ledger *ledger, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < ledger->n_kept; i++) {
        struct kept *kept = &ledger->kept[i];
        if (kept->partition == partition && strcmp(kept->topic, topic) == 0)
            return kept;
    }
    return NULL;
}

static void drop_kept(struct kafka_ledger *ledger, struct kept *kept)
{
    free(kept->topic);
    *kept = ledger->kept[--ledger->n_kept];
}

static struct kept *add_kept(struct kafka_ledger *ledger, const char *topic, int32_t partition)
{
    if (ledger->n_kept == ledger->max_kept) {
        size_t max = ledger->max_kept * 2 + 16;
        struct kept *grown = realloc(ledger->kept, max * sizeof *grown);
        if (grown == NULL)
            return NULL;
        ledger->kept = grown;
        ledger->max_kept = max;
    }
    char *copy = strdup(topic);
    if (copy == NULL)
        return NULL;
    struct kept *kept = &ledger->kept[ledger->n_kept++];
    *kept = (struct kept){.topic = copy, .partition = partition};
    return kept;
}

static enum sluice_code keep_row(struct kafka_ledger *ledger, const struct sluice_ledger_call *call,
                                 struct sluice_error *err)
{
    struct kept *kept = find_kept(ledger, call->topic, call->partition);
    if (kept == NULL)
        kept = add_kept(ledger, call->topic, call->partition);
    if (kept == NULL)
        return sluice_error_nomem(err, "a row of the ledger", sizeof *kept);
    kept->membership = membership_of(call);
    kept->row = call->wanted;
    return SLUICE_OK;
}

/* ---- reading ---- */

static int compare_plans(const void *a, const void *b)
{
    const struct sluice_ledger_call *left = ((const struct plan *)a)->call;
    const struct sluice_ledger_call *right = ((const struct plan *)b)->call;
    int order = strcmp(left->topic, right->topic);
    return order != 0 ? order : (left->partition > right->partition) - (left->partition < right->partition);
}

/* A text of ours that stands beside another offset than its own was copied there, as tools that mirror groups do. */
static bool row_from(const rd_kafka_topic_partition_t *p, struct sluice_ledger_row *row)
{
    char text[SLUICE_LEDGER_TEXT];
    char path[SLUICE_LEDGER_PATH];
    enum sluice_ledger_kind kind;
    kafka_copy_text(p, text, sizeof text);
    return p->offset >= 0 && sluice_ledger_row_parse(row, &kind, path, text) == SLUICE_LEDGER_TEXT_ROW &&
           kind == SLUICE_LEDGER_KAFKA && row->next == p->offset;
}

static void set_result(struct kafka_ledger *ledger, const rd_kafka_topic_partition_t *p,
                       struct sluice_ledger_call *call)
{
    struct kept *kept = find_kept(ledger, call->topic, call->partition);
    if (p->offset >= 0 && kept != NULL) {
        drop_kept(ledger, kept);
        kept = NULL;
    }
    call->exists = row_from(p, &call->row);
    if (kept != NULL && kept->membership == membership_of(call)) {
        call->exists = true;
        call->row = kept->row;
    }
    if (!call->exists)
        sluice_ledger_row_init(&call->row);
}

/* The plans are sorted, so equal partitions are neighbours. */
static enum sluice_code read_rows(struct kafka_ledger *ledger, const struct plan *plans, size_t n_plans,
                                  struct sluice_error *err)
{
    SLUICE_AUTO(kafka_list) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n_plans);
    for (size_t i = 0; i < n_plans; i++) {
        if (i == 0 || compare_plans(&plans[i - 1], &plans[i]) != 0)
            kafka_list_add(list, plans[i].call->topic, plans[i].call->partition, RD_KAFKA_OFFSET_INVALID, NULL);
    }
    enum sluice_code code = sluice_group_offsets_read(ledger->offsets, list, err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_topic_partition_list_sort(list, NULL, NULL); /* by topic and partition, too */
    for (size_t i = 0, at = 0; i < n_plans; i++) {
        if (i > 0 && compare_plans(&plans[i - 1], &plans[i]) != 0)
            at++;
        set_result(ledger, &list->elems[at], plans[i].call);
    }
    return SLUICE_OK;
}

/* ---- writing ---- */

static bool is_as_expected(const struct sluice_ledger_call *call)
{
    if (!call->exists || !call->expected_exists)
        return call->exists == call->expected_exists;
    return call->row.epoch == call->expected.epoch && call->row.owner == call->expected.owner &&
           call->row.seq == call->expected.seq;
}

/* Of two writes to one partition the second one can't find what it expects. */
static void decide(struct plan *plans, size_t n_plans)
{
    bool is_written = false;
    for (size_t i = 0; i < n_plans; i++) {
        struct sluice_ledger_call *call = plans[i].call;
        if (i > 0 && compare_plans(&plans[i - 1], &plans[i]) != 0)
            is_written = false;
        if (!call->is_write)
            continue;
        plans[i].is_due = !is_written && is_as_expected(call);
        call->conflict = !plans[i].is_due;
        is_written = is_written || plans[i].is_due;
    }
}

static enum sluice_code commit(struct kafka_ledger *ledger, rd_kafka_topic_partition_list_t *list,
                               const struct sluice_kafka_membership *membership, struct sluice_error *refusal,
                               struct sluice_error *err)
{
    bool refused = false;
    if (list->cnt == 0)
        return SLUICE_OK;
    ledger->base.counts.n_statements++;
    if (membership == NULL)
        return sluice_group_offsets_set(ledger->offsets, list, err);
    enum sluice_code code = sluice_group_offsets_write(ledger->offsets, list, membership, &refused, err);
    if (code == SLUICE_OK || !refused)
        return code;
    *refusal = *err;
    return SLUICE_OK;
}

/* Everything due that has the membership of plans[first]: one transaction. */
static enum sluice_code write_membership(struct kafka_ledger *ledger, struct plan *plans, size_t n_plans, size_t first,
                                         struct sluice_error *refusal, struct sluice_error *err)
{
    const struct sluice_kafka_membership *membership = plans[first].call->membership;
    uint64_t id = membership_of(plans[first].call);
    SLUICE_AUTO(kafka_list)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)(n_plans - first));
    enum sluice_code code = SLUICE_OK;
    for (size_t i = first; code == SLUICE_OK && i < n_plans; i++) {
        const struct sluice_ledger_call *call = plans[i].call;
        char text[SLUICE_LEDGER_TEXT];
        if (!plans[i].is_due || membership_of(call) != id)
            continue;
        plans[i].is_due = false;
        if (call->wanted.next < 0) {
            code = keep_row(ledger, call, err);
            continue;
        }
        sluice_ledger_row_format(&call->wanted, SLUICE_LEDGER_KAFKA, "-", text);
        kafka_list_add(list, call->topic, call->partition, call->wanted.next, text);
    }
    return code == SLUICE_OK ? commit(ledger, list, membership, refusal, err) : code;
}

/* A refused membership does not keep those of another one from being written; it is reported at the end. */
static enum sluice_code write_rows(struct kafka_ledger *ledger, struct plan *plans, size_t n_plans,
                                   struct sluice_error *err)
{
    struct sluice_error refusal = {.code = SLUICE_OK};
    for (size_t i = 0; i < n_plans; i++) {
        if (!plans[i].is_due)
            continue;
        enum sluice_code code = write_membership(ledger, plans, n_plans, i, &refusal, err);
        if (code != SLUICE_OK)
            return code;
    }
    if (refusal.code != SLUICE_OK)
        *err = refusal;
    return refusal.code;
}

static enum sluice_code run_plans(struct kafka_ledger *ledger, struct plan *plans, size_t n_plans,
                                  struct sluice_error *err)
{
    bool has_writes = false;
    for (size_t i = 0; i < n_plans; i++)
        has_writes = has_writes || plans[i].call->is_write;
    enum sluice_code code = read_rows(ledger, plans, n_plans, err);
    if (code != SLUICE_OK || !has_writes)
        return code;
    decide(plans, n_plans);
    code = write_rows(ledger, plans, n_plans, err);
    return code == SLUICE_OK ? read_rows(ledger, plans, n_plans, err) : code;
}

/* ---- the backend ---- */

static enum sluice_code run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n_calls,
                            struct sluice_error *err)
{
    struct plan *plans = calloc(n_calls, sizeof *plans);
    if (plans == NULL)
        return sluice_error_nomem(err, "a call to the ledger", n_calls * sizeof *plans);
    for (size_t i = 0; i < n_calls; i++)
        plans[i].call = &calls[i];
    qsort(plans, n_calls, sizeof *plans, compare_plans);
    enum sluice_code code = run_plans((struct kafka_ledger *)ledger, plans, n_calls, err);
    free(plans);
    return code;
}

static enum sluice_code visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit_row, void *context,
                              struct sluice_error *err)
{
    struct kafka_ledger *self = (struct kafka_ledger *)ledger;
    SLUICE_AUTO(kafka_list) rd_kafka_topic_partition_list_t *list = NULL;
    enum sluice_code code = sluice_group_offsets_read_all(self->offsets, &list, err);
    for (int i = 0; code == SLUICE_OK && i < list->cnt; i++) {
        struct sluice_ledger_found found = {.topic = list->elems[i].topic, .partition = list->elems[i].partition};
        if (row_from(&list->elems[i], &found.row))
            visit_row(context, &found);
    }
    return code;
}

static void ignore_row(void *context, const struct sluice_ledger_found *found)
{
    (void)context;
    (void)found;
}

/* There is no offset to write to before a partition is assigned; that transactions are allowed at all, and that the
 * group's offsets can be read, is what can be tried. */
static enum sluice_code prepare(struct sluice_ledger *ledger, struct sluice_error *err)
{
    struct kafka_ledger *self = (struct kafka_ledger *)ledger;
    enum sluice_code code = sluice_group_offsets_settle(self->offsets, err);
    return code == SLUICE_OK ? visit(ledger, ignore_row, NULL, err) : code;
}

static enum sluice_code look(struct sluice_ledger *ledger, struct sluice_error *err)
{
    return visit(ledger, ignore_row, NULL, err);
}

static void free_ledger(struct sluice_ledger *ledger)
{
    struct kafka_ledger *self = (struct kafka_ledger *)ledger;
    sluice_group_offsets_free(self->offsets);
    while (self->n_kept > 0)
        drop_kept(self, &self->kept[self->n_kept - 1]);
    free(self->kept);
    free(self);
}

static const struct ledger_backend backend = {
    .kind = SLUICE_LEDGER_KAFKA, .run = run, .prepare = prepare, .look = look, .visit = visit, .free = free_ledger};

enum sluice_code sluice_ledger_new_kafka(const struct sluice_kafka_ledger_options *options, struct sluice_ledger **out,
                                         struct sluice_error *err)
{
    enum { MAX_ID = 249 }; /* longer names make longer records, no safer ones */
    char id[MAX_ID];
    (void)snprintf(id, sizeof id, "sluice-%.200s-%016" PRIx64, options->pipeline, sluice_random_u64());
    struct kafka_ledger *self = calloc(1, sizeof *self);
    if (self == NULL)
        return sluice_error_nomem(err, "the ledger", sizeof *self);
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = &self->base;
    ledger->backend = &backend;
    const struct sluice_group_offsets_options offsets = {.bootstrap_servers = options->bootstrap_servers,
                                                         .group_id = options->group_id,
                                                         .transactional_id = id,
                                                         .extra = options->extra,
                                                         .n_extra = options->n_extra};
    enum sluice_code code = sluice_group_offsets_new(&offsets, &self->offsets, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(ledger);
    return code;
}
