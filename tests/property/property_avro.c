/* The reader of Avro and avro-c's generic one see the same in random data of random schemas, with blocks of both forms
 * and types used again by name, and in every record that was captured. What is left of random data after a few changes
 * is refused or read, without a byte behind its end: there avro-c is not asked, for it takes longer counts than bytes.
 *
 * property_avro [seed] [schemas]
 */
#include "avro/reader.h"
#include "property_avro_oracle.h"
#include "support/captured_avro.h"
#include "support/check.h"
#include "support/exact.h"
#include "support/random.h"

enum { N_SCHEMAS = 4000, N_DATA = 5, MAX_DEPTH = 4, MAX_NAMED = 16, DUMP_BYTES = 1 << 20 };

/* --- random schemas -------------------------------------------------------------------------------------------------
 */

struct schema_text {
    struct random_text text;
    unsigned n_names;         /* given out */
    unsigned done[MAX_NAMED]; /* finished, to be used again */
    unsigned n_done;
};

static void put_z(struct random_text *text, const char *z)
{
    size_t n = strlen(z);
    if (text->len + n >= sizeof text->bytes)
        return;
    memcpy(text->bytes + text->len, z, n + 1);
    text->len += n;
}

#define PUT(text, ...)                                                                                                 \
    do {                                                                                                               \
        char piece[96];                                                                                                \
        (void)snprintf(piece, sizeof piece, __VA_ARGS__);                                                              \
        put_z((text), piece);                                                                                          \
    } while (0)

static void put_type(struct schema_text *s, unsigned depth, bool in_union);

static void finish(struct schema_text *s, unsigned name)
{
    if (s->n_done < MAX_NAMED)
        s->done[s->n_done++] = name;
}

static void put_record(struct schema_text *s, unsigned depth)
{
    unsigned name = s->n_names++;
    size_t n = 1 + random_below(5);
    PUT(&s->text, "{\"type\":\"record\",\"name\":\"N%u\",\"namespace\":\"a.b\",\"fields\":[", name);
    for (size_t i = 0; i < n; i++) {
        PUT(&s->text, "%s{\"name\":\"f%zu\",\"type\":", i > 0 ? "," : "", i);
        put_type(s, depth + 1, false);
        put_z(&s->text, "}");
    }
    put_z(&s->text, "]}");
    finish(s, name);
}

static void put_named(struct schema_text *s)
{
    unsigned name = s->n_names++;
    if (random_below(2) == 0) {
        PUT(&s->text, "{\"type\":\"enum\",\"name\":\"a.b.N%u\",\"symbols\":[\"A\",\"BC\",\"D_1\"]}", name);
    } else {
        PUT(&s->text, "{\"type\":\"fixed\",\"name\":\"a.b.N%u\",", name);
        PUT(&s->text, "\"size\":%u}", 1 + (unsigned)random_below(20));
    }
    finish(s, name);
}

/* Of unnamed types each may stand in a union once: primitive ones in turn, and one that is not. */
static void put_union(struct schema_text *s, unsigned depth)
{
    static const char *const members[] = {"\"null\"",  "\"boolean\"", "\"int\"",    "\"long\"",
                                          "\"float\"", "\"double\"",  "\"string\"", "\"bytes\""};
    size_t first = random_below(8);
    size_t n = 1 + random_below(3);
    put_z(&s->text, "[");
    for (size_t i = 0; i < n; i++) {
        put_z(&s->text, members[(first + i) % 8]);
        put_z(&s->text, ",");
    }
    put_type(s, depth + 1, true);
    put_z(&s->text, "]");
}

static void put_type(struct schema_text *s, unsigned depth, bool in_union)
{
    static const char *const scalars[] = {"\"boolean\"", "\"int\"",    "\"long\"",  "\"float\"",
                                          "\"double\"",  "\"string\"", "\"bytes\"", "\"null\""};
    size_t choice = random_below(depth < MAX_DEPTH ? 12 : 6);
    if (s->text.len > sizeof s->text.bytes / 2)
        choice = 5;
    if (choice < 5 && !in_union) {
        put_z(&s->text, scalars[random_below(8)]);
    } else if (choice < 6) {
        put_named(s);
    } else if (choice == 6 && !in_union && s->n_done > 0) {
        PUT(&s->text, "\"a.b.N%u\"", s->done[random_below(s->n_done)]);
    } else if (choice < 8 && !in_union) {
        put_union(s, depth);
    } else if (choice == 8) {
        put_z(&s->text, "{\"type\":\"map\",\"values\":");
        put_type(s, depth + 1, false);
        put_z(&s->text, "}");
    } else if (choice == 9) {
        put_z(&s->text, "{\"type\":\"array\",\"items\":[\"long\",");
        put_type(s, depth + 1, true);
        put_z(&s->text, "]}");
    } else {
        put_record(s, depth);
    }
}

/* --- random data ----------------------------------------------------------------------------------------------------
 */

static void put_byte(struct random_text *out, unsigned byte)
{
    if (out->len < sizeof out->bytes)
        out->bytes[out->len++] = (char)byte;
}

static void put_long(struct random_text *out, int64_t number)
{
    uint64_t left = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
    while (left >= 0x80) {
        put_byte(out, (unsigned)(left & 0x7f) | 0x80);
        left >>= 7;
    }
    put_byte(out, (unsigned)left);
}

static void put_random(struct random_text *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_byte(out, (unsigned)random_below(256));
}

static void put_datum(struct random_text *out, const struct avro_node *node);

static void put_item(struct random_text *out, const struct avro_node *node, unsigned *n_keys)
{
    if (node->kind == AVRO_MAP) { /* no key twice, and no NUL in it: avro-c's are C strings */
        put_long(out, 2);
        put_byte(out, 'a' + *n_keys / 26 % 26);
        put_byte(out, 'a' + *n_keys % 26);
        ++*n_keys;
    }
    put_datum(out, node->items);
}

static void put_items(struct random_text *out, const struct avro_node *node)
{
    unsigned n_keys = 0;
    for (size_t n_blocks = random_below(3); n_blocks > 0; n_blocks--) {
        struct random_text block = {.len = 0};
        size_t n = 1 + random_below(3);
        for (size_t i = 0; i < n; i++)
            put_item(&block, node, &n_keys);
        bool with_size = random_below(2) == 0;
        put_long(out, with_size ? -(int64_t)n : (int64_t)n);
        if (with_size)
            put_long(out, (int64_t)block.len);
        for (size_t i = 0; i < block.len; i++)
            put_byte(out, (unsigned char)block.bytes[i]);
    }
    put_long(out, 0);
}

static int64_t random_long(bool is_int)
{
    int64_t number = (int64_t)random_bits() >> random_below(64);
    return is_int ? (int32_t)number : number;
}

static void put_datum(struct random_text *out, const struct avro_node *node)
{
    size_t n = 0;
    switch (node->kind) {
    case AVRO_NULL:
        break;
    case AVRO_BOOLEAN:
        put_byte(out, (unsigned)random_below(2));
        break;
    case AVRO_INT:
    case AVRO_LONG:
        put_long(out, random_long(node->kind == AVRO_INT));
        break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        put_random(out, node->kind == AVRO_FLOAT ? 3 : 7);
        put_byte(out, (unsigned)random_below(0x7f)); /* no NaN: its bits may change on the way through a register */
        break;
    case AVRO_BYTES:
    case AVRO_STRING:
        n = random_below(random_below(8) == 0 ? 100 : 6);
        put_long(out, (int64_t)n);
        put_random(out, n);
        break;
    case AVRO_FIXED:
        put_random(out, node->size);
        break;
    case AVRO_ENUM:
        put_long(out, (int64_t)random_below(node->n));
        break;
    case AVRO_ARRAY:
    case AVRO_MAP:
        put_items(out, node);
        break;
    case AVRO_RECORD:
        for (size_t i = 0; i < node->n; i++)
            put_datum(out, node->fields[i].node);
        break;
    case AVRO_UNION:
        n = random_below(node->n);
        put_long(out, (int64_t)n);
        put_datum(out, node->branches[n]);
        break;
    }
}

/* --- what our reader sees, as the oracle writes it ------------------------------------------------------------------
 */

struct dump {
    char *at;
    char *end;
};

static void dump_bits(struct dump *out, char kind, uint64_t bits)
{
    int n = snprintf(out->at, (size_t)(out->end - out->at), "%c%016" PRIx64, kind, bits);
    if (n < 0 || n >= out->end - out->at)
        abort();
    out->at += n;
}

static void dump_char(struct dump *out, char c)
{
    if (out->end - out->at < 2)
        abort();
    *out->at++ = c;
    *out->at = '\0';
}

static void dump_hex(struct dump *out, struct sluice_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    dump_char(out, 's');
    for (size_t i = 0; i < bytes.len; i++) {
        dump_char(out, digits[(unsigned char)bytes.ptr[i] >> 4]);
        dump_char(out, digits[(unsigned char)bytes.ptr[i] & 15]);
    }
}

static bool dump_value(struct dump *out, const struct sluice_value *value);

static bool dump_parts(struct dump *out, const struct sluice_value *composite)
{
    const struct avro_node *node = avro_node_of(composite);
    struct avro_walk walk;
    struct sluice_error err;
    avro_walk_init(&walk, composite);
    dump_char(out, node->kind == AVRO_ARRAY ? '[' : node->kind == AVRO_MAP ? '{' : '(');
    for (;;) {
        struct sluice_value key;
        struct sluice_value value;
        const struct avro_field *field = NULL;
        bool more = false;
        enum sluice_code code = node->kind == AVRO_ARRAY ? avro_walk_item(&walk, &more, &value, &err)
                                : node->kind == AVRO_MAP ? avro_walk_entry(&walk, &more, &key, &value, &err)
                                                         : avro_walk_field(&walk, &more, &field, &value, &err);
        if (code != SLUICE_OK)
            return false;
        if (!more)
            break;
        if (node->kind == AVRO_MAP) {
            dump_hex(out, key.text);
            dump_char(out, '=');
        }
        if (!dump_value(out, &value))
            return false;
        dump_char(out, ',');
    }
    dump_char(out, node->kind == AVRO_ARRAY ? ']' : node->kind == AVRO_MAP ? '}' : ')');
    return true;
}

static bool dump_value(struct dump *out, const struct sluice_value *value)
{
    uint64_t bits = 0;
    switch (value->kind) {
    case SLUICE_VALUE_NULL:
        dump_char(out, 'n');
        return true;
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
        dump_char(out, value->kind == SLUICE_VALUE_TRUE ? 't' : 'f');
        return true;
    case SLUICE_VALUE_INTEGER:
        dump_bits(out, 'i', (uint64_t)value->integer);
        return true;
    case SLUICE_VALUE_FLOAT:
    case SLUICE_VALUE_DOUBLE:
        memcpy(&bits, &value->real, sizeof bits);
        dump_bits(out, 'r', bits);
        return true;
    case SLUICE_VALUE_STRING:
    case SLUICE_VALUE_BYTES:
        dump_hex(out, value->text);
        return true;
    case SLUICE_VALUE_AVRO:
        return dump_parts(out, value);
    default:
        return false;
    }
}

static bool dump_datum(const struct avro_node *node, struct sluice_str bytes, char *out)
{
    struct dump dump = {out, out + DUMP_BYTES};
    struct sluice_value value;
    struct sluice_error err;
    struct avro_reader reader = avro_reader_of(bytes);
    return avro_read_value(&reader, node, &value, &err) == SLUICE_OK && avro_finish(&reader, &err) == SLUICE_OK &&
           dump_value(&dump, &value);
}

/* --- cases ----------------------------------------------------------------------------------------------------------
 */

static char ours[DUMP_BYTES];
static char theirs[DUMP_BYTES];

static bool agree(const struct avro_node *node, struct avro_oracle *oracle, struct sluice_str bytes)
{
    struct sluice_str exact = exact_copy(bytes);
    bool read_ours = CHECK(dump_datum(node, exact, ours));
    bool read_theirs = CHECK(avro_oracle_dump(oracle, exact.ptr, exact.len, theirs, DUMP_BYTES));
    exact_free(exact);
    return read_ours && read_theirs && CHECK_TEXT(ours, theirs);
}

static bool test_schema(void)
{
    static struct schema_text s;
    struct sluice_error err;
    const struct avro_node *node = NULL;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 16 << 20, "a schema");
    s = (struct schema_text){.n_names = 0};
    put_record(&s, 0);
    struct sluice_str text = {s.text.bytes, s.text.len};
    if (!CHECK_INT(avro_schema_compile(text, NULL, 0, &arena, &node, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n%.*s\n", err.text, (int)text.len, text.ptr);
        return false;
    }
    struct avro_oracle *oracle = avro_oracle_new(text.ptr, text.len);
    bool ok = CHECK(oracle != NULL);
    for (size_t i = 0; i < N_DATA && ok; i++) {
        struct random_text data = {.len = 0};
        put_datum(&data, node);
        if (data.len == sizeof data.bytes) /* cut off */
            continue;
        ok = agree(node, oracle, (struct sluice_str){data.bytes, data.len});
        random_mutate(&data);
        struct sluice_str exact = exact_copy((struct sluice_str){data.bytes, data.len});
        (void)dump_datum(node, exact, ours); /* whether it is refused does not matter, only that it ends */
        exact_free(exact);
    }
    if (!ok)
        (void)fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
    avro_oracle_free(oracle);
    return ok;
}

static void test_captured(const char *case_z, const char *schema_file, const char *data_file)
{
    char path[128];
    struct sluice_error err;
    const struct avro_node *node = NULL;
    SLUICE_AUTO(captured) struct captured schema;
    SLUICE_AUTO(captured) struct captured data;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    (void)snprintf(path, sizeof path, "avro/%s", case_z);
    captured_init(&schema, path, schema_file);
    captured_avro_init(&data, case_z, data_file);
    sluice_arena_init(&arena, 4 << 20, "a schema");
    CHECK_INT(avro_schema_compile(schema.records[0], NULL, 0, &arena, &node, &err), SLUICE_OK);
    struct avro_oracle *oracle = avro_oracle_new(schema.records[0].ptr, schema.records[0].len);
    for (size_t i = 0; i < data.n_records; i++) {
        if (data.records[i].ptr != NULL)
            (void)agree(node, oracle, captured_avro_payload(data.records[i]));
    }
    avro_oracle_free(oracle);
}

int main(int argc, char **argv)
{
    size_t n = random_start(argc, argv, N_SCHEMAS);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(captured_avro_cases); i++) {
        test_captured(captured_avro_cases[i], "key.avsc", "keys");
        test_captured(captured_avro_cases[i], "value.avsc", "values");
    }
    for (size_t i = 0; i < n && test_schema(); i++) {
    }
    return check_result();
}
