/* ledger_repair.c - `sluice ledger repair`; see sluice/ledger.h. */
#include "admin/advice.h"
#include "admin/ledger_move.h"
#include "admin/repair_plan.h"
#include "base/random.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>

struct repairing {
    const struct sluice_ledger_repair *how;
    struct ledger_view view;
    struct repair_plan *plans; /* one for each entry */
    bool *is_planned;
    size_t n_planned;
    bool stores_twice;
};

/* Negative: there is none. */
static int64_t target_of(const struct sluice_ledger_repair *how, const struct ledger_entry *entry)
{
    switch (how->to) {
    case SLUICE_REPAIR_TO_OFFSET:
        return how->offset;
    case SLUICE_REPAIR_TO_EARLIEST:
        return entry->facts.has_ends ? entry->facts.low : -1;
    case SLUICE_REPAIR_TO_LATEST:
        return entry->facts.has_ends ? entry->facts.high : -1;
    case SLUICE_REPAIR_FROM_GROUP:
        return entry->facts.commit.offset;
    case SLUICE_REPAIR_AS_ADVISED:
        return advice_offset(&entry->facts, &entry->foresight);
    }
    return -1;
}

static enum sluice_code check_target(const struct ledger_entry *entry, int64_t next, struct sluice_error *err)
{
    if (!entry->facts.has_ends)
        return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY,
                                "topic \"%s\" partition %" PRId32 ": no broker tells which offsets it holds (it has "
                                "no leader); wait for the broker, or select other partitions",
                                entry->topic, entry->partition);
    if (next >= entry->facts.low && next <= entry->facts.high)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "topic \"%s\" partition %" PRId32 ": offset %" PRId64 " is not in the topic, which holds "
                            "%" PRId64 " to %" PRId64 "; take one of these, or --to-offset earliest",
                            entry->topic, entry->partition, next, entry->facts.low, entry->facts.high);
}

static enum sluice_code make_plans(struct repairing *r, struct sluice_error *err)
{
    const struct ledger_view *view = &r->view;
    r->plans = calloc(view->n_entries, sizeof *r->plans);
    r->is_planned = calloc(view->n_entries, sizeof *r->is_planned);
    if (r->plans == NULL || r->is_planned == NULL)
        return sluice_error_nomem(err, "the plan of a repair", view->n_entries * sizeof *r->plans);
    for (size_t i = 0; i < view->n_entries; i++) {
        const struct ledger_entry *entry = &view->entries[i];
        int64_t next = target_of(r->how, entry);
        if (next < 0 || !entry->has_topic)
            continue;
        enum sluice_code code = check_target(entry, next, err);
        if (code != SLUICE_OK)
            return code;
        repair_plan_make(&r->plans[i], &entry->facts, next, sluice_random_u64(), sluice_random_u64());
        r->is_planned[i] = true;
        r->n_planned++;
        r->stores_twice = r->stores_twice || r->plans[i].stores_twice;
    }
    if (r->n_planned == 0 && r->how->to == SLUICE_REPAIR_AS_ADVISED)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "none of the selected partitions would stop with a state for which an offset is known; "
                                "see sluice ledger show, and give --to-offset where you know better");
    if (r->n_planned == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "none of the selected partitions has an offset to take: the group has committed none, "
                                "or the topic is gone; give --to-offset");
    return SLUICE_OK;
}

static void print_row(FILE *out, const char *title, const struct sluice_ledger_row *row)
{
    (void)fprintf(out, "  %-4s next=%" PRId64, title, row->next);
    if (row->hi >= 0)
        (void)fprintf(out, " open=%" PRId64 "-%" PRId64 " attempt=%" PRIu32, row->next, row->hi, row->attempt);
    (void)fprintf(out, " epoch=%" PRIu64 " seq=%" PRIu64 " resets=%" PRIx64 "\n", row->epoch, row->seq, row->resets);
}

static void print_old(FILE *out, const struct partition_facts *facts)
{
    if (!facts->exists)
        (void)fprintf(out, "  old  no row\n");
    else if (facts->is_damaged)
        (void)fprintf(out, "  old  damaged, epoch=%" PRIu64 " seq=%" PRIu64 "\n", facts->row.epoch, facts->row.seq);
    else
        print_row(out, "old", &facts->row);
}

static const char *why_left(const struct repairing *r, const struct ledger_entry *entry, char text[FORESIGHT_TEXT])
{
    if (!entry->has_topic)
        return "no such topic";
    if (r->how->to != SLUICE_REPAIR_AS_ADVISED || foresight_is_stop(&entry->foresight))
        return "there is no offset to take";
    foresight_text(&entry->foresight, text);
    return text;
}

static void print_plans(const struct repairing *r, FILE *out)
{
    char start[FORESIGHT_TEXT];
    for (size_t i = 0; i < r->view.n_entries; i++) {
        const struct ledger_entry *entry = &r->view.entries[i];
        (void)fprintf(out, "%s[%" PRId32 "]\n", entry->topic, entry->partition);
        if (!r->is_planned[i]) {
            (void)fprintf(out, "  left as it is: %s\n", why_left(r, entry, start));
            continue;
        }
        foresight_text(&entry->foresight, start);
        (void)fprintf(out, "  now  a start %s\n", start);
        print_old(out, &entry->facts);
        print_row(out, "new", &r->plans[i].row);
        (void)fprintf(out, "  then %s\n", r->plans[i].effect);
    }
    if (r->stores_twice)
        (void)fprintf(out, "\n%s\n", REPAIR_STORES_TWICE);
}

static bool is_confirmed(FILE *in, FILE *out)
{
    char answer[16] = "";
    (void)fprintf(out, "\nWrite this? [y/N] ");
    (void)fflush(out);
    if (fgets(answer, sizeof answer, in) == NULL)
        (void)fputc('\n', out);
    return answer[0] == 'y' || answer[0] == 'Y';
}

static enum sluice_code carry_out(const struct repairing *r, FILE *out, struct sluice_error *err)
{
    for (size_t i = 0; i < r->view.n_entries; i++) {
        if (!r->is_planned[i])
            continue;
        enum sluice_code code = ledger_move(&r->view, &r->view.entries[i], &r->plans[i].row, err);
        if (code != SLUICE_OK)
            return code;
        (void)fprintf(out, "%s[%" PRId32 "]: written, and offset %" PRId64 " committed\n", r->view.entries[i].topic,
                      r->view.entries[i].partition, r->plans[i].row.next);
        (void)fflush(out);
    }
    return SLUICE_OK;
}

static enum sluice_code repair(struct repairing *r, FILE *in, FILE *out, bool *done, struct sluice_error *err)
{
    enum sluice_code code = make_plans(r, err);
    if (code != SLUICE_OK)
        return code;
    print_plans(r, out);
    if (r->how->dry_run) {
        (void)fprintf(out, "\nNothing was changed (--dry-run).\n");
        *done = true;
        return SLUICE_OK;
    }
    code = ledger_view_refuse_members(&r->view, err);
    if (code != SLUICE_OK)
        return code;
    *done = r->how->yes || is_confirmed(in, out);
    if (!*done) {
        (void)fprintf(out, "Nothing was changed.\n");
        return SLUICE_OK;
    }
    (void)fputc('\n', out);
    code = ledger_view_refuse_members(&r->view, err); /* the answer may have taken long */
    return code == SLUICE_OK ? carry_out(r, out, err) : code;
}

enum sluice_code sluice_ledger_repair(const struct sluice_config *config, const struct sluice_ledger_repair *how,
                                      FILE *in, FILE *out, bool *done, struct sluice_error *err)
{
    struct repairing r = {.how = how};
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    const enum sluice_ledger_use use = how->dry_run ? SLUICE_LEDGER_TO_LOOK : SLUICE_LEDGER_TO_WRITE;
    enum sluice_code code = ledger_view_read(&r.view, config, use, &how->selection, err);
    if (code == SLUICE_OK)
        code = repair(&r, in, out, done, err);
    free(r.plans);
    free(r.is_planned);
    ledger_view_deinit(&r.view);
    curl_global_cleanup();
    return code;
}
