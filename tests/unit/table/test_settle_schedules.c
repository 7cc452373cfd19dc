/* Batches of rows that depend on earlier ones against random schedules: transactions with key changes, shifts of
 * deferrable keys, rows that share a key for a while, unchanged TOAST values and moves between sorting keys, cut into
 * batches anywhere, confirmed in any order, stored in halves, read again from any earlier place, in several partitions
 * that wait for each other.
 *
 * What must hold: once everything is stored, the target is as the source. Rows of one version are equal, and so are
 * values that are put aside more than once. No two partitions wait for each other.
 *
 * test_table_settle_schedules [SEED [SCHEDULES]]: the seed is printed.
 */
#include "base/buf.h"
#include "settle_support.h"
#include "table/batch_detail.h"
#include "table/settle.h"

#define GONE "\"__debezium_unavailable_value\""

enum {
    MAX_EVENTS = 3000,
    N_IDS = 7,
    N_PLACES = 3,
    MAX_PARTITIONS = 3,
    MAX_FLIGHTS = 6,
    MAX_ASIDES = 2000,
    TEXT = 32,
    PATIENCE = 20000
};

struct event {
    char op;
    int id;
    int old_id; /* -1: not moved here */
    int place;
    char text[TEXT]; /* as JSON */
    bool is_away;
    uint64_t txid;
    bool is_uncommitted; /* its source has told no COMMIT before it */
    struct sluice_version version;
};

struct row {
    bool is_there;
    bool is_deleted;
    int place;
    char text[TEXT];
    struct sluice_version version;
};

struct flight {
    struct sluice_batch *batch; /* settled */
    bool moves_values;
    size_t first;
    size_t end;
};

struct partition {
    struct event events[MAX_EVENTS];
    size_t n_events;
    size_t at; /* next one to read */
    size_t replay_end;
    bool is_known; /* the last transaction, as lib/pipeline/record.c keeps it */
    uint64_t txid;
    bool has_created;
    bool has_moved;
    struct flight flights[MAX_FLIGHTS];
    size_t n_flights;
};

struct aside {
    int id;
    uint64_t position;
    char bytes[TEXT];
    size_t len;
};

static struct world {
    uint64_t random;
    bool is_full;
    bool has_places;
    bool is_exact; /* what is read again is cut in the same way, and what is stored is not sent again */
    bool is_calm;
    bool is_stopped; /* by name, for a value that is lost */
    size_t n_partitions;
    struct event log[MAX_EVENTS];
    size_t n_log;
    struct partition partitions[MAX_PARTITIONS];
    struct row source[N_IDS];
    struct row target[N_IDS][N_PLACES];
    struct aside asides[MAX_ASIDES];
    size_t n_asides;
    struct sluice_plan *plan;
    uint64_t txid;
    uint64_t change;
    uint64_t commit; /* where the last transaction ends; 0: none did */
    unsigned n_values;
    size_t n_waits;
    size_t n_shifted;
    size_t n_filled;
} world;

static unsigned draw(struct world *w, unsigned n)
{
    return (unsigned)(random_next(&w->random) % n);
}

static bool chance(struct world *w, unsigned percent)
{
    return draw(w, 100) < percent;
}

/* --- the source ----------------------------------------------------------------------------------------------------
 */

static void emit(struct world *w, struct event event)
{
    if (w->n_log == MAX_EVENTS)
        abort();
    w->log[w->n_log++] = event;
}

static struct sluice_version version_at(uint64_t commit, uint64_t change)
{
    return (struct sluice_version){commit >> 8, commit << 56 | change};
}

static void new_text(struct world *w, char text[TEXT])
{
    (void)snprintf(text, TEXT, "\"v%u\"", w->n_values++);
}

static struct event event_of(struct world *w, char op, int id, const struct row *row)
{
    struct event event = {.op = op, .id = id, .old_id = -1, .place = row->place, .txid = w->txid};
    w->change += 8;
    event.is_uncommitted = w->commit == 0;
    event.version = version_at(event.is_uncommitted ? w->change : w->commit, w->change);
    (void)snprintf(event.text, TEXT, "%s", op == 'd' && !w->is_full ? "null" : row->text);
    return event;
}

static void insert_row(struct world *w, int id)
{
    struct row *row = &w->source[id];
    *row = (struct row){.is_there = true, .place = (int)draw(w, N_PLACES)};
    new_text(w, row->text);
    emit(w, event_of(w, 'c', id, row));
}

static void update_row(struct world *w, int id)
{
    struct row *row = &w->source[id];
    const bool keeps = chance(w, 60);
    if (chance(w, 40))
        row->place = (int)draw(w, N_PLACES);
    if (!keeps)
        new_text(w, row->text);
    struct event event = event_of(w, 'u', id, row);
    if (keeps && !w->is_full)
        (void)snprintf(event.text, TEXT, "%s", GONE);
    emit(w, event);
}

static void delete_row(struct world *w, int id)
{
    emit(w, event_of(w, 'd', id, &w->source[id]));
    w->source[id].is_there = false;
}

static void emit_move(struct world *w, int from, int to, const struct row *old, const struct row *row, bool keeps)
{
    struct event event = event_of(w, 'd', from, old);
    event.is_away = true;
    emit(w, event);
    event.op = 'c';
    event.place = row->place;
    event.is_away = false;
    event.id = to;
    event.old_id = from;
    event.version.low++;
    (void)snprintf(event.text, TEXT, "%s", keeps && !w->is_full ? GONE : row->text);
    emit(w, event);
}

static void move_row(struct world *w, int from, int to)
{
    const struct row old = w->source[from];
    struct row row = old;
    const bool keeps = chance(w, 70);
    if (!keeps)
        new_text(w, row.text);
    if (chance(w, 30))
        row.place = (int)draw(w, N_PLACES);
    w->source[from].is_there = false;
    w->source[to] = row;
    emit_move(w, from, to, &old, &row, keeps);
}

/* UPDATE t SET id = id + 1 WHERE id >= from, in any order; the highest goes to the lowest free one. */
static void shift_rows(struct world *w)
{
    struct row before[N_IDS];
    int order[N_IDS];
    int n = 0;
    memcpy(before, w->source, sizeof before);
    for (int i = 0; i < N_IDS; i++) {
        if (before[i].is_there)
            order[n++] = i;
    }
    if (n < 2)
        return;
    for (int i = n - 1; i > 0 && chance(w, 40); i--) {
        const int j = (int)draw(w, (unsigned)i + 1);
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (int i = 0; i < n; i++)
        w->source[order[i]].is_there = false;
    for (int i = 0; i < n; i++) {
        const int from = order[i];
        int to = from;
        do {
            to = (to + 1) % N_IDS;
        } while (!before[to].is_there && chance(w, 50));
        if (w->source[to].is_there || to == from) { /* it stays; somebody may have gone there */
            to = from;
            while (w->source[to].is_there)
                to = (to + 1) % N_IDS;
        }
        w->source[to] = before[from];
        if (to != from)
            emit_move(w, from, to, &before[from], &before[from], false);
    }
}

/* Another row gets the key of one that lives, by an INSERT or by a key change, and one of the two is deleted before the
 * transaction ends. */
static void share_key(struct world *w, int id)
{
    const struct row older = w->source[id];
    const int from = (id + 1) % N_IDS;
    if (w->source[from].is_there && chance(w, 50)) {
        struct row newer = w->source[from];
        w->source[from].is_there = false;
        w->source[id] = newer;
        emit_move(w, from, id, &newer, &newer, false);
    } else if (chance(w, 30)) { /* an equal one */
        emit(w, event_of(w, 'c', id, &older));
    } else {
        insert_row(w, id);
    }
    const struct row newer = w->source[id];
    for (unsigned n = draw(w, 4); n > 0; n--) {
        const int other = (int)draw(w, N_IDS);
        if (other != id && w->source[other].is_there)
            update_row(w, other);
    }
    struct row rows[2] = {older, newer};
    if (chance(w, 4)) {
        struct row *row = &rows[draw(w, 2)];
        w->source[id] = *row;
        update_row(w, id);
        *row = w->source[id];
    }
    const unsigned deleted = chance(w, 5);
    w->source[id] = rows[deleted];
    delete_row(w, id);
    w->source[id] = rows[1 - deleted];
}

static void read_rows(struct world *w)
{
    for (int id = 0; id < N_IDS; id++) {
        if (!w->source[id].is_there || chance(w, 50))
            continue;
        struct event event = event_of(w, 'r', id, &w->source[id]);
        event.txid = 0;
        event.version = version_at(w->commit, 0);
        emit(w, event);
    }
}

static void one_operation(struct world *w)
{
    const int id = (int)draw(w, N_IDS);
    const int other = (int)draw(w, N_IDS);
    if (w->is_full && chance(w, 25))
        shift_rows(w);
    else if (w->is_full && w->source[id].is_there && chance(w, 8))
        share_key(w, id);
    else if (!w->source[id].is_there)
        insert_row(w, id);
    else if (!w->source[other].is_there && chance(w, 50))
        move_row(w, id, other);
    else if (chance(w, 25))
        delete_row(w, id);
    else
        update_row(w, id);
}

static void send_events(struct world *w, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct partition *p = &w->partitions[(size_t)w->log[i].id % w->n_partitions];
        if (p->n_events == MAX_EVENTS)
            abort();
        p->events[p->n_events++] = w->log[i];
    }
}

/* Now and then the connector is restarted amid a transaction, and sends that and some before it again. */
static void make_events(struct world *w)
{
    const unsigned n = 5 + draw(w, 60);
    size_t begins[2] = {0, 0};
    for (unsigned i = 0; i < n; i++) {
        begins[0] = chance(w, 20) ? begins[0] : begins[1];
        begins[1] = w->n_log;
        w->txid++;
        for (unsigned m = 1 + draw(w, 5); m > 0; m--)
            one_operation(w);
        w->commit = w->change + 8; /* the next one begins where this one ends */
        if (chance(w, 8))
            read_rows(w);
        if (chance(w, 8)) {
            send_events(w, begins[1], w->n_log - draw(w, (unsigned)(w->n_log - begins[1] + 1)));
            send_events(w, begins[0], w->n_log);
        } else {
            send_events(w, begins[1], w->n_log);
        }
    }
}

/* --- the target ----------------------------------------------------------------------------------------------------
 */

static int read_int(const char *bytes)
{
    const unsigned char *from = (const unsigned char *)bytes;
    return (int)((uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24);
}

static bool is_below(struct sluice_version a, struct sluice_version b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

static void store_row(struct world *w, struct sluice_str bytes)
{
    struct row row = {.is_there = true, .is_deleted = bytes.ptr[bytes.len - 1] != 0, .place = read_int(bytes.ptr + 4)};
    const bool is_null = bytes.ptr[8] != 0;
    row.version = batch_version(bytes);
    if (!is_null)
        (void)snprintf(row.text, TEXT, "\"%.*s\"", bytes.ptr[9], bytes.ptr + 10);
    struct row *held = &w->target[read_int(bytes.ptr)][w->has_places ? row.place : 0];
    struct sluice_version own = row.version;
    struct sluice_version other = held->version;
    if (w->is_exact) { /* the look-up leaves it out */
        own.low &= ~(uint64_t)PENDING_MASK;
        other.low &= ~(uint64_t)PENDING_MASK;
        if (held->is_there && !is_below(other, own))
            return;
    } else if (held->is_there && is_below(own, other)) {
        return;
    }
    if (held->is_there && !is_below(other, own)) /* which of two such rows the server takes is left to it */
        CHECK(held->is_deleted == row.is_deleted && held->place == row.place && strcmp(held->text, row.text) == 0);
    *held = row;
}

/* `part`: of which place, negative: all. */
static void store_batch(struct world *w, const struct sluice_batch *batch, int part)
{
    for (uint32_t i = 0; i < batch->n_rows; i++) {
        const struct sluice_str bytes = batch_bytes(batch, i);
        if (part < 0 || read_int(bytes.ptr + 4) == part)
            store_row(w, bytes);
    }
}

static void append_row(struct sluice_buf *out, const struct settle *settle, uint32_t n, int id, const struct row *row)
{
    struct sluice_error err;
    unsigned char bytes[300];
    unsigned char *end = convert_put_int(bytes, n, 4);
    end = convert_put_int(end, id, 4);
    if (settle_wants(settle, 1))
        end = convert_put_int(end, row->place, 4);
    if (settle_wants(settle, 2)) {
        const size_t length = strlen(row->text);
        *end++ = length == 0;
        if (length > 0)
            end = convert_put_string((struct sluice_str){row->text + 1, length - 2}, end);
    }
    convert_put_64(end, row->version.low);
    convert_put_64(end + 8, row->version.high);
    end[16] = row->is_deleted;
    if (sluice_buf_append(out, bytes, (size_t)(end + 17 - bytes), &err) != SLUICE_OK)
        abort();
}

static void answer_asks(struct world *w, struct settle *settle)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf out;
    sluice_buf_init(&out, 1 << 20, "answer");
    for (uint32_t i = 0; i < settle_n_asks(settle); i++) {
        const int id = read_int(settle_ask(settle, i).key.ptr);
        const unsigned turn = draw(w, N_PLACES);
        for (unsigned j = 0; j < N_PLACES; j++) {
            const struct row *row = &w->target[id][(j + turn) % N_PLACES];
            if (row->is_there)
                append_row(&out, settle, i, id, row);
        }
    }
    if (!CHECK_INT(settle_answer(settle, sluice_buf_str(&out), &err), SLUICE_OK))
        (void)fprintf(stderr, "%s\n", err.text);
}

static const struct aside *find_aside(const struct world *w, int id, uint64_t position)
{
    for (size_t i = 0; i < w->n_asides; i++) {
        if (w->asides[i].id == id && w->asides[i].position == position)
            return &w->asides[i];
    }
    return NULL;
}

static void answer_moved(struct world *w, struct settle *settle)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf out;
    sluice_buf_init(&out, 1 << 20, "answer");
    for (uint32_t i = 0; i < settle_n_moved(settle); i++) {
        const struct settle_moved moved = settle_moved(settle, i);
        const struct aside *aside = find_aside(w, read_int(moved.key.ptr), moved.version.low);
        unsigned char bytes[300];
        if (aside == NULL)
            continue;
        unsigned char *end = convert_put_int(bytes, i, 4);
        end = convert_put_string(sluice_str_from("tx"), end);
        end = convert_put_string(sluice_str_from("Nullable(String)"), end);
        end = convert_put_string((struct sluice_str){aside->bytes, aside->len}, end);
        if (sluice_buf_append(&out, bytes, (size_t)(end - bytes), &err) != SLUICE_OK)
            abort();
    }
    CHECK_INT(settle_moved_answer(settle, sluice_buf_str(&out), &err), SLUICE_OK);
}

static void put_aside(struct world *w, const struct settle *settle)
{
    size_t n_values = 0;
    struct sluice_str rest = settle_aside(settle, &n_values);
    while (rest.len > 0) {
        struct aside aside = {0};
        const char *at = rest.ptr + 1 + rest.ptr[0];
        at += 1 + at[0]; /* source */
        aside.id = read_int(at + 1);
        at += 1 + at[0]; /* key */
        for (unsigned i = 0; i < 8; i++)
            aside.position |= (uint64_t)(unsigned char)at[i] << (8 * i);
        at += 16;
        at += 1 + at[0]; /* column */
        at += 1 + at[0]; /* type */
        aside.len = (size_t)at[0];
        memcpy(aside.bytes, at + 1, aside.len);
        at += 1 + at[0];
        const struct aside *known = find_aside(w, aside.id, aside.position);
        if (known != NULL)
            CHECK_BYTES(aside.bytes, aside.len, known->bytes, known->len);
        else if (CHECK(w->n_asides < MAX_ASIDES))
            w->asides[w->n_asides++] = aside;
        rest = (struct sluice_str){at, rest.len - (size_t)(at - rest.ptr)};
    }
}

/* --- the worker ----------------------------------------------------------------------------------------------------
 */

static bool continues(const struct world *w, const struct partition *p, const struct event *event)
{
    if (event->txid == 0 || event->op == 'r')
        return false;
    return !p->is_known || (p->txid == event->txid && p->has_created && (p->has_moved || w->is_full));
}

static void note_transaction(struct partition *p, const struct event *event)
{
    if (event->txid == 0)
        return;
    if (!p->is_known || p->txid != event->txid) {
        p->has_created = p->has_moved = !p->is_known;
        p->is_known = true;
        p->txid = event->txid;
    }
    p->has_created = p->has_created || event->op == 'c';
    p->has_moved = p->has_moved || event->old_id >= 0 || event->is_away;
}

static void append_event(struct world *w, struct partition *p, struct sluice_batch *batch, const struct event *event,
                         int64_t offset)
{
    struct record row;
    struct record key;
    struct record old_key;
    struct sluice_error err;
    char id[16];
    char old_id[16];
    char place[16];
    bool full = false;
    (void)snprintf(id, sizeof id, "%d", event->id);
    (void)snprintf(old_id, sizeof old_id, "%d", event->old_id);
    (void)snprintf(place, sizeof place, "%d", event->place);
    struct sluice_change change = *CHANGE(&row, event->op, "id", id, "place", place, "tx", event->text);
    change.source.has_sequence0 = !event->is_uncommitted;
    const struct sluice_row_ties ties = {.txid = event->txid,
                                         .moved_away = event->is_away,
                                         .moved_from = event->old_id >= 0 ? KEY(&old_key, "id", old_id) : NULL};
    if (batch->n_rows == 0 && continues(w, p, event))
        sluice_batch_continues(batch);
    if (!CHECK_INT(sluice_batch_append_tied(batch, &change, event->op == 'd' ? KEY(&key, "id", id) : NULL,
                                            event->version, &(struct sluice_record_place){"t", 0, offset}, &ties, &full,
                                            &err),
                   SLUICE_OK))
        (void)fprintf(stderr, "%s\n", err.text);
    note_transaction(p, event);
}

static void complete(struct world *w, struct partition *p, size_t i)
{
    store_batch(w, p->flights[i].batch, -1);
    sluice_batch_free(p->flights[i].batch);
    p->n_flights--;
    memmove(&p->flights[i], &p->flights[i + 1], (p->n_flights - i) * sizeof p->flights[0]);
}

static void complete_all(struct world *w, struct partition *p)
{
    while (p->n_flights > 0)
        complete(w, p, draw(w, (unsigned)p->n_flights));
}

static void crash(struct world *w, struct partition *p)
{
    size_t durable = p->n_flights > 0 ? p->flights[0].first : p->at;
    p->replay_end = w->is_exact && p->n_flights > 0 ? p->flights[0].end : 0;
    for (size_t i = 0; i < p->n_flights; i++) {
        const unsigned how = draw(w, 3);
        if (how > 0)
            store_batch(w, p->flights[i].batch, how == 1 ? (int)draw(w, N_PLACES) : -1);
        sluice_batch_free(p->flights[i].batch);
    }
    p->n_flights = 0;
    if (!w->is_exact) { /* its commit may be late, or somebody moves the offset */
        size_t back = draw(w, chance(w, 10) ? 60 : 8);
        durable = back < durable ? durable - back : 0;
    }
    p->at = durable;
    p->is_known = false;
}

static bool has_to_wait(const struct partition *p, const struct sluice_batch *batch)
{
    for (size_t i = 0; i < p->n_flights; i++) {
        if (p->flights[i].moves_values)
            return true;
    }
    return p->n_flights > 0 && sluice_batch_is_tied(batch);
}

/* False: it waits for another partition. */
static bool settle_batch(struct world *w, struct sluice_batch **batch)
{
    struct settle *settle = NULL;
    struct sluice_error err = {0};
    struct sluice_batch *settled = NULL;
    struct settle_counts counts;
    if (!CHECK_INT(settle_new(*batch, "s", &settle, &err), SLUICE_OK) || settle == NULL)
        return true;
    answer_asks(w, settle);
    answer_moved(w, settle);
    const enum sluice_code code = settle_finish(settle, false, &settled, &counts, &err);
    put_aside(w, settle);
    settle_free(settle);
    if (code == SLUICE_OK) {
        w->n_shifted += counts.n_shifted;
        w->n_filled += counts.n_filled;
        sluice_batch_free(*batch);
        *batch = settled;
        return true;
    }
    w->n_waits++;
    /* Of a row that moved from one part of the table to another, only the end may have been stored: its values are
     * lost. And so are those of a row whose key another one had in an earlier batch. */
    w->is_stopped = err.action == SLUICE_STOP_PARTITION &&
                    ((code == SLUICE_E_TOAST && w->has_places && !w->is_full) || (code == SLUICE_E_KEY && w->is_full));
    if (!CHECK(w->is_stopped || (code == SLUICE_E_TOAST && err.action == SLUICE_RETRY)))
        (void)fprintf(stderr, "    %s\n", err.text);
    return false;
}

static void send_one(struct world *w, struct partition *p)
{
    struct sluice_error err;
    struct flight flight = {.first = p->at, .end = p->at + 1 + draw(w, 7)};
    const struct partition before = {
        .is_known = p->is_known, .txid = p->txid, .has_created = p->has_created, .has_moved = p->has_moved};
    if (p->replay_end > 0)
        flight.end = p->replay_end;
    if (flight.end > p->n_events)
        flight.end = p->n_events;
    if (sluice_batch_new(w->plan, 1000, 1 << 20, &flight.batch, &err) != SLUICE_OK)
        abort();
    for (size_t i = flight.first; i < flight.end; i++)
        append_event(w, p, flight.batch, &p->events[i], (int64_t)i);
    flight.moves_values = sluice_batch_moves_values(flight.batch);
    if (w->is_exact || p->n_flights == MAX_FLIGHTS || has_to_wait(p, flight.batch))
        complete_all(w, p);
    if (!settle_batch(w, &flight.batch)) {
        sluice_batch_free(flight.batch);
        p->is_known = before.is_known;
        p->txid = before.txid;
        p->has_created = before.has_created;
        p->has_moved = before.has_moved;
        p->replay_end = flight.end; /* the same batch again */
        return;
    }
    p->replay_end = 0;
    p->at = flight.end;
    p->flights[p->n_flights++] = flight;
}

static void one_step(struct world *w)
{
    struct partition *p = &w->partitions[draw(w, (unsigned)w->n_partitions)];
    if (!w->is_calm && chance(w, 8))
        crash(w, p);
    else if (p->n_flights > 0 && chance(w, 30))
        complete(w, p, draw(w, (unsigned)p->n_flights));
    else if (p->at < p->n_events)
        send_one(w, p);
}

static bool is_finished(const struct world *w)
{
    for (size_t i = 0; i < w->n_partitions; i++) {
        if (w->partitions[i].at < w->partitions[i].n_events)
            return false;
    }
    return true;
}

/* --- one schedule --------------------------------------------------------------------------------------------------
 */

static void check_target(const struct world *w)
{
    for (int id = 0; id < N_IDS; id++) {
        const struct row *source = &w->source[id];
        size_t n_alive = 0;
        for (int i = 0; i < N_PLACES; i++) {
            const struct row *row = &w->target[id][i];
            if (!row->is_there || row->is_deleted)
                continue;
            n_alive++;
            if (!CHECK(source->is_there && row->place == source->place && strcmp(row->text, source->text) == 0))
                (void)fprintf(stderr, "    row %d at %d is %s, not %s at %d\n", id, row->place, row->text,
                              source->is_there ? source->text : "gone", source->place);
        }
        if (!CHECK_INT(n_alive, source->is_there))
            (void)fprintf(stderr, "    row %d\n", id);
    }
}

static void test_schedule(uint64_t seed)
{
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    w->random = seed;
    w->is_full = chance(w, 50);
    w->has_places = chance(w, 50);
    w->is_exact = chance(w, 50);
    w->n_partitions = 1 + draw(w, MAX_PARTITIONS);
    w->plan = settle_plan(w->has_places);
    if (w->is_full)
        w->plan->identity = SLUICE_IDENTITY_FULL;
    make_events(w);
    for (unsigned i = 0; i < PATIENCE && check_n_failed == 0 && !w->is_stopped && !is_finished(w); i++) {
        w->is_calm = i > 300;
        one_step(w);
    }
    CHECK(w->is_stopped || is_finished(w));
    for (size_t i = 0; i < w->n_partitions; i++)
        complete_all(w, &w->partitions[i]);
    if (!w->is_stopped)
        check_target(w);
    sluice_plan_unref(w->plan);
}

int main(int argc, char **argv)
{
    const uint64_t seed = random_seed(argc, argv);
    const uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 0) : 500;
    size_t n_waits = 0;
    size_t n_shifted = 0;
    size_t n_filled = 0;
    size_t n_stopped = 0;
    for (uint64_t i = 0; i < n && check_n_failed == 0; i++) {
        test_schedule(seed + i);
        n_waits += world.n_waits;
        n_shifted += world.n_shifted;
        n_filled += world.n_filled;
        n_stopped += world.is_stopped;
        if (check_n_failed > 0)
            (void)fprintf(stderr, "schedule of seed %" PRIu64 " failed:%s%s%s, %zu partitions\n", seed + i,
                          world.is_full ? " full" : "", world.has_places ? " places" : "",
                          world.is_exact ? " exact" : "", world.n_partitions);
    }
    (void)fprintf(stderr, "%zu waits, %zu shifted rows, %zu filled values, %zu stopped\n", n_waits, n_shifted, n_filled,
                  n_stopped);
    /* Else the schedules are worth little. */
    CHECK(n < 100 || (n_waits > 0 && n_shifted > 0 && n_filled > 0 && n_stopped < n / 5));
    return check_result();
}
