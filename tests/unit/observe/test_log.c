/* Log lines in both formats, whatever the bytes, and the limit on repeating ones. */
#include "sluice/log.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "sluice/error.h"
#include "support/check.h"

static char path[] = "/tmp/sluice-log-XXXXXX";
static int fd;
static char text[1 << 20];

/* What was logged since the last call. */
static const char *logged(void)
{
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    return text;
}

static void start(enum sluice_log_level level, enum sluice_log_format format)
{
    sluice_log_init(level, format, fd);
    (void)logged();
}

/* Behind the time stamp. */
static const char *line(void)
{
    const char *got = logged();
    const char *space = strchr(got, ' ');
    CHECK(strncmp(got, "ts=20", 5) == 0 && space != NULL && space - got == 30 && space[-1] == 'Z');
    return space != NULL ? space + 1 : "";
}

static void test_logfmt(void)
{
    const struct sluice_str bytes = {"a\0b\xff", 4};
    start(SLUICE_LOG_INFO, SLUICE_LOG_LOGFMT);
    SLUICE_LOG(SLUICE_LOG_INFO, "batch_sent", SLUICE_F_TEXT("table", "orders"), SLUICE_F_U64("rows", UINT64_MAX),
               SLUICE_F_I64("low", INT64_MIN), SLUICE_F_DOUBLE("ratio", 0.5), SLUICE_F_BOOL("last", true),
               SLUICE_F_MS("took_ms", 38214), SLUICE_F_MS("back_ms", -1), SLUICE_F_MS("wait_ms", 500000));
    CHECK_TEXT(line(), "level=info event=batch_sent table=orders rows=18446744073709551615 low=-9223372036854775808 "
                       "ratio=0.5 last=true took_ms=38.214 back_ms=-0.001 wait_ms=500\n");
    SLUICE_LOG(SLUICE_LOG_WARN, "texts", SLUICE_F_TEXT("empty", ""), SLUICE_F_TEXT("null", NULL),
               SLUICE_F_TEXT("space", "a b"), SLUICE_F_TEXT("quote", "a\"b\\c"), SLUICE_F_TEXT("equals", "a=b"),
               SLUICE_F_TEXT("breaks", "a\nb\r\t\x01\x7f"), SLUICE_F_STR("bytes", bytes),
               SLUICE_F_TEXT("utf8", "\xc3\xa4\xf0\x9f\x98\x80"));
    CHECK_TEXT(line(), "level=warn event=texts empty=\"\" null=\"\" space=\"a b\" quote=\"a\\\"b\\\\c\" equals=\"a=b\" "
                       "breaks=\"a\\nb\\r\\t\\u0001\\u007f\" bytes=\"a\\u0000b\xef\xbf\xbd\" "
                       "utf8=\"\xc3\xa4\xf0\x9f\x98\x80\"\n");
    struct sluice_error err;
    (void)sluice_error_set(&err, SLUICE_E_SERVER, SLUICE_RETRY, "no room");
    SLUICE_LOG(SLUICE_LOG_ERROR, "insert_failed", SLUICE_F_ERROR(&err));
    CHECK_TEXT(line(), "level=error event=insert_failed code=server error=\"no room\"\n");
    SLUICE_LOG(SLUICE_LOG_INFO, "numbers", SLUICE_F_DOUBLE("nan", (double)NAN), SLUICE_F_DOUBLE("inf", HUGE_VAL));
    CHECK_TEXT(line(), "level=info event=numbers nan=NaN inf=Inf\n");
    sluice_log_event(SLUICE_LOG_INFO, "stopped");
    CHECK_TEXT(line(), "level=info event=stopped\n");
}

static void test_levels(void)
{
    int n_evaluated = 0;
    start(SLUICE_LOG_WARN, SLUICE_LOG_LOGFMT);
    SLUICE_LOG(SLUICE_LOG_INFO, "hidden", SLUICE_F_I64("n", ++n_evaluated));
    sluice_log_event(SLUICE_LOG_DEBUG, "hidden");
    CHECK_TEXT(logged(), "");
    CHECK_INT(n_evaluated, 0);
    sluice_log_set_level(SLUICE_LOG_DEBUG);
    SLUICE_LOG(SLUICE_LOG_DEBUG, "shown", SLUICE_F_I64("n", ++n_evaluated));
    CHECK_TEXT(line(), "level=debug event=shown n=1\n");
}

static json_t *parse(const char *got)
{
    json_error_t err;
    json_t *root = json_loads(got, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    if (!CHECK(root != NULL))
        (void)fprintf(stderr, "    %s in %s\n", err.text, got);
    return root;
}

static void test_json(void)
{
    start(SLUICE_LOG_INFO, SLUICE_LOG_JSON);
    SLUICE_LOG(SLUICE_LOG_INFO, "batch_sent", SLUICE_F_TEXT("table", "or\"de\nrs\xc3"), SLUICE_F_U64("rows", 4096),
               SLUICE_F_DOUBLE("nan", (double)NAN), SLUICE_F_BOOL("last", false), SLUICE_F_MS("took_ms", 1500));
    json_t *root = parse(logged());
    CHECK_TEXT(json_string_value(json_object_get(root, "level")), "info");
    CHECK_TEXT(json_string_value(json_object_get(root, "event")), "batch_sent");
    CHECK_TEXT(json_string_value(json_object_get(root, "table")), "or\"de\nrs\xef\xbf\xbd");
    CHECK_INT(json_integer_value(json_object_get(root, "rows")), 4096);
    CHECK(json_is_null(json_object_get(root, "nan")));
    CHECK(json_is_false(json_object_get(root, "last")));
    CHECK(json_real_value(json_object_get(root, "took_ms")) == 1.5); /* NOLINT: exact in binary */
    json_decref(root);
}

/* Every single byte and every pair give a line that is one valid JSON object. */
static void test_any_bytes(void)
{
    start(SLUICE_LOG_INFO, SLUICE_LOG_JSON);
    for (unsigned i = 0; i < 0x10000; i += 7) {
        const char bytes[] = {(char)(i >> 8), (char)(i & 0xff), (char)0x80, (char)(i & 0xbf)};
        SLUICE_LOG(SLUICE_LOG_INFO, "bytes", SLUICE_F_BYTES("value", bytes, sizeof bytes));
        const char *got = logged();
        CHECK(strchr(got, '\n') == got + strlen(got) - 1);
        json_decref(parse(got));
    }
}

static void test_long(void)
{
    char filler[3000];
    memset(filler, '\n', sizeof filler);
    start(SLUICE_LOG_INFO, SLUICE_LOG_JSON);
    SLUICE_LOG(SLUICE_LOG_INFO, "long", SLUICE_F_BYTES("a", filler, sizeof filler), SLUICE_F_BYTES("b", filler, 1000),
               SLUICE_F_U64("c", 3));
    json_t *root = parse(logged());
    CHECK_INT(json_string_length(json_object_get(root, "a")), 1024);
    CHECK(json_object_get(root, "b") == NULL); /* left out whole */
    CHECK_INT(json_integer_value(json_object_get(root, "c")), 3);
    CHECK(json_is_true(json_object_get(root, "cut")));
    json_decref(root);
}

static unsigned count_lines(const char *got)
{
    unsigned n = 0;
    for (; *got != '\0'; got++)
        n += *got == '\n';
    return n;
}

static void test_limit(void)
{
    start(SLUICE_LOG_INFO, SLUICE_LOG_LOGFMT);
    for (int i = 0; i < SLUICE_LOG_BURST + 25; i++)
        SLUICE_LOG(SLUICE_LOG_WARN, "retry", SLUICE_F_I64("try", i));
    SLUICE_LOG(SLUICE_LOG_WARN, "other", SLUICE_F_I64("try", 1));
    const char *got = logged();
    CHECK_INT(count_lines(got), SLUICE_LOG_BURST + 1);
    CHECK_CONTAINS(got, "event=other");
    CHECK(strstr(got, "suppressed") == NULL);
    sluice_log_finish();
    CHECK_TEXT(line(), "level=warn event=retry suppressed=25\n");
    sluice_log_finish();
    CHECK_TEXT(logged(), "");
    for (int i = 0; i < SLUICE_LOG_BURST + 5; i++)
        sluice_log_event(SLUICE_LOG_INFO, "life");
    CHECK_INT(count_lines(logged()), SLUICE_LOG_BURST + 5);
}

enum { N_THREADS = 4, N_LINES = 500 };

static void *write_lines(void *arg)
{
    (void)arg;
    for (int i = 0; i < N_LINES; i++)
        SLUICE_LOG(SLUICE_LOG_INFO, "thread", SLUICE_F_TEXT("filler", "0123456789012345678901234567890123456789"));
    return NULL;
}

/* Lines of several threads come out whole (the file is opened for appending). */
static void test_threads(void)
{
    pthread_t threads[N_THREADS];
    start(SLUICE_LOG_INFO, SLUICE_LOG_LOGFMT);
    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&threads[i], NULL, write_lines, NULL) != 0)
            abort();
    for (int i = 0; i < N_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    const char *at = logged();
    unsigned n = 0;
    for (const char *end = strchr(at, '\n'); end != NULL; at = end + 1, end = strchr(at, '\n'), n++)
        CHECK(strncmp(at, "ts=", 3) == 0 && end[-1] == '9');
    CHECK_INT(n, N_THREADS * N_LINES);
}

int main(void)
{
    int made = mkstemp(path);
    FILE *append = fopen(path, "a+");
    if (made < 0 || append == NULL)
        return 1;
    fd = fileno(append);
    test_logfmt();
    test_levels();
    test_json();
    test_any_bytes();
    test_long();
    test_limit();
    test_threads();
    sluice_log_init(SLUICE_LOG_INFO, SLUICE_LOG_LOGFMT, STDERR_FILENO);
    (void)close(made);
    (void)fclose(append);
    (void)unlink(path);
    return check_result();
}
