/* Values of the types that test_convert.c leaves: bits, times of day, structs, arrays, maps; range policies; and the
 * same values in Avro. */
#include "table/convert.h"

#include "avro/reader.h"
#include "convert_support.h"
#include "table/layout.h"

/* `source` is a hint of tables.source_types. `want` is hexadecimal, or an error text that begins with '!', or "-" where
 * the pair is refused when planned. */
struct parts_case {
    const char *source;
    const char *json;
    const char *type;
    const char *want;
};

#define TUPLE "Tuple(x Nullable(Float64), y Nullable(Float64))"

static const struct parts_case scalars[] = {
    {"int8", "-128", "Int8", "80"},
    {"int8", "128", "Int8", "!integer is out of range (column type Int8); on_out_of_range"},
    {"int8", "1", "Float32", "00 00 80 3f"},
    {"duration", "-7", "Int64", "f9 ff ff ff ff ff ff ff"},
    {"duration", "-7", "String", "02 2d37"},
    {"interval", "\"P0Y0M-3DT4H5M6.7S\"", "String", "11 503059304d2d3344543448354d362e3753"},
    {"zoned_time", "\"11:51:02Z\"", "String", "09 31313a35313a30325a"},
    {"zoned_time", "\"11:51:02Z\"", "Time64(6)", "-"},
    {"bits(12)", "\"gwE=\"", "String", "0c 303030313130303030303131"}, /* 0x0183 */
    {"bits(3)", "\"Bw==\"", "String", "03 313131"},
    {"bits(3)", "\"\"", "String", "03 303030"},
    {"bits", "\"BQ==\"", "String", "03 313031"},
    {"bits", "\"\"", "String", "00"},
    {"bits(2)", "\"BQ==\"", "String", "!bit string is longer than its type"},
    {"bits(2)", "5", "String", "!value is not base64"},
    {"date", "-25567", "Int32", "-"},
    {"iso_date", "\"2017-09-15Z\"", "Date32", "10 44 00 00"},
    {"iso_date", "\"2017-09-15Z\"", "String", "0b 323031372d30392d31355a"},
    {"iso_date", "\"2017-09-15\"", "Date32", "!value is not a date's text"},
    {"iso_date", "\"2017-02-29Z\"", "Date32", "!value is not a date's text"},
    {"iso_date", "\"-0043-03-15Z\"", "Date32", "!time is out of the range"},
    {"iso_timestamp", "\"1970-01-01T00:00:01.500Z\"", "DateTime64(6)", "60 e3 16 00 00 00 00 00"},
    {"iso_timestamp", "\"+294247-01-10T04:00:25.2Z\"", "DateTime64(6)", "!\"infinity\" is out of the range"},
    {"iso_timestamp", "\"-290308-12-21T19:59:27.6Z\"", "DateTime64(6)", "!\"-infinity\" is out of the range"},
    {"iso_time", "\"04:05:11.789Z\"", "Time64(6)", "c8 15 e4 6c 03 00 00 00"},
    {"iso_time", "\"04:05:11Z\"", "Time", "77 39 00 00"},
    {"iso_time", "\"04:05:11.5Z\"", "Time", "!time has more digits of a second"},
    {"iso_time", "\"24:05:11Z\"", "Time64(6)", "!value is not a time's text"},
    {"time_ms", "86400000", "Time64(6)", "00 60 d7 1d 14 00 00 00"}, /* 24:00:00 */
    {"time_us", "1", "Time64(6)", "01 00 00 00 00 00 00 00"},
    {"time_us", "1", "Time64(3)", "!time has more digits of a second"},
    {"time_ns", "1000", "Time64(6)", "01 00 00 00 00 00 00 00"},
    {"time_us", "86400000000", "String", "0f 32343a30303a30302e303030303030"},
    {"time_ms", "14711789", "String", "0c 30343a30353a31312e373839"},
    {"time_ms", "-1", "String", "!value is no time of day"},
    {"time_ms", "5", "Int64", "88 13 00 00 00 00 00 00"},
    {"time_ns", "5000", "UInt64", "05 00 00 00 00 00 00 00"},
    {"time_ms", "5", "Int32", "-"},
    {"untyped", "1", "Time64(6)", "01 00 00 00 00 00 00 00"},
    {"untyped", "\"00:00:01Z\"", "Time", "01 00 00 00"},
    {"untyped", "1", "Time", "!tables.source_types"},
    {"untyped", "\"1970-01-02Z\"", "Date", "01 00"},
    {"string", "\"192.168.2.1\"", "IPv4", "01 02 a8 c0"},
    {"string", "\"192.168.2.0/24\"", "IPv4", "!value is no address"},
    {"string", "\"::1\"", "IPv4", "!value is no address"},
    {"string", "\"::1\"", "IPv6", "00000000000000000000000000000001"},
    {"string", "\"1.2.3.4\"", "IPv6", "00000000000000000000ffff01020304"},
    {"uuid", "\"::1\"", "IPv6", "-"},
    {"untyped", "\"1234\"", "Decimal(9, 0)", "!may be base64 of another one; name the field's type"},
    {"untyped", "\"12.5\"", "Decimal(9, 1)", "!may be base64 of another one; name the field's type"},
    {"untyped", "\"BNI=\"", "Decimal(9, 2)", "d2 04 00 00"},
    {"untyped", "12.5", "Decimal(9, 1)", "7d 00 00 00"},
    {"decimal", "\"1234\"", "Decimal(9, 0)", "f8 6d d7 ff"},
    {"string", "\"1234\"", "Decimal(9, 0)", "d2 04 00 00"},
    {"string", "\"22.2200\"", "Decimal(9, 4)", "f8 63 03 00"},
    {"string", "\"-0.5\"", "Decimal(9, 1)", "fb ff ff ff"},
    {"string", "\"22.2251\"", "Decimal(9, 2)", "!more digits after the point"},
    {"string", "\"NAN\"", "Decimal(9, 2)", "!NaN is no decimal (column type Decimal(9, 2)); on_out_of_range"},
    {"string", "\"POSITIVE_INFINITY\"", "Decimal(9, 2)", "!infinity is no decimal"},
    {"string", "\"abc\"", "Decimal(9, 2)", "!value is not a decimal's text"},
    {"json", "\" {\\\"a\\\": 1}\"", "JSON", "09 207b2261223a20317d"},
    {"json", "\"[1]\"", "JSON", "!value is no object"},
    {"json", "\"null\"", "JSON", "!value is no object"},
    {"struct", "{\"a\":1}", "JSON", "07 7b2261223a317d"},
    {"string", "\"{}\"", "JSON", "-"},
};

static const struct parts_case structs[] = {
    {"variable_decimal", "{\"scale\":4,\"value\":\"AYr3\"}", "String", "07 31302e31313131"},
    {"variable_decimal", "{\"scale\":0,\"value\":\"ZA==\"}", "String", "03 313030"},
    {"variable_decimal", "{\"value\":\"ZA==\",\"scale\":2,\"more\":[{}]}", "String", "04 312e3030"},
    {"variable_decimal", "{\"scale\":4,\"value\":\"AYr3\"}", "Decimal(9, 4)", "f7 8a 01 00"},
    {"variable_decimal", "{\"scale\":4,\"value\":\"AYr3\"}", "Decimal(9, 5)", "a6 6d 0f 00"},
    {"variable_decimal", "{\"scale\":4,\"value\":\"AYr3\"}", "Decimal(9, 3)", "!more digits after the point"},
    {"variable_decimal", "{\"scale\":3,\"value\":\"A+g=\"}", "Decimal(9, 0)", "01 00 00 00"}, /* 1.000 */
    {"variable_decimal", "{\"scale\":0,\"value\":\"ZA==\"}", "Decimal(2, 0)", "!decimal has too many digits"},
    {"variable_decimal", "{\"scale\":1,\"value\":\"BQ==\"}", "Float64", "00 00 00 00 00 00 e0 3f"},
    {"variable_decimal", "{\"scale\":1,\"value\":\"BQ==\"}", "Float32", "00 00 00 3f"},
    {"variable_decimal", "{\"scale\":-1,\"value\":\"BQ==\"}", "String", "!decimal has too many digits"},
    {"variable_decimal", "{\"scale\":1001,\"value\":\"BQ==\"}", "String", "!decimal has too many digits"},
    {"variable_decimal", "{\"scale\":1,\"value\":\"\"}", "String", "!or is no number"},
    {"variable_decimal", "{\"scale\":1}", "String", "!or is no number"},
    {"variable_decimal", "{}", "String", "!no decimal with its scale"},
    {"variable_decimal", "5", "String", "!value is not a struct"},
    {"variable_decimal", "{\"scale\" 1}", "String", "!byte 9 of the text"},
    {"point", "{\"x\":1.0,\"y\":-2.5,\"wkb\":\"AQ==\",\"srid\":null}", "Point",
     "00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 04 c0"},
    {"point", "{\"x\":1.0,\"y\":-2.5}", TUPLE, "00 00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 04 c0"},
    {"point", "null", TUPLE, "01 01"},
    {"point", "null", "Point", "!value is null and the parts of the column are not Nullable"},
    {"untyped", "null", "Tuple(a Nullable(Int8), b Int8)",
     "!value is null and the parts of the column are not Nullable"},
    {"untyped", "null", "Tuple(a Nullable(Int8), b Array(Int8))", "01 00"},
    {"point", "{\"x\":1.0}", "Point", "!value is null and the column is not Nullable"},
    {"point", "[1,2]", "Point", "!value is not a struct"},
    {"point", "{\"x\":1.0,\"y\":2.0}", "String", "11 7b2278223a312e302c2279223a322e307d"},
    {"point", "{}", "Tuple(a Float64, b Float64)", "-"},
    {"geometry", "{\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":null}", "String",
     "2a 303130313030303030303030303030303030303030303030303030303030303030303030303030303030"},
    {"geometry", "{\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":4326}", "String",
     "32 3031303130303030323045363130303030303030303030303030303030303030303030303030303030303030303030303030"},
    {"geometry", "{\"wkb\":\"AQEAACDmEAAAAAAAAAAAAAAAAAAAAAAAAA==\",\"srid\":4326}", "String",
     "32 3031303130303030323045363130303030303030303030303030303030303030303030303030303030303030303030303030"},
    {"geometry", "{\"wkb\":\"AQE=\",\"srid\":null}", "String", "!value is no WKB"},
    {"geometry", "{\"wkb\":\"AgEAACDmEAAA\",\"srid\":null}", "String", "!value is no WKB"},
    {"geometry", "{}", "Point", "-"},
    {"sparse_vector", "{\"dimensions\":5,\"vector\":[[1,2.0],[3,4.0]]}", "Map(UInt16, Float64)",
     "02 0100 0000000000000040 0300 0000000000001040"},
    {"sparse_vector", "{\"dimensions\":5,\"vector\":[]}", "Map(UInt16, Float64)", "00"},
    {"sparse_vector", "null", "Map(UInt16, Float64)", "00"},
    {"sparse_vector", "{\"dimensions\":5,\"vector\":[[1]]}", "Map(UInt16, Float64)", "!no pair"},
    {"sparse_vector", "{\"dimensions\":5,\"vector\":[[1,2,3]]}", "Map(UInt16, Float64)", "!no pair"},
    {"sparse_vector", "{\"dimensions\":5}", "Map(UInt16, Float64)", "!value is not a map"},
    {"struct", "{\"a\":[1,\"\\n\"]}", "String", "0e 7b2261223a5b312c225c6e225d7d"},
    {"struct", "5", "String", "!value is no array, map or struct"},
    {"struct", "{}", TUPLE, "-"},
};

static const struct parts_case lists[] = {
    {"array(int32)", "[1,null,-1]", "Array(Nullable(Int32))", "03 00 01000000 01 00 ffffffff"},
    {"array(int32)", "[]", "Array(Int32)", "00"},
    {"array(int32)", "null", "Array(Int32)", "00"},
    {"array(int32)", "[1,null]", "Array(Int32)", "!value is null and the column is not Nullable"},
    {"array(int32)", "[1,]", "Array(Int32)", "!byte 3 of the text"},
    {"array(int32)", "[1 2]", "Array(Int32)", "!a comma or the end of the array"},
    {"array(int32)", "{}", "Array(Int32)", "!value is not an array"},
    {"array(int32)", "[1,2147483648]", "Array(Int32)", "!integer is out of range (column type Array(Int32))"},
    {"array(int32)", "[1]", "Array(Int16)", "-"},
    {"array(int32)", "[1]", "Map(Int32, Int32)", "-"},
    {"array(int32)", "[1,null]", "String", "08 5b312c6e756c6c5d"},
    {"array(int32)", "[1]", "FixedString(4)", "-"},
    {"array(string)", "[\"a\",\"\",\"b\\n\",null]", "Array(LowCardinality(Nullable(String)))",
     "04 00 01 61 00 00 00 02 620a 01"},
    {"array(bytes)", "[\"AP8=\"]", "Array(String)", "01 02 00ff"},
    {"array(decimal(2))", "[\"MDk=\"]", "Array(Nullable(Decimal(9, 2)))", "01 00 39300000"},
    {"array(decimal(2))", "[\"MDk=\"]", "Array(String)", "01 06 3132332e3435"},
    {"array(decimal(2))", "[1E-2,1e3]", "Array(String)", "02 04 302e3031 07 313030302e3030"},
    {"array(decimal(2))", "[1e1200,1e1200,1e1200,1e1200]", "Array(String)", "!decimal has too many digits"},
    {"array(variable_decimal)", "[{\"scale\":0,\"value\":\"ZA==\"},null]", "Array(Nullable(String))",
     "02 00 03 313030 01"},
    {"array(date)", "[0]", "Array(Date32)", "01 00000000"},
    {"array(timestamp_us)", "[1]", "Array(DateTime64(6, 'UTC'))", "01 0100000000000000"},
    {"array(time_ms)", "[1]", "Array(Time64(6))", "01 e803000000000000"},
    {"array(uuid)", "[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]", "Array(UUID)", "01 f84e0b9c99bceea0110a38bdb96b6dbb"},
    {"array(float64)", "[1.0,\"NaN\"]", "Array(Float64)", "02 000000000000f03f 000000000000f87f"},
    {"array(map(string))", "[{\"k\":null},{}]", "Array(Map(String, Nullable(String)))", "02 01 01 6b 01 00"},
    {"array(array(int8))", "[[1],[],null]", "Array(Array(Int8))", "03 01 01 00 00"},
    {"array", "[1,2]", "Array(Int16)", "02 0100 0200"},
    {"untyped", "[1,2]", "Array(Int16)", "02 0100 0200"},
    {"untyped", "[\"x\"]", "Array(String)", "01 01 78"},
    {"map(string)", "{\"k\":\"v\",\"n\":null,\"\\\"\":\"\"}", "Map(String, Nullable(String))",
     "03 01 6b 00 01 76 01 6e 01 01 22 00 00"},
    {"map(string)", "{\"k\":\"v\"}", "String", "09 7b226b223a2276227d"},
    {"map(string)", "{\"k\":\"v\"}", "JSON", "09 7b226b223a2276227d"},
    {"map(string)", "null", "Map(String, String)", "00"},
    {"map(string)", "{\"k\" \"v\"}", "Map(String, String)", "!a colon should stand here"},
    {"map(string)", "5", "Map(String, String)", "!value is not a map"},
    {"untyped", "{\"k\":1}", "Map(LowCardinality(String), Int64)", "01 01 6b 0100000000000000"},
    {"untyped", "{\"b\":\"v\",\"a\":1}", "Tuple(a Int8, b String, c Nullable(Int8))", "01 01 76 01"},
    {"untyped", "{\"x\":1.5,\"y\":2}", "Point", "000000000000f83f 0000000000000040"},
};

/* on_out_of_range: the value under `clamp` and under `null` into Nullable(type). */
struct range_case {
    const char *source;
    const char *json;
    const char *type;
    const char *clamped; /* or '!' and the error */
};

static const struct range_case ranges[] = {
    {"date", "-2147472692", "Date32", "d1 d6 01 00"}, /* infinity, streamed */
    {"date", "-622191234", "Date32", "d1 d6 01 00"},  /* infinity, snapshot */
    {"date", "-2147472691", "Date32", "21 9c ff ff"}, /* -infinity */
    {"date", "-625821272", "Date32", "21 9c ff ff"},
    {"date", "-735160", "Date32", "21 9c ff ff"}, /* 44 BC */
    {"date", "2932897", "Date", "ff ff"},
    {"timestamp_us", "9223372036825200000", "DateTime64(6)", "ff bf ec e4 49 ff 24 00"},
    {"timestamp_us", "-9223372036832400000", "DateTime64(6)", "00 60 43 b7 ef 26 f8 ff"},
    {"timestamp_us", "-9223372036853775810", "DateTime64(6)", "ff bf ec e4 49 ff 24 00"}, /* overflowed */
    {"timestamp_ms", "9223372036825200", "DateTime64(3)", "ff 77 5f a6 78 09 00 00"},
    {"timestamp_ns", "9223372036854775807", "DateTime64(9)", "ff ff ff ff ff ff ff 7f"},
    {"timestamp_ns", "-9223372036854775808", "DateTime64(6)", "00 60 43 b7 ef 26 f8 ff"},
    {"timestamp_us", "1500000", "DateTime", "01 00 00 00"},
    {"timestamp_us", "-500000", "DateTime64(0)", "ff ff ff ff ff ff ff ff"},
    {"timestamp_us", "9223372036825200000", "String", "1a 393939392d31322d33312032333a35393a35392e393939393939"},
    {"timestamp_ms", "-9223372036832400", "String", "17 303030312d30312d30312030303a30303a30302e303030"},
    {"zoned_timestamp", "\"infinity\"", "DateTime64(6)", "ff bf ec e4 49 ff 24 00"},
    {"zoned_timestamp", "\"-infinity\"", "DateTime64(3)", "00 dc 01 ae fd fd ff ff"},
    {"zoned_timestamp", "\"+21016-11-04T06:51:30Z\"", "DateTime", "ff ff ff ff"},
    {"zoned_timestamp", "\"-0043-03-15T00:00:00Z\"", "DateTime", "00 00 00 00"},
    {"zoned_timestamp", "\"1970-01-01T00:00:01.9Z\"", "DateTime64(0)", "01 00 00 00 00 00 00 00"},
    {"iso_date", "\"-0043-03-15Z\"", "Date", "00 00"},
    {"int64", "-1", "UInt64", "00 00 00 00 00 00 00 00"},
    {"untyped", "300", "Int8", "7f"},
    {"untyped", "-300", "Int8", "80"},
    {"untyped", "99999999999999999999", "Int64", "ff ff ff ff ff ff ff 7f"},
    {"decimal(0)", "\"AYag\"", "Decimal(5, 0)", "9f 86 01 00"},
    {"decimal(0)", "\"/nlg\"", "Decimal(5, 0)", "61 79 fe ff"},
    {"string", "\"POSITIVE_INFINITY\"", "Decimal(5, 2)", "9f 86 01 00"},
    {"string", "\"NEGATIVE_INFINITY\"", "Decimal(5, 2)", "61 79 fe ff"},
    {"string", "\"NAN\"", "Decimal(5, 2)", "!NaN is no decimal"},
    {"variable_decimal", "{\"scale\":0,\"value\":\"AYag\"}", "Decimal(5, 0)", "9f 86 01 00"},
    {"float64", "1.8E308", "Float64", "ff ff ff ff ff ff ef 7f"},
    {"string", "\"abcdef\"", "FixedString(4)", "61626364"},
    {"string", "\"abc\xc3\xa9\"", "FixedString(4)", "61626300"},
    {"bytes", "\"AAECAwQ=\"", "FixedString(4)", "00010203"},
    {"json", "\"5\"", "JSON", "!value is no object"},
};

static bool choose(struct sluice_arena *arena, const char *source, const char *type_text,
                   const struct sluice_column_settings *settings, struct convert *out)
{
    struct sluice_error err = {0};
    struct sluice_source_column column = {.name = "x", .optional = true};
    bool known = false;
    const struct sluice_type *type = type_of(arena, type_text);
    return CHECK(type != NULL) &&
           CHECK_INT(source_type_hint(arena, sluice_str_from(source), &column, &known, &err), SLUICE_OK) &&
           CHECK(known) && CHECK_INT(convert_choose(arena, &column, type, type_text, settings, out, &err), SLUICE_OK);
}

static bool check_value(const struct convert *convert, const struct sluice_value *value, const char *wanted)
{
    struct sluice_error err = {0};
    return check_put(convert, convert_put, value, wanted, &err);
}

static void test_cases(const struct parts_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct convert convert;
        const struct sluice_value value = json_of(cases[i].json);
        sluice_arena_init(&arena, 1 << 20, "test");
        bool ok = choose(&arena, cases[i].source, cases[i].type, NULL, &convert);
        if (ok && strcmp(cases[i].want, "-") == 0)
            ok = CHECK(convert.fn == NULL);
        else if (ok)
            ok = CHECK(convert.fn != NULL) && check_value(&convert, &value, cases[i].want);
        if (!ok)
            (void)fprintf(stderr, "    %s %s into %s\n", cases[i].source, cases[i].json, cases[i].type);
    }
}

static void test_ranges(void)
{
    static const struct sluice_column_settings clamp = {.on_out_of_range = SLUICE_RANGE_CLAMP};
    static const struct sluice_column_settings null = {.on_out_of_range = SLUICE_RANGE_NULL};
    uint64_t n_nulled = sluice_convert_n_nulled();
    uint64_t n_clamped = sluice_convert_n_clamped();
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(ranges); i++) {
        const struct range_case *c = &ranges[i];
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct convert convert;
        char nullable[64];
        const struct sluice_value value = json_of(c->json);
        sluice_arena_init(&arena, 1 << 20, "test");
        (void)snprintf(nullable, sizeof nullable, "Nullable(%s)", c->type);
        bool ok = choose(&arena, c->source, c->type, &clamp, &convert) && check_value(&convert, &value, c->clamped);
        ok = choose(&arena, c->source, nullable, &null, &convert) && check_value(&convert, &value, "01") && ok;
        ok = choose(&arena, c->source, c->type, &null, &convert) &&
             check_value(&convert, &value, "!on_out_of_range is null, the column not Nullable") && ok;
        ok = choose(&arena, c->source, nullable, NULL, &convert) &&
             check_value(&convert, &value, "!on_out_of_range of the column may be clamp or null") && ok;
        if (!ok)
            (void)fprintf(stderr, "    %s %s into %s\n", c->source, c->json, c->type);
    }
    CHECK_INT(sluice_convert_n_nulled() - n_nulled, SLUICE_N_ELEMENTS(ranges));
    CHECK_INT(sluice_convert_n_clamped() - n_clamped, SLUICE_N_ELEMENTS(ranges) - 2); /* two have no value near */
}

/* In a column of the key a clamped value could be that of another row; an infinity could not. */
static void test_ranges_of_keys(void)
{
    static const struct range_case cases[] = {
        {"timestamp_us", "9223372036825200000", "DateTime64(6)", "ff bf ec e4 49 ff 24 00"},
        {"zoned_timestamp", "\"-infinity\"", "DateTime64(3)", "00 dc 01 ae fd fd ff ff"},
        {"timestamp_us", "253402300799000000", "DateTime64(6)",
         "!in a column of the key it must not become another one"},
        {"timestamp_us", "1500000", "DateTime", "!in a column of the key"},
        {"untyped", "300", "Int8", "!in a column of the key"},
        {"string", "\"abcdef\"", "FixedString(4)", "!in a column of the key"},
        {"bytes", "\"AAECAwQ=\"", "FixedString(4)", "!in a column of the key"},
        {"bytes", "\"AAEC\"", "FixedString(4)", "!zeros would be added"},
        {"bytes", "\"AAECAw==\"", "FixedString(4)", "00010203"},
    };
    static const struct sluice_column_settings clamp = {.on_out_of_range = SLUICE_RANGE_CLAMP};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct convert convert;
        const struct sluice_value value = json_of(cases[i].json);
        sluice_arena_init(&arena, 1 << 20, "test");
        bool ok = choose(&arena, cases[i].source, cases[i].type, &clamp, &convert);
        convert.is_key = true;
        if (!ok || !check_value(&convert, &value, cases[i].clamped))
            (void)fprintf(stderr, "    %s %s into %s\n", cases[i].source, cases[i].json, cases[i].type);
    }
}

static void test_binary(void)
{
    static const struct {
        enum sluice_binary binary;
        const char *want;
        const char *want_part;
    } cases[] = {
        {SLUICE_BINARY_RAW, "03 00ff10", "01 03 00ff10"},
        {SLUICE_BINARY_HEX, "06 303066663130", "01 06 303066663130"},
        {SLUICE_BINARY_BASE64, "04 41503851", "01 04 41503851"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        const struct sluice_column_settings settings = {.binary = cases[i].binary};
        const struct sluice_value json = json_of("\"AP8Q\"");
        const struct sluice_value avro = {.kind = SLUICE_VALUE_BYTES, .text = {"\x00\xff\x10", 3}};
        const struct sluice_value bad = json_of("\"AP8!\"");
        const struct sluice_value list = json_of("[\"AP8Q\"]");
        struct convert convert;
        sluice_arena_init(&arena, 1 << 20, "test");
        if (!choose(&arena, "bytes", "String", &settings, &convert))
            continue;
        (void)check_value(&convert, &json, cases[i].want);
        (void)check_value(&convert, &avro, cases[i].want);
        (void)check_value(&convert, &bad, "!value is not base64");
        if (choose(&arena, "array(bytes)", "Array(String)", &settings, &convert))
            (void)check_value(&convert, &list, cases[i].want_part);
    }
}

/* The same value as Avro: what its schema says, then the datum in hexadecimal. */
struct avro_case {
    const char *schema;
    const char *datum;
    const char *source;
    const char *type;
    const char *want;
};

#define VARIABLE                                                                                                       \
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"scale\",\"type\":\"int\"},{\"name\":\"value\","       \
    "\"type\":\"bytes\"}]}"

static const struct avro_case avros[] = {
    {"\"int\"", "01", "int32", "Int32", "ffffffff"},
    {"\"int\"", "01", "int32", "String", "02 2d31"},
    {"\"long\"", "01", "int64", "UInt64", "!integer is out of range"},
    {"\"long\"", "02", "int64", "Decimal(20, 2)", "64000000000000000000000000000000"},
    {"\"long\"", "feffffffffffffffff01", "int64", "Decimal(20, 2)", "!decimal has too many digits"},
    {"\"float\"", "0000c03f", "float32", "Float32", "0000c03f"},
    {"\"float\"", "0000c03f", "float32", "Float64", "000000000000f83f"},
    {"\"double\"", "000000000000f87f", "float64", "Float64", "000000000000f87f"},
    {"\"double\"", "000000000000f07f", "float64", "Float64", "000000000000f07f"},
    {"\"boolean\"", "01", "boolean", "Bool", "01"},
    {"\"bytes\"", "04 3039", "decimal(2)", "Decimal(9, 2)", "39300000"},
    {"\"bytes\"", "04 3039", "decimal(2)", "Decimal(9, 3)", "3ae20100"},
    {"\"bytes\"", "12 010000000000000000", "decimal(0)", "Decimal(38, 0)", "00000000000000000100000000000000"},
    {"\"bytes\"", "00", "decimal(0)", "Decimal(38, 0)", "!decimal has no bytes"},
    {"\"bytes\"", "04 3039", "decimal(2)", "String", "06 3132332e3435"},
    {"\"bytes\"", "04 8301", "bits(12)", "String", "0c 303030313130303030303131"},
    {"\"bytes\"", "06 00ff10", "bytes", "FixedString(4)", "00ff1000"},
    {"\"bytes\"", "02 61", "string", "String", "!value is not a string"},
    {"\"string\"", "02 61", "bytes", "String", "!value is not base64"},
    {"\"string\"", "02 61", "string", "String", "01 61"},
    {"\"int\"", "00", "date", "Date32", "00000000"},
    {"\"long\"", "02", "time_us", "Time64(6)", "0100000000000000"},
    {"\"long\"", "02", "timestamp_us", "DateTime64(6)", "0100000000000000"},
    {"\"long\"", "02", "timestamp_us", "String", "1a 313937302d30312d30312030303a30303a30302e303030303031"},
    {"\"string\"", "02 61", "date", "Date32", "!value is not a date in days"},
    {VARIABLE, "08 06 018af7", "variable_decimal", "String", "07 31302e31313131"},
    {VARIABLE, "08 06 018af7", "variable_decimal", "Decimal(9, 4)", "f78a0100"},
    {VARIABLE, "08 06 018af7", "struct", "String", "1a 7b227363616c65223a342c2276616c7565223a2241597233227d"},
    {"{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", "04 0202 00 00", "array(int32)", "Array(Nullable(Int32))",
     "02 00 01000000 01"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "04 0204 02 06 00", "array(int32)", "Array(Int32)",
     "03 01000000 02000000 03000000"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "00", "array(int32)", "Array(Int32)", "00"},
    {"{\"type\":\"array\",\"items\":\"string\"}", "04 0261 00 00", "array(string)", "String", "08 5b2261222c22225d"},
    {"{\"type\":\"map\",\"values\":\"string\"}", "02 026b 0276 00", "map(string)", "Map(String, Nullable(String))",
     "01 01 6b 00 01 76"},
    {"{\"type\":\"map\",\"values\":[\"null\",\"string\"]}", "04 026b 02027f 026e 00 00", "map(string)", "String",
     "12 7b226b223a227f222c226e223a6e756c6c7d"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "00", "map(string)", "Map(String, String)", "!value is not a map"},
    {"{\"type\":\"array\",\"items\":\"int\"}", "00", "point", "Point", "!value is not a struct"},
    {"{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":"
     "\"double\"},{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"]}]}",
     "000000000000f03f 0000000000000440 00", "point", "Point", "000000000000f03f 0000000000000440"},
    {"{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}", "06 220a1f", "struct",
     "String", "12 7b2273223a225c225c6e5c7530303146227d"},
};

static void test_avro(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(avros); i++) {
        const struct avro_case *c = &avros[i];
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        const struct avro_node *node = NULL;
        struct avro_reader reader;
        struct sluice_error err = {0};
        struct sluice_value value;
        struct convert convert;
        unsigned char datum[64];
        sluice_arena_init(&arena, 1 << 20, "test");
        avro_reader_init(&reader, (struct sluice_str){(const char *)datum, bytes_of_hex(c->datum, datum)});
        bool ok = CHECK_INT(avro_schema_compile(sluice_str_from(c->schema), NULL, 0, &arena, &node, &err), SLUICE_OK) &&
                  CHECK_INT(avro_read_value(&reader, node, &value, &err), SLUICE_OK) &&
                  choose(&arena, c->source, c->type, NULL, &convert) && CHECK(convert.fn != NULL) &&
                  check_value(&convert, &value, c->want);
        if (!ok)
            (void)fprintf(stderr, "    %s %s: %s into %s\n", c->schema, err.text, c->source, c->type);
    }
}

/* Doubles in the text of a struct look as Java prints them, which JsonConverter does. */
static void test_reals(void)
{
    static const struct {
        double real;
        const char *want;
    } cases[] = {
        {0.0, "[0.0]"},
        {-0.0, "[-0.0]"},
        {1.0, "[1.0]"},
        {0.5, "[0.5]"},
        {123456.75, "[123456.75]"},
        {1e6, "[1000000.0]"},
        {9999999.0, "[9999999.0]"},
        {1e7, "[1.0E7]"},
        {1.5e10, "[1.5E10]"},
        {0.001, "[0.001]"},
        {0.00999, "[0.00999]"},
        {0.0001, "[1.0E-4]"},
        {-1.25e-7, "[-1.25E-7]"},
        {5e-324, "[4.9E-324]"},
        {1.7976931348623157e308, "[1.7976931348623157E308]"},
    };
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct avro_node *node = NULL;
    struct sluice_error err = {0};
    struct convert convert;
    sluice_arena_init(&arena, 1 << 20, "test");
    CHECK_INT(avro_schema_compile(SLUICE_STR_LITERAL("{\"type\":\"array\",\"items\":\"double\"}"), NULL, 0, &arena,
                                  &node, &err),
              SLUICE_OK);
    if (node == NULL || !choose(&arena, "array(float64)", "String", NULL, &convert))
        return;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        unsigned char datum[10] = {2};
        unsigned char got[256];
        uint64_t bits;
        memcpy(&bits, &cases[i].real, sizeof bits);
        convert_put_64(datum + 1, bits);
        const struct sluice_value value = {
            .kind = SLUICE_VALUE_AVRO, .text = {(const char *)datum, sizeof datum}, .node = node};
        unsigned char *end = convert_put(&convert, &value, got, &err);
        if (!CHECK(end != NULL))
            continue;
        *end = '\0';
        CHECK_TEXT((const char *)got + 1, cases[i].want);
    }
}

/* A plan outlives the target whose text the types were read from. */
static void test_types_are_copied(void)
{
    static const char name[] = "Tuple(x Array(Nullable(Int32)), y Map(String, String))";
    SLUICE_AUTO(sluice_arena) struct sluice_arena read = {0};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena = {0};
    struct sluice_error err;
    sluice_arena_init(&read, 65536, "test");
    sluice_arena_init(&arena, 65536, "test");
    const struct sluice_type *type = NULL;
    struct convert convert;
    const struct sluice_source_column column = {.name = "c", .type = SLUICE_SOURCE_STRUCT};
    CHECK_INT(sluice_type_parse(&read, sluice_str_from(name), &type, &err), SLUICE_OK);
    if (type == NULL || !CHECK_INT(convert_choose(&arena, &column, type, name, NULL, &convert, &err), SLUICE_OK))
        return;
    sluice_arena_deinit(&read);
    static const unsigned char row[] = {2, 1, 0, 9, 9, 9, 9, 1, 1, 'k', 1, 'v', 0xff};
    CHECK(layout_skip(&convert.type, row, row + sizeof row) == row + 12);
    CHECK_TEXT(convert.type.item_names[1], "y");
}

/* Whatever the value, no conversion touches more than convert_room() tells: ends of allocations are watched. */
static void check_room(const struct convert *convert, struct sluice_str text)
{
    struct sluice_error err = {0};
    struct sluice_value value;
    struct sluice_json_cursor cursor;
    char *exact = malloc(text.len);
    if (exact == NULL)
        abort();
    memcpy(exact, text.ptr, text.len);
    sluice_json_init(&cursor, (struct sluice_str){exact, text.len});
    if (CHECK_INT(sluice_json_value(&cursor, &value, &err), SLUICE_OK)) {
        size_t room = convert_room(convert, &value);
        unsigned char *at = malloc(room);
        if (at == NULL)
            abort();
        const unsigned char *end = convert_put(convert, &value, at, &err);
        CHECK(end == NULL || (size_t)(end - at) <= room);
        free(at);
    }
    free(exact);
}

static const char *const room_sources[] = {
    "untyped",  "boolean",       "int8",         "int32",        "int64",         "float32",          "float64",
    "decimal",  "decimal(2)",    "decimal(900)", "string",       "uuid",          "variable_decimal", "json",
    "enum",     "bytes",         "bits",         "bits(100)",    "date",          "time_ms",          "time_us",
    "time_ns",  "timestamp_ms",  "timestamp_us", "timestamp_ns", "zoned_time",    "zoned_timestamp",  "iso_date",
    "iso_time", "iso_timestamp", "duration",     "interval",     "point",         "geometry",         "struct",
    "array",    "map",           "map(string)",  "array(bytes)", "sparse_vector", "array(decimal(2))"};

static const char *const room_types[] = {"Bool",
                                         "Int8",
                                         "Int64",
                                         "UInt256",
                                         "Float32",
                                         "Float64",
                                         "Decimal(9, 2)",
                                         "Decimal(76, 2)",
                                         "String",
                                         "FixedString(3)",
                                         "FixedString(100)",
                                         "UUID",
                                         "Date",
                                         "Date32",
                                         "DateTime",
                                         "DateTime64(9)",
                                         "Time",
                                         "Time64(6)",
                                         "IPv4",
                                         "IPv6",
                                         "JSON",
                                         "Enum8('a' = 1)",
                                         "Point",
                                         "Array(String)",
                                         "Array(Nullable(Decimal(76, 2)))",
                                         "Map(String, String)",
                                         "Map(UInt16, Float64)",
                                         "Tuple(a String, b Nullable(String))",
                                         "Array(Array(String))"};

static const char *const room_values[] = {"null",
                                          "true",
                                          "0",
                                          "-1",
                                          "1e1200",
                                          "-1E-900",
                                          "9999999999999999999999999999999999999999",
                                          "9223372036825200000",
                                          "\"\"",
                                          "\"A\"",
                                          "\"AQ==\"",
                                          "\"/////////////////////w==\"",
                                          "\"a\\u0001\\n\\u00e9\"",
                                          "\"NaN\"",
                                          "\"POSITIVE_INFINITY\"",
                                          "\"infinity\"",
                                          "\"1970-01-01T00:00:00.123456Z\"",
                                          "\"-290308-12-21T19:59:27.6Z\"",
                                          "\"1970-01-01Z\"",
                                          "\"01:02:03.5Z\"",
                                          "\"::ffff:1.2.3.4\"",
                                          "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
                                          "\"{\\\"a\\\":[]}\"",
                                          "[]",
                                          "[[]]",
                                          "[null,1]",
                                          "[\"a\",\"\\t\"]",
                                          "[1e1200,1e1200,1e1200]",
                                          "{}",
                                          "{\"a\":\"b\"}",
                                          "{\"scale\":900,\"value\":\"AQ==\"}",
                                          "{\"wkb\":\"AQEAAAAA\",\"srid\":4326}",
                                          "{\"wkb\":\"AQEAAAAA\",\"srid\":null}",
                                          "{\"x\":1,\"y\":2}",
                                          "{\"x\":\"NaN\",\"y\":null}",
                                          "{\"dimensions\":9,\"vector\":[[1,2.0],[2,\"NaN\"]]}"};

enum room_form { ROOM_ALONE, ROOM_ARRAY, ROOM_MAP, N_ROOM_FORMS };

static int room_value(enum room_form form, const char *value, char *out, size_t size)
{
    if (form == ROOM_ARRAY)
        return snprintf(out, size, "[%s,%s,%s]", value, value, value);
    if (form == ROOM_MAP)
        return snprintf(out, size, "{\"a\":%s,\"\\n\":%s,\"b\":%s}", value, value, value);
    return snprintf(out, size, "%s", value);
}

static void room_pair(enum room_form form, const char *source, const char *type,
                      const struct sluice_column_settings *settings)
{
    static const char *const before_source[] = {"", "array(", "map("};
    static const char *const before_type[] = {"", "Array(", "Map(String, "};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const char *end = form == ROOM_ALONE ? "" : ")";
    struct convert convert;
    char source_text[64];
    char type_text[128];
    char text[512];
    sluice_arena_init(&arena, 1 << 20, "test");
    (void)snprintf(source_text, sizeof source_text, "%s%s%s", before_source[form], source, end);
    (void)snprintf(type_text, sizeof type_text, "%s%s%s", before_type[form], type, end);
    if (!choose(&arena, source_text, type_text, settings, &convert) || convert.fn == NULL)
        return;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(room_values); i++) {
        int n = room_value(form, room_values[i], text, sizeof text);
        check_room(&convert, (struct sluice_str){text, (size_t)n});
    }
}

/* Each value alone, thrice in an array, and in a map, into each type and an array and a map of it. */
static void test_room(void)
{
    static const struct sluice_column_settings settings[] = {
        {.on_out_of_range = SLUICE_RANGE_CLAMP},
        {.on_out_of_range = SLUICE_RANGE_NULL, .binary = SLUICE_BINARY_HEX},
        {.binary = SLUICE_BINARY_BASE64}};
    for (size_t source = 0; source < SLUICE_N_ELEMENTS(room_sources); source++) {
        for (size_t type = 0; type < SLUICE_N_ELEMENTS(room_types); type++) {
            for (size_t i = 0; i < SLUICE_N_ELEMENTS(settings) * N_ROOM_FORMS; i++)
                room_pair((enum room_form)(i % N_ROOM_FORMS), room_sources[source], room_types[type],
                          &settings[i / N_ROOM_FORMS]);
        }
    }
}

int main(void)
{
    test_types_are_copied();
    test_cases(scalars, SLUICE_N_ELEMENTS(scalars));
    test_cases(structs, SLUICE_N_ELEMENTS(structs));
    test_cases(lists, SLUICE_N_ELEMENTS(lists));
    test_ranges();
    test_ranges_of_keys();
    test_binary();
    test_avro();
    test_reals();
    test_room();
    return check_result();
}
