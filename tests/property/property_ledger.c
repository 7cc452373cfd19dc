/* The machine of lib/ledger against a naive table, under random schedules of everything that can go wrong.
 *
 * Usage: property_ledger [seed] [schedules]
 *        property_ledger mutants [seed] [tell]    every mutant of property_ledger_mutants.c has to break a property
 *
 * The world is in property_ledger_world.h. Properties:
 *
 *   - no row is stored twice in a table under one value of `resets`;
 *   - nothing is missing from a table that is below `next` of the ledger's row, or below a committed offset whose mark
 * the next owner would trust;
 *   - an operator's reset is honoured once: never lost, nothing stored for it before the commit that honours it, and
 * under one value of `resets` only;
 *   - a lost or restored ledger, lost records and a topic made anew are found, or a reset made after them is honoured;
 *   - a replay begins with the state of the source that belongs to its first offset;
 *   - once faults end, one owner stores everything in a bounded number of steps, or stops for a reason that was there.
 *
 * A schedule that breaks one is shortened, then told. property_ledger_fast is the same without sanitizers.
 */
#include "property_ledger_world.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "support/random.h"

#include <string.h>

#ifndef N_SCHEDULES
#define N_SCHEDULES 10000
#endif
enum { SEES_ALL = 10000, MUTANT_SCHEDULES = 4000000 };

static struct world world;
static unsigned draw(unsigned n)
{
    return (unsigned)random_below(n);
}

static struct choices choices = {.draw = draw};
static uint64_t seen[N_SEEN];

static const char *run_schedule(const struct mutant *mutant, struct choices *list, bool tells)
{
    list->at = 0;
    world.choices = list;
    world.mutant = mutant;
    world.seen = seen;
    world.tells = tells;
    world_run(&world);
    return world.violation;
}

/* ---- shrinking ---- */

static struct choices shorter;

/* Takes the shorter list if that still breaks something. */
static bool try_shorter(const struct mutant *mutant)
{
    shorter.is_replay = true;
    if (run_schedule(mutant, &shorter, false) == NULL)
        return false;
    if (shorter.at < shorter.n)
        shorter.n = shorter.at; /* the rest was not read */
    choices = shorter;
    return true;
}

static bool remove_pieces(const struct mutant *mutant, size_t n_piece)
{
    bool any = false;
    for (size_t at = 0; at < choices.n;) {
        size_t n = n_piece < choices.n - at ? n_piece : choices.n - at;
        shorter = choices;
        memmove(shorter.list + at, shorter.list + at + n, (shorter.n - at - n) * sizeof shorter.list[0]);
        shorter.n -= n;
        if (try_shorter(mutant))
            any = true;
        else
            at += n_piece;
    }
    return any;
}

static bool lower_numbers(const struct mutant *mutant)
{
    bool any = false;
    for (size_t at = 0; at < choices.n; at++) {
        uint16_t was = choices.list[at];
        for (uint16_t to = 0; at < choices.n && to < was && choices.list[at] == was;
             to = (uint16_t)(to + 1 + (was - to) / 4)) {
            shorter = choices;
            shorter.list[at] = to;
            (void)try_shorter(mutant);
        }
        any = any || (at < choices.n && choices.list[at] < was);
    }
    return any;
}

static void shrink(const struct mutant *mutant)
{
    bool any = true;
    for (unsigned round = 0; any && round < 12; round++) {
        any = false;
        for (size_t n = choices.n / 2; n > 0; n /= 2)
            any = remove_pieces(mutant, n) || any;
        any = lower_numbers(mutant) || any;
    }
}

static void tell(const struct mutant *mutant)
{
    size_t n_before = choices.n;
    choices.is_replay = true;
    shrink(mutant);
    (void)fprintf(stderr, "the schedule of %zu choices, shortened to %zu:\n", n_before, choices.n);
    (void)run_schedule(mutant, &choices, true);
}

/* ---- runs ---- */

/* How many schedules were needed to break something; 0: none of n did. */
static size_t run_many(const struct mutant *mutant, size_t n)
{
    for (size_t i = 1; i <= n; i++) {
        choices.n = 0;
        choices.is_replay = false;
        if (run_schedule(mutant, &choices, false) != NULL)
            return i;
    }
    return 0;
}

static bool run_machine(size_t n)
{
    int64_t began_us = sluice_mono_us();
    size_t broken = run_many(NULL, n);
    if (broken > 0) {
        (void)fprintf(stderr, "schedule %zu breaks a property: %s\n", broken, world.violation);
        tell(NULL);
        return false;
    }
    double seconds = (double)(sluice_mono_us() - began_us) / 1e6;
    (void)fprintf(stderr, "%zu schedules held in %.1f s, %.0f schedules/s\n", n, seconds, (double)n / seconds);
    return true;
}

/* A run that never met a case says nothing about it. */
static bool report_seen(size_t n)
{
#define SEEN_TEXT(symbol, text) text,
    static const char *const texts[] = {SEEN(SEEN_TEXT)};
    bool all = true;
    for (size_t i = 0; i < N_SEEN; i++) {
        (void)fprintf(stderr, "  %10" PRIu64 " %s\n", seen[i], texts[i]);
        all = all && seen[i] > 0;
    }
    return all || n < SEES_ALL;
}

static bool run_mutants(bool tells)
{
    bool all = true;
    for (size_t i = 0; i < n_mutants; i++) {
        size_t broken = run_many(&mutants[i], MUTANT_SCHEDULES);
        (void)fprintf(stderr, "mutant \"%s\": %s after %zu schedules%s%s\n", mutants[i].name,
                      broken > 0 ? "caught" : "NOT CAUGHT", broken > 0 ? broken : (size_t)MUTANT_SCHEDULES,
                      broken > 0 ? ": " : "", broken > 0 ? world.violation : "");
        if (broken > 0 && tells)
            tell(&mutants[i]);
        all = all && broken > 0;
    }
    return all;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "mutants") == 0) {
        (void)random_start(argc - 1, argv + 1, 0);
        return run_mutants(argc > 3) ? 0 : 1;
    }
    size_t n = random_start(argc, argv, N_SCHEDULES);
    return run_machine(n) && report_seen(n) ? 0 : 1;
}
