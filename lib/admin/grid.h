/* grid.h - a table on a terminal: columns as wide as what is in them, and what does not fit is left out.
 *
 * On a terminal the whole fits its width: columns are left out in the order of `drop`, then the first column is cut in
 * the middle, then the last one at its end. In a pipe nothing is left out and nothing cut. Thread: main.
 */
#ifndef SLUICE_ADMIN_GRID_H
#define SLUICE_ADMIN_GRID_H

#include "base/arena.h"

#include <stdio.h>

struct grid_column {
    const char *title;
    bool is_number; /* stands at the right */
    unsigned drop;  /* 0: always shown; else the lowest one goes first */
};

enum { GRID_MAX_COLUMNS = 16 };

struct grid {
    const struct grid_column *columns; /* borrowed */
    size_t n_columns;
    struct sluice_arena arena;
    char **cells; /* n_cells of them, row by row */
    size_t n_cells;
    size_t max_cells;
};

/* `max_rows`: how many rows will be added at most. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code grid_init(struct grid *grid, const struct grid_column *columns, size_t n_columns,
                                             size_t max_rows, struct sluice_error *err);
void grid_deinit(struct grid *grid);
SLUICE_DEFINE_AUTO(grid, struct grid, grid_deinit)

/* The next cell; rows are filled from left to right. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code grid_cell(struct grid *grid, struct sluice_error *err, const char *format, ...)
    SLUICE_PRINTF(3, 4);
/* `width` in characters, 0: as wide as it gets. */
void grid_print(const struct grid *grid, FILE *out, size_t width);

/* Characters in a line of what `out` goes to; 0 if that is no terminal. */
size_t grid_terminal_width(FILE *out);

#endif
