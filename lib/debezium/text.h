/* text.h - small parts that the readers of envelope and source share. */
#ifndef SLUICE_DEBEZIUM_TEXT_H
#define SLUICE_DEBEZIUM_TEXT_H

#include "json/cursor.h"

/* `text` is a literal, so that the comparison needs no loop. */
#define TEXT_IS(str, text) ((str).len == sizeof(text) - 1 && memcmp((str).ptr, (text), sizeof(text) - 1) == 0)

static inline enum sluice_code field_error(struct sluice_error *err, enum sluice_code code, const char *field,
                                           const char *what)
{
    return sluice_error_set(err, code, SLUICE_REJECT, "field \"%s\": %s", field, what);
}

/* A point in time after 1970 in a unit of `scale` times what *out has; null leaves *out alone. */
SLUICE_MUST_CHECK static inline enum sluice_code time_read(const struct sluice_value *value, const char *field,
                                                           int64_t scale, int64_t *out, struct sluice_error *err)
{
    int64_t number = 0;
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (sluice_json_int64(*value, &number, err) != SLUICE_OK || number < 0 || number > INT64_MAX / scale)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a time is expected");
    *out = number * scale;
    return SLUICE_OK;
}

#endif
