/* property_ledger_world.h - the simulated world in which property_ledger.c lets the machine of lib/ledger run.
 *
 * One Kafka partition, the group's committed offset, one ledger row, one or two target tables with two table partitions
 * each, and up to three owners that may all believe that the partition is theirs. Everything random comes from
 * world_choose(), so a schedule is a list of numbers; 0 is always the calm choice, which makes lists shrink to stories.
 *
 * What the world grants, and nothing beyond it:
 *   - Ledger (KeeperMap): a compare-and-set on (epoch, owner, seq). It is carried out, refused, or carried out late.
 *   - Ledger (Kafka): only the present generation of the group writes; a write of the same owner that is still on its
 * way is gone when its next one begins (the producer is fenced by its own new transaction), and is settled, one way or
 *     the other, before anybody of a later generation reads (stable offsets). A row with which nothing was read yet
 * (there is no offset to put it beside) is seen by its writer alone.
 *   - Commits beside a KeeperMap ledger: accepted from everybody who was assigned since the group was last empty, early
 * or late, in any order. An operator moves, or Kafka forgets, the offset only while the group is empty.
 *   - Inserts: per table and table partition, one by one, the server registers the token and puts the rows in place,
 * under one lock. A registered token stores nothing again. A failure may leave a token registered without rows. The
 * window of tokens is never exceeded. A request may lie anywhere for any time before the server begins it.
 *   - Disasters that no owner could tell from normal work (an old ledger restored under a running owner, a topic made
 * anew with nothing to recognise it by) are not among the events; docs/delivery.md lists them as assumptions.
 */
#ifndef SLUICE_TESTS_PROPERTY_LEDGER_WORLD_H
#define SLUICE_TESTS_PROPERTY_LEDGER_WORLD_H

#include "base/compiler.h"
#include "ledger/machine.h"

enum {
    N_OWNERS = 3,
    N_TABLES = 2,
    N_PARTS = 2,
    MAX_END = 14, /* offsets of the topic */
    MAX_RESETS = 96,
    MAX_TOKENS = 256,
    MAX_REQUESTS = 24,
    MAX_LATE = 8, /* ledger writes, and commits, on their way */
    MAX_COPIES = 8,
    MAX_CHOICES = 6000
};

typedef uint32_t offsets_t; /* a set: bit n is offset n */

/* The list of choices: drawn and kept, or played again. */
struct choices {
    uint16_t list[MAX_CHOICES];
    size_t n;
    size_t at;
    bool is_replay;
    unsigned (*draw)(unsigned n); /* 0 to n - 1 */
};

/* Which kinds of faults a schedule has; each schedule has its own. */
enum fault {
    FAULT_LEDGER, /* what may befall a step of an owner or of a request */
    FAULT_COMMIT,
    FAULT_INSERT,
    FAULT_LATE,
    FAULT_TRAP,
    FAULT_CRASH,  /* events */
    FAULT_ZOMBIE, /* a take-over that the former owner does not hear of */
    FAULT_SLEEP,
    FAULT_RESET,
    FAULT_COMPACTION,
    FAULT_EXPIRY,
    FAULT_BAD,       /* records that are refused, until somebody repairs what refuses them */
    FAULT_RETENTION, /* rare ones, from here on */
    FAULT_ANEW,
    FAULT_LOST,
    FAULT_RESTORED,
    N_FAULTS
};

/* X(symbol, text). What a long run has to have met, else it proved nothing. */
#define SEEN(X)                                                                                                        \
    X(SEEN_TAKE_OVER, "take-overs")                                                                                    \
    X(SEEN_REPLAY, "replays of an open range")                                                                         \
    X(SEEN_FROM_COMMIT, "starts from a mark")                                                                          \
    X(SEEN_OLD_MARK, "starts beside an old mark")                                                                      \
    X(SEEN_RESET, "resets honoured")                                                                                   \
    X(SEEN_RESET_GONE, "resets that somebody else had honoured")                                                       \
    X(SEEN_LATE_WRITE, "late ledger writes carried out")                                                               \
    X(SEEN_LATE_COMMIT, "late commits accepted")                                                                       \
    X(SEEN_CONFLICT, "owners fenced")                                                                                  \
    X(SEEN_TRAP, "tokens registered without rows")                                                                     \
    X(SEEN_EMPTY_200, "acknowledgements that stored nothing")                                                          \
    X(SEEN_LATE_INSERT, "late inserts that stored")                                                                    \
    X(SEEN_LATE_REFUSED, "late inserts refused by their token")                                                        \
    X(SEEN_ATTEMPT, "new attempts")                                                                                    \
    X(SEEN_STOP, "named stops")                                                                                        \
    X(SEEN_RESTART, "restarts at the earliest record")                                                                 \
    X(SEEN_COMPACTED, "ranges rebuilt with fewer records")                                                             \
    X(SEEN_BAD_ROW, "rows refused by a table and left out")                                                            \
    X(SEEN_SKIP, "replays that leave out records")
#define SEEN_ENUM(symbol, text) symbol,
enum seen { SEEN(SEEN_ENUM) N_SEEN };

struct topic {
    unsigned made; /* 1, 2, ...: which topic of that name */
    int64_t start, end;
    offsets_t records;        /* the others are gaps: compacted, or transaction markers */
    offsets_t rows[N_TABLES]; /* those with a row for that table */
    offsets_t second_part;    /* those whose row lies in the second table partition */
};

struct group_offset {
    uint64_t id; /* every change has its own */
    bool by_operator;
    bool honoured;
    struct sluice_ledger_commit commit;
};

/* What is known of one value of `resets`. */
struct incarnation {
    int64_t start; /* first offset it is about */
    unsigned made;
    uint64_t reset_id; /* the operator's offset that it honours; 0: none */
    bool is_used;      /* an insert under it was sent */
    offsets_t stored[N_TABLES];
};

struct token {
    int64_t lo, hi;
    uint32_t attempt;
    uint64_t resets;
    bool registered[N_TABLES][N_PARTS];
};

struct request {
    int owner; /* who waits for the answer; -1: nobody */
    unsigned table;
    unsigned part; /* the next one */
    unsigned made;
    size_t token;
    offsets_t rows;
};

struct late_write {
    int owner;
    unsigned generation;
    uint64_t reset_id; /* as in struct incarnation */
    bool saw_mark;     /* whoever wrote it knew that Kafka has our mark */
    struct sluice_ledger_action action;
};

struct late_commit {
    unsigned generation;
    struct sluice_ledger_row row;
};

enum sending { SENDING_NOT, SENDING_LATE, SENDING_WAITS, SENDING_ACKED, SENDING_FAILED, SENDING_BAD };

struct owner {
    bool is_alive;
    bool is_asleep;
    bool knows_offset; /* false: just assigned, the committed offset is still to be read */
    bool has_written;  /* the write of the action is made; the row behind it is still to be read */
    bool is_fresh;     /* the row was confirmed within the send limit */
    bool owes_commit;
    bool restarts; /* the machine drew `resets` because records were gone */
    unsigned generation;
    uint64_t offset_id; /* of the group's offset as it was read */
    bool offset_by_operator;
    bool offset_has_mark;
    struct sluice_ledger_machine machine;
    struct sluice_ledger_action todo;
    /* the batch */
    unsigned made;
    offsets_t batch[N_TABLES]; /* its rows */
    offsets_t left[N_TABLES];  /* those to be sent */
    enum sending sending[N_TABLES];
    bool is_stored[N_TABLES]; /* nothing of it needs to be sent or looked up any more */
    bool has_sent;
};

struct world;
/* A mutation: what is changed before and after a step of the machine. */
struct mutant {
    const char *name;
    bool only_apart;
    void (*before)(struct world *w, struct owner *o, struct sluice_ledger_event *event);
    void (*after)(struct world *w, struct owner *o, const struct sluice_ledger_event *event);
};

struct world {
    struct choices *choices;
    const struct mutant *mutant; /* NULL: the machine as it is */
    uint64_t *seen;              /* N_SEEN counters */
    bool tells;
    unsigned n_told;
    const char *violation; /* first broken property; NULL: none */

    bool commits_apart;
    bool is_restless;      /* everybody has a turn as often as the member of the group */
    bool limit_is_long;    /* an insert may begin after a take-over */
    bool goes_to_earliest; /* on_offset_lost */
    bool trusts_nobody;    /* sends everything again and looks up everything, also what was acknowledged at first */
    unsigned n_tables;
    unsigned calm; /* calm outcomes for each faulty one */
    bool faults[N_FAULTS];
    bool has_happened[N_FAULTS]; /* disasters, which justify a stop */

    struct topic topic;
    offsets_t compacted;
    offsets_t unreadable; /* records that the decoder refuses */
    offsets_t refused;    /* and those whose rows the tables refuse, with the whole insert */
    offsets_t lettered;   /* records with a dead letter that is acknowledged */
    struct group_offset offset;
    uint64_t last_offset_id;
    unsigned generation; /* of the group */
    unsigned emptied;    /* the generation at which the group was empty last */
    int member;          /* -1: the group is empty */
    struct owner owners[N_OWNERS];

    bool row_exists;
    struct sluice_ledger_row row;
    size_t n_copies;
    struct sluice_ledger_row copies[MAX_COPIES];
    size_t n_writes, n_commits, n_requests;
    struct late_write writes[MAX_LATE];
    struct late_commit commits[MAX_LATE];
    struct request requests[MAX_REQUESTS];

    size_t n_tokens;
    struct token tokens[MAX_TOKENS];
    offsets_t present[N_TABLES]; /* records of this topic with a row in the table, of whatever `resets` */
    uint64_t n_resets;
    struct incarnation incarnations[MAX_RESETS];
};

/* ---- property_ledger_world.c ---- */

void world_init(struct world *w);
unsigned world_choose(struct world *w, unsigned n);                  /* 0 to n - 1 */
unsigned world_fault(struct world *w, enum fault fault, unsigned n); /* 0: none; 1 to n: which */
void world_tell(struct world *w, const char *format, ...) SLUICE_PRINTF(2, 3);
#define TELL(w, ...)                                                                                                   \
    do {                                                                                                               \
        if ((w)->tells)                                                                                                \
            world_tell((w), __VA_ARGS__);                                                                              \
    } while (0)
void world_broken(struct world *w, const char *violation);
uint64_t world_draw_resets(struct world *w);
offsets_t offsets_between(int64_t from, int64_t to); /* [from, to) */

void world_read_row(const struct world *w, const struct owner *o, struct sluice_ledger_event *event);
bool world_write_row(struct world *w, const struct late_write *write);
void world_set_offset(struct world *w, int64_t offset, const struct sluice_ledger_row *row);
bool world_commit(struct world *w, const struct late_commit *commit);
void world_drop_late(struct world *w); /* ledger writes and commits on their way */
void world_step_late(struct world *w); /* one of what is on its way goes on */

/* ---- property_ledger_target.c: the tables ---- */

void target_check_send(struct world *w, const struct owner *o);
size_t target_token(struct world *w, const struct sluice_ledger_row *row);
/* The next table partition of a request; true when the request is over. It then is no longer in the list. */
bool target_step(struct world *w, size_t request);
void target_check_durable(struct world *w, uint64_t resets, int64_t next);

/* ---- property_ledger_owner.c: what lib/pipeline does for the machine ---- */

int owner_number(const struct world *w, const struct owner *o);
void owner_feed(struct world *w, struct owner *o, struct sluice_ledger_event *event);
bool owner_commit(struct world *w, struct owner *o); /* true when Kafka confirmed it */
void owner_assign(struct world *w, int owner);
void owner_end(struct world *w, int owner);
void owner_leave(struct world *w, int owner);
void owner_step(struct world *w, int owner);
bool owner_is_done(const struct world *w, int owner); /* everything is stored and committed */

/* ---- property_ledger_batch.c: its part with records ---- */

int64_t batch_position(const struct world *w, const struct owner *o); /* the next offset to be read */
void batch_start(struct world *w, struct owner *o);
void batch_rebuild(struct world *w, struct owner *o);
void batch_consume(struct world *w, struct owner *o);
void batch_done(struct world *w, struct owner *o);
void batch_look_up(struct world *w, struct owner *o);
void batch_insert(struct world *w, struct owner *o);

/* ---- property_ledger_events.c: what happens to the world ---- */

void event_assign(struct world *w, int owner);
void event_crash(struct world *w, int owner);
void event_reset(struct world *w);  /* by an operator */
void event_happen(struct world *w); /* any that the schedule has */

/* ---- property_ledger_schedule.c ---- */

void world_run(struct world *w); /* one schedule: faults, then calm, then the properties of the end */

/* ---- property_ledger_mutants.c ---- */

extern const struct mutant mutants[];
extern const size_t n_mutants;

#endif
