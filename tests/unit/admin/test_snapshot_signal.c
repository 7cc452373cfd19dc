/* The signal that asks Debezium for a snapshot. */
#include "admin/snapshot_signal.h"

#include "support/check.h"

static const struct {
    struct snapshot_signal signal;
    const char *record;
} cases[] = {
    {{"a1", "public", "orders", SLUICE_SNAPSHOT_INCREMENTAL, NULL, NULL},
     "{\"id\":\"a1\",\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"public.orders\"],\"type\":"
     "\"incremental\"}}"},
    {{"a1", "public", "orders", SLUICE_SNAPSHOT_INCREMENTAL, "name = 'a \"b\"'", NULL},
     "{\"id\":\"a1\",\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"public.orders\"],\"type\":"
     "\"incremental\",\"additional-conditions\":[{\"data-collection\":\"public.orders\",\"filter\":\"name = 'a "
     "\\\"b\\\"'\"}]}}"},
    {{"a1", "public", "orders", SLUICE_SNAPSHOT_INCREMENTAL, NULL, "no"},
     "{\"id\":\"a1\",\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"public.orders\"],\"type\":"
     "\"incremental\",\"surrogate-key\":\"no\"}}"},
    {{"a1", "Shop", "Orders-2", SLUICE_SNAPSHOT_BLOCKING, "a = 1 OR b = 2", NULL},
     "{\"id\":\"a1\",\"type\":\"execute-snapshot\",\"data\":{\"data-collections\":[\"Shop.Orders-2\"],\"type\":"
     "\"blocking\",\"additional-conditions\":[{\"data-collection\":\"Shop.Orders-2\",\"filter\":\"SELECT * FROM "
     "\\\"Shop\\\".\\\"Orders-2\\\" WHERE (a = 1 OR b = 2)\"}]}}"},
};

static void test_records(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_buf) struct sluice_buf text;
        struct sluice_error err = {0};
        sluice_buf_init(&text, 4096, "a signal");
        CHECK_INT(snapshot_signal_check(&cases[i].signal, &err), SLUICE_OK);
        CHECK_INT(snapshot_signal_record(&cases[i].signal, &text, &err), SLUICE_OK);
        CHECK_INT(sluice_buf_append_char(&text, '\0', &err), SLUICE_OK);
        CHECK_TEXT(text.ptr, cases[i].record);
    }
}

static void test_data_is_the_record_s(void)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    struct sluice_error err = {0};
    sluice_buf_init(&text, 4096, "a signal");
    CHECK_INT(snapshot_signal_data(&cases[0].signal, &text, &err), SLUICE_OK);
    CHECK_INT(sluice_buf_append_char(&text, '\0', &err), SLUICE_OK);
    CHECK_TEXT(text.ptr, "{\"data-collections\":[\"public.orders\"],\"type\":\"incremental\"}");
}

/* Names that the other side would take for a pattern, or cut. */
static void test_names(void)
{
    static const struct {
        const char *schema;
        const char *table;
        bool is_right;
    } names[] = {{"public", "orders_2", true}, {"public", "a-b", true},   {"public", "\xc3\xa4rger", true},
                 {"public", "a.b", false},     {"public", "a$b", false},  {"pub*", "a", false},
                 {"public", "a b", false},     {"public", "a\"b", false}, {"public", "", false},
                 {"public", "(a|b)", false},   {"", "a", false}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(names); i++) {
        struct sluice_error err = {0};
        const struct snapshot_signal signal = {.id = "a", .schema = names[i].schema, .table = names[i].table};
        if (!CHECK_INT(snapshot_signal_check(&signal, &err), names[i].is_right ? SLUICE_OK : SLUICE_E_USAGE))
            (void)fprintf(stderr, "    %s.%s\n", names[i].schema, names[i].table);
    }
}

/* Nothing is sent that would read more than was asked for. */
static void test_condition_that_is_no_text(void)
{
    static const enum sluice_snapshot_type types[] = {SLUICE_SNAPSHOT_INCREMENTAL, SLUICE_SNAPSHOT_BLOCKING};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(types); i++) {
        SLUICE_AUTO(sluice_buf) struct sluice_buf text;
        struct sluice_error err = {0};
        const struct snapshot_signal signal = {
            .id = "a", .schema = "public", .table = "t", .type = types[i], .where = "v = '\xff'"};
        sluice_buf_init(&text, 4096, "a signal");
        CHECK_INT(snapshot_signal_record(&signal, &text, &err), SLUICE_E_USAGE);
    }
}

int main(void)
{
    test_records();
    test_data_is_the_record_s();
    test_names();
    test_condition_that_is_no_text();
    return check_result();
}
