/* grid.c - see grid.h. */
#include "admin/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GAP = 2, MIN_FIRST = 12, MIN_LAST = 8, MAX_CELL = 1024, MAX_BYTES = 64 << 20 };

enum sluice_code grid_init(struct grid *grid, const struct grid_column *columns, size_t n_columns, size_t max_rows,
                           struct sluice_error *err)
{
    *grid = (struct grid){.columns = columns, .n_columns = n_columns, .max_cells = n_columns * max_rows};
    sluice_arena_init(&grid->arena, MAX_BYTES, "a table that is printed");
    grid->cells = sluice_arena_alloc_array(&grid->arena, grid->max_cells, sizeof *grid->cells, err);
    return grid->cells != NULL ? SLUICE_OK : err->code;
}

void grid_deinit(struct grid *grid)
{
    sluice_arena_deinit(&grid->arena);
    grid->cells = NULL;
}

enum sluice_code grid_cell(struct grid *grid, struct sluice_error *err, const char *format, ...)
{
    char text[MAX_CELL];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (grid->n_cells == grid->max_cells)
        SLUICE_BUG("a table has more cells than were announced");
    char *cell = sluice_arena_copy(&grid->arena, sluice_str_from(text), err);
    if (cell == NULL)
        return err->code;
    grid->cells[grid->n_cells++] = cell;
    return SLUICE_OK;
}

struct layout {
    size_t widths[GRID_MAX_COLUMNS]; /* 0: left out */
    size_t last;                     /* the last column shown */
};

static size_t total_width(const struct grid *grid, const struct layout *layout)
{
    size_t total = 0;
    for (size_t i = 0; i < grid->n_columns; i++)
        total += layout->widths[i] > 0 ? layout->widths[i] + GAP : 0;
    return total >= GAP ? total - GAP : 0;
}

/* The shown column that goes next, n_columns if each of the others stays. */
static size_t find_droppable(const struct grid *grid, const struct layout *layout)
{
    size_t found = grid->n_columns;
    for (size_t i = 0; i < grid->n_columns; i++) {
        if (grid->columns[i].drop == 0 || layout->widths[i] == 0)
            continue;
        if (found == grid->n_columns || grid->columns[i].drop < grid->columns[found].drop)
            found = i;
    }
    return found;
}

static void shrink(size_t *width, size_t least, size_t excess)
{
    if (*width > least)
        *width -= *width - least < excess ? *width - least : excess;
}

static void fit(const struct grid *grid, struct layout *layout, size_t width)
{
    size_t column = 0;
    while (total_width(grid, layout) > width && (column = find_droppable(grid, layout)) < grid->n_columns)
        layout->widths[column] = 0;
    for (layout->last = grid->n_columns - 1; layout->widths[layout->last] == 0 && layout->last > 0;)
        layout->last--;
    if (total_width(grid, layout) > width)
        shrink(&layout->widths[0], MIN_FIRST, total_width(grid, layout) - width);
    if (total_width(grid, layout) > width)
        shrink(&layout->widths[layout->last], MIN_LAST, total_width(grid, layout) - width);
}

static struct layout lay_out(const struct grid *grid, size_t width)
{
    struct layout layout = {.last = grid->n_columns - 1};
    for (size_t i = 0; i < grid->n_columns; i++) {
        layout.widths[i] = strlen(grid->columns[i].title);
        for (size_t cell = i; cell < grid->n_cells; cell += grid->n_columns)
            if (strlen(grid->cells[cell]) > layout.widths[i])
                layout.widths[i] = strlen(grid->cells[cell]);
    }
    if (width > 0)
        fit(grid, &layout, width);
    return layout;
}

/* What is cut is marked with two dots: in the first column in the middle, because names differ at both ends. */
static void print_text(FILE *out, const char *text, size_t width, bool in_the_middle)
{
    size_t length = strlen(text);
    size_t head = width - 2;
    if (length <= width || width < 4) {
        (void)fprintf(out, "%.*s", (int)width, text);
        return;
    }
    if (in_the_middle)
        head = (width - 2) / 2;
    (void)fprintf(out, "%.*s..%s", (int)head, text, text + length - (width - 2 - head));
}

static void print_row(const struct grid *grid, const struct layout *layout, FILE *out, const char *const *texts)
{
    for (size_t i = 0; i <= layout->last; i++) {
        size_t width = layout->widths[i];
        size_t length = strlen(texts[i]) < width ? strlen(texts[i]) : width;
        if (width == 0)
            continue;
        if (grid->columns[i].is_number)
            (void)fprintf(out, "%*s", (int)(width - length), "");
        print_text(out, texts[i], width, i == 0);
        if (i < layout->last)
            (void)fprintf(out, "%*s", (int)(GAP + (grid->columns[i].is_number ? 0 : width - length)), "");
    }
    (void)fputc('\n', out);
}

void grid_print(const struct grid *grid, FILE *out, size_t width)
{
    const struct layout layout = lay_out(grid, width);
    const char *titles[GRID_MAX_COLUMNS];
    for (size_t i = 0; i < grid->n_columns; i++)
        titles[i] = grid->columns[i].title;
    print_row(grid, &layout, out, titles);
    for (size_t i = 0; i + grid->n_columns <= grid->n_cells; i += grid->n_columns)
        print_row(grid, &layout, out, (const char *const *)grid->cells + i);
}

size_t grid_terminal_width(FILE *out)
{
    struct winsize size = {0};
    if (isatty(fileno(out)) == 0)
        return 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}
