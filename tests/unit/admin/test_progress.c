/* The line that tells how far something is. */
#include "admin/progress.h"

#include "base/compiler.h"
#include "support/check.h"

static const struct {
    struct progress_facts facts;
    size_t width;
    const char *text;
} cases[] = {
    {{"reading", -1, 0, "rows", 0}, 0, "reading  0 rows"},
    {{"reading", -1, 1234567, "rows", 2000000}, 0, "reading  1,234,567 rows  617,283 rows/s"},
    {{"reading", 0.5, 1000, "rows", 4000000}, 0, "reading  50 %  1,000 rows  250 rows/s  0:04 left"},
    {{"reading", 0.5, 1000, "rows", 4000000},
     79,
     "reading [############............]  50 %  1,000 rows  250 rows/s  0:04 left"},
    {{"reading", 0.5, 1000, "rows", 4000000}, 52, "reading [############............]  50 %  1,000 rows"},
    {{"reading", 0, 10, "rows", 100000}, 79, "reading [........................]   0 %  10 rows"},
    {{"reading", 1, 10, "rows", 100000}, 79, "reading [########################] 100 %  10 rows  0:00 left"},
    {{"reading", 0.01, 100, "rows", 60000000}, 0, "reading   1 %  100 rows  1 rows/s  1 h 39 min left"},
    {{"waiting for it", -1, 0, NULL, 0}, 79, "waiting for it"},
    {{"waiting", -1, -5, "records", 0}, 12, "waiting"},
};

static void test_format(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char text[PROGRESS_TEXT];
        progress_format(&cases[i].facts, cases[i].width, text);
        CHECK_TEXT(text, cases[i].text);
        CHECK(cases[i].width == 0 || strlen(text) <= cases[i].width);
    }
}

/* In a file: one line in ten seconds, and what is told at once. */
static void test_in_a_file(void)
{
    char text[512] = "";
    struct progress progress;
    const struct progress_facts facts = {"reading", -1, 7, "rows", 0};
    FILE *out = tmpfile();
    if (!CHECK(out != NULL))
        return;
    progress_init(&progress, out);
    for (int64_t s = 0; s < 25; s++)
        progress_show(&progress, s * 1000000, &facts);
    progress_tell(&progress, "the end");
    progress_end(&progress);
    rewind(out);
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    (void)fclose(out);
    CHECK_TEXT(text, "reading  7 rows\nreading  7 rows\nreading  7 rows\nthe end\n");
}

int main(void)
{
    test_format();
    test_in_a_file();
    return check_result();
}
