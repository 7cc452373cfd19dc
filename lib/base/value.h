/* value.h - one value of a record, as its encoding left it: nothing is copied, nothing converted before it is known
 * what for.
 *
 * The kinds above SLUICE_VALUE_ARRAY come of JSON text, those below of Avro; null, booleans and plain strings of both.
 * `text` is borrowed from the record's bytes; its length bounds what any conversion may write (table/convert.h).
 */
#ifndef SLUICE_BASE_VALUE_H
#define SLUICE_BASE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum sluice_value_kind {
    SLUICE_VALUE_NULL,
    SLUICE_VALUE_TRUE,
    SLUICE_VALUE_FALSE,
    SLUICE_VALUE_STRING,         /* `text`: the content as it is */
    SLUICE_VALUE_NUMBER,         /* `text`: JSON number as written */
    SLUICE_VALUE_STRING_ESCAPED, /* `text`: content of a JSON string, still escaped */
    SLUICE_VALUE_OBJECT,         /* `text`: JSON object, with its braces */
    SLUICE_VALUE_ARRAY,          /* `text`: JSON array, with its brackets */
    SLUICE_VALUE_INTEGER,        /* `integer`; Avro int and long; `text` is empty */
    SLUICE_VALUE_FLOAT,          /* `real`, holds a 32-bit float; `text` is empty */
    SLUICE_VALUE_DOUBLE,         /* `real`; `text` is empty */
    SLUICE_VALUE_BYTES,          /* `text`: Avro bytes or fixed */
    SLUICE_VALUE_AVRO            /* `text`: encoded array, map or record; `node`: its type (avro/schema.h) */
};

struct sluice_value {
    struct sluice_str text;
    enum sluice_value_kind kind;
    union {
        int64_t integer;
        double real;
        const void *node;
    };
};

#endif
