/* Texts as roff. */
#include "sluice/man.h"

#include <stdlib.h>

#include "support/check.h"

static char *print(const char *usage)
{
    char *text = NULL;
    size_t size = 0;
    struct sluice_error err;
    const struct sluice_man_command command = {"try", "tries -x", usage};
    const struct sluice_man_exit exits[] = {{0, "done"}, {7, "not done"}};
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    CHECK_INT(sluice_man_print(out, &command, 1, exits, 2, &err), SLUICE_OK);
    (void)fclose(out);
    return text;
}

int main(void)
{
    char *text = print(".begin\n'quote\n  --long a\\b\nlast.\n");
    CHECK_CONTAINS(text, ".SS sluice try\ntries \\-x.\n.PP\n.nf\n"
                         "\\&.begin\n\\&'quote\n  \\-\\-long a\\eb\nlast.\n.fi\n");
    CHECK_CONTAINS(text, ".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n.TP\n\\fB7\\fR\nnot done\n");
    CHECK_CONTAINS(text, "\\fBbatch.max_rows\\fR (whole number 1 to 1000000; default 65536");
    CHECK_CONTAINS(text, "\\fBname\\fR (text; required)\n");
    free(text);
    return check_result();
}
