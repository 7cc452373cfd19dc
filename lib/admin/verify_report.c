/* verify_report.c - a comparison's results for a person, or as JSON with stable keys; see verify_result.h. */
#include "admin/grid.h"
#include "admin/verify_result.h"
#include "config/output.h"
#include "json/utf8.h"

#include <inttypes.h>
#include <stdio.h>

enum { CELL_TEXT = 400 };

static const char *const kind_names[VERIFY_N_KINDS] = {"missing", "ghost", "changed", "repeated"};

const char *verify_outcome_name(enum verify_outcome outcome)
{
    static const char *const names[] = {"equal", "different", "undecided", "failed"};
    return names[outcome];
}

void verify_show_cell(struct sluice_str cell, char *out, size_t size)
{
    if (cell.ptr == NULL) {
        (void)snprintf(out, size, "NULL");
        return;
    }
    bool is_text = utf8_find_bad(cell) == NULL && cell.len < size;
    for (size_t i = 0; i < cell.len && is_text; i++)
        is_text = (unsigned char)cell.ptr[i] >= 0x20 && cell.ptr[i] != 0x7f;
    if (is_text) {
        (void)snprintf(out, size, "%.*s", (int)cell.len, cell.ptr);
        return;
    }
    size_t n = (size_t)snprintf(out, size, "\\x");
    for (size_t i = 0; i < cell.len && n + 3 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%02x", (unsigned char)cell.ptr[i]);
}

static void position_text(uint64_t lsn, char out[32])
{
    (void)snprintf(out, 32, "%" PRIX64 "/%" PRIX64, lsn >> 32, lsn & UINT32_MAX);
}

/* ---- for a person ---- */

static const struct grid_column columns[] = {
    {"TABLE", false, 0},  {"SOURCE", true, 0},   {"TARGET", true, 0},    {"MISSING", true, 0}, {"GHOST", true, 0},
    {"CHANGED", true, 0}, {"REPEATED", true, 1}, {"UNDECIDED", true, 2}, {"RESULT", false, 0},
};

static enum sluice_code add_row(struct grid *grid, const struct verify_result *result, struct sluice_error *err)
{
    enum sluice_code code = grid_cell(grid, err, "%s", result->source);
    for (size_t side = 0; side < 2 && code == SLUICE_OK; side++)
        code = result->has_counts ? grid_cell(grid, err, "%" PRIu64, result->n_rows[side]) : grid_cell(grid, err, "-");
    for (size_t kind = 0; kind < VERIFY_N_KINDS && code == SLUICE_OK; kind++)
        code = grid_cell(grid, err, "%" PRIu64, result->n_found[kind]);
    if (code == SLUICE_OK)
        code = grid_cell(grid, err, "%" PRIu64, result->n_undecided);
    return code == SLUICE_OK ? grid_cell(grid, err, "%s", verify_outcome_name(result->outcome)) : code;
}

static void print_key(const struct verify_plan *plan, const struct verify_difference *difference, FILE *out)
{
    char text[CELL_TEXT];
    for (size_t i = 0; i < plan->n_key; i++) {
        verify_show_cell(difference->key[i], text, sizeof text);
        (void)fprintf(out, "%s%s=%s", i > 0 ? ", " : "", plan->columns[i].source, text);
    }
    (void)fputc('\n', out);
}

static void print_difference(const struct verify_plan *plan, const struct verify_difference *difference, FILE *out)
{
    char source[CELL_TEXT];
    char target[CELL_TEXT];
    (void)fprintf(out, "  %-8s  ", kind_names[difference->kind]);
    print_key(plan, difference, out);
    for (size_t i = 0; i < plan->n_columns && difference->kind == VERIFY_CHANGED; i++) {
        if (!difference->differs[i])
            continue;
        verify_show_cell(difference->cells[CANON_SOURCE][i], source, sizeof source);
        verify_show_cell(difference->cells[CANON_TARGET][i], target, sizeof target);
        (void)fprintf(out, "            %s: %s at the source, %s in ClickHouse\n", plan->columns[i].source, source,
                      target);
    }
}

static void print_details(const struct verify_result *result, FILE *out)
{
    const struct verify_plan *plan = result->plan;
    char position[32];
    (void)fprintf(out, "\n%s", result->source);
    if (plan != NULL)
        (void)fprintf(out, ": %zu columns compared with %s.%s", plan->n_columns, plan->database, plan->target);
    position_text(result->lsn, position);
    if (result->lsn > 0)
        (void)fprintf(out, ", as of %s", position);
    (void)fputc('\n', out);
    for (size_t i = 0; plan != NULL && i < plan->n_left_out; i++)
        (void)fprintf(out, "  not compared: %s: %s\n", plan->left_out[i].column, plan->left_out[i].reason);
    if (result->share < 1)
        (void)fprintf(out, "  a sample: %g%% of the keys\n", result->share * 100);
    for (const struct verify_difference *d = result->first; d != NULL; d = d->next)
        print_difference(plan, d, out);
    if (verify_result_found(result) > result->n_listed)
        (void)fprintf(out, "  and %" PRIu64 " more\n", verify_result_found(result) - result->n_listed);
    if (!result->is_complete)
        (void)fprintf(out, "  there are more differences than these: the search ended at --limit\n");
    if (result->reason[0] != '\0')
        (void)fprintf(out, "  %s: %s\n", verify_outcome_name(result->outcome), result->reason);
}

static enum sluice_code print_table(const struct verify_result *results, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(grid) struct grid grid = {0};
    size_t n = 0;
    for (const struct verify_result *r = results; r != NULL; r = r->next)
        n++;
    enum sluice_code code = grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), n, err);
    for (const struct verify_result *r = results; r != NULL && code == SLUICE_OK; r = r->next)
        code = add_row(&grid, r, err);
    if (code != SLUICE_OK)
        return code;
    grid_print(&grid, out, grid_terminal_width(out));
    for (const struct verify_result *r = results; r != NULL; r = r->next)
        print_details(r, out);
    return config_output_end(out, err);
}

/* ---- JSON ---- */

static json_t *cell_json(struct sluice_str cell)
{
    char text[CELL_TEXT];
    if (cell.ptr == NULL)
        return json_null();
    verify_show_cell(cell, text, sizeof text);
    return json_string(text);
}

static json_t *key_json(const struct verify_plan *plan, const struct verify_difference *difference)
{
    json_t *key = json_object();
    for (size_t i = 0; i < plan->n_key; i++)
        (void)json_object_set_new(key, plan->columns[i].source, cell_json(difference->key[i]));
    return key;
}

static json_t *cells_json(const struct verify_plan *plan, const struct verify_difference *difference)
{
    json_t *cells = json_array();
    for (size_t i = 0; i < plan->n_columns && difference->kind == VERIFY_CHANGED; i++)
        if (difference->differs[i])
            (void)json_array_append_new(cells, json_pack("{s:s, s:o, s:o}", "column", plan->columns[i].source, "source",
                                                         cell_json(difference->cells[CANON_SOURCE][i]), "target",
                                                         cell_json(difference->cells[CANON_TARGET][i])));
    return cells;
}

static json_t *differences_json(const struct verify_result *result)
{
    json_t *list = json_array();
    for (const struct verify_difference *d = result->first; d != NULL; d = d->next)
        (void)json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "kind", kind_names[d->kind], "key",
                                                    key_json(result->plan, d), "cells", cells_json(result->plan, d)));
    return list;
}

static json_t *left_out_json(const struct verify_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; plan != NULL && i < plan->n_left_out; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s}", "column", plan->left_out[i].column, "reason", plan->left_out[i].reason));
    return list;
}

static json_t *compared_json(const struct verify_plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; plan != NULL && i < plan->n_columns; i++)
        (void)json_array_append_new(list, json_string(plan->columns[i].source));
    return list;
}

static json_t *count_json(const struct verify_result *result, size_t side)
{
    return result->has_counts ? json_integer((json_int_t)result->n_rows[side]) : json_null();
}

static json_t *result_json(const struct verify_result *result)
{
    const struct verify_plan *plan = result->plan;
    char position[32];
    position_text(result->lsn, position);
    return json_pack(
        "{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:f, s:s}", "source",
        result->source, "result", verify_outcome_name(result->outcome), "database",
        plan != NULL ? plan->database : NULL, "table", plan != NULL ? plan->target : NULL, "source_rows",
        count_json(result, CANON_SOURCE), "target_rows", count_json(result, CANON_TARGET), "position",
        result->lsn > 0 ? json_string(position) : json_null(), "sample", result->share * 100, "missing",
        (json_int_t)result->n_found[VERIFY_MISSING], "ghost", (json_int_t)result->n_found[VERIFY_GHOST], "changed",
        (json_int_t)result->n_found[VERIFY_CHANGED], "repeated", (json_int_t)result->n_found[VERIFY_REPEATED],
        "undecided", (json_int_t)result->n_undecided, "complete", (int)result->is_complete, "compared_columns",
        compared_json(plan), "not_compared", left_out_json(plan), "differences", differences_json(result), "seconds",
        (double)result->took_us / 1e6, "reason", result->reason);
}

static enum sluice_code print_json(const struct verify_result *results, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *list = json_array();
    for (const struct verify_result *r = results; r != NULL; r = r->next)
        if (json_array_append_new(list, result_json(r)) != 0)
            return sluice_error_nomem(err, "the report as JSON", 0);
    return config_output_json(list, out, err);
}

enum sluice_code verify_report(const struct verify_result *results, FILE *out, bool json, struct sluice_error *err)
{
    return json ? print_json(results, out, err) : print_table(results, out, err);
}
