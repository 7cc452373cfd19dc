/* Rows streamed out of ClickHouse: whatever pieces they come in, and an answer that breaks off. */
#include "admin/verify_target.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/http_stub.h"

enum { N_ROWS = 20000 };

static struct verify_column columns[] = {{.source = "id", .target = "id", .expression = "`id`"},
                                         {.source = "t", .target = "t", .expression = "`t`"}};
static const struct verify_plan plan = {.schema = "public",
                                        .table = "t",
                                        .database = "shop",
                                        .target = "t",
                                        .version_column = "_version",
                                        .deleted_column = "is_deleted",
                                        .columns = columns,
                                        .n_columns = 2,
                                        .n_key = 1};
static const struct verify_where all = {.share = 1};

struct seen {
    size_t n_rows;
    size_t n_good;
};

static enum sluice_code visit(void *context, struct sluice_str state, const struct sluice_str *cells,
                              struct sluice_error *err)
{
    struct seen *seen = context;
    char id[24];
    (void)err;
    (void)snprintf(id, sizeof id, "%zu", seen->n_rows++);
    bool is_null = cells[1].ptr == NULL;
    seen->n_good += sluice_str_equal_z(state, "7") && sluice_str_equal_z(cells[0], id) &&
                            (is_null || sluice_str_equal_z(cells[1], "a\tb\\"))
                        ? 1
                        : 0;
    return SLUICE_OK;
}

static enum sluice_code read_rows(const char *body, struct seen *seen, struct sluice_error *err)
{
    struct http_stub *stub = http_stub_start();
    const char *const urls[] = {http_stub_url(stub)};
    const struct sluice_ch_options options = {.urls = urls, .n_urls = 1};
    struct sluice_ch_client *client = NULL;
    *seen = (struct seen){0};
    http_stub_push(stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_client_new(&options, &client, err), SLUICE_OK);
    enum sluice_code code = verify_target_read(client, &plan, &all, true, visit, seen, err);
    sluice_ch_client_free(client);
    http_stub_stop(stub);
    return code;
}

static void test_rows(void)
{
    struct sluice_error err;
    struct seen seen;
    char *body = malloc((size_t)N_ROWS * 40);
    size_t n = 0;
    for (int i = 0; i < N_ROWS; i++)
        n += (size_t)sprintf(body + n, "7\t%d\t%s\n", i, i % 3 == 0 ? "\\N" : "a\\tb\\\\");
    CHECK_INT(read_rows(body, &seen, &err), SLUICE_OK);
    CHECK_INT(seen.n_rows, N_ROWS);
    CHECK_INT(seen.n_good, N_ROWS);
    body[n - 1] = '\0'; /* the last row without its end */
    CHECK_INT(read_rows(body, &seen, &err), SLUICE_E_SERVER);
    CHECK_CONTAINS(err.text, "read the rows of \"shop.t\": the answer breaks off in a row");
    free(body);
}

static void test_faults(void)
{
    struct sluice_error err;
    struct seen seen;
    CHECK_INT(read_rows("", &seen, &err), SLUICE_OK);
    CHECK_INT(seen.n_rows, 0);
    CHECK_INT(read_rows("7\t0\n", &seen, &err), SLUICE_E_SERVER);
    CHECK_CONTAINS(err.text, "the server's answer is not understood");
    CHECK_INT(read_rows("7\t0\ta\\tb\\\\\n__exception__\r\nCode: 241. DB::Exception: no memory", &seen, &err),
              SLUICE_E_SERVER);
    CHECK_CONTAINS(err.text, "server answered 241");
    CHECK_INT(seen.n_good, 1);
}

int main(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    test_rows();
    test_faults();
    curl_global_cleanup();
    return check_result();
}
