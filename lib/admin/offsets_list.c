/* offsets_list.c - `sluice offsets list` and `export`; see sluice/offsets.h. */
#include "admin/grid.h"
#include "admin/offsets_view.h"
#include "config/output.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct grid_column columns[] = {
    {"TOPIC", false, 0}, {"PARTITION", true, 0}, {"COMMITTED", true, 0}, {"END", true, 2},
    {"LAG", true, 0},    {"LEDGER", true, 1},    {"MEMBER", false, 3},
};

/* The member of each partition, by the place of its entry; "" where there is none. */
struct holders {
    const struct ledger_view *view;
    char (*names)[128];
};

static void visit_holder(void *context, const char *client_id, const char *host, const char *topic, int32_t partition)
{
    const struct holders *holders = context;
    const struct ledger_entry *entry = offsets_view_find(holders->view, sluice_str_from(topic), partition);
    if (entry != NULL)
        (void)snprintf(holders->names[entry - holders->view->entries], sizeof holders->names[0], "%s (%s)", client_id,
                       host);
}

/* Negative: not known. */
static int64_t lag_of(const struct partition_facts *facts)
{
    if (!facts->has_ends || facts->commit.offset < 0)
        return -1;
    return facts->high > facts->commit.offset ? facts->high - facts->commit.offset : 0;
}

static enum sluice_code add_number(struct grid *grid, int64_t number, struct sluice_error *err)
{
    return number >= 0 ? grid_cell(grid, err, "%" PRId64, number) : grid_cell(grid, err, "-");
}

static enum sluice_code add_row(struct grid *grid, const struct ledger_entry *entry, const char *member,
                                struct sluice_error *err)
{
    const struct partition_facts *facts = &entry->facts;
    const int64_t numbers[] = {facts->commit.offset, facts->has_ends ? facts->high : -1, lag_of(facts),
                               ledger_view_next(entry)};
    enum sluice_code code = grid_cell(grid, err, "%s", entry->topic);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRId32, entry->partition);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(numbers) && code == SLUICE_OK; i++)
        code = add_number(grid, numbers[i], err);
    return code == SLUICE_OK ? grid_cell(grid, err, "%s", member[0] != '\0' ? member : "-") : code;
}

static enum sluice_code print_table(const struct holders *holders, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(grid) struct grid grid = {0};
    const struct ledger_view *view = holders->view;
    enum sluice_code code = grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), view->n_entries, err);
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++)
        code = add_row(&grid, &view->entries[i], holders->names[i], err);
    if (code != SLUICE_OK)
        return code;
    (void)fprintf(out, "group: %s\n\n", view->group_id);
    grid_print(&grid, out, grid_terminal_width(out));
    return config_output_end(out, err);
}

static json_t *number_json(int64_t number)
{
    return number >= 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *entry_json(const struct ledger_view *view, const struct ledger_entry *entry, const char *member)
{
    const struct partition_facts *facts = &entry->facts;
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:s}", "group", view->group_id, "topic", entry->topic,
                     "partition", (int)entry->partition, "committed", number_json(facts->commit.offset), "start",
                     number_json(facts->has_ends ? facts->low : -1), "end",
                     number_json(facts->has_ends ? facts->high : -1), "lag", number_json(lag_of(facts)), "ledger_next",
                     number_json(ledger_view_next(entry)), "member", member);
}

static enum sluice_code print_json(const struct holders *holders, FILE *out, struct sluice_error *err)
{
    const struct ledger_view *view = holders->view;
    SLUICE_AUTO(json) json_t *lines = json_array();
    for (size_t i = 0; i < view->n_entries; i++)
        if (json_array_append_new(lines, entry_json(view, &view->entries[i], holders->names[i])) != 0)
            return sluice_error_nomem(err, "the offsets as JSON", 0);
    return config_output_json(lines, out, err);
}

static enum sluice_code print_csv(const struct ledger_view *view, FILE *out, struct sluice_error *err)
{
    for (size_t i = 0; i < view->n_entries; i++)
        if (view->entries[i].facts.commit.offset >= 0)
            (void)fprintf(out, "%s,%" PRId32 ",%" PRId64 "\n", view->entries[i].topic, view->entries[i].partition,
                          view->entries[i].facts.commit.offset);
    return config_output_end(out, err);
}

static enum sluice_code print(const struct ledger_view *view, FILE *out, enum sluice_offsets_format format,
                              struct sluice_error *err)
{
    struct holders holders = {view, calloc(view->n_entries, sizeof *holders.names)};
    enum sluice_code code = SLUICE_OK;
    if (holders.names == NULL)
        return sluice_error_nomem(err, "the members' names", view->n_entries * sizeof *holders.names);
    if (format != SLUICE_OFFSETS_CSV)
        code = sluice_consumer_visit_holders(view->consumer, view->group_id, LEDGER_VIEW_TIMEOUT_MS, visit_holder,
                                             &holders, err);
    if (code == SLUICE_OK)
        code = format == SLUICE_OFFSETS_JSON  ? print_json(&holders, out, err)
               : format == SLUICE_OFFSETS_CSV ? print_csv(view, out, err)
                                              : print_table(&holders, out, err);
    free(holders.names);
    return code;
}

enum sluice_code sluice_offsets_list(const struct sluice_config *config, const struct sluice_offsets_scope *scope,
                                     FILE *out, enum sluice_offsets_format format, struct sluice_error *err)
{
    SLUICE_AUTO(offsets_scope) struct offsets_scope parsed = {0};
    struct ledger_view view = {0};
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = offsets_scope_init(&parsed, scope, err);
    if (code == SLUICE_OK)
        code = offsets_view_read(&view, config, SLUICE_LEDGER_TO_LOOK, &parsed, err);
    if (code == SLUICE_OK)
        code = print(&view, out, format, err);
    ledger_view_deinit(&view);
    curl_global_cleanup();
    return code;
}
