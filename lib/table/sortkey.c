/* sortkey.c - see sortkey.h. */
#include "table/sortkey.h"

#include "base/bytes.h"
#include "base/compiler.h"

enum { RADIX = 256, RADIX_PASSES = 8 };

static enum sortkey_kind kind_of(const struct sluice_type *type)
{
    switch (type->kind) {
    case SLUICE_TYPE_STRING:
        return SORTKEY_STRING;
    case SLUICE_TYPE_FIXED_STRING:
    case SLUICE_TYPE_IPV6:
        return SORTKEY_FIXED_BYTES;
    case SLUICE_TYPE_UUID:
        return SORTKEY_UUID;
    case SLUICE_TYPE_FLOAT:
        return SORTKEY_FLOAT;
    case SLUICE_TYPE_DATE32:
        return SORTKEY_SIGNED;
    case SLUICE_TYPE_BOOL:
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
    case SLUICE_TYPE_TIME:
    case SLUICE_TYPE_TIME64:
    case SLUICE_TYPE_ENUM:
    case SLUICE_TYPE_IPV4:
        break;
    case SLUICE_TYPE_JSON:
    case SLUICE_TYPE_ARRAY:
    case SLUICE_TYPE_MAP:
    case SLUICE_TYPE_TUPLE:
        SLUICE_BUG("the plan takes no such column into a key");
    }
    return type->is_signed ? SORTKEY_SIGNED : SORTKEY_UNSIGNED;
}

void sortkey_add(struct sortkey *key, const struct sluice_type *type)
{
    enum sortkey_kind kind = kind_of(type);
    size_t width = type->kind == SLUICE_TYPE_FIXED_STRING ? type->length : type->bits / 8;
    key->columns[key->n_columns++] = (struct sortkey_column){kind, width};
    size_t total = 0;
    key->is_exact = true;
    for (size_t i = 0; i < key->n_columns; i++) {
        total += key->columns[i].width;
        if (key->columns[i].kind == SORTKEY_STRING)
            key->is_exact = false;
    }
    key->is_exact = key->is_exact && total <= 8;
}

static uint64_t load_little(const unsigned char *at, size_t n)
{
    if (n == 8)
        return sluice_load_64(at);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)at[i] << (8 * i);
    return v;
}

/* The first bytes as the high bytes of a number, zeros behind. */
static uint64_t load_text(const unsigned char *at, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n && i < 8; i++)
        v |= (uint64_t)at[i] << (56 - 8 * i);
    return v;
}

static struct sluice_str read_string(const unsigned char *at)
{
    size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        length |= (size_t)(*at & 0x7f) << shift;
        if ((*at++ & 0x80) == 0)
            break;
    }
    return (struct sluice_str){(const char *)at, length};
}

/* A float's bits in an order that unsigned comparison follows: negative ones turned over, NaN last. */
static uint64_t order_float(uint64_t bits, size_t width)
{
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    uint64_t mask = sign | (sign - 1);
    return (bits & sign) != 0 ? ~bits & mask : bits | sign;
}

/* The value's most significant bytes, left-aligned in 64 bits. */
static uint64_t top_bytes(struct sortkey_column column, const unsigned char *at)
{
    size_t width = column.width;
    uint64_t v;
    switch (column.kind) {
    case SORTKEY_STRING: {
        struct sluice_str text = read_string(at);
        return load_text((const unsigned char *)text.ptr, text.len);
    }
    case SORTKEY_FIXED_BYTES:
        return load_text(at, width);
    case SORTKEY_UUID:
        return load_little(at + 8, 8);
    case SORTKEY_FLOAT:
        v = order_float(load_little(at, width), width);
        break;
    case SORTKEY_UNSIGNED:
    case SORTKEY_SIGNED:
    default:
        v = width > 8 ? load_little(at + width - 8, 8) : load_little(at, width);
        break;
    }
    if (width < 8)
        v <<= 64 - 8 * width;
    return column.kind == SORTKEY_SIGNED ? v ^ (UINT64_C(1) << 63) : v;
}

uint64_t sortkey_prefix(const struct sortkey *key, const unsigned char *row, const uint32_t *key_at)
{
    uint64_t prefix = top_bytes(key->columns[0], row + key_at[0]);
    size_t used = key->columns[0].width;
    for (size_t i = 1; i < key->n_columns && used > 0 && used < 8; i++) {
        prefix |= top_bytes(key->columns[i], row + key_at[i]) >> (8 * used);
        size_t width = key->columns[i].width;
        used = width == 0 ? 0 : used + width; /* nothing may follow a string's first bytes */
    }
    return prefix;
}

static int compare_texts(struct sluice_str a, struct sluice_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order != 0 || a.len == b.len)
        return order;
    return a.len < b.len ? -1 : 1;
}

static int compare_words(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Wide integers beyond their top eight bytes, which are equal. */
static int compare_low_bytes(const unsigned char *a, const unsigned char *b, size_t width)
{
    for (size_t i = width - 8; i-- > 0;) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

static int compare_column(struct sortkey_column column, const unsigned char *a, const unsigned char *b)
{
    if (column.kind == SORTKEY_STRING)
        return compare_texts(read_string(a), read_string(b));
    if (column.kind == SORTKEY_FIXED_BYTES)
        return memcmp(a, b, column.width);
    int order = compare_words(top_bytes(column, a), top_bytes(column, b));
    if (order != 0 || column.width <= 8)
        return order;
    if (column.kind == SORTKEY_UUID)
        return compare_words(load_little(a, 8), load_little(b, 8));
    return compare_low_bytes(a, b, column.width);
}

static int compare_rows(const struct sortkey *key, const struct sortkey_rows *rows, uint32_t a, uint32_t b)
{
    const uint32_t *at_a = rows->key_at + (size_t)a * key->n_columns;
    const uint32_t *at_b = rows->key_at + (size_t)b * key->n_columns;
    for (size_t i = 0; i < key->n_columns; i++) {
        int order = compare_column(key->columns[i], rows->bytes + rows->starts[a] + at_a[i],
                                   rows->bytes + rows->starts[b] + at_b[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

bool sortkey_equal(const struct sortkey *key, const struct sortkey_rows *rows, struct sortkey_entry a,
                   struct sortkey_entry b)
{
    if (a.prefix != b.prefix)
        return false;
    return key->is_exact || compare_rows(key, rows, a.row, b.row) == 0;
}

static bool is_sorted(const struct sortkey_entry *entries, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (entries[i - 1].prefix > entries[i].prefix)
            return false;
    }
    return true;
}

/* One pass over the byte at `shift`; `counts` are the byte's frequencies. */
static void radix_pass(const struct sortkey_entry *from, struct sortkey_entry *to, size_t n, unsigned shift,
                       const uint32_t counts[RADIX])
{
    uint32_t next[RADIX];
    uint32_t sum = 0;
    for (size_t i = 0; i < RADIX; i++) {
        next[i] = sum;
        sum += counts[i];
    }
    for (size_t i = 0; i < n; i++)
        to[next[from[i].prefix >> shift & 0xff]++] = from[i];
}

/* Least significant byte first; bytes that are the same in all rows cost nothing. */
static void radix_sort(struct sortkey_entry *entries, struct sortkey_entry *scratch, size_t n)
{
    uint32_t counts[RADIX_PASSES][RADIX] = {{0}};
    struct sortkey_entry *from = entries;
    struct sortkey_entry *to = scratch;
    for (size_t i = 0; i < n; i++) {
        for (unsigned pass = 0; pass < RADIX_PASSES; pass++)
            counts[pass][entries[i].prefix >> (8 * pass) & 0xff]++;
    }
    for (unsigned pass = 0; pass < RADIX_PASSES; pass++) {
        if (counts[pass][from[0].prefix >> (8 * pass) & 0xff] == n)
            continue;
        radix_pass(from, to, n, 8 * pass, counts[pass]);
        struct sortkey_entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != entries)
        memcpy(entries, from, n * sizeof *entries);
}

static void merge(const struct sortkey *key, const struct sortkey_rows *rows, const struct sortkey_entry *left,
                  size_t n_left, size_t n_right, struct sortkey_entry *out)
{
    const struct sortkey_entry *right = left + n_left;
    const struct sortkey_entry *left_end = right;
    const struct sortkey_entry *right_end = right + n_right;
    while (left < left_end && right < right_end) {
        if (compare_rows(key, rows, right->row, left->row) < 0)
            *out++ = *right++;
        else
            *out++ = *left++;
    }
    if (left < left_end)
        memcpy(out, left, (size_t)(left_end - left) * sizeof *out);
    else
        memcpy(out, right, (size_t)(right_end - right) * sizeof *out);
}

/* Rows of equal prefix by their whole keys: merges from the bottom up, which keeps their order where keys are equal. */
static void merge_sort(const struct sortkey *key, const struct sortkey_rows *rows, struct sortkey_entry *entries,
                       struct sortkey_entry *scratch, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t n_left = n - at < width ? n - at : width;
            size_t n_right = n - at - n_left < width ? n - at - n_left : width;
            merge(key, rows, entries + at, n_left, n_right, scratch + at);
        }
        memcpy(entries, scratch, n * sizeof *entries);
    }
}

void sortkey_sort(const struct sortkey *key, const struct sortkey_rows *rows, struct sortkey_entry *entries,
                  struct sortkey_entry *scratch, size_t n)
{
    if (n > 1 && !is_sorted(entries, n))
        radix_sort(entries, scratch, n);
    if (key->is_exact)
        return;
    for (size_t at = 0; at < n;) {
        size_t end = at + 1;
        while (end < n && entries[end].prefix == entries[at].prefix)
            end++;
        merge_sort(key, rows, entries + at, scratch, end - at);
        at = end;
    }
}
