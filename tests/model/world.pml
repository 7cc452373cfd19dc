/* world.pml - every step that can happen: the workers, the tables, the group, what goes wrong. Included last. */

#define TOKEN_OF(p) TOKEN(w[p].inc, w[p].next, w[p].hi, w[p].att)
#define COPY_OF(p, cell) (w[p].step == INSERTING && !w[p].spoiled && (w[p].left & (cell)) && !(used[TOKEN_OF(p)] & (cell)))
#define CAN_BATCH(p, h) \
    ((w[p].step == RESTING || w[p].step == DONE) && w[p].next >= first && w[p].next <= (h) && !HAS_BAD(w[p].next, h))

#define BATCH(p, h) :: d_step { CAN_BATCH(p, h) -> on_batch(p, h) }

/* A part gets in place; or the server dies, or a rename fails, after it registered the token. */
#define COPY(p, cell) \
    :: d_step { COPY_OF(p, cell) -> printf("tables: cell %d of worker %d's %d-%d attempt %d\n", cell, p, w[p].next, \
       w[p].hi, w[p].att); land(w[p].inc, w[p].next, w[p].hi, w[p].att, cell); tidy_late() } \
    :: d_step { COPY_OF(p, cell) && traps > 0 -> traps--; printf("tables: cell %d of worker %d's %d-%d attempt %d: a \
token without rows\n", cell, p, w[p].next, w[p].hi, w[p].att); w[p].spoiled = 1; \
       used[TOKEN_OF(p)] = used[TOKEN_OF(p)] | (cell); tidy_late() }
#define LATE_COPY(j, cell) \
    :: d_step { (z[j].cells & (cell)) -> printf("tables: cell %d of a late copy of %d-%d attempt %d\n", cell, z[j].lo, \
       z[j].hi, z[j].att); land(z[j].inc, z[j].lo, z[j].hi, z[j].att, cell); tidy_late() } \
    :: d_step { (z[j].cells & (cell)) && traps > 0 -> traps--; printf("tables: cell %d of a late copy of %d-%d attempt \
%d: a token without rows\n", cell, z[j].lo, z[j].hi, z[j].att); t = TOKEN(z[j].inc, z[j].lo, z[j].hi, z[j].att); \
       used[t] = used[t] | (cell); tidy_late() }

inline leave_group(p)
{
    member[p] = 0;
    owner = (owner == p -> (member[1 - p] -> 1 - p : NONE) : owner);
    new_generation()
}

inline stop_worker(p)
{
    let_go(p);
    forget(p);
    w[p].stale = 0;
    forget_commits(p);
    leave_group(p)
}

/* The operator stops the workers (one that the group lost sight of may live on) and moves the offset. */
inline move_offset(to)
{
    resets--;
    printf("operator: moves the offset to %d\n", to);
    if
    :: member[0] -> stop_worker(0)
    :: else -> skip
    fi;
    if
    :: member[1] -> stop_worker(1)
    :: else -> skip
    fi;
    era_start[eras] = to;
    offset_moved(to, eras);
    eras++
}

inline faults_are_over()
{
    printf("no more faults\n");
    faults = 0;
    traps = 0;
    resets = 0;
    bads = 0;
    losses = 0
}

#define WORKER(p) \
    :: d_step { owner == p && (w[p].step == OUT || w[p].stale) && CAN_ASSIGN(p) -> \
       printf("worker %d: is assigned the partition\n", p); let_go(p); forget(p); w[p].stale = 0; read_commit(p) } \
    :: d_step { owner != p && w[p].stale && w[p].step == OUT && faults > 0 && CAN_READ -> faults = faults - INSISTS; \
       printf("worker %d: still thinks that it has the partition, and tries again\n", p); read_commit(p) } \
    :: d_step { owner != p && w[p].stale && CAN_LEAVE(p) -> printf("worker %d: hears that it lost the partition\n", p); \
       let_go(p); forget(p); w[p].stale = 0 } \
    :: d_step { w[p].step == READING && CAN_READ -> w[p].rel = EXPECTED; acquire(p) } \
    LEDGER(p) \
    :: d_step { WRITING(p) && w[p].rel == WANTED && CAN_READ -> on_written(p) } \
    :: d_step { WRITING(p) && w[p].rel == FOREIGN && CAN_READ && CAN_LEAVE(p) -> ON_FOREIGN(p) } \
    BATCH(p, 0) BATCH(p, 1) BATCH_2(p) \
    COPY(p, 1) COPY(p, 2) \
    :: d_step { w[p].step == INSERTING && !w[p].spoiled && (w[p].left & (3 ^ used[TOKEN_OF(p)])) == 0 -> on_inserted(p) } \
    :: d_step { w[p].step == INSERTING && (w[p].spoiled || faults > 0) -> faults = (w[p].spoiled -> faults : faults - 1); \
       printf("worker %d: no good answer to its insert\n", p); \
       let_go(p); w[p].sent = 1; w[p].spoiled = 0; w[p].step = CONFIRMING } \
    :: d_step { w[p].step == CONFIRMING && CAN_READ -> \
       if :: w[p].rel == EXPECTED -> w[p].step = INSERTING :: else -> ON_FENCED(p) fi } \
    :: d_step { w[p].step == LOOKING -> look_up(p) } \
    :: d_step { w[p].step == REBUILDING && w[p].next >= first && !HAS_BAD(w[p].next, w[p].hi) -> on_rebuilt(p) } \
    BAD_REPLAY(p) \
    :: d_step { (w[p].step == RESTING || w[p].step == DONE || w[p].step == REBUILDING) && w[p].next < first -> \
       printf("worker %d: records from %d on are gone\n", p, w[p].next); on_records_gone(p) } \
    :: d_step { !member[p] -> printf("worker %d: joins\n", p); member[p] = 1; owner = (owner == NONE -> p : owner); \
       new_generation() } \
    :: d_step { owner == p && w[p].step != OUT && faults > 0 -> faults--; printf("worker %d: times out\n", p); \
       w[p].stale = 1; leave_group(p) } \
    :: d_step { w[p].step != OUT && faults > 0 -> faults--; printf("worker %d: crashes\n", p); stop_worker(p) }

#ifdef MUTANT_C /* two owners that take the row from each other for ever */
#define INSISTS 0
#else
#define INSISTS 1
#endif

#if N > 2
#define BATCH_2(p) BATCH(p, 2)
#else
#define BATCH_2(p)
#endif

#ifdef MUTANT_1B /* a good answer to a write is believed, the row is not read back */
#define ON_FOREIGN(p) on_written(p)
#else
#define ON_FOREIGN(p) yield_to_other(p)
#endif

#ifdef MUTANT_7A /* goes on though it was fenced, under a token of its own */
#define ON_FENCED(p) w[p].att = (w[p].att + 1) % ATTEMPTS; w[p].step = INSERTING
#else
#define ON_FENCED(p) yield_to_other(p)
#endif

#ifdef MUTANT_6 /* a bad record cuts the range that was opened */
#define BAD_REPLAY(p) \
    :: d_step { w[p].step == REBUILDING && HAS_BAD(w[p].next + 1, w[p].hi) -> w[p].hi = bad - 1; on_rebuilt(p) }
#else
#define BAD_REPLAY(p)
#endif

active proctype world()
{
    do
    WORKER(0)
    WORKER(1)
    LATE_COPY(0, 1) LATE_COPY(0, 2) LATE_COPY(1, 1) LATE_COPY(1, 2) LATE_COPY(2, 1) LATE_COPY(2, 2)
    GROUP
    :: d_step { resets > 0 -> move_offset(0) }
    :: d_step { resets > 0 -> move_offset(1) }
    :: d_step { bads > 0 && bad == NONE -> bads--; bad = 0; printf("topic: record %d turns bad\n", bad) }
    :: d_step { bads > 0 && bad == NONE -> bads--; bad = 1; printf("topic: record %d turns bad\n", bad) }
    :: d_step { bad != NONE -> printf("topic: record %d is good again\n", bad); bad = NONE }
    :: d_step { losses > 0 -> losses--; first = 1; printf("topic: record 0 is gone\n"); on_loss() }
#ifdef MUTANT_7B /* the window forgets a token while a retry may come */
    :: d_step { w[0].step == INSERTING && used[TOKEN_OF(0)] != 0 -> used[TOKEN_OF(0)] = 0;
       printf("tables: a token falls out of the window\n") }
#endif
    :: d_step { faults + traps + resets + bads + losses > 0 -> faults_are_over() }
    :: d_step { faults + traps + resets + bads + losses > 0 && z[0].cells != 0 ->
       faults_are_over(); printf("late copies are lost\n");
       k = 0;
       do
       :: k < LATE -> z[k].lo = 0; z[k].hi = 0; z[k].att = 0; z[k].inc = 0; z[k].cells = 0; k++
       :: else -> break
       od;
       k = 0 }
    :: timeout -> break
    od;
    printf("the end\n");
    assert(owner != NONE && member[0] && member[1]);
    if
    :: w[owner].step == STOPPED -> assert(w[owner].next < first) /* a named state has its reason */
    :: else ->
        assert(w[owner].step == RESTING && w[owner].next == N); /* everything was read */
        assert(ERA(w[owner].inc) == eras - 1); /* the operator's last wish is what counts */
        check_below(w[owner].inc, N);
        check_end()
    fi
}
