/* keeper_map.pml - the ledger in a KeeperMap table; Kafka's committed offset carries the row's text as a mark. */

#include "partition.pml"

/* The group's committed offset. */
byte ckind;
byte coff;
byte cinc;
byte cera; /* PLAIN: which wish of the operator it is */
bit ccur;  /* MARK: its epoch is the one of the ledger's row */

/* A commit that left the worker and has not arrived. */
typedef commit {
    bit on;
    byte off;
    byte inc;
    bit cur;
};
commit c[2];
bit kept_out[2]; /* its assignment is older than the operator's reset: Kafka takes no commit of it */

inline forget_commits(p)
{
    c[p].on = 0;
    c[p].off = 0;
    c[p].inc = 0;
    c[p].cur = 0
}

inline forget_more(p)
{
    kept_out[p] = 0;
    w[p].mark = 0
}

inline new_generation()
{
    skip
}

inline offset_moved(to, wish)
{
    ckind = PLAIN;
    coff = to;
    cinc = 0;
    cera = wish;
    ccur = 0;
    forget_commits(0);
    forget_commits(1);
    kept_out[0] = (w[0].step != OUT || w[0].stale);
    kept_out[1] = (w[1].step != OUT || w[1].stale)
}

inline on_loss()
{
    skip
}

inline read_commit(p)
{
    w[p].rkind = ckind;
    w[p].roff = coff;
    w[p].rinc = cinc;
    w[p].rera = cera;
    w[p].rcur = ccur;
    w[p].step = READING
}

#define KNOWN(p) (w[p].hi != NONE -> w[p].hi : w[p].next)
#if defined(MUTANT_2B) /* the mark of any epoch counts */
#define FOLLOWS(p) (w[p].rinc == w[p].inc && w[p].roff > KNOWN(p))
#elif defined(MUTANT_2D) /* a mark counts wherever it stands */
#define FOLLOWS(p) (w[p].rcur && w[p].rinc == w[p].inc && w[p].roff != w[p].next)
#else
#define FOLLOWS(p) (w[p].rcur && w[p].rinc == w[p].inc && w[p].roff > KNOWN(p))
#endif

#ifdef MUTANT_2G /* it is enough that Kafka's offset is where the row is */
#define IS_COMMITTED(p) (w[p].hi != NONE || (w[p].rkind != NOTHING && w[p].roff == w[p].next))
#else
#define IS_COMMITTED(p) \
    (w[p].hi != NONE || (w[p].rkind == MARK && w[p].roff == w[p].next && w[p].rinc == w[p].inc))
#endif

inline acquire(p)
{
    assert(!(w[p].rkind == MARK && !exists)); /* "ledger_lost" without a loss */
    w[p].next = (exists -> lnext : 0);
    w[p].hi = (exists -> lhi : NONE);
    w[p].att = (exists -> latt : 0);
    w[p].inc = (exists -> linc : 0);
    w[p].step = ACQUIRING;
    if
#if defined(MUTANT_2E) /* the offset was read before the row, and is not read again */
    :: w[p].rkind == PLAIN -> begin_at(p, w[p].roff, w[p].rera)
#elif defined(MUTANT_2F) /* the place to go on from, under the `resets` of before */
    :: w[p].rkind == PLAIN -> w[p].next = w[p].roff; w[p].hi = NONE; w[p].att = 0
#else
    :: w[p].rkind == PLAIN -> begin_at(p, w[p].roff, w[p].rera); w[p].step = READING_OFFSET
#endif
    :: w[p].rkind == MARK && FOLLOWS(p) ->
        w[p].next = w[p].roff;
        w[p].hi = NONE;
        w[p].att = 0
    :: else -> skip
    fi;
    w[p].mark = w[p].reset || (exists && !IS_COMMITTED(p));
    forget_commit(p)
}

/* After the reset is in the ledger it is in Kafka, before the first insert. */
inline on_acquired(p)
{
    if
#ifdef MUTANT_2C /* consumes while the mark is on its way */
    :: w[p].mark -> w[p].mark = 0; send_commit(p); start_consuming(p)
#else
    :: w[p].mark -> w[p].mark = 0; w[p].step = COMMITTING
#endif
    :: else -> start_consuming(p)
    fi
}

inline send_commit(p)
{
    if
    :: !kept_out[p] -> c[p].on = 1; c[p].off = w[p].next; c[p].inc = w[p].inc; c[p].cur = w[p].own
    :: else -> skip
    fi
}

inline commit_too_early(p, offset)
{
    c[p].on = 1; c[p].off = offset; c[p].inc = w[p].inc; c[p].cur = w[p].own
}

inline finish_more(p)
{
#ifndef MUTANT_9A
    send_commit(p);
#endif
    w[p].step = DONE
}

inline on_empty(p)
{
    w[p].next = w[p].hi + 1;
    w[p].hi = NONE;
#ifndef MUTANT_9B /* offsets without rows are passed over, but not committed */
    send_commit(p)
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

/* The commit arrives: Kafka asks whether the sender is a member, not whether the partition is its own. */
inline commit_arrives(p, at, draw, of_epoch)
{
    ckind = MARK;
    coff = at;
    cinc = draw;
    cera = 0;
    ccur = of_epoch;
    printf("kafka: offset %d committed by worker %d\n", coff, p);
    if
    :: ccur -> check_below(cinc, coff) /* what the next owner may trust */
    :: else -> skip
    fi
}

inline new_epoch(p)
{
    w[0].own = (p == 0);
    w[1].own = (p == 1);
    w[0].rcur = 0;
    w[1].rcur = 0;
    c[0].cur = 0;
    c[1].cur = 0;
    ccur = 0
}

#define CAN_READ true
#define CAN_ASSIGN(p) true
#define CAN_LEAVE(p) true

#ifdef MUTANT_1A /* writes without a comparison */
#define CAN_WRITE(p) (w[p].rel != WANTED)
#else
#define CAN_WRITE(p) (w[p].rel == EXPECTED)
#endif

#ifdef MUTANT_2A /* a reset is committed with a mark before it is in the ledger */
#define MARK_FIRST(p) w[p].mark = 0; commit_arrives(p, coff, linc, false)
#else
#define MARK_FIRST(p) skip
#endif

#ifdef MUTANT_7C /* a partition rests without a look at its row */
#define SETTLED(p) true
#else
#define SETTLED(p) (w[p].rel == EXPECTED)
#endif

/* on_rest(): DONE is "unsettled" here, an acknowledged range whose owner did not look at the row since. */
#define REST(p) \
    :: d_step { w[p].step == DONE && SETTLED(p) -> w[p].step = RESTING } \
    :: d_step { w[p].step == DONE && !(SETTLED(p)) -> yield_to_other(p) }

#define LEDGER(p) \
    REST(p) \
    :: d_step { w[p].step == READING_OFFSET -> \
       if :: ckind == PLAIN -> w[p].next = coff; w[p].era = cera; w[p].step = ACQUIRING; MARK_FIRST(p) \
       :: else -> yield_to_other(p) fi } \
    :: d_step { WRITING(p) && CAN_WRITE(p) -> apply(p); \
       if :: w[p].step == ACQUIRING -> new_epoch(p) :: else -> skip fi } \
    :: d_step { w[p].step == COMMITTING && member[p] && !kept_out[p] -> \
       commit_arrives(p, w[p].next, w[p].inc, w[p].own); start_consuming(p) } \
    :: d_step { c[p].on && member[p] -> commit_arrives(p, c[p].off, c[p].inc, c[p].cur); forget_commits(p) } \
    :: d_step { c[p].on && !member[p] -> printf("kafka: refuses a commit of worker %d\n", p); forget_commits(p) }

/* An idle group forgets its offsets. */
#define GROUP \
    :: d_step { !member[0] && !member[1] && ckind == MARK && faults > 0 -> faults--; \
       printf("kafka: the group's offsets expire\n"); ckind = NOTHING; coff = 0; cinc = 0; ccur = 0 }

inline check_end()
{
    assert(!c[0].on && !c[1].on && ckind != PLAIN);
    /* No lag is left, unless a former owner's late commit hides ours until the next one; it counts for nothing. */
    assert(!(ckind == MARK && ccur) || coff == N)
}

#include "world.pml"
