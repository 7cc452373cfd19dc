/* question.h - a SELECT about rows whose keys stand in it, and what must not get between it and the answer.
 *
 * Keys go to the server inside the statement, as RowBinary in hexadecimal digits, because a text in a statement may
 * hold any byte only in some escaped form. Private to lib/clickhouse. Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_QUESTION_H
#define SLUICE_CLICKHOUSE_QUESTION_H

#include "clickhouse/client.h"
#include "table/plan_detail.h"

enum {
    QUESTION_CHUNK_BYTES = 1 << 20, /* of keys in one statement, before a single larger one */
    QUESTION_WHAT_BYTES = 300
};

struct question {
    struct sluice_ch_client *client;
    const struct sluice_plan *plan;
    struct sluice_buf table; /* `db`.`table` */
    struct sluice_buf values;
    struct sluice_buf sql;
    struct sluice_buf answer;
    char what[QUESTION_WHAT_BYTES];
};

/* `verb`: static text, "look up rows". Plan and client are borrowed. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code question_init(struct question *question, struct sluice_ch_client *client,
                                                 const struct sluice_plan *plan, const char *verb,
                                                 struct sluice_error *err);
void question_deinit(struct question *question);

/* Appends to `sql`: WITH asked AS (SELECT * FROM format(RowBinary, 'structure', unhex('values'))) */
SLUICE_MUST_CHECK enum sluice_code question_append_asked(struct question *question, struct sluice_str structure,
                                                         struct sluice_error *err);
/* Asks `sql`; the answer replaces `answer`. Errors: as sluice_ch_query(). */
SLUICE_MUST_CHECK enum sluice_code question_ask(struct question *question, const struct sluice_ch_pair *params,
                                                size_t n_params, struct sluice_error *err);
/* On a replicated table another replica may have taken the rows; does nothing on others. */
SLUICE_MUST_CHECK enum sluice_code question_sync_replica(struct question *question, struct sluice_error *err);
enum sluice_code question_not_understood(const struct question *question, struct sluice_error *err);

#endif
