/* ledger_view.c - see ledger_view.h. */
#include "admin/ledger_view.h"

#include "admin/record_check.h"
#include "pipeline/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Each comparison is a fetch of its own, some milliseconds. */
enum { MAX_BYTES = 256 << 20, MAX_PARTITIONS = 65536, MAX_COMPARED = 512 };

/* --- which partitions there are ----------------------------------------------------------------------------------- */

/* What the visitors of one call share. */
struct reading {
    struct ledger_view *view;
    const struct ledger_filter *filter;
    struct sluice_error *err;
    enum sluice_code code;
};

static struct ledger_entry *find(const struct ledger_view *view, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < view->n_entries; i++)
        if (view->entries[i].partition == partition && strcmp(view->entries[i].topic, topic) == 0)
            return &view->entries[i];
    return NULL;
}

static bool is_selected(const struct reading *reading, const char *topic, int32_t partition)
{
    return reading->filter->takes(reading->filter->context, topic, partition);
}

static bool grow(struct reading *reading)
{
    struct ledger_view *view = reading->view;
    if (view->n_entries < view->max_entries)
        return true;
    size_t max = view->max_entries == 0 ? 64 : view->max_entries * 2;
    struct ledger_entry *entries = max > MAX_PARTITIONS ? NULL : realloc(view->entries, max * sizeof *entries);
    if (entries == NULL) {
        reading->code = sluice_error_nomem(reading->err, "the partitions", max * sizeof *entries);
        return false;
    }
    view->entries = entries;
    view->max_entries = max;
    return true;
}

static void add(struct reading *reading, const char *topic, int32_t partition, bool has_topic)
{
    struct ledger_view *view = reading->view;
    if (reading->code != SLUICE_OK || !grow(reading))
        return;
    const char *name = sluice_arena_copy(&view->arena, sluice_str_from(topic), reading->err);
    if (name == NULL) {
        reading->code = reading->err->code;
        return;
    }
    struct ledger_entry *entry = &view->entries[view->n_entries++];
    *entry = (struct ledger_entry){.topic = name, .partition = partition, .has_topic = has_topic, .text = ""};
    if (view->ledger != NULL)
        entry->facts.kind = sluice_ledger_kind(view->ledger);
    sluice_ledger_row_init(&entry->facts.row);
}

static void visit_topic(void *context, const char *topic, int n_partitions)
{
    struct reading *reading = context;
    for (int32_t i = 0; i < n_partitions; i++)
        if (is_selected(reading, topic, i) && find(reading->view, topic, i) == NULL)
            add(reading, topic, i, true);
}

static void visit_key(void *context, const struct sluice_ledger_found *found)
{
    struct reading *reading = context;
    if (is_selected(reading, found->topic, found->partition) &&
        find(reading->view, found->topic, found->partition) == NULL)
        add(reading, found->topic, found->partition, false);
}

static void visit_row(void *context, const struct sluice_ledger_found *found)
{
    struct reading *reading = context;
    struct ledger_entry *entry = find(reading->view, found->topic, found->partition);
    if (entry == NULL)
        return;
    entry->facts.exists = true;
    entry->facts.is_damaged = found->is_damaged;
    entry->facts.row = found->row;
    entry->written_ms = found->written_ms;
}

static int compare_entries(const void *a, const void *b)
{
    const struct ledger_entry *left = a;
    const struct ledger_entry *right = b;
    int order = strcmp(left->topic, right->topic);
    return order != 0 ? order : (left->partition > right->partition) - (left->partition < right->partition);
}

/* --- what is known of each ---------------------------------------------------------------------------------------- */

/* A partition without a leader is shown all the same, only without the comparison with its records. */
static void read_ends(struct ledger_view *view, struct ledger_entry *entry)
{
    struct sluice_error ignored;
    struct partition_facts *facts = &entry->facts;
    facts->high =
        sluice_consumer_ask_end_offset(view->consumer, entry->topic, entry->partition, LEDGER_VIEW_TIMEOUT_MS);
    facts->has_ends =
        facts->high >= 0 && sluice_consumer_start_offset(view->consumer, entry->topic, entry->partition,
                                                         LEDGER_VIEW_TIMEOUT_MS, &facts->low, &ignored) == SLUICE_OK;
}

static enum sluice_code read_commit(struct ledger_view *view, struct ledger_entry *entry, struct sluice_error *err)
{
    char metadata[SLUICE_LEDGER_TEXT];
    int64_t offset = -1;
    enum sluice_code code = sluice_consumer_committed(view->consumer, entry->topic, entry->partition,
                                                      LEDGER_VIEW_TIMEOUT_MS, &offset, metadata, sizeof metadata, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "topic \"%s\" partition %d", entry->topic, (int)entry->partition);
    if (view->ledger != NULL)
        entry->facts.commit =
            commit_from(sluice_ledger_kind(view->ledger), sluice_ledger_path(view->ledger), offset, metadata);
    else
        entry->facts.commit.offset = offset;
    if (entry->has_topic)
        read_ends(view, entry);
    entry->text = sluice_arena_copy(&view->arena, sluice_str_from(metadata), err);
    return entry->text != NULL ? SLUICE_OK : err->code;
}

static enum sluice_code list_partitions(struct ledger_view *view, struct reading *reading, struct sluice_error *err)
{
    enum sluice_code code =
        sluice_consumer_visit_topics(view->consumer, LEDGER_VIEW_TIMEOUT_MS, visit_topic, reading, err);
    if (code == SLUICE_OK && view->ledger != NULL)
        code = sluice_ledger_visit(view->ledger, visit_key, reading, err);
    if (code == SLUICE_OK)
        code = reading->code;
    if (code != SLUICE_OK)
        return code;
    if (view->n_entries > 0)
        qsort(view->entries, view->n_entries, sizeof *view->entries, compare_entries);
    return SLUICE_OK;
}

static enum sluice_code open_both(struct ledger_view *view, const struct sluice_config *config,
                                  enum sluice_ledger_use use, struct sluice_error *err)
{
    char cluster[SLUICE_KAFKA_CLUSTER_ID];
    view->group_id = config->kafka_group_id;
    enum sluice_code code = reader_consumer_new(config, &sluice_consumer_no_handler, &view->consumer, err);
    if (code == SLUICE_OK)
        code = sluice_consumer_ping(view->consumer, LEDGER_VIEW_TIMEOUT_MS, err);
    if (config->delivery != SLUICE_DELIVERY_EXACTLY_ONCE)
        return code;
    if (code == SLUICE_OK)
        code = sluice_consumer_cluster_id(view->consumer, LEDGER_VIEW_TIMEOUT_MS, cluster, err);
    if (code == SLUICE_OK)
        code = sluice_ledger_open(config, cluster, use, NULL, &view->ledger, view->reason, err);
    return code;
}

/* A topic that was deleted and made again under its name may have the offset to go on from, of another record. */
static void compare_record(struct sluice_samples *samples, struct ledger_entry *entry)
{
    struct partition_facts *facts = &entry->facts;
    const struct sluice_ledger_row *row = &entry->foresight.row;
    const struct sluice_ledger_check *checks[] = {&row->check, &row->last};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(checks) && !facts->is_other_topic; i++)
        if (checks[i]->offset >= facts->low && checks[i]->offset < facts->high)
            facts->is_other_topic =
                record_check_differs(samples, entry->topic, entry->partition, checks[i], LEDGER_VIEW_TIMEOUT_MS);
}

static enum sluice_code compare_records(struct ledger_view *view, const struct sluice_config *config,
                                        struct sluice_error *err)
{
    SLUICE_AUTO(sluice_samples) struct sluice_samples *samples = NULL;
    enum sluice_code code = sluice_samples_new(config, &samples, err);
    view->is_compared = view->n_entries <= MAX_COMPARED;
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK && view->is_compared; i++) {
        struct ledger_entry *entry = &view->entries[i];
        if (!entry->facts.has_ends || foresight_is_stop(&entry->foresight))
            continue;
        compare_record(samples, entry);
        entry->foresight = foresee(&entry->facts);
    }
    return code;
}

static enum sluice_code read_rows(struct ledger_view *view, struct reading *reading, bool from_earliest,
                                  struct sluice_error *err)
{
    enum sluice_code code = sluice_ledger_visit(view->ledger, visit_row, reading, err);
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++) {
        view->entries[i].facts.from_earliest = from_earliest;
        view->entries[i].foresight = foresee(&view->entries[i].facts);
    }
    return code;
}

enum sluice_code ledger_view_read_filtered(struct ledger_view *view, const struct sluice_config *config,
                                           enum sluice_ledger_use use, const struct ledger_filter *filter,
                                           struct sluice_error *err)
{
    struct reading reading = {.view = view, .filter = filter, .err = err};
    *view = (struct ledger_view){0};
    sluice_arena_init(&view->arena, MAX_BYTES, "the partitions of the pipeline");
    enum sluice_code code = open_both(view, config, use, err);
    if (code == SLUICE_OK)
        code = list_partitions(view, &reading, err);
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++)
        code = read_commit(view, &view->entries[i], err);
    if (code == SLUICE_OK && view->ledger != NULL)
        code = read_rows(view, &reading, config->on_offset_lost == SLUICE_ON_OFFSET_LOST_EARLIEST, err);
    if (code == SLUICE_OK && view->ledger != NULL)
        code = compare_records(view, config, err);
    return code;
}

static bool takes_selected(const void *context, const char *topic, int32_t partition)
{
    const struct sluice_ledger_selection *s = context;
    return (s->topic == NULL || strcmp(s->topic, topic) == 0) && (s->partition < 0 || s->partition == partition);
}

enum sluice_code ledger_view_read(struct ledger_view *view, const struct sluice_config *config,
                                  enum sluice_ledger_use use, const struct sluice_ledger_selection *selection,
                                  struct sluice_error *err)
{
    const struct ledger_filter filter = {takes_selected, selection};
    *view = (struct ledger_view){0};
    if (config->delivery != SLUICE_DELIVERY_EXACTLY_ONCE)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "delivery is at_least_once, which keeps no ledger; its state is the group's offsets, "
                                "see sluice offsets");
    enum sluice_code code = ledger_view_read_filtered(view, config, use, &filter, err);
    if (code == SLUICE_OK && view->n_entries == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "no partition is selected: kafka.topics matches none of this name and the ledger has "
                                "no row of it");
    return code;
}

void ledger_view_deinit(struct ledger_view *view)
{
    free(view->entries);
    sluice_arena_deinit(&view->arena);
    sluice_ledger_free(view->ledger);
    sluice_consumer_free(view->consumer);
    *view = (struct ledger_view){0};
}

int64_t ledger_view_next(const struct ledger_entry *entry)
{
    const struct partition_facts *facts = &entry->facts;
    if (!facts->exists || facts->is_damaged)
        return -1;
    return entry->foresight.start == SLUICE_LEDGER_FROM_COMMIT ? entry->foresight.row.next : facts->row.next;
}

const struct ledger_entry *ledger_view_stopped(const struct ledger_view *view, enum sluice_ledger_state state,
                                               size_t *n)
{
    const struct ledger_entry *first = NULL;
    *n = 0;
    for (size_t i = 0; i < view->n_entries; i++) {
        if (view->entries[i].foresight.state != state || !foresight_is_stop(&view->entries[i].foresight))
            continue;
        first = (*n)++ == 0 ? &view->entries[i] : first;
    }
    return first;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

struct member_text {
    char *text;
    size_t size;
    size_t length;
};

static void visit_member(void *context, const char *client_id, const char *host)
{
    struct member_text *text = context;
    int n = snprintf(text->text + text->length, text->size - text->length, "%s%s (%s)", text->length > 0 ? ", " : "",
                     client_id, host);
    if (n > 0 && text->length + (size_t)n < text->size)
        text->length += (size_t)n;
    else
        text->text[text->length] = '\0'; /* as many whole names as fit */
}

enum sluice_code ledger_view_refuse_members(const struct ledger_view *view, struct sluice_error *err)
{
    char names[400] = "";
    struct member_text members = {.text = names, .size = sizeof names};
    enum sluice_code code = sluice_consumer_visit_members(view->consumer, view->group_id, LEDGER_VIEW_TIMEOUT_MS,
                                                          visit_member, &members, err);
    if (code != SLUICE_OK || names[0] == '\0')
        return code;
    return sluice_error_set(
        err, SLUICE_E_UNSAFE, SLUICE_STOP,
        "the group \"%s\" has members: %s; stop the workers first, and wait until the group has let "
        "go of them (session.timeout.ms)",
        view->group_id, names);
}

void ledger_view_time(int64_t wall_ms, char text[32])
{
    struct tm parts;
    const time_t seconds = (time_t)(wall_ms / 1000);
    if (wall_ms <= 0 || gmtime_r(&seconds, &parts) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        text[0] = '\0';
}
