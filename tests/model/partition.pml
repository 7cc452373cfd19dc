/* partition.pml - what both models share: the topic's partition, the tables, and the machine of lib/ledger/machine.c.
 * Included by keeper_map.pml and kafka.pml, which add the ledger and the group. README.md says what is left out.
 *
 * One process takes every step, so a step is atomic and a state is what stands between two of them. A run ends: every
 * fault comes out of a purse, and at any time all faults may stop for good. So `every end is complete` together with
 * `there is no cycle` is the progress that delivery promises.
 */

/* Bounds. */
#ifndef N
#define N 2 /* offsets 0 .. N-1 of the partition */
#endif
#ifndef EMPTY
#define EMPTY 0 /* bits of the offsets without a row */
#endif
#ifndef FAULTS
#define FAULTS 2 /* crashes, members that time out, lost answers to inserts, ... in all */
#endif
#ifndef TRAPS
#define TRAPS 1 /* tokens registered without their rows */
#endif
#ifndef RESETS
#define RESETS 1 /* an operator moves the group's offset */
#endif
#ifndef BADS
#define BADS 0 /* a record turns bad, and good again */
#endif
#ifndef LOSSES
#define LOSSES 0 /* the first record of the topic vanishes */
#endif
#define ATTEMPTS (TRAPS + 1)
/* Values of `resets` that may be drawn; asserted to be enough. */
#if RESETS > 0
#define INCARNATIONS (1 + RESETS + 2 * FAULTS + LOSSES)
#else
#define INCARNATIONS (1 + LOSSES)
#endif
#define ERAS (RESETS + 1 + LOSSES)

#define NONE 15 /* no offset */
#define ALL ((1 << N) - 1)
#define DATA (ALL & (ALL ^ (EMPTY)))

/* Tables: even offsets have their row in cell 1, odd ones in cell 2. A cell is one table partition of one target; whether
 * the two belong to one target or to two makes no difference here, since parts get in place one by one either way. */
#ifdef ONE_CELL
#define ROWS_IN(cell, rows) ((cell) == 1 -> (rows) : 0)
#else
#define ROWS_IN(cell, rows) ((rows) & ((cell) == 1 -> 5 : 10))
#endif
#define CELLS(rows) ((ROWS_IN(1, rows) -> 1 : 0) | (ROWS_IN(2, rows) -> 2 : 0))
#define RANGE(lo, hi) (((2 << (hi)) - (1 << (lo))) & DATA)
#define BELOW(offset) (((1 << (offset)) - 1) & DATA)

/* Steps of the machine (enum sluice_ledger_step); OUT and STOPPED are its STEP_NEW and STEP_OVER. */
#define OUT 0        /* no machine */
#define READING 1    /* the committed offset was read, the row is next */
#define READING_OFFSET 2 /* it looks like an operator's reset: is it one still, now that the row was read? */
#define ACQUIRING 3  /* writes: on their way until read back */
#define OPENING 4
#define CLOSING 5
#define COMMITTING 6 /* keeper_map: the mark of a reset */
#define REBUILDING 7
#define RESTING 8
#define DONE 9       /* kafka: the row is not closed yet */
#define INSERTING 10
#define CONFIRMING 11
#define LOOKING 12
#define STOPPED 13   /* a named state that needs a person */
#define WRITING(p) (w[p].step == ACQUIRING || w[p].step == OPENING || w[p].step == CLOSING)

/* The ledger's row, seen from one worker: stands for the comparison of epoch, owner and seq. */
#define FOREIGN 0
#define EXPECTED 1 /* machine->written */
#define WANTED 2   /* machine->writing.wanted */

/* The group's committed offset. */
#define NOTHING 0
#define PLAIN 1 /* without our mark */
#define MARK 2

typedef worker {
    byte step;
    byte rel;
    bit stale;   /* the group took the partition away, and nobody told the lane yet */
    bit own;     /* the row's epoch is the one of this machine */
    byte next;   /* machine->row */
    byte hi;
    byte att;
    byte inc;    /* `resets` */
    bit reset;   /* what is being written draws `resets` anew */
    byte era;    /* and which wish of the operator it follows */
    bit mark;    /* commit_before_start */
    bit sent;    /* token_was_sent */
    bit used;    /* token_is_used */
    bit spoiled; /* the request under way met the trap: no good answer can come */
    byte left;   /* cells of the batch that are to be sent */
    byte rkind;  /* the committed offset as read at assignment */
    byte roff;
    byte rinc;
    byte rera;
    bit rcur;    /* its mark has the epoch of the ledger's row */
};
worker w[2];

/* Late copies of inserts: nobody waits for them, each cell of them may still get in place at any time, or never. */
typedef request {
    byte lo;
    byte hi;
    byte att;
    byte inc;
    byte cells;
};
#ifndef LATE
#define LATE 3
#endif
request z[LATE];

/* Tables. `used` is the engine's memory of tokens, a bit per cell. */
#define RANGES (N * (N + 1) / 2)
#define TOKEN(inc, lo, hi, att) ((((inc) * ATTEMPTS + (att)) * RANGES) + ((hi) * ((hi) + 1)) / 2 + (lo))
byte used[INCARNATIONS * ATTEMPTS * RANGES];
byte stored[ERAS]; /* bits of offsets; per wish of the operator, not per `resets`: a reset honoured twice stores twice */
byte era_start[ERAS];
byte era_of[INCARNATIONS];
byte incarnations = 1;
byte eras = 1;

/* The ledger's row. */
bit exists;
byte lnext;
byte lhi = NONE;
byte latt;
byte linc;

/* The topic and the group. */
byte first;        /* first offset that the topic still has */
byte bad = NONE;   /* record that can't be made a row at present */
byte owner = NONE; /* whom the group assigns the partition to */
bit member[2];

byte faults = FAULTS;
byte traps = TRAPS;
byte resets = RESETS;
byte bads = BADS;
byte losses = LOSSES;

/* Scratch; 0 between two steps. */
byte t;
byte k;
byte rows;

#define ERA(inc) era_of[inc]
#define HAS_BAD(lo, hi) (bad != NONE && bad >= (lo) && bad <= (hi))

/* Everything below `offset` is stored, in the life of this `resets`. */
inline check_below(draw, offset)
{
    rows = BELOW(offset) & (ALL ^ BELOW(era_start[ERA(draw)]));
    assert((stored[ERA(draw)] & rows) == rows); /* below a closed position a row is missing */
    rows = 0
}

/* A block gets in place, or is dropped for its token. */
inline land(draw, from, upto, nth, cell)
{
    t = TOKEN(draw, from, upto, nth);
    if
    :: used[t] & (cell) -> skip
    :: else ->
        rows = ROWS_IN(cell, RANGE(from, upto));
#ifdef MUTANT_4B /* several blocks under one token */
        rows = rows & (ALL ^ (rows - 1));
#endif
        used[t] = used[t] | (cell);
        assert((stored[ERA(draw)] & rows) == 0); /* a row is stored twice */
        stored[ERA(draw)] = stored[ERA(draw)] | rows;
        rows = 0
    fi;
    t = 0
}

/* Cells of late copies that can't do anything any more are forgotten, and the list is kept without gaps. */
inline tidy_late()
{
    k = 0;
    do
    :: k < LATE ->
        if
        :: z[k].cells != 0 ->
            t = TOKEN(z[k].inc, z[k].lo, z[k].hi, z[k].att);
            z[k].cells = z[k].cells & (3 ^ used[t])
        :: else -> skip
        fi;
        if
        :: z[k].cells == 0 -> z[k].lo = 0; z[k].hi = 0; z[k].att = 0; z[k].inc = 0
        :: else -> skip
        fi;
        if
        :: k > 0 && z[k].cells != 0 && z[k - 1].cells == 0 ->
            z[k - 1].lo = z[k].lo; z[k - 1].hi = z[k].hi; z[k - 1].att = z[k].att; z[k - 1].inc = z[k].inc;
            z[k - 1].cells = z[k].cells;
            z[k].lo = 0; z[k].hi = 0; z[k].att = 0; z[k].inc = 0; z[k].cells = 0
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0;
    t = 0
}

/* Nobody waits any more for what this worker sent. */
inline let_go(p)
{
    if
    :: w[p].step == INSERTING ->
        k = 0;
        do
        :: k < LATE && z[k].cells != 0 &&
           !(z[k].lo == w[p].next && z[k].hi == w[p].hi && z[k].att == w[p].att && z[k].inc == w[p].inc) -> k++
        :: else -> break
        od;
        assert(k < LATE); /* the bound LATE is too small */
        z[k].lo = w[p].next; z[k].hi = w[p].hi; z[k].att = w[p].att; z[k].inc = w[p].inc;
        z[k].cells = z[k].cells | w[p].left;
        tidy_late()
    :: else -> skip
    fi
}

inline forget(p)
{
    w[p].step = OUT;
    w[p].rel = FOREIGN;
    w[p].own = 0;
    w[p].next = 0;
    w[p].hi = NONE;
    w[p].att = 0;
    w[p].inc = 0;
    w[p].reset = 0;
    w[p].era = 0;
    w[p].sent = 0;
    w[p].used = 0;
    w[p].spoiled = 0;
    w[p].left = 0;
    w[p].rkind = NOTHING;
    w[p].roff = 0;
    w[p].rinc = 0;
    w[p].rera = 0;
    w[p].rcur = 0;
    forget_more(p)
}

inline forget_commit(p)
{
    w[p].rkind = NOTHING;
    w[p].roff = 0;
    w[p].rinc = 0;
    w[p].rera = 0;
    w[p].rcur = 0
}

/* yield_to_other(): SLUICE_LEDGER_ASSIGN_AGAIN */
inline yield_to_other(p)
{
    printf("worker %d: the row is somebody else's\n", p);
    forget(p)
}

/* start_consuming() */
inline start_consuming(p)
{
    w[p].step = (w[p].hi != NONE -> REBUILDING : RESTING)
}

/* finish(): the batch is durable. */
inline finish(p)
{
    w[p].next = w[p].hi + 1;
    w[p].hi = NONE;
    w[p].att = 0;
    w[p].sent = 0;
    w[p].used = 0;
    w[p].left = 0;
    printf("worker %d: takes everything below %d for durable\n", p, w[p].next);
    if
    :: w[p].rel == EXPECTED -> check_below(w[p].inc, w[p].next)
    :: else -> skip /* fenced without knowing it: what it believes must not count */
    fi;
    finish_more(p)
}

/* begin_at() */
inline begin_at(p, offset, wish)
{
    w[p].reset = 1;
    w[p].era = wish;
    w[p].next = offset;
    w[p].hi = NONE;
    w[p].att = 0
}

/* on_written() */
inline on_written(p)
{
    w[p].rel = (w[p].rel == WANTED -> EXPECTED : FOREIGN);
    if
    :: w[p].step == ACQUIRING -> printf("worker %d: has the row\n", p); on_acquired(p)
    :: w[p].step == OPENING ->
        printf("worker %d: range %d-%d attempt %d is in the ledger\n", p, w[p].next, w[p].hi, w[p].att);
        w[p].sent = 0;
        w[p].used = 0;
        w[p].step = INSERTING
    :: else -> w[p].step = RESTING
    fi;
    w[p].reset = 0;
    w[p].era = 0
}

/* The row becomes what worker p wants. */
inline apply(p)
{
    if
    :: w[p].reset ->
        assert(incarnations < INCARNATIONS); /* the bound is too small */
        era_of[incarnations] = w[p].era;
        w[p].inc = incarnations;
        incarnations++
    :: else -> skip
    fi;
    exists = 1;
    lnext = w[p].next;
    lhi = w[p].hi;
    latt = w[p].att;
    linc = w[p].inc;
    w[0].rel = (p == 0 -> WANTED : FOREIGN);
    w[1].rel = (p == 1 -> WANTED : FOREIGN);
    printf("ledger: row of worker %d: next=%d hi=%d attempt=%d resets=%d\n", p, lnext, lhi, latt, linc);
    check_below(linc, lnext)
}

/* on_batch(): the range [next, h] is ready. */
inline on_batch(p, upto)
{
    w[p].hi = upto;
    w[p].att = 0;
    w[p].left = CELLS(RANGE(w[p].next, upto));
    if
#if defined(MUTANT_4A) /* insert before the ledger knows the range */
    :: w[p].left != 0 -> printf("worker %d: inserts %d-%d at once\n", p, w[p].next, upto); w[p].step = INSERTING
#else
    :: w[p].left != 0 -> printf("worker %d: range %d-%d is ready\n", p, w[p].next, upto); w[p].step = OPENING
#endif
    :: else -> printf("worker %d: nothing to insert in %d-%d\n", p, w[p].next, upto); on_empty(p)
    fi;
#ifdef MUTANT_9A /* committed when it is opened */
    commit_too_early(p, upto + 1)
#endif
}

/* on_looked_up(), for the rows that are there at this moment. */
inline look_up(p)
{
    rows = RANGE(w[p].next, w[p].hi);
    rows = rows & (ALL ^ stored[ERA(w[p].inc)]);
    w[p].left = CELLS(rows);
    rows = 0;
    printf("worker %d: cells %d of %d-%d are missing\n", p, w[p].left, w[p].next, w[p].hi);
    if
    :: w[p].left == 0 -> finish(p)
    :: w[p].left != 0 && w[p].used ->
        assert(w[p].att + 1 < ATTEMPTS); /* more attempts than traps */
        w[p].att++;
#ifdef MUTANT_5B /* the attempt is not written first */
        w[p].sent = 0;
        w[p].used = 0;
        w[p].step = INSERTING
#else
        w[p].step = OPENING
#endif
    :: else -> w[p].step = INSERTING
    fi
}

/* on_rebuilt(), and the look-up that follows. */
inline on_rebuilt(p)
{
    w[p].sent = 1;
    w[p].used = 0;
#ifdef MUTANT_3A /* replays as many records as the poll happens to bring, here all */
    w[p].hi = N - 1;
#endif
#ifdef MUTANT_3B /* replays under a token of its own */
    w[p].att = ATTEMPTS - 1;
#endif
    look_up(p)
}

inline on_inserted(p)
{
    w[p].spoiled = 0;
    printf("worker %d: insert of %d-%d attempt %d acknowledged\n", p, w[p].next, w[p].hi, w[p].att);
#ifdef MUTANT_5A /* every 200 is trusted */
    finish(p)
#else
    if
    :: w[p].sent -> w[p].used = 1; w[p].left = 0; w[p].step = LOOKING
    :: else -> finish(p)
    fi
#endif
}

