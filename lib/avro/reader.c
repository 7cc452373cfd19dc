/* reader.c - see reader.h. */
#include "avro/reader.h"

#include <inttypes.h>

#include "base/bytes.h"

#define refuse(err, ...) sluice_error_set(err, SLUICE_E_AVRO, SLUICE_REJECT, __VA_ARGS__)

static size_t left(const struct avro_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static enum sluice_code too_short(struct sluice_error *err)
{
    return refuse(err, "the Avro data ends in the middle of a value");
}

static inline int64_t from_zigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* A variable-length number, zig-zag, of at most ten bytes: what the end of the data may cut. */
static enum sluice_code read_varint(struct avro_reader *reader, int64_t *out, struct sluice_error *err)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (SLUICE_UNLIKELY(reader->at == reader->end))
            return too_short(err);
        unsigned char byte = *reader->at++;
        /* Of the tenth byte only one bit is left in 64. */
        if (SLUICE_UNLIKELY(i == 9 && byte > 1))
            break;
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (SLUICE_LIKELY(byte < 0x80)) {
            *out = from_zigzag(number);
            return SLUICE_OK;
        }
    }
    return refuse(err, "the Avro data holds a number of too many bytes");
}

/* The low seven bits of eight bytes, behind each other: pairs, pairs of pairs, both halves. */
static inline uint64_t join_sevens(uint64_t v)
{
    v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
    v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (v & UINT64_C(0x000000000fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
}

/* The same at once where eight bytes are there, and the number ends in them or in the next: times in nanoseconds do. */
static enum sluice_code read_long_varint(struct avro_reader *reader, int64_t *out, struct sluice_error *err)
{
    if (left(reader) < 9)
        return read_varint(reader, out, err);
    uint64_t v = sluice_load_64(reader->at);
    uint64_t last = ~v & UINT64_C(0x8080808080808080);
    if (SLUICE_LIKELY(last != 0)) {
        v &= last ^ (last - 1); /* up to the first byte that is the last one */
        reader->at += (unsigned)__builtin_ctzll(last) / 8 + 1;
        *out = from_zigzag(join_sevens(v));
        return SLUICE_OK;
    }
    if (reader->at[8] >= 0x80)
        return read_varint(reader, out, err);
    *out = from_zigzag(join_sevens(v) | (uint64_t)reader->at[8] << 56);
    reader->at += 9;
    return SLUICE_OK;
}

static inline enum sluice_code read_long(struct avro_reader *reader, int64_t *out, struct sluice_error *err)
{
    if (SLUICE_LIKELY(reader->at < reader->end && *reader->at < 0x80)) {
        *out = from_zigzag(*reader->at++);
        return SLUICE_OK;
    }
    return read_long_varint(reader, out, err);
}

static enum sluice_code read_int(struct avro_reader *reader, int64_t *out, struct sluice_error *err)
{
    enum sluice_code code = read_long(reader, out, err);
    if (SLUICE_UNLIKELY(code == SLUICE_OK && (*out < INT32_MIN || *out > INT32_MAX)))
        return refuse(err, "the Avro data holds an int of more than 32 bits");
    return code;
}

static enum sluice_code take_bytes(struct avro_reader *reader, size_t n, struct sluice_str *out,
                                   struct sluice_error *err)
{
    if (SLUICE_UNLIKELY(n > left(reader)))
        return too_short(err);
    *out = (struct sluice_str){(const char *)reader->at, n};
    reader->at += n;
    return SLUICE_OK;
}

static inline enum sluice_code read_bytes(struct avro_reader *reader, struct sluice_str *out, struct sluice_error *err)
{
    int64_t n = 0;
    enum sluice_code code = read_long(reader, &n, err);
    if (SLUICE_UNLIKELY(code != SLUICE_OK))
        return code;
    if (SLUICE_UNLIKELY(n < 0))
        return refuse(err, "the Avro data holds a negative length");
    return take_bytes(reader, (size_t)n, out, err);
}

static uint32_t little_endian_32(const char *bytes)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++)
        bits |= (uint32_t)(unsigned char)bytes[i] << (8 * i);
    return bits;
}

static enum sluice_code read_float(struct avro_reader *reader, double *out, struct sluice_error *err)
{
    struct sluice_str bytes = {NULL, 0};
    float number = 0;
    enum sluice_code code = take_bytes(reader, sizeof number, &bytes, err);
    if (code != SLUICE_OK)
        return code;
    uint32_t bits = little_endian_32(bytes.ptr);
    memcpy(&number, &bits, sizeof number);
    *out = (double)number;
    return SLUICE_OK;
}

static enum sluice_code read_double(struct avro_reader *reader, double *out, struct sluice_error *err)
{
    if (left(reader) < sizeof *out)
        return too_short(err);
    uint64_t bits = sluice_load_64(reader->at);
    memcpy(out, &bits, sizeof *out);
    reader->at += sizeof *out;
    return SLUICE_OK;
}

static enum sluice_code read_long_index(struct avro_reader *reader, size_t n, const char *what, size_t *out,
                                        struct sluice_error *err)
{
    int64_t index = 0;
    enum sluice_code code = read_long(reader, &index, err);
    if (SLUICE_UNLIKELY(code != SLUICE_OK))
        return code;
    if (SLUICE_UNLIKELY(index < 0 || (uint64_t)index >= n))
        return refuse(err, "the Avro data chooses %s %" PRId64 " of %zu", what, index, n);
    *out = (size_t)index;
    return SLUICE_OK;
}

static inline enum sluice_code read_index(struct avro_reader *reader, size_t n, const char *what, size_t *out,
                                          struct sluice_error *err)
{
    /* One byte and no sign: nearly always. */
    if (SLUICE_LIKELY(reader->at < reader->end && (*reader->at & 0x81) == 0 && *reader->at / 2U < n)) {
        *out = *reader->at++ / 2U;
        return SLUICE_OK;
    }
    return read_long_index(reader, n, what, out, err);
}

/* A block's count of items, 0 at the end. Of a negative one the size in bytes follows; *block_end is where the block
 * ends then, else NULL. */
static enum sluice_code read_block(struct avro_reader *reader, const struct avro_node *node, uint64_t *n_items,
                                   const unsigned char **block_end, struct sluice_error *err)
{
    int64_t n = 0;
    int64_t size = 0;
    *block_end = NULL;
    enum sluice_code code = read_long(reader, &n, err);
    if (code == SLUICE_OK && n < 0) {
        code = read_long(reader, &size, err);
        if (code == SLUICE_OK && (size < 0 || (uint64_t)size > left(reader)))
            return refuse(err, "the Avro data holds a block of an impossible size");
        *block_end = reader->at + size;
    }
    if (SLUICE_UNLIKELY(code != SLUICE_OK))
        return code;
    *n_items = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    /* Every item takes a byte at least, an entry of a map one for its key. */
    size_t least = node->items->min_bytes + (node->kind == AVRO_MAP ? 1 : 0);
    if (SLUICE_UNLIKELY(*n_items > left(reader) / (least > 0 ? least : 1)))
        return refuse(err, "the Avro data tells of more elements than it can hold");
    return SLUICE_OK;
}

/* The fewest bytes per value are on the hot path for skipping: a datum of fixed width is passed in one step. */
static enum sluice_code skip_items(struct avro_reader *reader, const struct avro_node *node, struct sluice_error *err)
{
    for (;;) {
        uint64_t n = 0;
        const unsigned char *block_end = NULL;
        enum sluice_code code = read_block(reader, node, &n, &block_end, err);
        if (code != SLUICE_OK)
            return code;
        if (n == 0)
            return SLUICE_OK;
        for (uint64_t i = 0; i < n && code == SLUICE_OK; i++) {
            struct sluice_str key;
            if (node->kind == AVRO_MAP)
                code = read_bytes(reader, &key, err);
            if (code == SLUICE_OK)
                code = avro_skip_value(reader, node->items, err);
        }
        if (code != SLUICE_OK)
            return code;
        if (block_end != NULL && block_end != reader->at)
            return refuse(err, "the Avro data holds a block of another size than it tells");
    }
}

static enum sluice_code skip_record(struct avro_reader *reader, const struct avro_node *node, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < node->n && code == SLUICE_OK; i++)
        code = avro_skip_value(reader, node->fields[i].node, err);
    return code;
}

static enum sluice_code skip_composite(struct avro_reader *reader, const struct avro_node *node,
                                       struct sluice_error *err)
{
    return node->kind == AVRO_RECORD ? skip_record(reader, node, err) : skip_items(reader, node, err);
}

enum sluice_code avro_skip_value(struct avro_reader *reader, const struct avro_node *node, struct sluice_error *err)
{
    struct sluice_value ignored;
    return avro_read_value(reader, node, &ignored, err);
}

static enum sluice_code read_composite(struct avro_reader *reader, const struct avro_node *node,
                                       struct sluice_value *out, struct sluice_error *err)
{
    const unsigned char *start = reader->at;
    enum sluice_code code = skip_composite(reader, node, err);
    out->kind = SLUICE_VALUE_AVRO;
    out->text = (struct sluice_str){(const char *)start, (size_t)(reader->at - start)};
    out->node = node;
    return code;
}

static enum sluice_code read_boolean(struct avro_reader *reader, struct sluice_value *out, struct sluice_error *err)
{
    if (reader->at == reader->end)
        return too_short(err);
    unsigned char byte = *reader->at++;
    if (byte > 1)
        return refuse(err, "the Avro data holds %d for a boolean", byte);
    out->kind = byte == 1 ? SLUICE_VALUE_TRUE : SLUICE_VALUE_FALSE;
    return SLUICE_OK;
}

/* Of a row's columns most are none of these. */
SLUICE_NOINLINE static enum sluice_code read_other(struct avro_reader *reader, const struct avro_node *node,
                                                   struct sluice_value *out, struct sluice_error *err)
{
    size_t index = 0;
    enum sluice_code code = SLUICE_OK;
    switch (node->kind) {
    case AVRO_BOOLEAN:
        return read_boolean(reader, out, err);
    case AVRO_FLOAT:
        out->kind = SLUICE_VALUE_FLOAT;
        return read_float(reader, &out->real, err);
    case AVRO_DOUBLE:
        out->kind = SLUICE_VALUE_DOUBLE;
        return read_double(reader, &out->real, err);
    case AVRO_FIXED:
        out->kind = SLUICE_VALUE_BYTES;
        return take_bytes(reader, node->size, &out->text, err);
    case AVRO_ENUM:
        code = read_index(reader, node->n, "symbol", &index, err);
        if (code == SLUICE_OK)
            out->text = node->symbols[index];
        out->kind = SLUICE_VALUE_STRING;
        return code;
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_RECORD:
        return read_composite(reader, node, out, err);
    default:
        SLUICE_BUG("a union stands in a union");
    }
}

enum sluice_code avro_read_value(struct avro_reader *reader, const struct avro_node *node, struct sluice_value *out,
                                 struct sluice_error *err)
{
    if (node->kind == AVRO_UNION) {
        size_t index = 0;
        enum sluice_code code = read_index(reader, node->n, "branch", &index, err);
        if (SLUICE_UNLIKELY(code != SLUICE_OK))
            return code;
        node = node->branches[index]; /* never a union again */
    }
    out->text = (struct sluice_str){NULL, 0};
    switch (node->kind) {
    case AVRO_NULL:
        out->kind = SLUICE_VALUE_NULL;
        return SLUICE_OK;
    case AVRO_INT:
        out->kind = SLUICE_VALUE_INTEGER;
        return read_int(reader, &out->integer, err);
    case AVRO_LONG:
        out->kind = SLUICE_VALUE_INTEGER;
        return read_long(reader, &out->integer, err);
    case AVRO_BYTES:
        out->kind = SLUICE_VALUE_BYTES;
        return read_bytes(reader, &out->text, err);
    case AVRO_STRING:
        out->kind = SLUICE_VALUE_STRING;
        return read_bytes(reader, &out->text, err);
    default:
        return read_other(reader, node, out, err);
    }
}

enum sluice_code avro_read_long(struct avro_reader *reader, int64_t *out, struct sluice_error *err)
{
    return read_long(reader, out, err);
}

enum sluice_code avro_enter(struct avro_reader *reader, const struct avro_node *node, const struct avro_node **branch,
                            struct sluice_error *err)
{
    size_t index = 0;
    *branch = node;
    if (node->kind != AVRO_UNION)
        return SLUICE_OK;
    enum sluice_code code = read_index(reader, node->n, "branch", &index, err);
    if (SLUICE_LIKELY(code == SLUICE_OK))
        *branch = node->branches[index];
    return code;
}

enum sluice_code avro_finish(const struct avro_reader *reader, struct sluice_error *err)
{
    if (SLUICE_LIKELY(reader->at == reader->end))
        return SLUICE_OK;
    return refuse(err, "%zu bytes are left behind the Avro data", left(reader));
}

void avro_walk_init(struct avro_walk *walk, const struct sluice_value *value)
{
    *walk = (struct avro_walk){.node = value->node};
    avro_reader_init(&walk->reader, value->text);
}

static enum sluice_code next_item(struct avro_walk *walk, bool *more, struct sluice_error *err)
{
    const unsigned char *block_end = NULL;
    if (walk->n_left == 0 && !walk->ended) {
        enum sluice_code code = read_block(&walk->reader, walk->node, &walk->n_left, &block_end, err);
        if (code != SLUICE_OK)
            return code;
        walk->ended = walk->n_left == 0;
    }
    *more = !walk->ended;
    if (!walk->ended)
        walk->n_left--;
    return SLUICE_OK;
}

enum sluice_code avro_walk_item(struct avro_walk *walk, bool *more, struct sluice_value *item, struct sluice_error *err)
{
    enum sluice_code code = next_item(walk, more, err);
    return code != SLUICE_OK || !*more ? code : avro_read_value(&walk->reader, walk->node->items, item, err);
}

static enum sluice_code read_entry(struct avro_walk *walk, struct sluice_value *key, struct sluice_value *value,
                                   struct sluice_error *err)
{
    const struct avro_node *items = walk->node->items;
    enum sluice_code code = SLUICE_OK;
    if (walk->node->kind == AVRO_ARRAY) {
        code = avro_read_value(&walk->reader, items->fields[0].node, key, err);
        return code != SLUICE_OK ? code : avro_read_value(&walk->reader, items->fields[1].node, value, err);
    }
    key->kind = SLUICE_VALUE_STRING;
    code = read_bytes(&walk->reader, &key->text, err);
    return code != SLUICE_OK ? code : avro_read_value(&walk->reader, items, value, err);
}

enum sluice_code avro_walk_entry(struct avro_walk *walk, bool *more, struct sluice_value *key,
                                 struct sluice_value *value, struct sluice_error *err)
{
    enum sluice_code code = next_item(walk, more, err);
    return code != SLUICE_OK || !*more ? code : read_entry(walk, key, value, err);
}

enum sluice_code avro_walk_field(struct avro_walk *walk, bool *more, const struct avro_field **field,
                                 struct sluice_value *value, struct sluice_error *err)
{
    *more = walk->i < walk->node->n;
    if (!*more)
        return SLUICE_OK;
    *field = &walk->node->fields[walk->i++];
    return avro_read_value(&walk->reader, (*field)->node, value, err);
}
