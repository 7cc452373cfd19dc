/* ledger_show.c - `sluice ledger show`; see sluice/ledger.h. */
#include "admin/advice.h"
#include "admin/grid.h"
#include "admin/ledger_view.h"
#include "config/output.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>

enum { PIPE_WIDTH = 100 }; /* of sentences */

static const struct grid_column columns[] = {
    {"TOPIC", false, 0}, {"PARTITION", true, 0},      {"NEXT", true, 0},
    {"OPEN", false, 0},  {"EPOCH", true, 2},          {"COMMITTED", true, 4},
    {"MARK", false, 3},  {"WRITTEN (UTC)", false, 1}, {"A START", false, 0},
};

static enum sluice_code add_row(struct grid *grid, const struct ledger_entry *entry, struct sluice_error *err)
{
    char next[24] = "-";
    char open[64] = "-";
    char committed[24] = "-";
    char written[32];
    char start[FORESIGHT_TEXT];
    const struct sluice_ledger_row *row = &entry->facts.row;
    if (entry->facts.exists && row->next >= 0)
        (void)snprintf(next, sizeof next, "%" PRId64, row->next);
    if (row->hi >= 0)
        (void)snprintf(open, sizeof open, "%" PRId64 "-%" PRId64 " #%" PRIu32, row->next, row->hi, row->attempt);
    if (entry->facts.commit.offset >= 0)
        (void)snprintf(committed, sizeof committed, "%" PRId64, entry->facts.commit.offset);
    ledger_view_time(entry->written_ms, written);
    foresight_text(&entry->foresight, start);
    const char *const texts[] = {
        next, open, NULL, committed, commit_mark(&entry->facts), written, entry->has_topic ? start : "no such topic"};
    enum sluice_code code = grid_cell(grid, err, "%s", entry->topic);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRId32, entry->partition);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(texts) && code == SLUICE_OK; i++) {
        if (texts[i] == NULL && entry->facts.exists)
            code = grid_cell(grid, err, "%" PRIu64, row->epoch);
        else
            code = grid_cell(grid, err, "%s", texts[i] != NULL && texts[i][0] != '\0' ? texts[i] : "-");
    }
    return code;
}

enum { COMMAND = 512 };

/* The command that carries out what is advised; "" where nothing is. */
static void repair_command(const struct ledger_entry *entry, char text[COMMAND])
{
    int64_t offset = entry->has_topic ? advice_offset(&entry->facts, &entry->foresight) : -1;
    text[0] = '\0';
    if (offset < 0)
        return;
    (void)snprintf(text, COMMAND,
                   "sluice ledger repair -c FILE --topic %s --partition %" PRId32 " --to-offset %" PRId64, entry->topic,
                   entry->partition, offset);
}

/* One paragraph for each state that needs a person, with the partitions that are in it. */
static void print_remedies(const struct ledger_view *view, FILE *out)
{
    char command[COMMAND];
    size_t width = grid_terminal_width(out) > 0 ? grid_terminal_width(out) : PIPE_WIDTH;
    for (int state = 0; state < SLUICE_N_LEDGER_STATES; state++) {
        size_t n;
        const struct ledger_entry *first = ledger_view_stopped(view, (enum sluice_ledger_state)state, &n);
        if (first == NULL)
            continue;
        (void)fprintf(out, "\n%s: topic \"%s\" partition %" PRId32, sluice_ledger_state_label(first->foresight.state),
                      first->topic, first->partition);
        if (n > 1)
            (void)fprintf(out, " and %zu more", n - 1);
        (void)fputc('\n', out);
        config_output_wrapped(out, sluice_ledger_state_remedy(first->foresight.state), "  ", width);
        repair_command(first, command);
        if (n > 1)
            (void)fprintf(out, "  $ sluice ledger repair -c FILE --all --as-advised\n");
        else if (command[0] != '\0')
            (void)fprintf(out, "  $ %s\n", command);
    }
}

static enum sluice_code show_table(const struct ledger_view *view, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(grid) struct grid grid = {0};
    enum sluice_code code = grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), view->n_entries, err);
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++)
        code = add_row(&grid, &view->entries[i], err);
    if (code != SLUICE_OK)
        return code;
    (void)fprintf(out, "ledger: %s\n\n", view->reason);
    grid_print(&grid, out, grid_terminal_width(out));
    print_remedies(view, out);
    if (!view->is_compared)
        (void)fprintf(out, "\nThese are many partitions, so their records were not compared with those that were read; "
                           "--topic does it (topic_made_anew).\n");
    return config_output_end(out, err);
}

/* Offsets as numbers, -1 where there is none; owner and resets as hexadecimal text, as in tokens and marks. */
static json_t *entry_json(const struct ledger_entry *entry)
{
    char owner[20];
    char resets[20];
    char start[FORESIGHT_TEXT];
    char command[COMMAND];
    const struct sluice_ledger_row *row = &entry->facts.row;
    const enum sluice_ledger_state state = entry->foresight.state;
    (void)snprintf(owner, sizeof owner, "%" PRIx64, row->owner);
    (void)snprintf(resets, sizeof resets, "%" PRIx64, row->resets);
    foresight_text(&entry->foresight, start);
    repair_command(entry, command);
    return json_pack("{s:s, s:i, s:b, s:b, s:I, s:I, s:i, s:I, s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s}",
                     "topic", entry->topic, "partition", (int)entry->partition, "has_topic", (int)entry->has_topic,
                     "has_row", (int)entry->facts.exists, "next", (json_int_t)row->next, "hi", (json_int_t)row->hi,
                     "attempt", (int)row->attempt, "epoch", (json_int_t)row->epoch, "owner", owner, "seq",
                     (json_int_t)row->seq, "resets", resets, "written_ms", (json_int_t)entry->written_ms, "committed",
                     (json_int_t)entry->facts.commit.offset, "mark", commit_mark(&entry->facts), "state",
                     sluice_ledger_state_label(state), "start", start, "remedy", sluice_ledger_state_remedy(state),
                     "repair", command);
}

static enum sluice_code show_json(const struct ledger_view *view, FILE *out, struct sluice_error *err)
{
    (void)fputs("[", out);
    for (size_t i = 0; i < view->n_entries; i++) {
        json_t *line = entry_json(&view->entries[i]);
        if (line == NULL)
            return sluice_error_nomem(err, "a row of the ledger as JSON", 0);
        (void)fputs(i > 0 ? ",\n " : "\n ", out);
        (void)json_dumpf(line, out, JSON_COMPACT);
        json_decref(line);
    }
    (void)fputs("\n]\n", out);
    return config_output_end(out, err);
}

enum sluice_code sluice_ledger_show(const struct sluice_config *config, const struct sluice_ledger_selection *selection,
                                    FILE *out, bool json, struct sluice_error *err)
{
    struct ledger_view view;
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = ledger_view_read(&view, config, SLUICE_LEDGER_TO_LOOK, selection, err);
    if (code == SLUICE_OK)
        code = json ? show_json(&view, out, err) : show_table(&view, out, err);
    ledger_view_deinit(&view);
    curl_global_cleanup();
    return code;
}
