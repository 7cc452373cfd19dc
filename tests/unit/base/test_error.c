/* The first cause stays, context comes in front, long texts lose their end and nothing else. */
#include "base/error.h"

#include "support/check.h"

static void test_wrap(void)
{
    struct sluice_error err = {0};
    CHECK_INT(sluice_error_set(&err, SLUICE_E_VALUE, SLUICE_REJECT, "field \"%s\": too large", "price"),
              SLUICE_E_VALUE);
    CHECK_INT(sluice_error_wrap(&err, "topic \"%s\" offset %d", "shop", 7), SLUICE_E_VALUE);
    CHECK_TEXT(err.text, "topic \"shop\" offset 7: field \"price\": too large");
    CHECK_INT(err.action, SLUICE_REJECT);
}

static void test_long_texts(void)
{
    struct sluice_error err = {0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)sluice_error_set(&err, SLUICE_E_JSON, SLUICE_REJECT, "%s", text);
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    (void)sluice_error_wrap(&err, "in front");
    CHECK_INT(strlen(err.text), sizeof err.text - 1);
    CHECK_INT(strncmp(err.text, "in front: xxx", 13), 0);
}

static void test_labels(void)
{
    for (int i = 0; i < SLUICE_N_CODES; i++) {
        CHECK(sluice_code_label((enum sluice_code)i)[0] != '\0');
        CHECK(sluice_code_sentence((enum sluice_code)i)[0] != '\0');
        for (int j = 0; j < i; j++)
            CHECK(strcmp(sluice_code_label((enum sluice_code)i), sluice_code_label((enum sluice_code)j)) != 0);
    }
    CHECK_TEXT(sluice_code_label(SLUICE_N_CODES), "unknown");
}

int main(void)
{
    test_wrap();
    test_long_texts();
    test_labels();
    return check_result();
}
