/* The connector's placeholder in each of its forms: the usual text, and one of an operator's choice. */
#include "table/toast.h"

#include "table_support.h"

#define OWN_UUID "f23b5e4d-5c30-3295-8452-caf3db7bf988" /* the name-based UUID of ~gone~ */

static const struct toast_forms *forms_of(struct sluice_arena *arena, const char *placeholder)
{
    struct sluice_error err = {0};
    const struct toast_forms *forms = NULL;
    if (toast_forms_of(arena, placeholder, &forms, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return forms;
}

static bool matches(const struct toast_forms *forms, enum sluice_source_type type, const struct sluice_value *value)
{
    struct plan_column column = {0};
    toast_set_forms(&column, type);
    return toast_may_match(forms, value) && toast_matches(forms, &column, value);
}

static bool json_matches(const struct toast_forms *forms, enum sluice_source_type type, const char *json)
{
    const struct sluice_value value = json_of(json);
    return matches(forms, type, &value);
}

static bool bytes_match(const struct toast_forms *forms, enum sluice_source_type type, enum sluice_value_kind kind,
                        const char *bytes, size_t n)
{
    const struct sluice_value value = {.kind = kind, .text = {bytes, n}};
    return matches(forms, type, &value);
}

#define AVRO_MATCHES(forms, type, bytes) bytes_match((forms), (type), SLUICE_VALUE_AVRO, (bytes), sizeof(bytes) - 1)

static void test_usual(void)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 16, "a test");
    const struct toast_forms *forms = forms_of(&arena, NULL);
    CHECK(forms == forms_of(&arena, TOAST_PLACEHOLDER));
    CHECK(json_matches(forms, SLUICE_SOURCE_STRING, "\"__debezium_unavailable_value\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_BYTES, "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]"));
    CHECK(!json_matches(forms, SLUICE_SOURCE_STRING, "\"~gone~\""));
}

static void test_own_in_json(void)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 16, "a test");
    const struct toast_forms *forms = forms_of(&arena, "~gone~");
    CHECK(json_matches(forms, SLUICE_SOURCE_STRING, "\"~gone~\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_JSON, "\"{\\\"~gone~\\\":\\\"~gone~\\\"}\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_BYTES, "\"fmdvbmV+\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[\"~gone~\"]"));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[\"fmdvbmV+\"]"));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[\"" OWN_UUID "\"]"));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[126,103,111,110,101,126]"));
    CHECK(json_matches(forms, SLUICE_SOURCE_MAP, "{\"~gone~\":\"~gone~\"}"));
    CHECK(!json_matches(forms, SLUICE_SOURCE_STRING, "\"__debezium_unavailable_value\""));
    CHECK(!json_matches(forms, SLUICE_SOURCE_STRING, "\"~gone\""));
    CHECK(!json_matches(forms, SLUICE_SOURCE_STRING, "\"~gone~ \""));
    CHECK(!json_matches(forms, SLUICE_SOURCE_BYTES, "\"~gone~\""));
    CHECK(!json_matches(forms, SLUICE_SOURCE_ARRAY, "[\"~gone~\",\"x\"]"));
    CHECK(!json_matches(forms, SLUICE_SOURCE_INT32, "126"));
}

static void test_own_in_avro(void)
{
    static const char other[] = "~gone!";
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 16, "a test");
    const struct toast_forms *forms = forms_of(&arena, "~gone~");
    CHECK(bytes_match(forms, SLUICE_SOURCE_BYTES, SLUICE_VALUE_BYTES, "~gone~", 6));
    CHECK(!bytes_match(forms, SLUICE_SOURCE_BYTES, SLUICE_VALUE_BYTES, other, 6));
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x02\x02\x0c~gone~\x00"));
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x02\x48" OWN_UUID "\x00"));
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x0c\xfc\x01\xce\x01\xde\x01\xdc\x01\xca\x01\xfc\x01\x00"));
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_MAP, "\x02\x0c~gone~\x02\x0c~gone~\x00"));
    CHECK(!AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x02\x02\x0c~gone!\x00"));
    CHECK(!AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x04\x02\x0c~gone~\x02\x0c~gone~\x00"));
}

/* The shortest and the longest that the configuration allows. */
static void test_lengths(void)
{
    static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890!~";
    char json[TOAST_PLACEHOLDER_MAX + 3];
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 16, "a test");
    const struct toast_forms *forms = forms_of(&arena, "?");
    CHECK(json_matches(forms, SLUICE_SOURCE_STRING, "\"?\""));
    CHECK(json_matches(forms, SLUICE_SOURCE_ARRAY, "[63]"));
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY, "\x02\x7e\x00"));
    CHECK(!json_matches(forms, SLUICE_SOURCE_STRING, "\"\""));
    CHECK_INT((long long)strlen(longest), TOAST_PLACEHOLDER_MAX);
    forms = forms_of(&arena, longest);
    (void)snprintf(json, sizeof json, "\"%s\"", longest);
    CHECK(json_matches(forms, SLUICE_SOURCE_STRING, json));
    CHECK(forms->arrays[3].len > 0 && forms->arrays[3].ptr[forms->arrays[3].len - 1] == ']');
    CHECK(AVRO_MATCHES(forms, SLUICE_SOURCE_ARRAY,
                       "\x02\x7e"
                       "0123456789012345678901234567890123456789012345678901234567890!~"
                       "\x00"));
}

int main(void)
{
    test_usual();
    test_own_in_json();
    test_own_in_avro();
    test_lengths();
    return check_result();
}
