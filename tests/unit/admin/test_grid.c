/* Tables: whole in a pipe, and never wider than the terminal. */
#include "admin/grid.h"

#include <stdlib.h>

#include "support/check.h"

static const struct grid_column columns[] = {
    {"NAME", false, 0}, {"N", true, 0}, {"MORE", false, 1}, {"EVEN MORE", true, 2}, {"WHAT", false, 0}};
static char *text;

static void print(size_t width)
{
    static const char *const cells[] = {
        "shop.public.orders", "1", "first", "12", "goes on at 120", "shop.public.customers", "23", "s", "3456", "stops",
    };
    struct grid grid;
    struct sluice_error err;
    size_t n = 0;
    free(text);
    FILE *out = open_memstream(&text, &n);
    if (out == NULL || grid_init(&grid, columns, SLUICE_N_ELEMENTS(columns), 2, &err) != SLUICE_OK)
        abort();
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cells); i++)
        CHECK_INT(grid_cell(&grid, &err, "%s", cells[i]), SLUICE_OK);
    grid_print(&grid, out, width);
    grid_deinit(&grid);
    (void)fclose(out);
}

static size_t widest_line(void)
{
    size_t widest = 0;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        widest = strcspn(line, "\n") > widest ? strcspn(line, "\n") : widest;
    return widest;
}

static void test_pipe(void)
{
    print(0);
    CHECK_TEXT(text, "NAME                    N  MORE   EVEN MORE  WHAT\n"
                     "shop.public.orders      1  first         12  goes on at 120\n"
                     "shop.public.customers  23  s           3456  stops\n");
}

static void test_columns_go(void)
{
    print(64);
    CHECK_CONTAINS(text, "EVEN MORE");
    CHECK_CONTAINS(text, "MORE   EVEN");
    print(55);
    CHECK_TEXT(text, "NAME                    N  EVEN MORE  WHAT\n"
                     "shop.public.orders      1         12  goes on at 120\n"
                     "shop.public.customers  23       3456  stops\n");
    print(45);
    CHECK(strstr(text, "MORE") == NULL);
    CHECK_CONTAINS(text, "shop.public.customers  23  stops\n");
}

static void test_cells_are_cut(void)
{
    print(38); /* 14 for the last column, 2 for N, 4 for the gaps: 18 are left for the first */
    CHECK_TEXT(text, "NAME                 N  WHAT\n"
                     "shop.public.orders   1  goes on at 120\n"
                     "shop.pub..ustomers  23  stops\n");
    print(28);
    CHECK_TEXT(text, "NAME           N  WHAT\n"
                     "shop...rders   1  goes on ..\n"
                     "shop...omers  23  stops\n");
}

static void test_never_wider(void)
{
    for (size_t width = 26; width < 80; width++) {
        print(width);
        if (!CHECK(widest_line() <= width))
            (void)fprintf(stderr, "    width %zu:\n%s", width, text);
    }
}

int main(void)
{
    test_pipe();
    test_columns_go();
    test_cells_are_cut();
    test_never_wider();
    free(text);
    return check_result();
}
