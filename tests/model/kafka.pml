/* kafka.pml - the ledger in the metadata of the group's committed offset: written in transactions that carry the
 * generation, read as stable offsets. There is no commit beside it.
 */

#include "partition.pml"

/* The row stands beside the committed offset `lnext`; without it (`exists` is 0) an operator's offset may. */
byte ckind; /* NOTHING or PLAIN; a row is `exists` */
byte coff;
byte cera;

bit fresh[2]; /* the captured membership is of the group's present generation */
byte txn[2];
#define IDLE 0
#define COMPARED 1 /* the row was as expected: the transaction is on its way */
#define PENDING 2  /* the broker took it; it becomes visible, or it is aborted */

inline forget_commits(p)
{
    skip
}

inline forget_more(p)
{
    fresh[p] = 0;
    txn[p] = IDLE
}

inline new_generation()
{
    fresh[0] = 0;
    fresh[1] = 0
}

/* An operator's commit is newer than a pending one, which then comes to nothing. */
inline offset_moved(to, wish)
{
    exists = 0;
    lnext = 0;
    lhi = NONE;
    latt = 0;
    linc = 0;
    ckind = PLAIN;
    coff = to;
    cera = wish;
    txn[0] = IDLE;
    txn[1] = IDLE;
    w[0].rel = FOREIGN;
    w[1].rel = FOREIGN
}

inline on_loss()
{
    skip
}

/* The membership is captured together with the assignment. */
inline read_commit(p)
{
    fresh[p] = (owner == p);
    w[p].rkind = (exists -> MARK : ckind);
    w[p].roff = coff;
    w[p].rera = cera;
    w[p].step = READING
}

inline acquire(p)
{
    if
    :: w[p].rkind == MARK && !exists -> yield_to_other(p) /* an operator moved it between the two reads */
    :: else ->
        w[p].next = (exists -> lnext : 0);
        w[p].hi = (exists -> lhi : NONE);
        w[p].att = (exists -> latt : 0);
        w[p].inc = (exists -> linc : 0);
        w[p].step = ACQUIRING;
        if
#ifdef MUTANT_2F /* an operator's offset is taken for the place to go on from, with the old `resets` */
        :: w[p].rkind == PLAIN && !exists -> w[p].next = w[p].roff
#else
        :: w[p].rkind == PLAIN && !exists -> begin_at(p, w[p].roff, w[p].rera)
#endif
        :: else -> skip
        fi
    fi;
    forget_commit(p)
}

inline on_acquired(p)
{
    start_consuming(p)
}

inline commit_too_early(p, offset)
{
    w[p].next = offset /* the position moves when the range is opened */
}

inline finish_more(p)
{
    w[p].step = DONE
}

inline on_empty(p)
{
#ifdef MUTANT_9B /* offsets without rows are passed over, but not written */
    w[p].next = w[p].hi + 1;
    w[p].hi = NONE;
    w[p].step = RESTING
#else
    w[p].next = w[p].hi + 1;
    w[p].hi = NONE;
    w[p].step = CLOSING
#endif
}

inline on_records_gone(p)
{
#ifdef MUTANT_8 /* goes on with what there is */
    w[p].next = first;
    w[p].hi = NONE;
    w[p].step = RESTING
#else
    w[p].hi = NONE;
    w[p].step = STOPPED
#endif
}

#ifdef MUTANT_K2 /* read without waiting for a pending transaction */
#define CAN_READ true
#else
#define CAN_READ (txn[0] != PENDING && txn[1] != PENDING)
#endif
#define CAN_ASSIGN(p) (CAN_READ && txn[p] != PENDING)
#define CAN_LEAVE(p) (txn[p] != PENDING)

#ifdef MUTANT_K1 /* a plain commit: whoever is a member may write */
#define IN_GENERATION(p) member[p]
#else
#define IN_GENERATION(p) fresh[p]
#endif

#ifdef MUTANT_K3 /* closing is left to the next range */
#define REST(p) :: d_step { w[p].step == DONE && w[p].next == N -> w[p].step = RESTING }
#else
#define REST(p) :: d_step { w[p].step == DONE -> w[p].step = CLOSING }
#endif

#ifdef MUTANT_K4 /* the membership is not captured again when the partition stays */
#define KEEPS(p)
#else
/* The machine goes on with the new membership, or (eager rebalancing) a new one begins. */
#define KEEPS(p) \
    :: d_step { owner == p && !w[p].stale && w[p].step != OUT && !fresh[p] && CAN_ASSIGN(p) -> \
       printf("worker %d: is assigned the partition again\n", p); let_go(p); forget(p); read_commit(p) } \
    :: d_step { owner == p && !w[p].stale && w[p].step != OUT && !fresh[p] -> fresh[p] = 1; \
       printf("worker %d: keeps the partition in a new generation\n", p) }
#endif

/* A row that says that nothing was read yet can't be committed, and is kept in memory. */
#define IS_KEPT(p) (w[p].step == ACQUIRING && !exists && !w[p].reset)

#define LEDGER(p) \
    REST(p) KEEPS(p) \
    :: d_step { IS_KEPT(p) && w[p].rel == EXPECTED -> w[p].rel = WANTED } \
    :: d_step { WRITING(p) && !(IS_KEPT(p)) && txn[p] == IDLE && w[p].rel == EXPECTED && CAN_READ -> txn[p] = COMPARED } \
    :: d_step { WRITING(p) && txn[p] == COMPARED && IN_GENERATION(p) -> \
       txn[p] = PENDING; printf("kafka: a transaction of worker %d is pending\n", p) } \
    :: d_step { txn[p] == PENDING -> txn[p] = IDLE; ckind = NOTHING; coff = 0; cera = 0; apply(p) } \
    :: d_step { txn[p] == PENDING && faults > 0 -> faults--; txn[p] = IDLE; \
       printf("kafka: the transaction of worker %d is aborted\n", p) }

#define GROUP

inline check_end()
{
    assert(exists && lhi == NONE && lnext == N) /* the row is closed, no lag is left */
}

#include "world.pml"
