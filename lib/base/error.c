/* error.c - fills and extends error objects; see sluice/error.h. No state. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const labels[] = {
#define LABEL(symbol, label, sentence) [symbol] = (label),
    SLUICE_CODES(LABEL)
#undef LABEL
};

static const char *const sentences[] = {
#define SENTENCE(symbol, label, sentence) [symbol] = (sentence),
    SLUICE_CODES(SENTENCE)
#undef SENTENCE
};

enum sluice_code sluice_error_set(struct sluice_error *err, enum sluice_code code, enum sluice_action action,
                                  const char *format, ...)
{
    va_list args;
    err->code = code;
    err->action = action;
    err->detail = 0;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

enum sluice_code sluice_error_wrap(struct sluice_error *err, const char *format, ...)
{
    char context[sizeof err->text];
    char joined[sizeof context + sizeof err->text + 3];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(context, sizeof context, format, args);
    va_end(args);
    (void)snprintf(joined, sizeof joined, "%s: %s", context, err->text);
    (void)snprintf(err->text, sizeof err->text, "%.*s", (int)sizeof err->text - 1, joined);
    return err->code;
}

enum sluice_code sluice_error_nomem(struct sluice_error *err, const char *what, size_t n_bytes)
{
    return sluice_error_set(err, SLUICE_E_NOMEM, SLUICE_RETRY, "allocate %zu bytes for %s: out of memory", n_bytes,
                            what);
}

const char *sluice_code_label(enum sluice_code code)
{
    return (unsigned)code < SLUICE_N_CODES ? labels[code] : "unknown";
}

const char *sluice_code_sentence(enum sluice_code code)
{
    return (unsigned)code < SLUICE_N_CODES ? sentences[code] : "unknown error code";
}

void sluice_bug(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "sluice: bug at %s:%d: %s; stopping before data is harmed, please report this line\n", file,
                  line, what);
    abort();
}
