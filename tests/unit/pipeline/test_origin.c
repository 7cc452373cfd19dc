/* Headers of replayed records, read back strictly. */
#include "pipeline/origin.h"

#include "support/check.h"

struct header {
    const char *name;
    const char *value; /* NULL: not there */
};

static struct header headers[6];

static bool find_header(const rd_kafka_message_t *message, const char *name, struct sluice_str *value)
{
    (void)message;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(headers); i++) {
        if (headers[i].name == NULL || headers[i].value == NULL || strcmp(headers[i].name, name) != 0)
            continue;
        *value = sluice_str_from(headers[i].value);
        return true;
    }
    return false;
}

static const struct sluice_message_ops ops = {.find_header = find_header};
static const struct header sound[] = {{"__sluice.topic", "shop.public.orders"},
                                      {"__sluice.partition", "3"},
                                      {"__sluice.offset", "9223372036854775807"},
                                      {"__sluice.version", "18446744073709551617"},
                                      {"__sluice.state", "sluice1 1f:16b3748:16b3700:5f5e100"}};

static enum sluice_code read_with(size_t changed, const char *value, struct origin *out)
{
    struct sluice_error err;
    const rd_kafka_message_t message = {.offset = 5};
    memcpy(headers, sound, sizeof sound);
    headers[changed].value = value;
    return origin_read(&ops, &message, out, &err);
}

static void test_sound(void)
{
    struct origin origin;
    CHECK_INT(read_with(5, NULL, &origin), SLUICE_OK);
    CHECK_TEXT(origin.topic, "shop.public.orders");
    CHECK_INT(origin.partition, 3);
    CHECK_INT(origin.offset, INT64_MAX);
    CHECK(origin.has_version);
    CHECK_INT(origin.version.high, 1);
    CHECK_INT(origin.version.low, 1);
    CHECK_INT(origin.state.n_sources, 1);
    CHECK_INT(read_with(3, "340282366920938463463374607431768211455", &origin), SLUICE_OK);
    CHECK(origin.version.high == UINT64_MAX && origin.version.low == UINT64_MAX);
    CHECK_INT(read_with(3, NULL, &origin), SLUICE_OK);
    CHECK(!origin.has_version);
}

static void test_unsound(void)
{
    static const struct {
        size_t header;
        const char *value;
    } cases[] = {
        {0, NULL},  {0, ""},   {1, NULL},    {1, "2147483648"},          {1, "-1"},
        {2, NULL},  {2, "1x"}, {2, ""},      {2, "9223372036854775808"}, {3, "340282366920938463463374607431768211456"},
        {3, "1e3"}, {4, NULL}, {4, "sluice"}};
    struct origin origin;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++)
        if (!CHECK_INT(read_with(cases[i].header, cases[i].value, &origin), SLUICE_E_ENVELOPE))
            (void)fprintf(stderr, "    case %zu\n", i);
}

int main(void)
{
    test_sound();
    test_unsound();
    return check_result();
}
