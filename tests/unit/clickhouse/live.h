/* live.h - a real engine for a test program: SLUICE_TEST_CLICKHOUSE_URL (with SLUICE_TEST_CLICKHOUSE_USER and
 * _PASSWORD), else clickhouse-embedded, whose path is the first argument. With neither the test fails. */
#ifndef SLUICE_TESTS_CLICKHOUSE_LIVE_H
#define SLUICE_TESTS_CLICKHOUSE_LIVE_H

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clickhouse/schema.h"
#include "support/check.h"

static struct sluice_ch_client *client;
static const char *url;
static char database[64];
static struct sluice_error why; /* of the last call that failed */

static pid_t server_pid;
static char folder[] = "/tmp/sluice-live-XXXXXX";
static char own_url[128];

static inline void exec_server(const char *program, int out)
{
    (void)dup2(out, STDOUT_FILENO);
    char *const arguments[] = {
        strdup(program), strdup("--listen"), strdup("127.0.0.1:0"), strdup("--path"), folder, strdup("--faults"), NULL};
    (void)execv(program, arguments);
    _exit(127);
}

static inline bool start_server(const char *program)
{
    int ends[2];
    static const char lead[] = "listening on ";
    if (mkdtemp(folder) == NULL || pipe(ends) != 0)
        return false;
    server_pid = fork();
    if (server_pid == 0)
        exec_server(program, ends[1]);
    (void)close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    char line[sizeof own_url + sizeof lead];
    bool ok = out != NULL && fgets(line, sizeof line, out) != NULL && strncmp(line, lead, sizeof lead - 1) == 0;
    if (ok)
        (void)snprintf(own_url, sizeof own_url, "%.*s", (int)strcspn(line + sizeof lead - 1, "\n"),
                       line + sizeof lead - 1);
    if (out != NULL)
        (void)fclose(out);
    return ok;
}

static inline void stop_server(void)
{
    if (server_pid <= 0)
        return;
    (void)kill(server_pid, SIGTERM);
    (void)waitpid(server_pid, NULL, 0);
    pid_t remover = fork();
    if (remover == 0) {
        (void)execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(remover, NULL, 0);
}

static inline struct sluice_ch_client *connect_client(void)
{
    const char *const urls[] = {url};
    const struct sluice_ch_options options = {.urls = urls,
                                              .n_urls = 1,
                                              .user = getenv("SLUICE_TEST_CLICKHOUSE_USER"),
                                              .password = getenv("SLUICE_TEST_CLICKHOUSE_PASSWORD")};
    struct sluice_ch_client *made = NULL;
    if (sluice_ch_client_new(&options, &made, &why) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    return made;
}

/* Runs one statement; "@" stands for the test's database. */
static inline enum sluice_code run_sql(const char *sql)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, 1 << 20, "statement of a test");
    enum sluice_code code = SLUICE_OK;
    for (const char *at = sql; *at != '\0' && code == SLUICE_OK; at++)
        code = *at == '@' ? sluice_buf_printf(&text, &why, "`%s`", database) : sluice_buf_append_char(&text, *at, &why);
    const struct sluice_ch_pair settings[] = {{"allow_suspicious_low_cardinality_types", SLUICE_STR_LITERAL("1")}};
    const struct sluice_ch_query query = {
        .sql = sluice_buf_text(&text), .what = "run a statement", .settings = settings, .n_settings = 1};
    if (code == SLUICE_OK)
        code = sluice_ch_query(client, &query, NULL, &why);
    if (code != SLUICE_OK)
        (void)fprintf(stderr, "%s\n", why.text);
    return code;
}

static inline long count(const char *table)
{
    char sql[256];
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, 100, "count");
    (void)snprintf(sql, sizeof sql, "SELECT count() FROM `%s`.`%s` FORMAT TabSeparated", database, table);
    const struct sluice_ch_query query = {.sql = sql, .what = "count"};
    if (sluice_ch_query(client, &query, &answer, &why) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return -1;
    }
    return strtol(sluice_buf_text(&answer), NULL, 10);
}

/* 0, or what the program exits with. */
static inline int live_begin(int argc, char **argv)
{
    url = getenv("SLUICE_TEST_CLICKHOUSE_URL");
    if (url == NULL) {
        if (argc < 2 || !start_server(argv[1])) {
            (void)fprintf(stderr, "no server: name one in SLUICE_TEST_CLICKHOUSE_URL, or build clickhouse-embedded\n");
            return 1;
        }
        (void)atexit(stop_server);
        url = own_url;
    }
    (void)snprintf(database, sizeof database, "sluice_live_%ld", (long)getpid());
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    client = connect_client();
    return 0;
}

static inline int live_end(void)
{
    CHECK_INT(run_sql("DROP DATABASE @"), SLUICE_OK);
    sluice_ch_client_free(client);
    curl_global_cleanup();
    return check_result();
}

#endif
