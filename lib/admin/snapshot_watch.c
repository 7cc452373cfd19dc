/* snapshot_watch.c - see snapshot_watch.h. */
#include "admin/snapshot_watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(struct sluice_str text, const char *word)
{
    return sluice_str_equal_z(text, word);
}

/* "public.orders", or the same behind the database's name. */
static bool is_table(const struct snapshot_watch *watch, struct sluice_str name)
{
    size_t n = strlen(watch->table);
    if (name.len > n && name.ptr[name.len - n - 1] == '.')
        name = (struct sluice_str){name.ptr + name.len - n, n};
    return is(name, watch->table);
}

static size_t count_table(const struct snapshot_watch *watch, struct sluice_str names)
{
    size_t n = 0;
    while (names.len > 0) {
        const char *comma = memchr(names.ptr, ',', names.len);
        size_t length = comma != NULL ? (size_t)(comma - names.ptr) : names.len;
        n += is_table(watch, (struct sluice_str){names.ptr, length}) ? 1 : 0;
        size_t taken = comma != NULL ? length + 1 : length;
        names = (struct sluice_str){names.ptr + taken, names.len - taken};
    }
    return n;
}

static bool read_number(struct sluice_str text, int64_t *out)
{
    char digits[24];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (*end != '\0' || errno != 0)
        return false;
    *out = number;
    return true;
}

static bool refuse(struct snapshot_watch *watch, const char *format, ...) SLUICE_PRINTF(2, 3);
static bool refuse(struct snapshot_watch *watch, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(watch->reason, sizeof watch->reason, format, args);
    va_end(args);
    watch->stage = SNAPSHOT_REFUSED;
    return true;
}

/* What the words of `status` mean for the one who asked. */
static bool take_status(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    if (is(notice->status, "NO_PRIMARY_KEY"))
        return refuse(watch, "the table has no primary key, which an incremental snapshot needs; take --type blocking, "
                             "or --surrogate-key with a unique column");
    if (is(notice->status, "UNKNOWN_SCHEMA"))
        return refuse(watch, "the connector does not know the table: is it in table.include.list?");
    if (is(notice->status, "SQL_EXCEPTION"))
        return refuse(watch, "PostgreSQL refused the query, see the connector's log%s",
                      watch->type == SLUICE_SNAPSHOT_INCREMENTAL
                          ? "; is --where right, and may the connector's user SELECT from the table?"
                          : "; is --where right?");
    if (!is(notice->status, "SUCCEEDED") && !is(notice->status, "EMPTY"))
        return refuse(watch, "the connector says %.*s", (int)notice->status.len, notice->status.ptr);
    if (!read_number(notice->rows, &watch->n_rows))
        watch->n_rows = is(notice->status, "EMPTY") ? 0 : -1;
    return false;
}

static void take_keys(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    int64_t last;
    int64_t max;
    if (!read_number(notice->last_key, &last) || !read_number(notice->max_key, &max))
        return;
    if (!watch->has_keys)
        watch->first_key = last;
    watch->has_keys = true;
    watch->last_key = last;
    watch->max_key = max;
}

/* ---- incremental ---- */

static bool take_incremental(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    if (watch->stage == SNAPSHOT_ASKED && !is(notice->id, watch->id))
        return false;
    watch->stage = is(notice->type, "PAUSED") ? SNAPSHOT_PAUSED : SNAPSHOT_RUNNING;
    if (is(notice->type, "IN_PROGRESS") && is_table(watch, notice->current))
        take_keys(watch, notice);
    else if (is(notice->type, "ABORTED"))
        return refuse(watch, "the snapshot was stopped by a signal (stop-snapshot)");
    else if (is(notice->type, "COMPLETED"))
        return refuse(watch, "the snapshot ended without a word on the table");
    else if (is(notice->type, "TABLE_SCAN_COMPLETED") && is_table(watch, notice->scanned) &&
             count_table(watch, notice->tables) < 2 && !take_status(watch, notice))
        watch->stage = SNAPSHOT_OVER;
    return true;
}

/* ---- blocking ---- */

static bool end_run(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    bool is_ours = watch->run_is_ours;
    bool is_nobodys = !watch->run_is_ours && !watch->run_is_others;
    watch->in_run = false;
    if (!is_ours && !is_nobodys)
        return false;
    if (is(notice->type, "COMPLETED") && is_ours)
        watch->stage = SNAPSHOT_OVER;
    else if (is(notice->type, "COMPLETED"))
        return refuse(watch, "the connector found nothing to read: is the table in table.include.list?");
    else
        return refuse(watch, "the connector says %.*s; see its log, is --where right?", (int)notice->type.len,
                      notice->type.ptr);
    return true;
}

static bool take_blocking(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    if (is(notice->type, "STARTED")) {
        watch->in_run = true;
        watch->run_is_ours = watch->run_is_others = false;
        return true;
    }
    if (!watch->in_run)
        return false;
    if (is(notice->type, "COMPLETED") || is(notice->type, "ABORTED") || is(notice->type, "SKIPPED"))
        return end_run(watch, notice);
    struct sluice_str table = notice->scanned.len > 0 ? notice->scanned : notice->current;
    if (table.len > 0 && !is_table(watch, table)) {
        watch->run_is_others = true;
        return false;
    }
    watch->run_is_ours = true;
    watch->stage = SNAPSHOT_RUNNING;
    if (is(notice->type, "TABLE_SCAN_COMPLETED"))
        (void)take_status(watch, notice);
    return true;
}

bool snapshot_watch_take(struct snapshot_watch *watch, const struct snapshot_notice *notice)
{
    bool is_incremental = is(notice->aggregate, "Incremental Snapshot");
    if (watch->stage == SNAPSHOT_OVER || watch->stage == SNAPSHOT_REFUSED || !is(notice->connector, watch->prefix))
        return false;
    if (watch->type == SLUICE_SNAPSHOT_INCREMENTAL)
        return is_incremental && take_incremental(watch, notice);
    return is(notice->aggregate, "Initial Snapshot") && take_blocking(watch, notice);
}

double snapshot_watch_share(const struct snapshot_watch *watch)
{
    if (!watch->has_keys || watch->max_key <= watch->first_key || watch->last_key < watch->first_key)
        return -1;
    double share =
        ((double)watch->last_key - (double)watch->first_key) / ((double)watch->max_key - (double)watch->first_key);
    return share > 1 ? 1 : share;
}
