/* One value of a source type into one column type: expected bytes, or what the refusal says. */
#include "table/convert.h"

#include "convert_support.h"

/* `want` is hexadecimal, or an error text that begins with '!', or "-" where the pair is refused when planned. */
struct convert_case {
    enum sluice_source_type source;
    unsigned scale;
    const char *json;
    const char *type;
    const char *want;
};

#define UNTYPED        SLUICE_SOURCE_UNTYPED, 0
#define BOOLEAN        SLUICE_SOURCE_BOOLEAN, 0
#define INT16          SLUICE_SOURCE_INT16, 0
#define INT32          SLUICE_SOURCE_INT32, 0
#define INT64          SLUICE_SOURCE_INT64, 0
#define FLOAT32        SLUICE_SOURCE_FLOAT32, 0
#define FLOAT64        SLUICE_SOURCE_FLOAT64, 0
#define DECIMAL(scale) SLUICE_SOURCE_DECIMAL, (scale)
#define STRING         SLUICE_SOURCE_STRING, 0
#define UUID           SLUICE_SOURCE_UUID, 0
#define JSON           SLUICE_SOURCE_JSON, 0
#define ENUM           SLUICE_SOURCE_ENUM, 0
#define BYTES          SLUICE_SOURCE_BYTES, 0
#define DATE           SLUICE_SOURCE_DATE, 0
#define MS             SLUICE_SOURCE_TIMESTAMP_MS, 0
#define US             SLUICE_SOURCE_TIMESTAMP_US, 0
#define NS             SLUICE_SOURCE_TIMESTAMP_NS, 0
#define ZONED          SLUICE_SOURCE_ZONED_TIMESTAMP, 0

static const struct convert_case booleans[] = {
    {BOOLEAN, "true", "Bool", "01"},
    {BOOLEAN, "false", "Bool", "00"},
    {BOOLEAN, "1", "Bool", "!value is not true or false (column type Bool)"},
    {BOOLEAN, "\"true\"", "Bool", "!value is not true or false"},
    {BOOLEAN, "true", "UInt8", "01"},
    {BOOLEAN, "true", "Int64", "01 00 00 00 00 00 00 00"},
    {BOOLEAN, "false", "Int128", "00000000000000000000000000000000"},
    {BOOLEAN, "true", "String", "-"},
    {BOOLEAN, "true", "Float64", "-"},
    {UNTYPED, "true", "Bool", "01"},
    {UNTYPED, "1", "Bool", "!value is not true or false"},
    {UNTYPED, "true", "Int16", "01 00"},
    {UNTYPED, "false", "UInt8", "00"},
    {INT32, "true", "Int32", "!value is not an integer"},
    {INT16, "1", "Bool", "-"},
};

static const struct convert_case integers[] = {
    {INT16, "-32768", "Int16", "00 80"},
    {INT16, "32767", "Int16", "ff 7f"},
    {INT16, "32768", "Int16", "!integer is out of range (column type Int16)"},
    {INT16, "-32769", "Int16", "!integer is out of range"},
    {INT16, "-2", "Int256", "feffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
    {INT16, "-1", "Int8", "-"},
    {INT16, "65535", "UInt16", "ff ff"},
    {INT16, "-1", "UInt16", "!integer is out of range"},
    {INT32, "-2147483648", "Int32", "00 00 00 80"},
    {INT32, "2147483647", "Int32", "ff ff ff 7f"},
    {INT32, "2147483648", "Int32", "!integer is out of range"},
    {INT32, "1", "Int16", "-"},
    {INT32, "4294967295", "UInt32", "ff ff ff ff"},
    {INT32, "4294967296", "UInt32", "!integer is out of range"},
    {INT64, "-9223372036854775808", "Int64", "00 00 00 00 00 00 00 80"},
    {INT64, "9223372036854775807", "Int64", "ff ff ff ff ff ff ff 7f"},
    {INT64, "9223372036854775808", "Int64", "!integer is out of range"},
    {INT64, "-9223372036854775809", "Int64", "!integer is out of range"},
    {INT64, "99999999999999999999999999", "Int64", "!integer is out of range"},
    {INT64, "9223372036854775808", "UInt64", "00 00 00 00 00 00 00 80"},
    {INT64, "18446744073709551615", "UInt64", "ff ff ff ff ff ff ff ff"},
    {INT64, "18446744073709551616", "UInt64", "!integer is out of range"},
    {INT64, "-1", "UInt64", "!integer is out of range"},
    {INT64, "-1", "Int128", "ffffffffffffffffffffffffffffffff"},
    {INT64, "-1", "UInt128", "!integer is out of range"},
    {INT64, "1", "Int32", "-"},
    {INT64, "1.0", "Int64", "!value is not an integer"},
    {INT64, "1e3", "Int64", "!value is not an integer"},
    {INT64, "-", "Int64", "!value is not an integer"},
    {INT64, "\"1\"", "Int64", "!value is not an integer"},
    {INT64, "{}", "Int64", "!value is not an integer"},
    {INT64, "5", "String", "01 35"},
    {INT64, "-9223372036854775808", "String", "14 2d39323233333732303336383534373735383038"},
    {INT64, "1.5", "String", "!value is not an integer"},
    {INT64, "5", "FixedString(4)", "-"},
    {INT32, "-5", "Float64", "00 00 00 00 00 00 14 c0"},
    {INT32, "2147483648", "Float64", "!value is not an integer of its type"},
    {INT16, "1", "Float32", "00 00 80 3f"},
    {INT32, "1", "Float32", "-"},
    {INT64, "1", "Float64", "-"},
    {UNTYPED, "127", "Int8", "7f"},
    {UNTYPED, "128", "Int8", "!integer is out of range"},
    {UNTYPED, "-128", "Int8", "80"},
    {UNTYPED, "-129", "Int8", "!integer is out of range"},
    {UNTYPED, "255", "UInt8", "ff"},
    {UNTYPED, "256", "UInt8", "!integer is out of range"},
    {UNTYPED, "-1", "UInt8", "!integer is out of range"},
    {UNTYPED, "65536", "UInt16", "!integer is out of range"},
    {UNTYPED, "4294967296", "UInt32", "!integer is out of range"},
    {UNTYPED, "170141183460469231731687303715884105727", "Int128", "ffffffffffffffffffffffffffffff7f"},
    {UNTYPED, "170141183460469231731687303715884105728", "Int128", "!integer is out of range"},
    {UNTYPED, "340282366920938463463374607431768211455", "UInt128", "ffffffffffffffffffffffffffffffff"},
    {UNTYPED, "-170141183460469231731687303715884105728", "Int128", "00000000000000000000000000000080"},
    {UNTYPED, "1E3", "Int256", "!value is not an integer"},
    {UNTYPED, "\"1\"", "Int64", "!value is not an integer"},
};

static const struct convert_case floats[] = {
    {FLOAT32, "1.5", "Float32", "00 00 c0 3f"},
    {FLOAT32, "3.3", "Float32", "33 33 53 40"},
    {FLOAT32, "3.4028235E38", "Float32", "ff ff 7f 7f"},
    {FLOAT32, "3.5E38", "Float32", "!number is too large (column type Float32)"},
    {FLOAT32, "1.4E-45", "Float32", "01 00 00 00"},
    {FLOAT32, "3.3", "Float64", "00 00 00 60 66 66 0a 40"}, /* 3.3f, not 3.3 */
    {FLOAT32, "\"NaN\"", "Float32", "00 00 c0 7f"},
    {FLOAT32, "\"-Infinity\"", "Float64", "00 00 00 00 00 00 f0 ff"},
    {FLOAT64, "1.0E10", "Float64", "00 00 00 20 5f a0 02 42"},
    {FLOAT64, "4.0", "Float64", "00 00 00 00 00 00 10 40"},
    {FLOAT64, "0.1", "Float64", "9a 99 99 99 99 99 b9 3f"},
    {FLOAT64, "-0.0", "Float64", "00 00 00 00 00 00 00 80"},
    {FLOAT64, "1.7976931348623157E308", "Float64", "ff ff ff ff ff ff ef 7f"},
    {FLOAT64, "1.8E308", "Float64", "!number is too large"},
    {FLOAT64, "4.9E-324", "Float64", "01 00 00 00 00 00 00 00"},
    {FLOAT64, "9007199254740993", "Float64", "00 00 00 00 00 00 40 43"},
    {FLOAT64, "123456789.12345678", "Float64", "74 6b 7e 54 34 6f 9d 41"},
    {FLOAT64, "\"NaN\"", "Float64", "00 00 00 00 00 00 f8 7f"},
    {FLOAT64, "\"Infinity\"", "Float64", "00 00 00 00 00 00 f0 7f"},
    {FLOAT64, "\"inf\"", "Float64", "!value is not a number"},
    {FLOAT64, "true", "Float64", "!value is not a number"},
    {FLOAT64, "1.5", "Float32", "-"},
    {FLOAT64, "1.5", "String", "-"},
    {FLOAT64, "1.5", "Decimal(5, 1)", "-"},
    {UNTYPED, "1", "Float64", "00 00 00 00 00 00 f0 3f"},
    {UNTYPED, "1e39", "Float32", "!number is too large"},
    {UNTYPED, "9007199254740992", "Float64", "00 00 00 00 00 00 40 43"},
    {UNTYPED, "9007199254740993", "Float64", "!number has more digits than its type keeps (column type Float64)"},
    {UNTYPED, "9007199254740994", "Float64", "01 00 00 00 00 00 40 43"},
    {UNTYPED, "-9007199254740993", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "9223372036854775807", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "-9223372036854775808", "Float64", "00 00 00 00 00 00 e0 c3"},
    {UNTYPED, "10000000000000000000000", "Float64", "92 d5 4d 06 cf f0 80 44"},
    {UNTYPED, "100000000000000000000000", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "0", "Float64", "00 00 00 00 00 00 00 00"},
    {UNTYPED, "-0.0", "Float64", "00 00 00 00 00 00 00 80"},
    {UNTYPED, "0E-10", "Float64", "00 00 00 00 00 00 00 00"},
    {UNTYPED, "1e-400", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "4.9E-324", "Float64", "01 00 00 00 00 00 00 00"},
    {UNTYPED, "-2.98023223876953125E-8", "Float64", "00 00 00 00 00 00 60 be"},
    {UNTYPED, "1.7976931348623157E308", "Float64", "ff ff ff ff ff ff ef 7f"},
    {UNTYPED, "123456789.12345678", "Float64", "74 6b 7e 54 34 6f 9d 41"},
    {UNTYPED, "123456789.123456789", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "0.000123456789123456789", "Float64", "!number has more digits than its type keeps"},
    {UNTYPED, "1.5000000000000000000", "Float64", "00 00 00 00 00 00 f8 3f"},
    {UNTYPED, "16777216", "Float32", "00 00 80 4b"},
    {UNTYPED, "16777217", "Float32", "!number has more digits than its type keeps (column type Float32)"},
    {UNTYPED, "16777218", "Float32", "01 00 80 4b"},
    {UNTYPED, "3.4028235E38", "Float32", "ff ff 7f 7f"},
    {UNTYPED, "1.23456789", "Float32", "52 06 9e 3f"},
    {UNTYPED, "1.234567891", "Float32", "!number has more digits than its type keeps"},
    {UNTYPED, "1e-60", "Float32", "!number has more digits than its type keeps"},
    {UNTYPED, "\"Infinity\"", "Float32", "00 00 80 7f"},
    {UNTYPED, "\"1.5\"", "Float64", "!value is not a number"},
};

static const struct convert_case decimals[] = {
    {DECIMAL(2), "\"MDk=\"", "Decimal(9, 2)", "39 30 00 00"},
    {DECIMAL(2), "\"z8c=\"", "Decimal(9, 2)", "c7 cf ff ff"},
    {DECIMAL(2), "\"bg==\"", "Decimal(18, 2)", "6e 00 00 00 00 00 00 00"},
    {DECIMAL(2), "\"AA==\"", "Decimal(38, 2)", "00000000000000000000000000000000"},
    {DECIMAL(2), "\"/w==\"", "Decimal(38, 2)", "ffffffffffffffffffffffffffffffff"},
    {DECIMAL(0), "\"AIA=\"", "Decimal(76, 0)", "8000000000000000000000000000000000000000000000000000000000000000"},
    {DECIMAL(2), "\"MDk=\"", "Decimal(9, 4)", "44 d6 12 00"},
    {DECIMAL(2), "\"MDk=\"", "Decimal(9, 1)", "-"},
    {DECIMAL(0), "\"Y54=\"", "Decimal(5, 0)", "9e 63 00 00"},
    {DECIMAL(0), "\"Aw0/\"", "Decimal(5, 0)", "!decimal has too many digits (column type Decimal(5, 0))"}, /* 199999 */
    {DECIMAL(0), "\"AYag\"", "Decimal(5, 0)", "!decimal has too many digits"},                             /* 100000 */
    {DECIMAL(0), "\"/nlg\"", "Decimal(5, 0)", "!decimal has too many digits"},                             /* -100000 */
    {DECIMAL(0), "\"AYaf\"", "Decimal(5, 0)", "9f 86 01 00"},                                              /* 99999 */
    {DECIMAL(0), "\"AQ==\"", "Decimal(5, 5)", "!decimal has too many digits"},
    {DECIMAL(0), "\"AA==\"", "Decimal(5, 5)", "00 00 00 00"},
    {DECIMAL(0), "\"AQ==\"", "Decimal(76, 75)", "000000000000000000e88ebe312af28bf2503d977778f0b32b82c281ddfa3502"},
    {DECIMAL(2), "\"M D=\"", "Decimal(9, 2)", "!decimal is neither a number nor base64"},
    {DECIMAL(2), "\"12.5\"", "Decimal(9, 2)", "!decimal is neither a number nor base64"},
    {DECIMAL(2), "true", "Decimal(9, 2)", "!decimal is neither a number nor base64"},
    {DECIMAL(2), "123.45", "Decimal(9, 2)", "39 30 00 00"},
    {DECIMAL(2), "1.1E1", "Decimal(9, 4)", "b0 ad 01 00"},
    {DECIMAL(2), "123.456", "Decimal(9, 3)", "!number has more digits after the point than its type keeps"},
    {DECIMAL(2), "\"MDk=\"", "String", "06 3132332e3435"},
    {DECIMAL(2), "\"/w==\"", "String", "05 2d302e3031"},
    {DECIMAL(2), "123.4", "String", "06 3132332e3430"},
    {DECIMAL(0), "\"MDk=\"", "String", "05 3132333435"},
    {DECIMAL(2), "\"MDk=\"", "Float64", "cd cc cc cc cc dc 5e 40"},
    {DECIMAL(2), "\"MDk=\"", "Float32", "66 e6 f6 42"},
    {DECIMAL(0), "\"f////////////////////////w==\"", "Float32", "!number is too large"},
    {DECIMAL(2), "\"MDk=\"", "Int64", "-"},
    {DECIMAL(SLUICE_SCALE_UNTOLD), "\"MDk=\"", "Decimal(9, 3)", "39 30 00 00"},
    {DECIMAL(SLUICE_SCALE_UNTOLD), "12.345", "Decimal(9, 3)", "39 30 00 00"},
    {DECIMAL(SLUICE_SCALE_UNTOLD), "\"MDk=\"", "String", "-"},
    {DECIMAL(SLUICE_SCALE_UNTOLD), "\"MDk=\"", "Float64", "-"},
    {INT32, "-5", "Decimal(9, 2)", "0c fe ff ff"},
    {INT64, "9223372036854775807", "Decimal(19, 0)", "ffffffffffffff7f0000000000000000"},
    {INT64, "9223372036854775807", "Decimal(21, 2)", "9cffffffffffffff3100000000000000"},
    {INT64, "9223372036854775807", "Decimal(20, 2)", "!decimal has too many digits"},
    {INT64, "1000", "Decimal(5, 2)", "!decimal has too many digits"},
    {INT64, "999", "Decimal(5, 2)", "3c 86 01 00"},
    {UNTYPED, "\"MDk=\"", "Decimal(10, 2)", "39 30 00 00 00 00 00 00"},
    {UNTYPED, "1E-7", "Decimal(10, 7)", "01 00 00 00 00 00 00 00"},
    {UNTYPED, "1E-7", "Decimal(10, 6)", "!number has more digits after the point"},
    {UNTYPED, "0E-10", "Decimal(10, 2)", "00 00 00 00 00 00 00 00"},
    {UNTYPED, "99999999999999999999999999999999999999", "Decimal(38, 0)", "ffffffff3f228a097ac4865aa84c3b4b"},
    {UNTYPED, "100000000000000000000000000000000000000", "Decimal(38, 0)", "!decimal has too many digits"},
    {UNTYPED, "-12.5", "Decimal(3, 1)", "83 ff ff ff"},
    {UNTYPED, "\"\"", "Decimal(10, 4)", "!decimal is neither a number nor base64"},
    {DECIMAL(2), "\"\"", "Decimal(10, 4)", "!decimal is neither a number nor base64"},
    {DECIMAL(2), "\"\"", "String", "!decimal is neither a number nor base64"},
    {UNTYPED, "\"22.2200\"", "Decimal(10, 4)", "!may be base64 of another one"},
};

static const struct convert_case texts[] = {
    {STRING, "\"\"", "String", "00"},
    {STRING, "\"abc\"", "String", "03 616263"},
    {STRING, "\"a\\n\\\"\"", "String", "03 610a22"},
    {STRING, "\"\xc3\xa9\xf0\x9f\x98\x80\"", "LowCardinality(String)", "06 c3a9f09f9880"},
    {STRING, "\"ab\"", "FixedString(4)", "61620000"},
    {STRING, "\"a\\n\\n\\n\"", "FixedString(4)", "610a0a0a"},
    {STRING, "\"abcde\"", "FixedString(4)", "!text is too long (column type FixedString(4))"},
    {STRING, "1", "String", "!value is not a string"},
    {STRING, "1", "FixedString(4)", "!value is not a string"},
    {STRING, "\"b\"", "Enum8('a' = 1, 'b' = -2)", "fe"},
    {STRING, "\"c\"", "Enum8('a' = 1, 'b' = -2)", "!text is not one of the labels"},
    {STRING, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", "UUID", "-"},
    {STRING, "\"1\"", "Int64", "-"},
    {ENUM, "\"it's \\\"q\\\"\"", "Enum16('x' = 1, 'it\\'s \"q\"' = 300)", "2c 01"},
    {ENUM, "\"a\"", "String", "01 61"},
    {ENUM, "\"a\"", "LowCardinality(String)", "01 61"},
    {ENUM, "3", "Enum8('a' = 3)", "!value is not a string"},
    {UUID, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", "UUID", "f84e0b9c99bceea0 110a38bdb96b6dbb"},
    {UUID, "\"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11\"", "UUID", "f84e0b9c99bceea0 110a38bdb96b6dbb"},
    {UUID, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1\"", "UUID", "!value is not a UUID"},
    {UUID, "\"a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11\"", "UUID", "!value is not a UUID"},
    {UUID, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g\"", "UUID", "!value is not a UUID"},
    {UUID, "\"\"", "UUID", "!value is not a UUID"},
    {UUID, "\"a0\"", "String", "02 6130"},
    {JSON, "\"{\\\"a\\\": 1}\"", "String", "08 7b2261223a20317d"},
    {JSON, "{}", "String", "!value is not a string"},
    {BYTES, "\"\"", "String", "00"},
    {BYTES, "\"AP8Q\"", "String", "03 00ff10"},
    {BYTES, "\"AP8=\"", "String", "02 00ff"},
    {BYTES, "\"AP8\"", "String", "!value is not base64"},
    {BYTES, "1", "String", "!value is not base64"},
    {BYTES, "\"AP8=\"", "FixedString(3)", "00ff00"},
    {BYTES, "\"AP8Q\"", "FixedString(3)", "00ff10"},
    {BYTES, "\"AP8QAA==\"", "FixedString(3)", "!text is too long"},
    {BYTES, "\"!P8Q\"", "FixedString(3)", "!value is not base64"},
    {BYTES, "\"AP8Q\"", "UUID", "-"},
    {UNTYPED, "\"x\"", "String", "01 78"},
    {UNTYPED, "1", "String", "!tables.source_types"},
    {UNTYPED, "true", "String", "!tables.source_types"},
    {UNTYPED, "[1]", "String", "!tables.source_types"},
    {UNTYPED, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", "UUID", "f84e0b9c99bceea0 110a38bdb96b6dbb"},
    {UNTYPED, "\"b\"", "Enum8('a' = 1, 'b' = 2)", "02"},
    {UNTYPED, "2", "Enum8('a' = 1, 'b' = 2)", "!value is not a string"},
};

static const struct convert_case times[] = {
    {DATE, "-25567", "Date32", "21 9c ff ff"},
    {DATE, "-25568", "Date32", "!time is out of the range of the column (column type Date32)"},
    {DATE, "120529", "Date32", "d1 d6 01 00"},
    {DATE, "120530", "Date32", "!time is out of the range"},
    {DATE, "0", "Date", "00 00"},
    {DATE, "65535", "Date", "ff ff"},
    {DATE, "65536", "Date", "!time is out of the range"},
    {DATE, "-1", "Date", "!time is out of the range"},
    {DATE, "-2147472692", "Date32", "!\"infinity\" is out of the range"},
    {DATE, "-622191234", "Date32", "!\"infinity\" is out of the range"},
    {DATE, "-622191235", "Date32", "!\"infinity\" is out of the range"},
    {DATE, "-2147472691", "Date32", "!\"-infinity\" is out of the range"},
    {DATE, "-625821272", "Date", "!\"-infinity\" is out of the range"},
    {DATE, "-735160", "Date32", "!time is out of the range"}, /* 44 BC */
    {DATE, "\"2020-01-01\"", "Date32", "!value is not a date in days"},
    {DATE, "1.5", "Date32", "!value is not a date in days"},
    {DATE, "1", "DateTime64(3)", "-"},
    {DATE, "1", "Int32", "-"},
    {DATE, "1", "String", "-"},
    {UNTYPED, "19782", "Date32", "46 4d 00 00"},
    {UNTYPED, "19782", "Date", "46 4d"},
    {MS, "1500", "DateTime64(3)", "dc 05 00 00 00 00 00 00"},
    {MS, "1500", "DateTime64(6, 'UTC')", "60 e3 16 00 00 00 00 00"},
    {MS, "1500", "DateTime64(0)", "!time has more digits of a second than the column keeps"},
    {MS, "2000", "DateTime64(0)", "02 00 00 00 00 00 00 00"},
    {MS, "2000", "DateTime", "02 00 00 00"},
    {MS, "2001", "DateTime", "!time has more digits of a second"},
    {MS, "4294967295000", "DateTime", "ff ff ff ff"},
    {MS, "4294967296000", "DateTime", "!time is out of the range"},
    {MS, "-1000", "DateTime", "!time is out of the range"},
    {MS, "-2208988800000", "DateTime64(3)", "00 dc 01 ae fd fd ff ff"},
    {MS, "-2208988800001", "DateTime64(3)", "!time is out of the range"},
    {MS, "10413791999999", "DateTime64(3)", "ff 77 5f a6 78 09 00 00"},
    {MS, "10413792000000", "DateTime64(3)", "!time is out of the range"},
    {MS, "9223372036825200", "DateTime64(3)", "!\"infinity\" is out of the range"},
    {MS, "-9223372036832400", "DateTime64(3)", "!\"-infinity\" is out of the range"},
    {US, "1709251199123456", "DateTime64(6)", "00 40 8e 0e 8e 12 06 00"},
    {US, "1000", "DateTime64(3)", "01 00 00 00 00 00 00 00"},
    {US, "1001", "DateTime64(3)", "!time has more digits of a second"},
    {US, "-1", "DateTime64(6)", "ff ff ff ff ff ff ff ff"},
    {US, "-1000", "DateTime64(3)", "ff ff ff ff ff ff ff ff"},
    {US, "1", "DateTime64(9)", "e8 03 00 00 00 00 00 00"},
    {US, "9223372036854775", "DateTime64(9)", "d8 fc ff ff ff ff ff 7f"},
    {US, "9223372036854776", "DateTime64(9)", "!time is out of the range"},
    {US, "9223372036825200000", "DateTime64(6)", "!\"infinity\" is out of the range"},
    {US, "-9223372036832400000", "DateTime64(6)", "!\"-infinity\" is out of the range"},
    {US, "-9223372036854775810", "DateTime64(6)", "!time is out of the range"},
    {US, "10413791999999999", "DateTime64(8)", "9c ff 7a 6c dd b8 73 0e"},
    {US, "10413792000000000", "DateTime64(8)", "!time is out of the range"},
    {US, "\"x\"", "DateTime64(6)", "!value is not a time in ticks"},
    {US, "1.5", "DateTime64(6)", "!time is out of the range"},
    {US, "1", "Int64", "-"},
    {NS, "1500000000", "DateTime64(9)", "00 2f 68 59 00 00 00 00"},
    {NS, "9223372036854775806", "DateTime64(9)", "fe ff ff ff ff ff ff 7f"},
    {NS, "9223372036854775807", "DateTime64(9)", "!\"infinity\" is out of the range"},
    {NS, "-9223372036854775808", "DateTime64(9)", "!\"-infinity\" is out of the range"},
    {NS, "9223372036854775807", "DateTime64(6)", "!\"infinity\" is out of the range"},
    {NS, "1000", "DateTime64(6)", "01 00 00 00 00 00 00 00"},
    {NS, "1", "DateTime64(6)", "!time has more digits of a second"},
    {MS, "1500", "String", "17 313937302d30312d30312030303a30303a30312e353030"},
    {MS, "-62135596800000", "String", "17 303030312d30312d30312030303a30303a30302e303030"},
    {US, "1709251199123456", "String", "1a 323032342d30322d32392032333a35393a35392e313233343536"},
    {US, "-1", "String", "1a 313936392d31322d33312032333a35393a35392e393939393939"},
    {US, "253402300799999999", "String", "1a 393939392d31322d33312032333a35393a35392e393939393939"},
    {NS, "9223372036854775806", "String", "1d 323236322d30342d31312032333a34373a31362e383534373735383036"},
    {NS, "-9223372036854775807", "String", "1d 313637372d30392d32312030303a31323a34332e313435323234313933"},
    {US, "-2203891200000000", "String", "1a 313930302d30332d30312030303a30303a30302e303030303030"},
    {US, "253402300800000000", "String", "!time is out of the range"},
    {US, "-62135596800000001", "String", "!time is out of the range"},
    {US, "9223372036825200000", "String", "!\"infinity\" is out of the range"},
    {NS, "9223372036854775807", "String", "!\"infinity\" is out of the range"},
    {NS, "-9223372036854775808", "String", "!\"-infinity\" is out of the range"},
    {MS, "1.5", "String", "!value is not a time in ticks"},
    {US, "1", "FixedString(30)", "-"},
    {ZONED, "\"1970-01-01T00:00:01.500000Z\"", "DateTime64(6)", "60 e3 16 00 00 00 00 00"},
    {ZONED, "\"1970-01-01T00:00:01.500Z\"", "DateTime64(3)", "dc 05 00 00 00 00 00 00"},
    {ZONED, "\"1970-01-01T00:00:01.500001Z\"", "DateTime64(3)", "!time has more digits of a second"},
    {ZONED, "\"1969-12-31T23:59:59.999999Z\"", "DateTime64(6)", "ff ff ff ff ff ff ff ff"},
    {ZONED, "\"1970-01-01T00:00:02Z\"", "DateTime", "02 00 00 00"},
    {ZONED, "\"1970-01-01T00:00:02.000000Z\"", "DateTime", "02 00 00 00"},
    {ZONED, "\"2106-02-07T06:28:15Z\"", "DateTime", "ff ff ff ff"},
    {ZONED, "\"2106-02-07T06:28:16Z\"", "DateTime", "!time is out of the range"},
    {ZONED, "\"1969-12-31T23:59:59Z\"", "DateTime", "!time is out of the range"},
    {ZONED, "\"1900-01-01T00:00:00Z\"", "DateTime64(3)", "00 dc 01 ae fd fd ff ff"},
    {ZONED, "\"1899-12-31T23:59:59.999Z\"", "DateTime64(3)", "!time is out of the range"},
    {ZONED, "\"2299-12-31T23:59:59.999Z\"", "DateTime64(3)", "ff 77 5f a6 78 09 00 00"},
    {ZONED, "\"2300-01-01T00:00:00Z\"", "DateTime64(3)", "!time is out of the range"},
    {ZONED, "\"2262-04-11T23:47:16.854775807Z\"", "DateTime64(9)", "ff ff ff ff ff ff ff 7f"},
    {ZONED, "\"2262-04-11T23:47:16.854775808Z\"", "DateTime64(9)", "!time is out of the range"},
    {ZONED, "\"+21016-11-04T06:51:30.123456Z\"", "DateTime64(6)", "!time is out of the range"},
    {ZONED, "\"-0043-03-15T00:00:00Z\"", "DateTime64(6)", "!time is out of the range"},
    {ZONED, "\"infinity\"", "DateTime64(6)", "!\"infinity\" is out of the range"},
    {ZONED, "\"-infinity\"", "DateTime64(6)", "!\"-infinity\" is out of the range"},
    {ZONED, "\"yesterday\"", "DateTime64(6)", "!value is not a timestamp text"},
    {ZONED, "5", "DateTime64(6)", "!value is not a timestamp text"},
    {ZONED, "\"1970-01-01T00:00:02Z\"", "String", "14 313937302d30312d30315430303a30303a30325a"},
    {UNTYPED, "1500", "DateTime64(3)", "dc 05 00 00 00 00 00 00"},
    {UNTYPED, "1500", "DateTime64(6)", "dc 05 00 00 00 00 00 00"},
    {UNTYPED, "1500", "DateTime64(9)", "dc 05 00 00 00 00 00 00"},
    {UNTYPED, "1500", "DateTime64(2)", "!tables.source_types"},
    {UNTYPED, "1500", "DateTime", "!tables.source_types"},
    {UNTYPED, "\"1970-01-01T00:00:02Z\"", "DateTime", "02 00 00 00"},
    {UNTYPED, "\"1970-01-01T00:00:02Z\"", "DateTime64(1)", "14 00 00 00 00 00 00 00"},
    {UNTYPED, "true", "DateTime64(3)", "!value is not a timestamp text"},
    {UNTYPED, "9223372036825200000", "DateTime64(6)", "!\"infinity\" is out of the range"},
};

static bool check_value(const struct convert *convert, const struct convert_case *c)
{
    struct sluice_error err = {0};
    const struct sluice_value value = json_of(c->json);
    return check_put(convert, convert->fn, &value, c->want, &err) &&
           (*c->want != '!' || CHECK_INT(err.code, SLUICE_E_VALUE));
}

static bool check_case(const struct convert_case *c)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    struct sluice_error err = {0};
    struct convert convert;
    const struct sluice_source_column column = {.name = "x", .type = c->source, .scale = c->scale};
    sluice_arena_init(&arena, 1 << 20, "test");
    const struct sluice_type *type = type_of(&arena, c->type);
    if (!CHECK(type != NULL) ||
        !CHECK_INT(convert_choose(&arena, &column, type, c->type, NULL, &convert, &err), SLUICE_OK))
        return false;
    if (strcmp(c->want, "-") == 0)
        return CHECK(convert.fn == NULL);
    return CHECK(convert.fn != NULL) && check_value(&convert, c);
}

static void test_cases(const struct convert_case *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++) {
        if (!check_case(&cases[i]))
            (void)fprintf(stderr, "    %s %s into %s\n", sluice_source_type_name(cases[i].source), cases[i].json,
                          cases[i].type);
    }
}

/* Lengths around each size of the length prefix, with and without escapes. */
static void test_lengths(void)
{
    static const size_t lengths[] = {0, 1, 126, 127, 128, 129, 254, 255, 256, 16382, 16383, 16384, 40000};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(lengths); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct sluice_error err = {0};
        struct convert convert;
        const struct sluice_source_column column = {.name = "x", .type = SLUICE_SOURCE_STRING};
        size_t n = lengths[i];
        sluice_arena_init(&arena, 1 << 20, "test");
        CHECK_INT(convert_choose(&arena, &column, type_of(&arena, "String"), "String", NULL, &convert, &err),
                  SLUICE_OK);
        char *raw = malloc(2 * n + 1);
        unsigned char *plain = malloc(convert.room + n);
        unsigned char *escaped = malloc(convert.room + 2 * n);
        if (!CHECK(raw != NULL && plain != NULL && escaped != NULL))
            abort();
        memset(raw, '\n', n);
        const unsigned char *plain_end =
            convert.fn(&convert, &(struct sluice_value){.text = {raw, n}, .kind = SLUICE_VALUE_STRING}, plain, &err);
        for (size_t k = 0; k < n; k++)
            memcpy(raw + 2 * k, "\\n", 2);
        const unsigned char *escaped_end = convert.fn(
            &convert, &(struct sluice_value){.text = {raw, 2 * n}, .kind = SLUICE_VALUE_STRING_ESCAPED}, escaped, &err);
        CHECK_INT(plain_end - plain, n + (n < 128 ? 1 : n < 16384 ? 2 : 3));
        CHECK_BYTES(escaped, (size_t)(escaped_end - escaped), plain, (size_t)(plain_end - plain));
        free(raw);
        free(plain);
        free(escaped);
    }
}

/* Digits are read eight at a time: every other byte at every place is seen, and numbers of every length are right. */
static void test_digits(void)
{
    char text[24] = "1234567890123456";
    int64_t v = 0;
    for (size_t place = 0; place < 16; place++) {
        char digit = text[place];
        for (int byte = 0; byte < 256; byte++) {
            text[place] = (char)byte;
            const struct sluice_value value = {.text = {text, 16}, .kind = SLUICE_VALUE_NUMBER};
            bool is_digit = byte >= '0' && byte <= '9';
            /* A sign may stand in front. */
            if (convert_read_int64(&value, &v) != (is_digit || (place == 0 && byte == '-')))
                CHECK_INT(place * 1000 + (size_t)byte, -1);
        }
        text[place] = digit;
    }
    for (uint64_t n = 7, step = 0; step < 19; step++, n = n % 1000000000000000000 * 10 + step % 9 + 1) {
        for (int sign = 0; sign < 2; sign++) {
            const struct sluice_value value = {
                .text = {text, (size_t)snprintf(text, sizeof text, "%s%" PRIu64, sign != 0 ? "-" : "", n)},
                .kind = SLUICE_VALUE_NUMBER};
            if (n > INT64_MAX)
                continue;
            CHECK(convert_read_int64(&value, &v));
            CHECK_INT(v, sign != 0 ? -(int64_t)n : (int64_t)n);
        }
    }
}

/* Any bytes in any conversion: within the room, and a value or an error. */
static void test_random(uint64_t seed)
{
    static const char *const types[] = {"Bool",
                                        "Int8",
                                        "UInt64",
                                        "Int256",
                                        "Float32",
                                        "Float64",
                                        "Decimal(9, 2)",
                                        "Decimal(38, 10)",
                                        "Decimal(76, 38)",
                                        "String",
                                        "FixedString(7)",
                                        "UUID",
                                        "Date",
                                        "Date32",
                                        "DateTime",
                                        "DateTime64(0)",
                                        "DateTime64(6)",
                                        "DateTime64(9)",
                                        "Enum8('1' = 1, 'a' = 2)",
                                        "Time",
                                        "Time64(6)",
                                        "IPv4",
                                        "IPv6",
                                        "JSON",
                                        "Array(Nullable(Int64))",
                                        "Map(String, String)",
                                        "Tuple(x Nullable(Float64), y Nullable(Float64))",
                                        "Point"};
    static const char alphabet[] = "0123456789012345678901234567890123456789-+.eE:TZ=/\\nuabcdef \"\xc3\xff";
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    struct sluice_error err = {0};
    size_t n_tried = 0;
    sluice_arena_init(&arena, 1 << 20, "test");
    for (size_t t = 0; t < SLUICE_N_ELEMENTS(types); t++) {
        const struct sluice_type *type = type_of(&arena, types[t]);
        for (int source = 0; source < SLUICE_N_SOURCE_TYPES; source++) {
            const struct sluice_source_column column = {
                .name = "x", .type = (enum sluice_source_type)source, .scale = (unsigned)(random_next(&seed) % 40)};
            struct convert convert;
            CHECK_INT(convert_choose(&arena, &column, type, types[t], NULL, &convert, &err), SLUICE_OK);
            for (size_t i = 0; i < 200 && convert.fn != NULL; i++) {
                size_t n = random_next(&seed) % 50;
                struct sluice_value value = {
                    .kind = (enum sluice_value_kind)(random_next(&seed) % (SLUICE_VALUE_BYTES + 1)),
                    .integer = (int64_t)(random_next(&seed) >> random_next(&seed) % 64)};
                char *text = malloc(n + 1);
                if (text == NULL)
                    abort();
                for (size_t k = 0; k < n; k++)
                    text[k] = alphabet[random_next(&seed) % (sizeof alphabet - 1)];
                text = realloc(text, n > 0 ? n : 1);
                value.text = (struct sluice_str){text, n};
                size_t room = convert_room(&convert, &value);
                unsigned char *at = malloc(room);
                if (at == NULL)
                    abort();
                const unsigned char *end =
                    value.kind != SLUICE_VALUE_NULL || convert.takes_null ? convert.fn(&convert, &value, at, &err) : at;
                if (end == NULL ? err.action != SLUICE_REJECT : (size_t)(end - at) > room)
                    CHECK_TEXT(types[t], "a conversion within its room");
                n_tried++;
                free(text);
                free(at);
            }
        }
    }
    CHECK(n_tried > 10000);
}

static void test_zero(void)
{
    static const struct {
        const char *type;
        const char *want;
    } cases[] = {
        {"Bool", "00"},
        {"Int32", "00000000"},
        {"UInt256", "0000000000000000000000000000000000000000000000000000000000000000"},
        {"Float64", "0000000000000000"},
        {"Decimal(38, 5)", "00000000000000000000000000000000"},
        {"String", "00"},
        {"FixedString(3)", "000000"},
        {"UUID", "00000000000000000000000000000000"},
        {"Date", "0000"},
        {"Date32", "00000000"},
        {"DateTime", "00000000"},
        {"DateTime64(3)", "0000000000000000"},
        {"Enum8('a' = 5, 'b' = -3)", "fd"},
        {"Enum16('a' = 5, 'b' = 300)", "0500"},
        {"Nullable(Int32)", "01"},
        {"LowCardinality(Nullable(String))", "01"},
        {"Nullable(Enum8('a' = 5))", "01"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct sluice_error err = {0};
        struct convert convert;
        unsigned char want[64];
        const struct sluice_source_column column = {.name = "x", .type = SLUICE_SOURCE_UNTYPED};
        sluice_arena_init(&arena, 1 << 20, "test");
        CHECK_INT(convert_choose(&arena, &column, type_of(&arena, cases[i].type), cases[i].type, NULL, &convert, &err),
                  SLUICE_OK);
        unsigned char *at = malloc(convert.room);
        if (!CHECK(at != NULL))
            abort();
        CHECK_BYTES(at, (size_t)(convert_zero(&convert, at) - at), want, bytes_of_hex(cases[i].want, want));
        free(at);
    }
}

int main(int argc, char **argv)
{
    test_cases(booleans, SLUICE_N_ELEMENTS(booleans));
    test_cases(integers, SLUICE_N_ELEMENTS(integers));
    test_cases(floats, SLUICE_N_ELEMENTS(floats));
    test_cases(decimals, SLUICE_N_ELEMENTS(decimals));
    test_cases(texts, SLUICE_N_ELEMENTS(texts));
    test_cases(times, SLUICE_N_ELEMENTS(times));
    test_lengths();
    test_digits();
    test_random(random_seed(argc, argv));
    test_zero();
    return check_result();
}
