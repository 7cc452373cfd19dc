/* row.h - what the ledger remembers of one partition, and its text.
 *
 * The same text stands in three places: in the column `state` of the KeeperMap ledger, as the metadata of every offset
 * that is committed in exactly-once delivery (the mark), and, for the Kafka ledger, as the row itself.
 * Plain values; copies are assignments. Any thread.
 */
#ifndef SLUICE_LEDGER_ROW_H
#define SLUICE_LEDGER_ROW_H

#include "debezium/source_state.h"

/* A record that was read, to recognise a topic that was made anew under its old name. offset -1: none known. */
struct sluice_ledger_check {
    int64_t offset;
    int64_t timestamp_ms;
    uint32_t crc; /* CRC-32 of key and value */
};

/* Offsets of the open range whose records were dead-lettered, ascending: a replay leaves them out. A range ends where
 * it has so many. */
enum { SLUICE_LEDGER_MAX_SKIP = 64 };
struct sluice_ledger_skip {
    uint32_t n;
    int64_t offsets[SLUICE_LEDGER_MAX_SKIP];
};

struct sluice_ledger_row {
    uint64_t epoch; /* raised by every acquisition; the first one is 1 */
    uint64_t owner; /* random number of the acquisition */
    uint64_t seq;   /* +1 for every write, acquisitions included */

    uint64_t resets;                   /* random; drawn anew for every deliberate replay, so that its tokens are new */
    int64_t next;                      /* every offset below it is durable in ClickHouse; -1: nothing was read yet */
    int64_t hi;                        /* last offset of the open range, which begins at `next`; -1: no range is open */
    uint32_t attempt;                  /* of the open range */
    struct sluice_ledger_check check;  /* last record below `next` */
    struct sluice_ledger_check last;   /* last record of the open range */
    struct sluice_ledger_skip skip;    /* of the open range */
    struct sluice_source_state source; /* after everything below `next`: a replay starts from it */
};

/* Which ledger a text belongs to. */
enum sluice_ledger_kind { SLUICE_LEDGER_KEEPER_MAP, SLUICE_LEDGER_KAFKA, SLUICE_N_LEDGER_KINDS };
const char *sluice_ledger_kind_label(enum sluice_ledger_kind kind); /* "keeper_map", "kafka" */

enum { SLUICE_LEDGER_TEXT = SLUICE_SOURCE_STATE_TEXT + 448 + 21 * SLUICE_LEDGER_MAX_SKIP, SLUICE_LEDGER_PATH = 96 };

/* "sluice2 keeper_map /sluice_shop epoch=3 owner=9f2c41.. seq=17 resets=.. next=100 hi=-1 attempt=0 check=99:17..:9af3
 * last=-1:0:0 sluice1 ...", with " skip=3,17", counted from `next`, before the source where there is any. Numbers are
 * decimal, except owner, resets, crc (hexadecimal). `path` names the place of the ledger (KeeperMap path; "-" for
 * Kafka), at most SLUICE_LEDGER_PATH - 1 bytes without spaces. Always fits. */
void sluice_ledger_row_format(const struct sluice_ledger_row *row, enum sluice_ledger_kind kind, const char *path,
                              char text[SLUICE_LEDGER_TEXT]);

/* What a text beside an offset turned out to be. */
enum sluice_ledger_text_kind {
    SLUICE_LEDGER_TEXT_NONE,   /* empty, or not ours: an operator's tool wrote the offset */
    SLUICE_LEDGER_TEXT_SOURCE, /* of at-least-once delivery: only row->source is filled */
    SLUICE_LEDGER_TEXT_ROW     /* a row of kind *kind at *path */
};
/* Reads a text back; NULL is an empty one. Everything that is not filled is as after sluice_ledger_row_init(). */
enum sluice_ledger_text_kind sluice_ledger_row_parse(struct sluice_ledger_row *row, enum sluice_ledger_kind *kind,
                                                     char path[SLUICE_LEDGER_PATH], const char *text_z);

/* No owner, nothing read: next, hi, check.offset and last.offset are -1, the rest 0. */
void sluice_ledger_row_init(struct sluice_ledger_row *row);
bool sluice_ledger_row_equal(const struct sluice_ledger_row *a, const struct sluice_ledger_row *b);

#endif
