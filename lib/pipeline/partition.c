/* partition.c - see partition.h. */
#include "pipeline/partition.h"

#include <stdlib.h>

enum sluice_code partition_new(const struct partition_start *start, struct sluice_status *status,
                               struct partition **out, struct sluice_error *err)
{
    struct partition *p = calloc(1, sizeof *p);
    size_t n = strlen(start->topic) + 1;
    char *name = malloc(n);
    struct partition_status *entry = status_add(status, start->topic, start->id);
    if (p == NULL || name == NULL || entry == NULL) {
        free(p);
        free(name);
        if (entry != NULL) {
            status_remove(status, entry);
            status_unref(entry);
        }
        return sluice_error_nomem(err, "a partition", sizeof *p + n);
    }
    memcpy(name, start->topic, n);
    p->topic = name;
    p->id = start->id;
    p->commit = start->commit;
    if (start->member != NULL)
        p->member = sluice_kafka_membership_ref(start->member);
    p->status = entry;
    atomic_init(&p->n_refs, 1);
    atomic_init(&p->leaving, false);
    p->reader.committable = -1;
    p->reader.asked_end = -1;
    p->reader.mark = start->commit.row;
    p->reader.next_offset = start->offset;
    p->reader.assigned_at = start->offset;
    p->lane.position = start->offset >= 0 ? start->offset : -1;
    p->lane.announced = p->lane.position;
    p->lane.state = start->commit.row.source;
    p->lane.last_pending = &p->lane.pending;
    atomic_store(&entry->position, p->lane.position);
    atomic_store(&entry->durable, p->lane.position); /* what a former owner committed */
    *out = p;
    return SLUICE_OK;
}

struct partition *partition_ref(struct partition *partition)
{
    (void)atomic_fetch_add(&partition->n_refs, 1);
    return partition;
}

void partition_unref(struct partition *partition)
{
    if (partition == NULL || atomic_fetch_sub(&partition->n_refs, 1) != 1)
        return;
    status_unref(partition->status);
    sluice_kafka_membership_unref(partition->member);
    free(partition->topic);
    free(partition);
}
