/* answer.c - see answer.h. */
#include "clickhouse/answer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* The server caps its exception block at 16 KiB and error bodies rarely pass a few. */
enum { REFUSAL_MAX_BYTES = 64 << 10, EXCEPTION_MAX_BYTES = 32 << 10 };

void answer_init(struct answer *answer)
{
    *answer = (struct answer){.keep_alive_s = -1};
    sluice_buf_init(&answer->refusal, REFUSAL_MAX_BYTES, "text of a refusal");
}

void answer_deinit(struct answer *answer)
{
    sluice_buf_deinit(&answer->refusal);
}

void answer_reset(struct answer *answer)
{
    struct sluice_buf refusal = answer->refusal;
    sluice_buf_clear(&refusal);
    *answer = (struct answer){.keep_alive_s = -1, .refusal = refusal};
}

static int small_number(struct sluice_str text)
{
    int number = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && number < 10000000; i++)
        number = number * 10 + (text.ptr[i] - '0');
    return number;
}

/* All numbers of the summary are JSON strings. One that is not understood counts as absent. */
static void read_summary(struct answer *answer, struct sluice_str value)
{
    json_t *root = json_loadb(value.ptr, value.len, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "written_rows"));
    if (text != NULL && text[0] >= '0' && text[0] <= '9') {
        answer->has_written_rows = true;
        answer->written_rows = strtoull(text, NULL, 10);
    }
    json_decref(root);
}

static void read_keep_alive(struct answer *answer, struct sluice_str value)
{
    static const char key[] = "timeout=";
    size_t n_key = sizeof key - 1;
    for (size_t i = 0; i + n_key < value.len; i++)
        if (strncasecmp(value.ptr + i, key, n_key) == 0)
            answer->keep_alive_s = small_number((struct sluice_str){value.ptr + i + n_key, value.len - i - n_key});
}

static bool name_is(struct sluice_str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.ptr, wanted, name.len) == 0;
}

static void read_header(struct answer *answer, struct sluice_str name, struct sluice_str value)
{
    static const char vendor[] = "X-ClickHouse-";
    if (name_is(name, "Keep-Alive"))
        read_keep_alive(answer, value);
    if (name_is(name, "Content-Length") || name_is(name, "Transfer-Encoding"))
        answer->framed = true;
    if (name.len < sizeof vendor || strncasecmp(name.ptr, vendor, sizeof vendor - 1) != 0)
        return;
    answer->from_clickhouse = true;
    if (name_is(name, "X-ClickHouse-Exception-Code"))
        /* A header without a number still says that it failed. */
        answer->exception_code = small_number(value) > 0 ? small_number(value) : 1002;
    else if (name_is(name, "X-ClickHouse-Exception-Tag"))
        (void)snprintf(answer->tag, sizeof answer->tag, "%.*s", SLUICE_STR_ARG(value));
    else if (name_is(name, "X-ClickHouse-Summary"))
        read_summary(answer, value);
}

static struct sluice_str trim(struct sluice_str text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL && text.ptr[0] != '\0') {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL && text.ptr[text.len - 1] != '\0')
        text.len--;
    return text;
}

void answer_header(struct answer *answer, struct sluice_str line)
{
    if (line.len > 5 && memcmp(line.ptr, "HTTP/", 5) == 0) {
        const char *space = memchr(line.ptr, ' ', line.len);
        answer_reset(answer);
        if (space != NULL)
            answer->status = small_number((struct sluice_str){space + 1, line.len - (size_t)(space + 1 - line.ptr)});
        return;
    }
    if (sluice_str_equal_z(line, "\r\n") || sluice_str_equal_z(line, "\n"))
        answer->head_complete = true;
    const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    if (colon == NULL)
        return;
    size_t n_name = (size_t)(colon - line.ptr);
    struct sluice_str value = {colon + 1, line.len - n_name - 1};
    read_header(answer, (struct sluice_str){line.ptr, n_name}, trim(value));
}

bool answer_is_complete(const struct answer *answer)
{
    return answer->head_complete && answer->framed;
}

bool answer_is_good(const struct answer *answer)
{
    return answer->status == 200 && answer->exception_code == 0 && answer->from_clickhouse;
}

void answer_refusal(struct answer *answer, struct sluice_str piece)
{
    struct sluice_error ignored;
    size_t room = answer->refusal.max - answer->refusal.len;
    /* Best effort: the text is for a person, what decides came in the headers. */
    (void)(sluice_buf_append(&answer->refusal, piece.ptr, piece.len < room ? piece.len : room, &ignored) == SLUICE_OK);
}

static bool stands_at(struct sluice_str text, const char *part, size_t n_part, size_t at)
{
    return at + n_part <= text.len && memcmp(text.ptr + at, part, n_part) == 0;
}

bool answer_find_exception(const struct answer *answer, struct sluice_str body, struct sluice_str *message)
{
    /* The block stands at the end. With a tag the whole opening is unique to this answer; the older marker needs its
     * CR LF, which no text format leaves unescaped inside a value. */
    char marker[64];
    int n_marker = answer->tag[0] != '\0' ? snprintf(marker, sizeof marker, "__exception__\r\n%s\r\n", answer->tag)
                                          : snprintf(marker, sizeof marker, "__exception__\r\n");
    size_t from = body.len > EXCEPTION_MAX_BYTES ? body.len - EXCEPTION_MAX_BYTES : 0;
    for (size_t i = from; i < body.len; i++) {
        if (body.ptr[i] != '_' || !stands_at(body, marker, (size_t)n_marker, i))
            continue;
        size_t start = i + (size_t)n_marker;
        *message = (struct sluice_str){body.ptr + start, body.len - start};
        return true;
    }
    return false;
}
