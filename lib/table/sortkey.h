/* sortkey.h - orders encoded rows by the target's sorting key.
 *
 * Each row gets a 64-bit prefix when it is appended: its first eight key bytes in the order the server sorts by, so
 * that prefixes compare like keys. Rows are sorted by prefix (radix); only rows with equal prefixes are compared in
 * full, and not even those where the whole key fits the prefix. Sorting is stable. Two keys that compare equal here are
 * equal to the server; the reverse need not hold (-0.0 and 0.0). Source: ClickHouse documentation, "ORDER BY" and the
 * data types; "UUID": the second
 * half counts first.
 */
#ifndef SLUICE_TABLE_SORTKEY_H
#define SLUICE_TABLE_SORTKEY_H

#include "table/type.h"

enum { SORTKEY_MAX_COLUMNS = 32 }; /* PostgreSQL's limit for an index */

enum sortkey_kind {
    SORTKEY_UNSIGNED, /* little-endian integer */
    SORTKEY_SIGNED,
    SORTKEY_FLOAT,
    SORTKEY_UUID,
    SORTKEY_FIXED_BYTES,
    SORTKEY_STRING
};

struct sortkey_column {
    enum sortkey_kind kind;
    size_t width; /* bytes, 0 for strings */
};

struct sortkey {
    struct sortkey_column columns[SORTKEY_MAX_COLUMNS];
    size_t n_columns;
    bool is_exact; /* the prefix holds the whole key */
};

struct sortkey_entry {
    uint64_t prefix;
    uint32_t row;
};

/* Where rows and their key columns lie. `key_at` holds key->n_columns offsets per row, relative to the row's start;
 * NULL if the key is exact. */
struct sortkey_rows {
    const unsigned char *bytes;
    const uint32_t *starts;
    const uint32_t *key_at;
};

/* Adds a column of a type that is not nullable. */
void sortkey_add(struct sortkey *key, const struct sluice_type *type);
/* The prefix of the row that begins at `row`, its key columns at row + key_at[i]. */
uint64_t sortkey_prefix(const struct sortkey *key, const unsigned char *row, const uint32_t *key_at);
/* Sorts entries in place; `scratch` has room for as many. */
void sortkey_sort(const struct sortkey *key, const struct sortkey_rows *rows, struct sortkey_entry *entries,
                  struct sortkey_entry *scratch, size_t n);
bool sortkey_equal(const struct sortkey *key, const struct sortkey_rows *rows, struct sortkey_entry a,
                   struct sortkey_entry b);

#endif
