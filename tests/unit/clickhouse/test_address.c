/* Percent-encoding of the query string and the escaping of {name:Type} parameters. */
#include "clickhouse/address.h"

#include "support/check.h"

static void test_encoding(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf address;
    sluice_buf_init(&address, ADDRESS_MAX_BYTES, "address");
    CHECK_INT(address_begin(&address, "http://h:8123//", &err), SLUICE_OK);
    CHECK_TEXT(address.ptr, "http://h:8123/");
    CHECK_INT(address_add(&address, "", "query", sluice_str_from("INSERT INTO `a b` (\"x\")&y=1+?#%"), &err),
              SLUICE_OK);
    CHECK_TEXT(address.ptr, "http://h:8123/?query=INSERT%20INTO%20%60a%20b%60%20%28%22x%22%29%26y%3D1%2B%3F%23%25");
    CHECK_INT(address_begin(&address, "https://h/prefix", &err), SLUICE_OK);
    CHECK_INT(address_add(&address, "", "a", sluice_str_from("1"), &err), SLUICE_OK);
    CHECK_INT(address_add(&address, "x_", "b", SLUICE_STR_LITERAL("\xf0\x9f\x90\x98~"), &err), SLUICE_OK);
    CHECK_TEXT(address.ptr, "https://h/prefix/?a=1&x_b=%F0%9F%90%98~");
}

static void test_parameters(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf address;
    sluice_buf_init(&address, ADDRESS_MAX_BYTES, "address");
    CHECK_INT(address_begin(&address, "http://h", &err), SLUICE_OK);
    CHECK_INT(address_add_param(&address, "k", SLUICE_STR_LITERAL("a\\b\tc\nd\re\0f\bg\fh'"), &err), SLUICE_OK);
    CHECK_TEXT(address.ptr, "http://h/?param_k=a%5C%5Cb%5Ctc%5Cnd%5Cre%5C0f%5Cbg%5Cfh%27");
    CHECK_INT(address_add_param(&address, "e", SLUICE_STR_LITERAL(""), &err), SLUICE_OK);
    CHECK_CONTAINS(address.ptr, "&param_e=");
}

static void test_ceiling(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf address;
    sluice_buf_init(&address, 100, "address");
    CHECK_INT(address_begin(&address, "http://h", &err), SLUICE_OK);
    enum sluice_code code = SLUICE_OK;
    for (int i = 0; code == SLUICE_OK && i < 100; i++)
        code = address_add(&address, "", "query", sluice_str_from("0123456789"), &err);
    CHECK_INT(code, SLUICE_E_LIMIT);
    CHECK(address.len < 200);
}

int main(void)
{
    test_encoding();
    test_parameters();
    test_ceiling();
    return check_result();
}
