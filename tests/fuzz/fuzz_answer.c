/* What ClickHouse sends: header lines, an empty line, the body, fed whole and byte by byte. */
#include "fuzz.h"

#include "clickhouse/answer.h"
#include "clickhouse/tsv.h"

enum { MAX_BYTES = 1 << 20 };

/* What the transport does: lines with their ends, then pieces. */
static void feed(struct answer *answer, struct sluice_str text, size_t piece)
{
    while (text.len > 0 && !answer->head_complete) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.ptr) + 1 : text.len;
        answer_header(answer, (struct sluice_str){text.ptr, n});
        text = (struct sluice_str){text.ptr + n, text.len - n};
    }
    answer->n_body = text.len;
    struct sluice_str message;
    (void)answer_find_exception(answer, text, &message);
    for (size_t n; text.len > 0; text = (struct sluice_str){text.ptr + n, text.len - n}) {
        n = piece < text.len ? piece : text.len;
        answer_refusal(answer, (struct sluice_str){text.ptr, n});
    }
}

static void check_tsv(struct sluice_str text)
{
    struct sluice_str line;
    struct sluice_str field;
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const char *copy;
    sluice_arena_init(&arena, MAX_BYTES, "fields");
    while (tsv_next_line(&text, &line)) {
        while (tsv_next_field(&line, &field)) {
            if (tsv_unescape(&arena, field, &copy, &err) != SLUICE_OK)
                return;
            if (strlen(copy) > field.len)
                SLUICE_BUG("a field that grew");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sluice_str text = {(const char *)data, size};
    struct answer whole;
    struct answer pieces;
    answer_init(&whole);
    answer_init(&pieces);
    feed(&whole, text, size);
    feed(&pieces, text, 1);
    if (answer_is_complete(&whole) != answer_is_complete(&pieces) ||
        answer_is_good(&whole) != answer_is_good(&pieces) || whole.exception_code != pieces.exception_code ||
        !sluice_str_equal(sluice_buf_str(&whole.refusal), sluice_buf_str(&pieces.refusal)))
        SLUICE_BUG("the pieces say something else than the whole");
    answer_deinit(&whole);
    answer_deinit(&pieces);
    check_tsv(text);
    return 0;
}
