/* offsets_reset.c - `sluice offsets reset` and `import`; see sluice/offsets.h. */
#include "admin/grid.h"
#include "admin/ledger_move.h"
#include "admin/offsets_plan.h"
#include "admin/offsets_view.h"
#include "admin/repair_plan.h"
#include "admin/source_place.h"
#include "base/buf.h"
#include "base/random.h"
#include "config/output.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { FILE_BYTES = 64 << 20 };

struct move {
    const struct ledger_entry *entry;
    int64_t current; /* negative: none */
    struct offsets_step step;
    struct repair_plan plan; /* with a ledger */
    bool is_written;
};

struct resetting {
    const struct sluice_offsets_reset *how;
    FILE *out;
    FILE *log;
    struct ledger_view view;
    struct source_places *places; /* TO_LSN, TO_SOURCE_TIME */
    int64_t *listed;              /* of the file: by entry, negative where it does not name it */
    struct move *moves;
    size_t n_moves;
};

/* ---- the file ---- */

static enum sluice_code read_file(const char *path, struct sluice_buf *text, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    char part[4096];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "open \"%s\": %s", path, strerror(errno));
    for (size_t n; code == SLUICE_OK && (n = fread(part, 1, sizeof part, file)) > 0;)
        code = sluice_buf_append(text, part, n, err);
    if (code == SLUICE_OK && ferror(file) != 0)
        code = sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "read \"%s\": %s", path, strerror(errno));
    (void)fclose(file);
    return code;
}

static enum sluice_code take_line(struct resetting *r, const struct offsets_line *line, struct sluice_error *err)
{
    if (line->group.len > 0 && !sluice_str_equal_z(line->group, r->view.group_id))
        return SLUICE_OK;
    const struct ledger_entry *entry = offsets_view_find(&r->view, line->topic, line->partition);
    if (entry == NULL)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "topic \"%.*s\" partition %" PRId32
                                " is not there, or kafka.topics does not match the topic",
                                SLUICE_STR_ARG(line->topic), line->partition);
    int64_t *listed = &r->listed[entry - r->view.entries];
    if (*listed >= 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "topic \"%s\" partition %" PRId32 " is there twice",
                                entry->topic, entry->partition);
    *listed = line->offset;
    return SLUICE_OK;
}

static enum sluice_code read_listed(struct resetting *r, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    struct offsets_line line;
    bool found = true;
    sluice_buf_init(&text, FILE_BYTES, "a file of offsets");
    enum sluice_code code = read_file(r->how->file, &text, err);
    struct sluice_str rest = sluice_buf_str(&text);
    for (size_t i = 0; i < r->view.n_entries; i++)
        r->listed[i] = -1;
    while (code == SLUICE_OK && found) {
        code = offsets_line_take(&rest, &line, &found, err);
        if (code == SLUICE_OK && found)
            code = take_line(r, &line, err);
    }
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "--from-file \"%s\"", r->how->file);
}

/* ---- the plan ---- */

/* What is committed. Groups expire; where the ledger stands counts then. */
static int64_t current_of(const struct ledger_entry *entry)
{
    return entry->facts.commit.offset >= 0 ? entry->facts.commit.offset : ledger_view_next(entry);
}

static bool is_selected(const struct resetting *r, size_t i)
{
    const struct ledger_entry *entry = &r->view.entries[i];
    if (!entry->has_topic)
        return false;
    if (r->how->to == SLUICE_OFFSETS_FROM_FILE)
        return r->listed[i] >= 0;
    return r->how->scope.n_topics > 0 || current_of(entry) >= 0;
}

/* Of the ways that need records: where what was asked for is. */
static enum sluice_code find_place(struct resetting *r, struct offsets_facts *facts, struct sluice_error *err)
{
    const struct sluice_offsets_reset *how = r->how;
    const struct source_place place = {how->to == SLUICE_OFFSETS_TO_LSN, how->lsn,
                                       how->time_ms < INT64_MAX / 1000 ? how->time_ms * 1000 : INT64_MAX};
    if (how->to == SLUICE_OFFSETS_TO_TIME &&
        sluice_consumer_offset_at_time(r->view.consumer, facts->topic, facts->partition, how->time_ms,
                                       LEDGER_VIEW_TIMEOUT_MS, &facts->found, err) != SLUICE_OK)
        return sluice_error_wrap(err, "topic \"%s\" partition %" PRId32, facts->topic, facts->partition);
    if (how->to != SLUICE_OFFSETS_TO_LSN && how->to != SLUICE_OFFSETS_TO_SOURCE_TIME)
        return SLUICE_OK;
    return source_places_find(r->places, facts->topic, facts->partition, facts->low, facts->high, &place, &facts->found,
                              err);
}

static enum sluice_code plan_move(struct resetting *r, size_t i, struct move *move, struct sluice_error *err)
{
    const struct ledger_entry *entry = &r->view.entries[i];
    const struct sluice_offsets_reset *how = r->how;
    char warning[OFFSETS_WARNING];
    enum sluice_code code = SLUICE_OK;
    *move = (struct move){.entry = entry, .current = current_of(entry)};
    struct offsets_facts facts = {entry->topic,     entry->partition,  move->current, entry->facts.has_ends,
                                  entry->facts.low, entry->facts.high, r->listed[i]};
    if (facts.has_ends)
        code = find_place(r, &facts, err);
    if (code != SLUICE_OK)
        return code;
    code = offsets_plan_step(how->to, how->number, &facts, &move->step, err);
    if (code != SLUICE_OK)
        return code;
    offsets_plan_warning(how->to, &facts, &move->step, warning);
    if (warning[0] != '\0')
        (void)fprintf(r->log, "sluice: warning: topic \"%s\" partition %" PRId32 ": %s\n", entry->topic,
                      entry->partition, warning);
    if (r->view.ledger != NULL)
        repair_plan_make(&move->plan, &entry->facts, move->step.next, sluice_random_u64(), sluice_random_u64());
    return SLUICE_OK;
}

static enum sluice_code make_plan(struct resetting *r, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    r->listed = calloc(r->view.n_entries, sizeof *r->listed);
    r->moves = calloc(r->view.n_entries, sizeof *r->moves);
    if (r->listed == NULL || r->moves == NULL)
        return sluice_error_nomem(err, "the plan of a reset", r->view.n_entries * sizeof *r->moves);
    if (r->how->to == SLUICE_OFFSETS_FROM_FILE)
        code = read_listed(r, err);
    for (size_t i = 0; i < r->view.n_entries && code == SLUICE_OK; i++)
        if (is_selected(r, i))
            code = plan_move(r, i, &r->moves[r->n_moves++], err);
    if (code == SLUICE_OK && r->n_moves == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "%s",
                                r->how->to == SLUICE_OFFSETS_FROM_FILE
                                    ? "the file names no partition for this group"
                                    : "the group has committed no offset, and --all-topics takes the partitions that "
                                      "have one; name topics with --topic");
    return code;
}

/* ---- printing ---- */

static const struct grid_column columns[] = {
    {"TOPIC", false, 0}, {"PARTITION", true, 0}, {"CURRENT", true, 0},
    {"NEW", true, 0},    {"DELTA", true, 2},     {"CLAMPED TO", false, 1},
};

static enum sluice_code add_row(struct grid *grid, const struct move *move, struct sluice_error *err)
{
    enum sluice_code code = grid_cell(grid, err, "%s", move->entry->topic);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRId32, move->entry->partition);
    if (code == SLUICE_OK)
        code = move->current >= 0 ? grid_cell(grid, err, "%" PRId64, move->current) : grid_cell(grid, err, "-");
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRId64, move->step.next);
    if (code == SLUICE_OK)
        code = move->current >= 0 ? grid_cell(grid, err, "%+" PRId64, move->step.next - move->current)
                                  : grid_cell(grid, err, "-");
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%s",
                         move->step.clamp == OFFSETS_AS_ASKED ? "-" : offsets_clamp_label(move->step.clamp));
    return code;
}

static enum sluice_code print_table(const struct resetting *r, struct sluice_error *err)
{
    SLUICE_AUTO(grid) struct grid grid = {0};
    bool stores_twice = false;
    enum sluice_code code = grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), r->n_moves, err);
    for (size_t i = 0; i < r->n_moves && code == SLUICE_OK; i++)
        code = add_row(&grid, &r->moves[i], err);
    if (code != SLUICE_OK)
        return code;
    (void)fprintf(r->out, "group: %s\n\n", r->view.group_id);
    grid_print(&grid, r->out, grid_terminal_width(r->out));
    for (size_t i = 0; i < r->n_moves && r->view.ledger != NULL; i++) {
        const struct move *move = &r->moves[i];
        (void)fprintf(r->out, "%s%s[%" PRId32 "]: %s\n", i == 0 ? "\n" : "", move->entry->topic, move->entry->partition,
                      move->plan.effect);
        stores_twice = stores_twice || move->plan.stores_twice;
    }
    if (stores_twice)
        (void)fprintf(r->out, "\n%s\n", REPAIR_STORES_TWICE);
    return config_output_end(r->out, err);
}

static json_t *move_json(const struct resetting *r, const struct move *move)
{
    int64_t ledger_next = ledger_view_next(move->entry);
    return json_pack("{s:s, s:s, s:i, s:o, s:I, s:o, s:s, s:I, s:o, s:s, s:b}", "group", r->view.group_id, "topic",
                     move->entry->topic, "partition", (int)move->entry->partition, "current",
                     move->current >= 0 ? json_integer((json_int_t)move->current) : json_null(), "new",
                     (json_int_t)move->step.next, "delta",
                     move->current >= 0 ? json_integer((json_int_t)(move->step.next - move->current)) : json_null(),
                     "clamped", offsets_clamp_label(move->step.clamp), "asked", (json_int_t)move->step.asked,
                     "ledger_next", ledger_next >= 0 ? json_integer((json_int_t)ledger_next) : json_null(), "effect",
                     move->plan.effect, "written", (int)move->is_written);
}

static enum sluice_code print_json(const struct resetting *r, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *lines = json_array();
    for (size_t i = 0; i < r->n_moves; i++)
        if (json_array_append_new(lines, move_json(r, &r->moves[i])) != 0)
            return sluice_error_nomem(err, "the plan as JSON", 0);
    return config_output_json(lines, r->out, err);
}

static enum sluice_code print_csv(const struct resetting *r, struct sluice_error *err)
{
    for (size_t i = 0; i < r->n_moves; i++)
        (void)fprintf(r->out, "%s,%" PRId32 ",%" PRId64 "\n", r->moves[i].entry->topic, r->moves[i].entry->partition,
                      r->moves[i].step.next);
    return config_output_end(r->out, err);
}

/* ---- the deed ---- */

static enum sluice_code carry_out_one(struct resetting *r, struct move *move, struct sluice_error *err)
{
    const struct ledger_entry *entry = move->entry;
    /* Without a ledger the text says what is known of the source at that offset, so it stays only where the offset
     * does. */
    enum sluice_code code =
        r->view.ledger != NULL
            ? ledger_move(&r->view, entry, &move->plan.row, err)
            : ledger_move_commit(&r->view, entry, move->step.next,
                                 move->step.next == entry->facts.commit.offset ? entry->text : NULL, err);
    move->is_written = code == SLUICE_OK;
    return code;
}

static enum sluice_code carry_out(struct resetting *r, struct sluice_error *err)
{
    bool tells = r->how->format == SLUICE_OFFSETS_TABLE;
    if (tells)
        (void)fputc('\n', r->out);
    for (size_t i = 0; i < r->n_moves; i++) {
        const struct ledger_entry *entry = r->moves[i].entry;
        enum sluice_code code = carry_out_one(r, &r->moves[i], err);
        if (code != SLUICE_OK)
            return sluice_error_wrap(err, "%zu of %zu partitions were set before", i, r->n_moves);
        if (!tells)
            continue;
        (void)fprintf(r->out, "%s[%" PRId32 "]: set to %" PRId64 "\n", entry->topic, entry->partition,
                      r->moves[i].step.next);
        (void)fflush(r->out);
    }
    return SLUICE_OK;
}

/* A table stands before the deed, because it says what will be done; data for programs behind it, with its outcome. */
static enum sluice_code run(struct resetting *r, struct sluice_error *err)
{
    struct sluice_error ignored;
    enum sluice_offsets_format format = r->how->format;
    enum sluice_code code = make_plan(r, err);
    if (code == SLUICE_OK && format == SLUICE_OFFSETS_TABLE)
        code = print_table(r, err);
    if (code != SLUICE_OK)
        return code;
    code = ledger_view_refuse_members(&r->view, err);
    if (code == SLUICE_OK && r->how->execute)
        code = carry_out(r, err);
    else if (code == SLUICE_OK && format == SLUICE_OFFSETS_TABLE)
        (void)fprintf(r->out, "\nNothing was changed; --execute does it.\n");
    if (format == SLUICE_OFFSETS_TABLE)
        return code == SLUICE_OK ? config_output_end(r->out, err) : code;
    struct sluice_error *where = code == SLUICE_OK ? err : &ignored;
    enum sluice_code printed = format == SLUICE_OFFSETS_JSON ? print_json(r, where) : print_csv(r, where);
    return code == SLUICE_OK ? printed : code;
}

enum sluice_code sluice_offsets_reset(const struct sluice_config *config, const struct sluice_offsets_reset *reset,
                                      FILE *out, FILE *log, struct sluice_error *err)
{
    SLUICE_AUTO(offsets_scope) struct offsets_scope scope = {0};
    struct resetting r = {.how = reset, .out = out, .log = log};
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = offsets_scope_init(&scope, &reset->scope, err);
    if (code == SLUICE_OK)
        code = offsets_view_read(&r.view, config, reset->execute ? SLUICE_LEDGER_TO_WRITE : SLUICE_LEDGER_TO_LOOK,
                                 &scope, err);
    if (code == SLUICE_OK)
        code = source_places_new(config, r.view.consumer, &r.places, err);
    if (code == SLUICE_OK)
        code = run(&r, err);
    source_places_free(r.places);
    free(r.listed);
    free(r.moves);
    ledger_view_deinit(&r.view);
    curl_global_cleanup();
    return code;
}
