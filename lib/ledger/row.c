/* row.c - see row.h.
 *
 * Reading is strict: a text counts only if writing what was read gives the very same bytes. So no text has two
 * meanings, a number out of range is not taken for the highest one, and what a person edited is noticed. */
#include "ledger/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char mark[] = "sluice2";

const char *sluice_ledger_kind_label(enum sluice_ledger_kind kind)
{
    static const char *const labels[SLUICE_N_LEDGER_KINDS] = {
        [SLUICE_LEDGER_KEEPER_MAP] = "keeper_map", [SLUICE_LEDGER_KAFKA] = "kafka"};
    return labels[kind];
}

/* ---- writing ---- */

enum { SKIP_TEXT = 21 * SLUICE_LEDGER_MAX_SKIP + 1 };

static void format_skip(const struct sluice_ledger_row *row, char text[SKIP_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < row->skip.n; i++)
        used += (size_t)snprintf(text + used, SKIP_TEXT - used, "%s%" PRId64,
                                 i > 0 ? "," : " skip=", row->skip.offsets[i] - row->next);
}

void sluice_ledger_row_format(const struct sluice_ledger_row *row, enum sluice_ledger_kind kind, const char *path,
                              char text[SLUICE_LEDGER_TEXT])
{
    char source[SLUICE_SOURCE_STATE_TEXT];
    char skip[SKIP_TEXT];
    format_skip(row, skip);
    sluice_source_state_format(&row->source, source);
    (void)snprintf(text, SLUICE_LEDGER_TEXT,
                   "%s %s %.*s epoch=%" PRIu64 " owner=%" PRIx64 " seq=%" PRIu64 " resets=%" PRIx64 " next=%" PRId64
                   " hi=%" PRId64 " attempt=%" PRIu32 " check=%" PRId64 ":%" PRId64 ":%" PRIx32 " last=%" PRId64
                   ":%" PRId64 ":%" PRIx32 "%s %s",
                   mark, sluice_ledger_kind_label(kind), SLUICE_LEDGER_PATH - 1, path, row->epoch, row->owner, row->seq,
                   row->resets, row->next, row->hi, row->attempt, row->check.offset, row->check.timestamp_ms,
                   row->check.crc, row->last.offset, row->last.timestamp_ms, row->last.crc, skip, source);
}

/* ---- reading: each function takes its piece off *at, or reports that it is not there ---- */

static bool take_text(const char **at, const char *text_z)
{
    size_t n = strlen(text_z);
    if (strncmp(*at, text_z, n) != 0)
        return false;
    *at += n;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool take_u64(const char **at, const char *label, unsigned base, uint64_t *out)
{
    uint64_t value = 0;
    if (!take_text(at, label))
        return false;
    const char *start = *at;
    for (; (unsigned)digit_of(**at) < base; ++*at) {
        uint64_t digit = (uint64_t)digit_of(**at);
        if (value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *out = value;
    return *at != start;
}

static bool take_u32(const char **at, const char *label, unsigned base, uint32_t *out)
{
    uint64_t value;
    if (!take_u64(at, label, base, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool take_i64(const char **at, const char *label, int64_t *out)
{
    uint64_t value;
    if (!take_text(at, label))
        return false;
    bool is_negative = **at == '-';
    if (!take_u64(at, is_negative ? "-" : "", 10, &value) || value > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    if (!is_negative)
        *out = (int64_t)value;
    else
        *out = value > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)value;
    return true;
}

static bool take_check(const char **at, const char *name, struct sluice_ledger_check *check)
{
    return take_i64(at, name, &check->offset) && take_i64(at, ":", &check->timestamp_ms) &&
           take_u32(at, ":", 16, &check->crc);
}

static bool take_skip(const char **at, const struct sluice_ledger_row *row, struct sluice_ledger_skip *skip)
{
    const char *label = " skip=";
    if (strncmp(*at, label, strlen(label)) != 0)
        return true;
    do {
        int64_t distance = 0;
        if (skip->n == SLUICE_LEDGER_MAX_SKIP || row->next < 0 || !take_i64(at, label, &distance) || distance < 0 ||
            distance > INT64_MAX - row->next)
            return false;
        skip->offsets[skip->n++] = row->next + distance;
        label = ",";
    } while (**at == ',');
    return true;
}

static bool take_kind(const char **at, enum sluice_ledger_kind *kind)
{
    for (int i = 0; i < SLUICE_N_LEDGER_KINDS; i++) {
        const char *label = sluice_ledger_kind_label((enum sluice_ledger_kind)i);
        if (take_text(at, label)) {
            *kind = (enum sluice_ledger_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_path(const char **at, char path[SLUICE_LEDGER_PATH])
{
    size_t n = 0;
    if (!take_text(at, " "))
        return false;
    for (; (unsigned char)**at > ' ' && **at != 0x7f && n < SLUICE_LEDGER_PATH - 1; ++*at)
        path[n++] = **at;
    path[n] = '\0';
    return n > 0 && **at == ' ';
}

static bool take_row(const char *at, struct sluice_ledger_row *row, enum sluice_ledger_kind *kind,
                     char path[SLUICE_LEDGER_PATH])
{
    return take_text(&at, mark) && take_text(&at, " ") && take_kind(&at, kind) && take_path(&at, path) &&
           take_u64(&at, " epoch=", 10, &row->epoch) && take_u64(&at, " owner=", 16, &row->owner) &&
           take_u64(&at, " seq=", 10, &row->seq) && take_u64(&at, " resets=", 16, &row->resets) &&
           take_i64(&at, " next=", &row->next) && take_i64(&at, " hi=", &row->hi) &&
           take_u32(&at, " attempt=", 10, &row->attempt) && take_check(&at, " check=", &row->check) &&
           take_check(&at, " last=", &row->last) && take_skip(&at, row, &row->skip) && take_text(&at, " ") &&
           sluice_source_state_parse(&row->source, at);
}

/* What no worker ever writes. */
static bool is_sound(const struct sluice_ledger_row *row)
{
    bool is_range_sound = row->hi == -1 || (row->next >= 0 && row->hi >= row->next);
    for (uint32_t i = 0; i < row->skip.n; i++) {
        if (row->skip.offsets[i] > row->hi || (i > 0 && row->skip.offsets[i] <= row->skip.offsets[i - 1]))
            return false;
    }
    return row->next >= -1 && row->check.offset >= -1 && row->last.offset >= -1 && row->last.offset <= row->hi &&
           is_range_sound;
}

enum sluice_ledger_text_kind sluice_ledger_row_parse(struct sluice_ledger_row *row, enum sluice_ledger_kind *kind,
                                                     char path[SLUICE_LEDGER_PATH], const char *text_z)
{
    struct sluice_ledger_row read;
    enum sluice_ledger_kind read_kind = SLUICE_LEDGER_KEEPER_MAP;
    char read_path[SLUICE_LEDGER_PATH];
    char again[SLUICE_LEDGER_TEXT];

    sluice_ledger_row_init(row);
    *kind = SLUICE_LEDGER_KEEPER_MAP;
    path[0] = '\0';
    if (text_z == NULL)
        return SLUICE_LEDGER_TEXT_NONE;
    if (sluice_source_state_parse(&row->source, text_z))
        return SLUICE_LEDGER_TEXT_SOURCE;
    sluice_ledger_row_init(&read);
    if (!take_row(text_z, &read, &read_kind, read_path) || !is_sound(&read))
        return SLUICE_LEDGER_TEXT_NONE;
    sluice_ledger_row_format(&read, read_kind, read_path, again);
    if (strcmp(again, text_z) != 0)
        return SLUICE_LEDGER_TEXT_NONE;
    *row = read;
    *kind = read_kind;
    memcpy(path, read_path, sizeof read_path);
    return SLUICE_LEDGER_TEXT_ROW;
}

/* ---- values ---- */

void sluice_ledger_row_init(struct sluice_ledger_row *row)
{
    *row = (struct sluice_ledger_row){.next = -1, .hi = -1, .check = {.offset = -1}, .last = {.offset = -1}};
}

static bool source_equal(const struct sluice_source_state *a, const struct sluice_source_state *b)
{
    if (a->n_sources != b->n_sources ||
        (a->layout != b->layout && (a->layout >= SLUICE_SEEN_FLATTENED || b->layout >= SLUICE_SEEN_FLATTENED)))
        return false;
    for (size_t i = 0; i < a->n_sources; i++) {
        const struct sluice_source_position *p = &a->sources[i];
        const struct sluice_source_position *q = &b->sources[i];
        if (p->id != q->id || p->commit != q->commit || p->snapshot_lsn != q->snapshot_lsn || p->ts_us != q->ts_us ||
            p->generation != q->generation)
            return false;
    }
    return true;
}

static bool check_equal(const struct sluice_ledger_check *a, const struct sluice_ledger_check *b)
{
    return a->offset == b->offset && a->timestamp_ms == b->timestamp_ms && a->crc == b->crc;
}

static bool skip_equal(const struct sluice_ledger_skip *a, const struct sluice_ledger_skip *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->offsets, b->offsets, a->n * sizeof *a->offsets) == 0);
}

bool sluice_ledger_row_equal(const struct sluice_ledger_row *a, const struct sluice_ledger_row *b)
{
    return a->epoch == b->epoch && a->owner == b->owner && a->seq == b->seq && a->resets == b->resets &&
           a->next == b->next && a->hi == b->hi && a->attempt == b->attempt && check_equal(&a->check, &b->check) &&
           check_equal(&a->last, &b->last) && skip_equal(&a->skip, &b->skip) && source_equal(&a->source, &b->source);
}
