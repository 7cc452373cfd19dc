/* When a difference is certain: each order of changes at the source and arrivals at the target that looks can meet. */
#include "admin/verify_keys.h"

#include "support/check.h"
#include "support/random.h"

static struct verify_seen row(int value, unsigned char version)
{
    struct verify_seen seen = {0};
    struct verify_digest digest = {.row = {(unsigned char)value}};
    const unsigned char state[VERIFY_DIGEST] = {version};
    verify_seen_add(&seen, &digest, state);
    return seen;
}

static const struct verify_seen none = {0};

static void look(struct verify_key *key, struct verify_seen source, struct verify_seen target)
{
    memcpy(key->before, key->now, sizeof key->before);
    key->now[CANON_SOURCE] = source;
    key->now[CANON_TARGET] = target;
}

static void test_verdicts(void)
{
    struct verify_key key = {0};
    look(&key, row(1, 1), row(1, 9));
    CHECK_INT(verify_key_judge(&key, false), VERIFY_EQUAL); /* versions of two systems are not compared */
    look(&key, row(1, 1), row(2, 9));
    CHECK_INT(verify_key_judge(&key, false), VERIFY_PENDING);
    look(&key, row(1, 1), row(2, 9));
    CHECK_INT(verify_key_judge(&key, true), VERIFY_DIFFERENT);
    look(&key, row(1, 2), row(2, 9)); /* written again with the same value: the target may be on its way */
    CHECK_INT(verify_key_judge(&key, true), VERIFY_PENDING);
    look(&key, row(1, 2), row(3, 10)); /* the target moves */
    CHECK_INT(verify_key_judge(&key, true), VERIFY_PENDING);
    look(&key, none, none);
    CHECK_INT(verify_key_judge(&key, true), VERIFY_EQUAL);
}

static void test_missing_and_ghost(void)
{
    struct verify_key key = {0};
    look(&key, row(1, 1), none);
    CHECK_INT(verify_key_judge(&key, false), VERIFY_PENDING);
    look(&key, row(1, 1), none);
    CHECK_INT(verify_key_judge(&key, true), VERIFY_DIFFERENT);
    key = (struct verify_key){0};
    look(&key, none, row(1, 5));
    look(&key, none, row(1, 6)); /* inserted and deleted between the looks, twice */
    CHECK_INT(verify_key_judge(&key, true), VERIFY_PENDING);
    look(&key, none, row(1, 6));
    CHECK_INT(verify_key_judge(&key, true), VERIFY_DIFFERENT);
}

static void test_repeated(void)
{
    struct verify_key key = {0};
    struct verify_seen twice = row(1, 5);
    const struct verify_digest digest = {.row = {1}};
    const unsigned char state[VERIFY_DIGEST] = {0};
    verify_seen_add(&twice, &digest, state);
    look(&key, row(1, 1), twice);
    look(&key, row(1, 1), twice);
    CHECK_INT(verify_key_judge(&key, true), VERIFY_DIFFERENT);
}

static void test_past(void)
{
    struct sluice_error err;
    const unsigned char name[VERIFY_DIGEST] = {42};
    const struct verify_seen states[] = {row(1, 1), row(2, 2), row(2, 2), row(3, 3)};
    SLUICE_AUTO(verify_keys) struct verify_keys keys = {0};
    CHECK_INT(verify_keys_init(&keys, 10, &err), SLUICE_OK);
    struct verify_key *key = verify_keys_add(&keys, name);
    verify_keys_begin_look(&keys);
    key->now[CANON_SOURCE] = row(1, 1);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(states); i++)
        verify_key_remember(&keys, key, &states[i]);
    CHECK(key->past != NULL && key->past->next != NULL && key->past->next->next == NULL);
    key->now[CANON_TARGET] = row(2, 9);
    CHECK_INT(verify_key_judge(key, true), VERIFY_EQUAL);
    key->now[CANON_TARGET] = none;
    CHECK_INT(verify_key_judge(key, true), VERIFY_PENDING);
    verify_key_remember(&keys, key, &none);
    CHECK_INT(verify_key_judge(key, true), VERIFY_EQUAL);
    verify_keys_begin_look(&keys); /* what was before a look proves nothing in it */
    key->now[CANON_SOURCE] = row(4, 4);
    key->now[CANON_TARGET] = row(2, 9);
    CHECK_INT(verify_key_judge(key, true), VERIFY_PENDING);
}

/* ---- looks at a row that changes all the time ---- */

enum { STEPS = 120, REST = 100 };

/* What the row is after each step, and which step made it so: its version on both sides. */
struct history {
    int value[STEPS + 1]; /* 0: no row */
    int version[STEPS + 1];
};

/* `lost`: the target never gets this step's change; -1: it gets all. */
static struct history make_history(int lost, const struct history *of)
{
    struct history history = {.value = {1}, .version = {0}};
    for (int t = 1; t <= STEPS; t++) {
        bool changes = of != NULL ? of->version[t] == t : t < REST && random_below(3) == 0;
        int value = of != NULL ? of->value[t] : random_below(3) == 0 ? 0 : (int)random_below(3) + 1;
        history.value[t] = changes && t != lost ? value : history.value[t - 1];
        history.version[t] = changes && t != lost ? t : history.version[t - 1];
    }
    return history;
}

static struct verify_seen seen_at(const struct history *history, int t)
{
    return history->value[t] == 0 ? none : row(history->value[t], (unsigned char)history->version[t]);
}

/* The verdict of looks from the first step to the last one. */
static enum verify_verdict follow(const struct history *source, const struct history *target)
{
    struct verify_key key = {0};
    enum verify_verdict verdict = VERIFY_PENDING;
    bool has_before = false;
    for (int t = 0; t + 3 <= STEPS && verdict != VERIFY_DIFFERENT; has_before = true) {
        int later = t + (int)random_below(4);
        int applied = t + (int)random_below((size_t)(later - t) + 1); /* all that was seen, at least */
        look(&key, seen_at(source, t), seen_at(target, applied));
        verdict = verify_key_judge(&key, has_before);
        t = later + (later == t ? 1 : 0);
    }
    return verdict;
}

/* A target that follows late but rightly is never reported; one that lost a change is, once the row is at rest. */
static void test_changing(void)
{
    size_t n_broken = 0;
    for (int i = 0; i < 2000; i++) {
        const struct history source = make_history(-1, NULL);
        const struct history whole = make_history(-1, &source);
        CHECK(follow(&source, &whole) != VERIFY_DIFFERENT);
        const struct history broken = make_history(source.version[STEPS], &source);
        if (broken.value[STEPS] == source.value[STEPS])
            continue;
        n_broken++;
        CHECK_INT(follow(&source, &broken), VERIFY_DIFFERENT);
    }
    CHECK(n_broken > 500);
}

static void test_keys(void)
{
    struct sluice_error err;
    SLUICE_AUTO(verify_keys) struct verify_keys keys = {0};
    CHECK_INT(verify_keys_init(&keys, 100, &err), SLUICE_OK);
    for (unsigned i = 0; i < 101; i++) {
        const unsigned char name[VERIFY_DIGEST] = {(unsigned char)(i % 4), 0, 0, 0, 0, 0, 0, 0, (unsigned char)i};
        struct verify_key *key = verify_keys_add(&keys, name);
        CHECK((key != NULL) == (i < 100));
        if (key != NULL)
            key->verdict = i % 3 == 0 ? VERIFY_PENDING : VERIFY_EQUAL;
    }
    CHECK_INT(keys.n_keys, 100);
    CHECK_INT(verify_keys_drop_decided(&keys, &err), SLUICE_OK);
    CHECK_INT(keys.n_keys, 34);
    for (unsigned i = 0; i < 100; i++) {
        const unsigned char name[VERIFY_DIGEST] = {(unsigned char)(i % 4), 0, 0, 0, 0, 0, 0, 0, (unsigned char)i};
        CHECK((verify_keys_find(&keys, name) != NULL) == (i % 3 == 0));
    }
}

int main(int argc, char **argv)
{
    (void)random_start(argc, argv, 0);
    test_verdicts();
    test_missing_and_ghost();
    test_repeated();
    test_past();
    test_keys();
    test_changing();
    return check_result();
}
