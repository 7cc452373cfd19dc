/* cursor.h - a pull cursor over one JSON text in memory: no DOM, no allocation, each byte scanned once.
 *
 * The caller walks the text in order: enter an object, take each member's name, then either take the value as a
 * `struct sluice_value` (scalars; objects and arrays come as their raw text, scanned for balance and quotes) or
 * enter it. Input is not trusted: every step is bounds-checked, depth is limited to 64, and any byte sequence yields
 * either values or SLUICE_E_JSON with the byte offset. Strings and names must be UTF-8; inside an object or array that
 * is taken whole this, numbers and commas are looked at only when it is entered. A name that stands twice is no error
 * here: the caller knows which names matter.
 * Source of the grammar: RFC 8259. What Debezium's converter writes: numbers in Java form ("1.0E10"), non-finite floats
 * as strings, '/' unescaped, control characters escaped, integers of up to 64 bits and decimals of any length.
 * Thread: any, one cursor is used by one thread.
 */
#ifndef SLUICE_JSON_CURSOR_H
#define SLUICE_JSON_CURSOR_H

#include "base/error.h"
#include "base/str.h"
#include "base/value.h"

struct sluice_json_cursor {
    const char *start;
    const char *at;
    const char *end;
    /* No JSON, but what Connect's SimpleHeaderConverter writes (3.9 and 4.3): strings hold control characters as they
     * are, for it escapes only quotes and backslashes, and NaN, Infinity and -Infinity stand without quotes. These
     * become the strings that JsonConverter makes of them. */
    bool is_header;
};

void sluice_json_init(struct sluice_json_cursor *cursor, struct sluice_str text);

/* Consumes '{'. Errors: SLUICE_E_JSON if the next value is no object. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_enter_object(struct sluice_json_cursor *cursor,
                                                            struct sluice_error *err);

/* The next member's name (with ':' consumed), or *more = false when '}' was consumed. The first call after entering is
 * marked with first = true; the function clears it. Names with escapes come as written. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_next_member(struct sluice_json_cursor *cursor, bool *first, bool *more,
                                                           struct sluice_str *name, struct sluice_error *err);

/* Consumes '['. Errors: SLUICE_E_JSON if the next value is no array. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_enter_array(struct sluice_json_cursor *cursor, struct sluice_error *err);

/* Stands before the next item, whose value is to be taken then; or *more = false when ']' was consumed. `first` as
 * above. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_next_item(struct sluice_json_cursor *cursor, bool *first, bool *more,
                                                         struct sluice_error *err);

/* Takes the next value whole. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_value(struct sluice_json_cursor *cursor, struct sluice_value *value,
                                                     struct sluice_error *err);

/* The kind of the next value without consuming it (strings: SLUICE_VALUE_STRING). */
SLUICE_MUST_CHECK enum sluice_code sluice_json_peek(struct sluice_json_cursor *cursor, enum sluice_value_kind *kind,
                                                    struct sluice_error *err);

/* If the text under the cursor starts with `expected` (raw bytes), consumes it and returns true. */
bool sluice_json_skip_equal(struct sluice_json_cursor *cursor, struct sluice_str expected);

/* Only white space is left; else SLUICE_E_JSON. */
SLUICE_MUST_CHECK enum sluice_code sluice_json_finish(struct sluice_json_cursor *cursor, struct sluice_error *err);

/* Writes the content of a string value without its escapes, as UTF-8, to `out` (at most text.len bytes are written, so
 * `out` needs room for that many). *n_out is the length. Errors: SLUICE_E_JSON (bad escape, lone surrogate). */
SLUICE_MUST_CHECK enum sluice_code sluice_json_unescape(struct sluice_value value, char *out, size_t *n_out,
                                                        struct sluice_error *err);

/* Signed 64-bit integer; SLUICE_E_VALUE when the text is no integer or does not fit. "1.0" and "1e3" are no integers.
 */
SLUICE_MUST_CHECK enum sluice_code sluice_json_int64(struct sluice_value value, int64_t *out, struct sluice_error *err);

#endif
