/* offsets_view.c - see offsets_view.h. */
#include "admin/offsets_view.h"

#include <inttypes.h>
#include <stdlib.h>

enum sluice_code offsets_scope_init(struct offsets_scope *scope, const struct sluice_offsets_scope *asked,
                                    struct sluice_error *err)
{
    *scope = (struct offsets_scope){0};
    if (asked->n_topics == 0)
        return SLUICE_OK;
    scope->topics = calloc(asked->n_topics, sizeof *scope->topics);
    if (scope->topics == NULL)
        return sluice_error_nomem(err, "the topics of a command", asked->n_topics * sizeof *scope->topics);
    for (size_t i = 0; i < asked->n_topics; i++) {
        enum sluice_code code = offsets_topic_parse(asked->topics[i], &scope->topics[i], err);
        if (code != SLUICE_OK)
            return code;
    }
    scope->n_topics = asked->n_topics;
    return SLUICE_OK;
}

void offsets_scope_deinit(struct offsets_scope *scope)
{
    free(scope->topics);
    *scope = (struct offsets_scope){0};
}

static bool takes(const void *context, const char *topic, int32_t partition)
{
    const struct offsets_scope *scope = context;
    for (size_t i = 0; i < scope->n_topics; i++)
        if (offsets_topic_has(&scope->topics[i], topic, partition))
            return true;
    return scope->n_topics == 0;
}

const struct ledger_entry *offsets_view_find(const struct ledger_view *view, struct sluice_str topic, int32_t partition)
{
    for (size_t i = 0; i < view->n_entries; i++) {
        const struct ledger_entry *entry = &view->entries[i];
        if (entry->has_topic && entry->partition == partition && sluice_str_equal_z(topic, entry->topic))
            return entry;
    }
    return NULL;
}

static enum sluice_code check_topic(const struct ledger_view *view, const struct offsets_topic *topic,
                                    struct sluice_error *err)
{
    size_t at = 0;
    int32_t partition = 0;
    if (offsets_view_find(view, topic->name, 0) == NULL && topic->partitions.len == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "topic \"%.*s\" is not there, or kafka.topics does not match it",
                                SLUICE_STR_ARG(topic->name));
    while (offsets_topic_next(topic, &at, &partition))
        if (offsets_view_find(view, topic->name, partition) == NULL)
            return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                    "topic \"%.*s\" partition %" PRId32
                                    " is not there, or kafka.topics does not match the topic",
                                    SLUICE_STR_ARG(topic->name), partition);
    return SLUICE_OK;
}

enum sluice_code offsets_view_read(struct ledger_view *view, const struct sluice_config *config,
                                   enum sluice_ledger_use use, const struct offsets_scope *scope,
                                   struct sluice_error *err)
{
    const struct ledger_filter filter = {takes, scope};
    enum sluice_code code = ledger_view_read_filtered(view, config, use, &filter, err);
    for (size_t i = 0; i < scope->n_topics && code == SLUICE_OK; i++)
        code = check_topic(view, &scope->topics[i], err);
    if (code == SLUICE_OK && view->n_entries == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "kafka.topics matches no topic that is there");
    return code;
}
