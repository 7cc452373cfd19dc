/* output.c - see output.h. */
#include "config/output.h"

#include <errno.h>
#include <string.h>

enum sluice_code config_output_end(FILE *out, struct sluice_error *err)
{
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return SLUICE_OK;
    int error = errno;
    (void)sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "write the output: %s",
                           error != 0 ? strerror(error) : "an earlier write failed");
    err->detail = error;
    return err->code;
}

enum sluice_code config_output_json(const json_t *root, FILE *out, struct sluice_error *err)
{
    if (json_dumpf(root, out, JSON_INDENT(2)) != 0)
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "write the output: it could not be written as JSON");
    (void)fputc('\n', out);
    return config_output_end(out, err);
}

void config_output_wrapped(FILE *out, const char *text, const char *prefix, size_t width)
{
    size_t room = width - strlen(prefix);
    while (*text != '\0') {
        size_t n = strlen(text);
        if (n > room) {
            for (n = room; n > 0 && text[n] != ' '; n--)
                ;
            if (n == 0) /* one long word: it goes out whole */
                n = strcspn(text, " ");
        }
        (void)fprintf(out, "%s%.*s\n", prefix, (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
}
