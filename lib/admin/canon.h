/* canon.h - the text of a cell of PostgreSQL and that of ClickHouse brought into one spelling, so that equal values
 * have equal bytes and different ones never do.
 *
 * Source side: what COPY ... TO STDOUT writes (unescaped; UTC, ISO dates, hex bytea, intervals in the style
 * `postgres`). Target side: what TabSeparated writes (unescaped) for the expression of verify_pair.h. Only the spelling
 * is levelled, and what the target's type or the column's on_out_of_range does to a value by its documentation
 * (docs/types.md). A text that is not understood stays as it is behind a question mark, so it equals nothing but
 * itself. Pure; knows nothing of the worker's own conversions (lib/table/convert). Thread: any.
 */
#ifndef SLUICE_ADMIN_CANON_H
#define SLUICE_ADMIN_CANON_H

#include "base/buf.h"
#include "sluice/rules.h"

enum canon_kind {
    CANON_TEXT,
    CANON_BOOL,
    CANON_NUMBER,  /* exact, of any length */
    CANON_FLOAT32, /* by their bits */
    CANON_FLOAT64,
    CANON_BYTES,
    CANON_MOMENT,      /* dates and timestamps: day and microsecond */
    CANON_CLOCK,       /* times of day: microseconds */
    CANON_ZONED_CLOCK, /* in UTC */
    CANON_DURATION,    /* intervals in microseconds, a month being 30.4375 days */
    CANON_PARTS,       /* intervals as months, days and microseconds */
    CANON_ADDRESS,     /* 16 bytes; IPv4 as ::ffff:a.b.c.d */
    CANON_POINT,
    CANON_MAP, /* hstore: keys in order */
    CANON_ARRAY
};

enum canon_side { CANON_SOURCE, CANON_TARGET };

/* A moment; the infinities are beyond all days. */
struct canon_moment {
    int64_t day; /* since 1970-01-01 */
    int64_t us;  /* of the day */
};

struct canon {
    enum canon_kind kind;
    bool is_single;         /* FLOAT64 whose source is float4 */
    size_t length;          /* TEXT, BYTES: filled up with zeros to so many bytes, as FixedString is; 0: not */
    enum sluice_binary bin; /* BYTES: the target's spelling */
    unsigned digits;        /* MOMENT, CLOCK: of a second, that the target's column has; 9: all */
    bool has_range;         /* MOMENT */
    struct canon_moment first;
    struct canon_moment last;
    enum sluice_range policy;    /* of what is out of range or has too many digits */
    bool null_is_empty;          /* the target has no NULL: ARRAY, MAP, POINT */
    const struct canon *element; /* ARRAY */
};

/* Appends the spelling of one cell, its length in front; `text.ptr` NULL is NULL. Errors: SLUICE_E_NOMEM,
 * SLUICE_E_LIMIT of the buffer. */
SLUICE_MUST_CHECK enum sluice_code canon_append(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                                struct sluice_buf *out, struct sluice_error *err);

/* What COPY and TabSeparated do to special bytes, undone in place; the new length. `\N` alone is NULL: *is_null. */
size_t canon_unescape(char *text, size_t len, bool *is_null);

/* ---- parts, for canon*.c ---- */

/* The spelling itself, without its length; the text is not NULL. False: not understood, and nothing was appended that
 * counts. *is_null: it is NULL on the target by the column's policy. */
SLUICE_MUST_CHECK enum sluice_code canon_time(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                              struct sluice_buf *out, bool *understood, bool *is_null,
                                              struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code canon_nested(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                                struct sluice_buf *out, bool *understood, struct sluice_error *err);
/* The bits of a double as text. False: no number. */
bool canon_float_bits(struct sluice_str text, bool is_single, bool is_single_column, char out[24]);

#endif
