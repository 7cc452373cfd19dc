/* The path of a pipeline's KeeperMap: readable, never too long, and never that of another pipeline. */
#include "ledger/choose.h"

#include <stdio.h>

#include "support/check.h"

static void make(const char *name, const char *path, char out[SLUICE_LEDGER_PATH])
{
    const struct sluice_config config = {.name = name, .clickhouse_ledger_path = path};
    sluice_ledger_path_from(&config, out);
}

static void test_short(void)
{
    char path[SLUICE_LEDGER_PATH];
    make("shop", "", path);
    CHECK_TEXT(path, "/sluice_shop");
    make("a.b-c_D", "", path);
    CHECK_TEXT(path, "/sluice_a.b-c_D");
    make("shop", "/given/path", path);
    CHECK_TEXT(path, "/given/path");
}

/* Names may have 200 bytes and differ in the last one only. */
static void test_long(void)
{
    char name[201];
    char first[SLUICE_LEDGER_PATH];
    char second[SLUICE_LEDGER_PATH];
    memset(name, 'x', 200);
    name[200] = '\0';
    make(name, "", first);
    name[199] = 'y';
    make(name, "", second);
    CHECK(strcmp(first, second) != 0);
    CHECK_INT(strlen(first), strlen("/sluice_") + 64 + 1 + 16);
    name[64] = '\0';
    make(name, "", first);
    CHECK_INT(strlen(first), strlen("/sluice_") + 64);
}

int main(void)
{
    test_short();
    test_long();
    return check_result();
}
