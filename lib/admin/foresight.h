/* foresight.h - what a worker would do with a partition if it started now: the very machine of lib/ledger, asked
 * without carrying anything out. Pure. */
#ifndef SLUICE_ADMIN_FORESIGHT_H
#define SLUICE_ADMIN_FORESIGHT_H

#include "ledger/ledger.h"
#include "ledger/machine.h"

/* What is known of one partition. */
struct partition_facts {
    enum sluice_ledger_kind kind;
    struct sluice_ledger_commit commit;
    bool exists;     /* a row in the ledger */
    bool is_damaged; /* of which only epoch, owner and seq can be read */
    struct sluice_ledger_row row;
    bool has_ends;       /* low and high are known */
    int64_t low;         /* the oldest offset in the topic */
    int64_t high;        /* the one behind the newest */
    bool from_earliest;  /* option on_offset_lost */
    bool is_other_topic; /* the record that was read last, before the position or of the open range, is another one */
};

struct foresight {
    enum sluice_ledger_state state; /* RUNNING, REPLAYING, CONTENDED, or one that needs a person */
    enum sluice_ledger_start start; /* what the position rests on */
    struct sluice_ledger_row row;   /* as the worker would acquire it: next and open range */
    bool may_be_stored;             /* an open range is given up, up to gave_up_hi */
    int64_t gave_up_hi;
};
struct foresight foresee(const struct partition_facts *facts);

/* "goes on at 120", "replays 120-159", "stops: ledger_lost". */
enum { FORESIGHT_TEXT = 96 };
void foresight_text(const struct foresight *foresight, char text[FORESIGHT_TEXT]);
/* True if a worker would stop the partition. */
bool foresight_is_stop(const struct foresight *foresight);

/* The group's committed offset (negative: none) and the text beside it, as the machine wants them. */
struct sluice_ledger_commit commit_from(enum sluice_ledger_kind kind, const char *path, int64_t offset,
                                        const char *metadata);
/* How the text beside the committed offset stands to the row: "ours", "older" (of an owner before the last one, or of
 * before a reset; the ledger rules), "source" (at-least-once delivery), "other ledger", "not ours" (somebody moved the
 * offset), "none" (no offset). */
const char *commit_mark(const struct partition_facts *facts);

#endif
