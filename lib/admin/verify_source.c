/* verify_source.c - the two places where the expected state may be read from; see verify_table.h. */
#include "admin/verify_table.h"
#include "admin/verify_topic.h"

/* ---- PostgreSQL ---- */

static enum sluice_code postgres_begin(void *self, uint64_t *lsn, struct sluice_error *err)
{
    return verify_postgres_begin(self, lsn, err);
}

static void postgres_end(void *self)
{
    verify_postgres_end(self);
}

static enum sluice_code postgres_count(void *self, const struct verify_plan *plan, const struct verify_where *where,
                                       uint64_t *n_rows, struct sluice_error *err)
{
    return verify_postgres_count(self, plan, where, n_rows, err);
}

static enum sluice_code postgres_read(void *self, const struct verify_plan *plan, const struct verify_where *where,
                                      bool is_now, verify_row_fn visit, void *context, struct sluice_error *err)
{
    return verify_postgres_read(self, plan, where, is_now, visit, context, err);
}

static enum sluice_code postgres_wait(void *self, struct verify_wait *wait, struct sluice_error *err)
{
    uint64_t lsn = 0;
    enum sluice_code code = verify_postgres_position(self, &lsn, err);
    return code == SLUICE_OK ? verify_wait_for(wait, lsn, err) : code;
}

struct verify_source verify_source_postgres(struct verify_postgres *postgres)
{
    return (struct verify_source){postgres,       "reading PostgreSQL", postgres_begin, postgres_end,
                                  postgres_count, postgres_read,        postgres_wait};
}

/* ---- the topic ---- */

static enum sluice_code topic_begin(void *self, uint64_t *lsn, struct sluice_error *err)
{
    *lsn = 0;
    return verify_topic_extend(self, err);
}

static void topic_end(void *self)
{
    (void)self; /* nothing is held */
}

/* For the progress bar: keys whose row was deleted count, too. */
static enum sluice_code topic_count(void *self, const struct verify_plan *plan, const struct verify_where *where,
                                    uint64_t *n_rows, struct sluice_error *err)
{
    (void)plan;
    (void)where;
    (void)err;
    *n_rows = verify_topic_n_keys(self);
    return SLUICE_OK;
}

static enum sluice_code topic_read(void *self, const struct verify_plan *plan, const struct verify_where *where,
                                   bool is_now, verify_row_fn visit, void *context, struct sluice_error *err)
{
    enum sluice_code code = is_now ? verify_topic_extend(self, err) : SLUICE_OK;
    (void)plan;
    return code == SLUICE_OK ? verify_topic_read(self, where, visit, context, err) : code;
}

static enum sluice_code topic_wait(void *self, struct verify_wait *wait, struct sluice_error *err)
{
    (void)self;
    return verify_wait_for_group(wait, err);
}

struct verify_source verify_source_topic(struct verify_topic *topic)
{
    return (struct verify_source){topic,       "reading the topic", topic_begin, topic_end,
                                  topic_count, topic_read,          topic_wait};
}
