/* commits.c - offsets with our metadata: what the lane reported durable goes to Kafka, one request at a time. */
#include "pipeline/reader_internal.h"

#include "base/clock.h"
#include "base/point.h"
#include "sluice/log.h"

#include <stdlib.h>

enum {
    ANSWER_TIMEOUT_US = 10000000, /* after this a commit without an answer counts as lost */
    AGAIN_US = 1000000            /* wait after a refusal */
};

struct commit_list {
    struct sluice_kafka_position *positions;
    char (*texts)[SLUICE_LEDGER_TEXT];
    size_t n;
};

void commits_text(const struct reader *reader, const struct sluice_ledger_row *mark, char text[SLUICE_LEDGER_TEXT])
{
    if (reader->ledger == NULL)
        sluice_source_state_format(&mark->source, text);
    else
        sluice_ledger_row_format(mark, sluice_ledger_kind(reader->ledger), sluice_ledger_path(reader->ledger), text);
}

static void collect_commits(struct reader *reader, struct commit_list *list)
{
    *list = (struct commit_list){calloc(reader->n_partitions + 1, sizeof *list->positions),
                                 calloc(reader->n_partitions + 1, sizeof *list->texts), 0};
    if (list->positions == NULL || list->texts == NULL)
        return; /* the next turn tries again */
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (!p->reader.has_committable)
            continue;
        p->reader.has_committable = false;
        commits_text(reader, &p->reader.mark, list->texts[list->n]);
        list->positions[list->n] = reader_position(p, p->reader.committable, list->texts[list->n]);
        list->n++;
    }
}

static void free_commits(struct commit_list *list)
{
    free(list->positions);
    free(list->texts);
}

void commits_send(struct reader *reader)
{
    int64_t now_us = sluice_mono_us();
    if (now_us < reader->commit_after_us ||
        (reader->n_commits_open > 0 && now_us - reader->committed_us < ANSWER_TIMEOUT_US))
        return;
    struct commit_list list;
    collect_commits(reader, &list);
    reader->n_commits_open = list.n;
    reader->committed_us = now_us;
    if (list.n > 0) {
        SLUICE_POINT("before_commit");
        sluice_consumer_commit(reader->consumer, list.positions, list.n);
    }
    free_commits(&list);
}

void commits_on_committed(void *context, const struct sluice_kafka_position *position, const char *error_text)
{
    struct reader *reader = context;
    struct partition *p = reader_find(reader, position->topic, position->partition);
    if (reader->n_commits_open > 0)
        reader->n_commits_open--;
    if (error_text == NULL && p != NULL) {
        SLUICE_POINT("after_commit");
        atomic_store(&p->status->committed, position->offset);
        if (p->reader.wants_confirm && position->offset == p->reader.committable) {
            p->reader.wants_confirm = false;
            reader_control(reader, LANE_COMMITTED, p, 0);
        }
    } else if (error_text != NULL) {
        SLUICE_LOG(SLUICE_LOG_WARN, "commit_failed", SLUICE_F_TEXT("topic", position->topic),
                   SLUICE_F_I64("partition", position->partition), SLUICE_F_I64("offset", position->offset),
                   SLUICE_F_TEXT("error", error_text), SLUICE_F_TEXT("then", "committed again in a second"));
        reader->commit_after_us = sluice_mono_us() + AGAIN_US;
        if (p != NULL && p->reader.committable >= 0)
            p->reader.has_committable = true;
    }
}

void commits_send_now(struct reader *reader)
{
    struct sluice_error err;
    struct commit_list list;
    collect_commits(reader, &list);
    if (list.n > 0 && sluice_consumer_commit_now(reader->consumer, list.positions, list.n, &err) != SLUICE_OK)
        SLUICE_LOG(SLUICE_LOG_WARN, "commit_failed", SLUICE_F_ERROR(&err),
                   SLUICE_F_TEXT("then", reader->ledger != NULL
                                             ? "the ledger knows what is stored; the next owner looks that up and "
                                               "stores nothing twice"
                                             : "the next owner stores the same rows again, under the same versions"));
    else
        for (size_t i = 0; i < list.n; i++)
            commits_on_committed(reader, &list.positions[i], NULL);
    free_commits(&list);
}
