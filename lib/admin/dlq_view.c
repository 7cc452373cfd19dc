/* dlq_view.c - see dlq_view.h. Keys and values are not kept: they are read again where they are needed. */
#include "admin/dlq_view.h"

#include "admin/grid.h"
#include "config/output.h"
#include "kafka/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_EVENTS = 1000000, ARENA_BYTES = 1 << 30, TIMEOUT_MS = 30000 };

struct reading {
    struct dlq_view *view;
    struct dlq_entry *events; /* records of the topic: letters, and markers of what became of one */
    size_t n_events;
    size_t max_events;
    int32_t partition;
    struct sluice_error *err;
    enum sluice_code code;
};

const char *dlq_state_label(enum dlq_state state)
{
    static const char *const labels[] = {"open", "replayed", "purged"};
    return labels[state];
}

void dlq_time_text(int64_t time_ms, char text[DLQ_TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    size_t used = strftime(text, DLQ_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, DLQ_TIME_SIZE - used, ".%03dZ", (int)(time_ms % 1000));
}

/* ---- reading ---- */

static const char *header_text(struct reading *r, const rd_kafka_headers_t *headers, const char *name)
{
    char text[SLUICE_LETTER_TEXT];
    if (r->code != SLUICE_OK || !sluice_letter_header(headers, name, text, sizeof text))
        return "";
    const char *copy = sluice_arena_copy(&r->view->arena, sluice_str_from(text), r->err);
    r->code = copy != NULL ? SLUICE_OK : r->err->code;
    return copy != NULL ? copy : "";
}

static int64_t header_number(const rd_kafka_headers_t *headers, const char *name)
{
    char text[24];
    char *end = NULL;
    if (!sluice_letter_header(headers, name, text, sizeof text))
        return -1;
    long long number = strtoll(text, &end, 10);
    return end != text && *end == '\0' && number >= 0 ? number : -1;
}

static bool has_header(const rd_kafka_headers_t *headers, const char *name)
{
    char text[SLUICE_LETTER_TEXT];
    return sluice_letter_header(headers, name, text, sizeof text);
}

static struct dlq_entry *add_event(struct reading *r)
{
    if (r->n_events == MAX_EVENTS) {
        r->code = sluice_error_set(r->err, SLUICE_E_LIMIT, SLUICE_STOP,
                                   "the dead-letter topic has more than %d records; take a new one "
                                   "(dead_letters.topic), and delete this one when it is done with",
                                   (int)MAX_EVENTS);
        return NULL;
    }
    if (r->n_events == r->max_events) {
        size_t max = r->max_events > 0 ? r->max_events * 2 : 256;
        struct dlq_entry *grown = realloc(r->events, max * sizeof *grown);
        if (grown == NULL) {
            r->code = sluice_error_nomem(r->err, "dead letters", max * sizeof *grown);
            return NULL;
        }
        r->events = grown;
        r->max_events = max;
    }
    return &r->events[r->n_events++];
}

/* Records of the topic that are none of ours are left where they are. */
static bool take_record(void *context, const rd_kafka_message_t *message)
{
    struct reading *r = context;
    rd_kafka_headers_t *headers = sluice_kafka_message_ops.copy_headers(message);
    int64_t partition = header_number(headers, "__sluice.partition");
    int64_t offset = header_number(headers, "__sluice.offset");
    bool is_ours = has_header(headers, "__sluice.topic") && partition >= 0 && partition <= INT32_MAX && offset >= 0;
    struct dlq_entry *entry = is_ours ? add_event(r) : NULL;
    if (entry != NULL) {
        enum dlq_state state = has_header(headers, "__sluice.purged")     ? DLQ_PURGED
                               : has_header(headers, "__sluice.replayed") ? DLQ_REPLAYED
                                                                          : DLQ_OPEN;
        *entry = (struct dlq_entry){.topic = header_text(r, headers, "__sluice.topic"),
                                    .partition = (int32_t)partition,
                                    .offset = offset,
                                    .letter_partition = r->partition,
                                    .letter_offset = message->offset,
                                    .state = state};
        if (state == DLQ_OPEN) {
            entry->table = header_text(r, headers, "__sluice.table");
            entry->code = header_text(r, headers, "__sluice.code");
            entry->text = header_text(r, headers, "__sluice.text");
            entry->version = header_text(r, headers, "__sluice.version");
            entry->attempt = header_number(headers, "__sluice.attempt");
            entry->time_ms = header_number(headers, "__sluice.time");
            entry->has_record = !has_header(headers, "__sluice.payload");
            entry->n_bytes = message->len + message->key_len;
        }
    }
    rd_kafka_headers_destroy(headers);
    return r->code == SLUICE_OK;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_events(const void *left, const void *right)
{
    const struct dlq_entry *a = left;
    const struct dlq_entry *b = right;
    int order = strcmp(a->topic, b->topic);
    if (order == 0)
        order = compare_numbers(a->partition, b->partition);
    if (order == 0)
        order = compare_numbers(a->offset, b->offset);
    if (order == 0)
        order = compare_numbers(a->letter_partition, b->letter_partition);
    return order != 0 ? order : compare_numbers(a->letter_offset, b->letter_offset);
}

static int compare_times(const void *left, const void *right)
{
    const struct dlq_entry *a = left;
    const struct dlq_entry *b = right;
    int order = compare_numbers(a->time_ms, b->time_ms);
    return order != 0 ? order : compare_events(left, right);
}

static bool is_same_place(const struct dlq_entry *a, const struct dlq_entry *b)
{
    return a->offset == b->offset && a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

/* Of each place its newest letter, in the state that the marker behind it gives. Works in place. */
static size_t merge(struct dlq_entry *events, size_t n_events)
{
    size_t n = 0;
    if (n_events > 0)
        qsort(events, n_events, sizeof *events, compare_events);
    for (size_t i = 0; i < n_events; i++) {
        struct dlq_entry event = events[i];
        struct dlq_entry *last = n > 0 && is_same_place(&events[n - 1], &event) ? &events[n - 1] : NULL;
        if (event.state != DLQ_OPEN) {
            if (last != NULL) /* else its letter is deleted */
                last->state = event.state;
            continue;
        }
        event.n_letters = last != NULL ? last->n_letters + 1 : 1;
        if (last != NULL)
            *last = event;
        else
            events[n++] = event;
    }
    if (n > 0)
        qsort(events, n, sizeof *events, compare_times);
    return n;
}

static enum sluice_code read_partitions(struct reading *r)
{
    struct dlq_view *view = r->view;
    const char *topic = view->config->dead_letters_topic;
    enum sluice_code code = sluice_samples_partitions(view->samples, topic, TIMEOUT_MS, &view->n_partitions, r->err);
    if (code != SLUICE_OK || view->n_partitions == 0)
        return code;
    view->ends = calloc((size_t)view->n_partitions, sizeof *view->ends);
    if (view->ends == NULL)
        return sluice_error_nomem(r->err, "partitions", sizeof *view->ends);
    for (int32_t i = 0; i < view->n_partitions && code == SLUICE_OK; i++) {
        int64_t low = 0;
        r->partition = i;
        code = sluice_samples_ends(view->samples, topic, i, TIMEOUT_MS, &low, &view->ends[i], r->err);
        if (code == SLUICE_OK && low < view->ends[i])
            code = sluice_samples_scan(view->samples, topic, i, low, view->ends[i] - 1, TIMEOUT_MS, take_record, r,
                                       r->err);
        if (code == SLUICE_OK)
            code = r->code;
    }
    return code;
}

/* ---- selecting ---- */

static bool fits_table(const char *table, const char *asked)
{
    size_t n_table = strlen(table);
    size_t n_asked = strlen(asked);
    if (n_asked > n_table || strcmp(table + n_table - n_asked, asked) != 0)
        return false;
    return n_asked == n_table || table[n_table - n_asked - 1] == '.';
}

static bool is_place_of(const struct dlq_entry *entry, const char *place)
{
    char text[SLUICE_TOPIC_SIZE + 48];
    (void)snprintf(text, sizeof text, "%s:%" PRId32 ":%" PRId64, entry->topic, entry->partition, entry->offset);
    return strcmp(text, place) == 0;
}

static bool fits(const struct dlq_entry *entry, const struct sluice_dlq_filter *filter)
{
    bool fits_place = filter->n_places == 0;
    if (entry->state == DLQ_PURGED || (entry->state == DLQ_REPLAYED && !filter->with_done))
        return false;
    if ((filter->from_ms >= 0 && entry->time_ms < filter->from_ms) ||
        (filter->to_ms >= 0 && entry->time_ms >= filter->to_ms))
        return false;
    if ((filter->table != NULL && !fits_table(entry->table, filter->table)) ||
        (filter->reason != NULL && strcmp(entry->code, filter->reason) != 0))
        return false;
    for (size_t i = 0; i < filter->n_places && !fits_place; i++)
        fits_place = is_place_of(entry, filter->places[i]);
    return fits_place;
}

static enum sluice_code check_places(const struct dlq_view *view, const struct sluice_dlq_filter *filter,
                                     struct sluice_error *err)
{
    for (size_t i = 0; i < filter->n_places; i++) {
        bool found = false;
        for (size_t j = 0; j < view->n_entries && !found; j++)
            found = view->entries[j].state != DLQ_PURGED && is_place_of(&view->entries[j], filter->places[i]);
        if (!found)
            return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                    "there is no dead letter of \"%.300s\"; places are written topic:partition:offset, "
                                    "as sluice dlq list shows them",
                                    filter->places[i]);
    }
    return SLUICE_OK;
}

enum sluice_code dlq_view_read(struct dlq_view *view, const struct sluice_config *config,
                               const struct sluice_dlq_filter *filter, struct sluice_error *err)
{
    struct reading r = {.view = view, .err = err};
    *view = (struct dlq_view){.config = config};
    sluice_arena_init(&view->arena, ARENA_BYTES, "dead letters");
    enum sluice_code code = sluice_samples_new(config, &view->samples, err);
    if (code == SLUICE_OK)
        code = read_partitions(&r);
    view->entries = r.events;
    if (code != SLUICE_OK)
        return code;
    view->n_entries = merge(r.events, r.n_events);
    for (size_t i = 0; i < view->n_entries; i++) {
        view->entries[i].is_selected = fits(&view->entries[i], filter);
        view->n_selected += view->entries[i].is_selected;
    }
    return check_places(view, filter, err);
}

void dlq_view_deinit(struct dlq_view *view)
{
    sluice_samples_free(view->samples);
    sluice_arena_deinit(&view->arena);
    free(view->entries);
    free(view->ends);
}

/* The selected entries by their letters' places, from `at` on. */
struct visiting {
    const struct dlq_entry **entries;
    size_t n_entries;
    size_t at;
    int32_t partition;
    dlq_letter_fn visit;
    void *context;
    enum sluice_code code;
    struct sluice_error *err;
};

static int compare_letters(const void *left, const void *right)
{
    const struct dlq_entry *a = *(const struct dlq_entry *const *)left;
    const struct dlq_entry *b = *(const struct dlq_entry *const *)right;
    int order = compare_numbers(a->letter_partition, b->letter_partition);
    return order != 0 ? order : compare_numbers(a->letter_offset, b->letter_offset);
}

static bool is_next(const struct visiting *v)
{
    return v->at < v->n_entries && v->entries[v->at]->letter_partition == v->partition;
}

static bool visit_record(void *context, const rd_kafka_message_t *message)
{
    struct visiting *v = context;
    while (is_next(v) && v->entries[v->at]->letter_offset < message->offset)
        v->at++; /* deleted meanwhile */
    if (is_next(v) && v->entries[v->at]->letter_offset == message->offset)
        v->code = v->visit(v->context, v->entries[v->at++], message, v->err);
    return v->code == SLUICE_OK && is_next(v);
}

static enum sluice_code visit_all(const struct dlq_view *view, struct visiting *v, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    while (v->at < v->n_entries && code == SLUICE_OK) {
        size_t last = v->at;
        v->partition = v->entries[v->at]->letter_partition;
        while (last + 1 < v->n_entries && v->entries[last + 1]->letter_partition == v->partition)
            last++;
        code = sluice_samples_scan(view->samples, view->config->dead_letters_topic, v->partition,
                                   v->entries[v->at]->letter_offset, v->entries[last]->letter_offset, TIMEOUT_MS,
                                   visit_record, v, err);
        if (code == SLUICE_OK)
            code = v->code;
        v->at = last + 1;
    }
    return code;
}

enum sluice_code dlq_view_visit(const struct dlq_view *view, dlq_letter_fn visit, void *context,
                                struct sluice_error *err)
{
    struct visiting v = {.visit = visit, .context = context, .err = err};
    v.entries = calloc(view->n_selected + 1, sizeof *v.entries);
    if (v.entries == NULL)
        return sluice_error_nomem(err, "dead letters", view->n_selected * sizeof *v.entries);
    for (size_t i = 0; i < view->n_entries; i++)
        if (view->entries[i].is_selected)
            v.entries[v.n_entries++] = &view->entries[i];
    qsort(v.entries, v.n_entries, sizeof *v.entries, compare_letters);
    enum sluice_code code = visit_all(view, &v, err);
    free(v.entries);
    return code;
}

/* ---- printing ---- */

static const struct grid_column columns[] = {
    {"RECORD", false, 0}, {"TABLE", false, 3}, {"REASON", false, 0}, {"REFUSED", false, 2},
    {"TRY", true, 1},     {"STATE", false, 0}, {"ERROR", false, 0},
};

static enum sluice_code add_row(struct grid *grid, const struct dlq_entry *entry, struct sluice_error *err)
{
    char time[DLQ_TIME_SIZE];
    dlq_time_text(entry->time_ms, time);
    enum sluice_code code =
        grid_cell(grid, err, "%s:%" PRId32 ":%" PRId64, entry->topic, entry->partition, entry->offset);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%s", entry->table[0] != '\0' ? entry->table : "-");
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%s", entry->code);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%s", time);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRId64, entry->attempt);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%s%s", dlq_state_label(entry->state), entry->has_record ? "" : ", no record");
    return code == SLUICE_OK ? grid_cell(grid, err, "%s", entry->text) : code;
}

static enum sluice_code print_table(const struct dlq_view *view, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(grid) struct grid grid = {0};
    enum sluice_code code = grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), view->n_selected, err);
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++)
        if (view->entries[i].is_selected)
            code = add_row(&grid, &view->entries[i], err);
    if (code != SLUICE_OK)
        return code;
    (void)fprintf(out, "topic: %s, %zu dead letters\n\n", view->config->dead_letters_topic, view->n_selected);
    if (view->n_selected > 0)
        grid_print(&grid, out, grid_terminal_width(out));
    return config_output_end(out, err);
}

static json_t *entry_json(const struct dlq_entry *entry)
{
    char time[DLQ_TIME_SIZE];
    dlq_time_text(entry->time_ms, time);
    return json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:i, s:I, s:I}", "topic", entry->topic,
                     "partition", (int)entry->partition, "offset", (json_int_t)entry->offset, "table", entry->table,
                     "reason", entry->code, "error", entry->text, "version", entry->version, "refused_at", time,
                     "attempt", (json_int_t)entry->attempt, "state", dlq_state_label(entry->state), "has_record",
                     (int)entry->has_record, "dlq_partition", (int)entry->letter_partition, "dlq_offset",
                     (json_int_t)entry->letter_offset, "letters", (json_int_t)entry->n_letters);
}

static enum sluice_code print_json(const struct dlq_view *view, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *lines = json_array();
    for (size_t i = 0; i < view->n_entries; i++)
        if (view->entries[i].is_selected && json_array_append_new(lines, entry_json(&view->entries[i])) != 0)
            return sluice_error_nomem(err, "the dead letters as JSON", 0);
    return config_output_json(lines, out, err);
}

enum sluice_code dlq_view_print(const struct dlq_view *view, FILE *out, bool json, struct sluice_error *err)
{
    return json ? print_json(view, out, err) : print_table(view, out, err);
}

enum sluice_code sluice_dlq_list(const struct sluice_config *config, const struct sluice_dlq_filter *filter, FILE *out,
                                 bool json, struct sluice_error *err)
{
    SLUICE_AUTO(dlq_view) struct dlq_view view = {0};
    enum sluice_code code = dlq_view_read(&view, config, filter, err);
    return code == SLUICE_OK ? dlq_view_print(&view, out, json, err) : code;
}
